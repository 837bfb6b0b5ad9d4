"""How many examples a law is tried with: few in `make test`, ten times as many in `make laws`.

How long an example takes says how busy the machine is, and nothing of what it shows: no profile measures it.
"""

from hypothesis import HealthCheck, settings

QUICK, DEEP = "quick", "deep"
QUICK_EXAMPLES = 100
DEEP_FACTOR = 10

settings.register_profile(
    QUICK, max_examples=QUICK_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(DEEP, settings.get_profile(QUICK), max_examples=QUICK_EXAMPLES * DEEP_FACTOR)
settings.load_profile(QUICK)  # pytest's own option --hypothesis-profile comes later and wins


def examples(quick: int) -> int:
    """Return how many examples the profile allows a law that gets this many in `make test`."""
    return quick * settings().max_examples // QUICK_EXAMPLES
