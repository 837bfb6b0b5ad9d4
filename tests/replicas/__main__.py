"""The whole matrix, as a table: `python -m tests.replicas`; words behind it choose cases by theirs."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.fork_server import ForkServer, open_fork_server
from tests.replicas.matrix import Case, Outcome, all_cases, run_cases
from tests.replicas.world import NotAtWork

LOG = Path("build/replicas.log")

BROKEN = 3
"""What it ends with where a promise was broken."""

COLUMNS = ["lost", "false", "disorder", "receivers", "pauses", "forgotten", "repeated", "unknown", "blind"]
ROW = "{:28} {:16} {:>8} " + " ".join(f"{{:>{len(name)}}}" for name in COLUMNS)


async def main(words: list[str]) -> int:
    """Strike in two worlds side by side, print a line for each, and return how many broke a promise."""
    _say(ROW.format("what happens", "to whom, or when", "replicas", *COLUMNS))
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as directory:
        async with open_fork_server() as servers:
            try:
                async with asyncio.TaskGroup() as both:
                    for replicas in (2, 3):
                        cases = [
                            one for one in all_cases(replicas) if all(word in str(one) for word in words)
                        ]
                        both.create_task(_run(cases, replicas, Path(directory), servers, outcomes))
            finally:
                _keep(servers.log)
    broken = sum(not outcome.is_as_promised for outcome in outcomes)
    _say(ROW.format(f"{len(outcomes)} strikes, {broken} broken", "", "", *_worst(outcomes)))
    return broken


async def _run(
    cases: list[Case], replicas: int, directory: Path, servers: ForkServer, outcomes: list[Outcome]
) -> None:
    try:
        await _strike(cases, replicas, directory, servers, outcomes)
    except NotAtWork as error:
        outcomes.append(Outcome(forgotten=1))
        _say(f"    a promise is broken\n    {error}")


async def _strike(
    cases: list[Case], replicas: int, directory: Path, servers: ForkServer, outcomes: list[Outcome]
) -> None:
    async for case, outcome in run_cases(cases, replicas, directory, servers):
        outcomes.append(outcome)
        _say(ROW.format(case.fault, case.aim, replicas, *_figures(outcome)))
        if not outcome.is_as_promised:
            _say("\n".join(["    a promise is broken", *(f"    {note}" for note in outcome.notes)]))
            _keep(servers.log)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _keep(log: list[str]) -> None:
    """Write down what all replicas have logged."""
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("".join(log))


def _figures(outcome: Outcome) -> list[str]:
    return [
        *map(str, (outcome.lost, outcome.false, outcome.disorder, outcome.receivers_at_once)),
        *map(str, (outcome.pauses, outcome.forgotten, outcome.repeated, outcome.unknown)),
        f"{outcome.blind:.1f}",
    ]


def _worst(outcomes: list[Outcome]) -> list[str]:
    """Return the sums, and of how long anybody was blind the worst."""
    rows = [_figures(outcome) for outcome in outcomes]
    sums = [str(sum(map(int, column))) for column in list(zip(*rows, strict=True))[:-1]]
    return [*sums, f"{max(outcome.blind for outcome in outcomes):.1f}"]


if __name__ == "__main__":
    sys.exit(BROKEN if asyncio.run(main(sys.argv[1:])) else 0)
