"""What is known of the transfers behind several changes of one balance in a row."""

from collections.abc import Sequence

from bot.domain.explain.explanations import Explanation, ExplanationOutcome, WhyUnknown


def explanation_of_sum(steps: Sequence[Explanation | None]) -> Explanation | None:
    """Return what is known of all changes together, of which there is at least one.

    None stands for a change that nobody asked about yet: of it nothing is known. None is returned if that is
    so of all of them.
    """
    if len(steps) == 1:
        return steps[0]
    known = [step for step in steps if step is not None]
    if not known:
        return None
    legs = tuple(leg for step in known for leg in step.legs)
    outcomes = {step.outcome for step in known}
    if len(known) < len(steps):
        outcomes.add(ExplanationOutcome.UNKNOWN)
    outcome = outcomes.pop() if len(outcomes) == 1 else ExplanationOutcome.PARTLY
    if outcome is ExplanationOutcome.PARTLY and not legs:
        outcome = ExplanationOutcome.UNKNOWN
    is_unknown = outcome is ExplanationOutcome.UNKNOWN
    reasons = [step.why_unknown for step in known if step.why_unknown is not None]
    return Explanation(
        outcome=outcome,
        legs=legs,
        why_unknown=[WhyUnknown.UNANSWERED, *reasons][-1] if is_unknown else None,
        left_out=sum(step.left_out for step in known),
        is_approximate=any(step.is_approximate for step in known),
        listed_at=min((step.listed_at for step in known if step.listed_at is not None), default=None),
    )
