"""What `check` found: one row each, and the table that they make."""

from collections.abc import Sequence
from dataclasses import dataclass

NOT_YET, MISTAKEN, HELD, REFUSED, UNUSABLE = 1, 2, 3, 4, 5
"""Exit statuses (docs/operations.md): not all of its work yet, configuration, data that is being moved,
token or key, data."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the table: a failure where it has an exit status, a warning where it only has advice."""

    what: str
    said: str
    advice: str = ""
    status: int = 0


def exit_status(findings: Sequence[Finding]) -> int:
    """Return the exit status: that of the first row that would keep the bot from starting, else 1 or 0."""
    # The status of what would keep the bot from starting beats 1, in the order of the table.
    failures = [finding.status for finding in findings if finding.status]
    return next((status for status in failures if status != NOT_YET), NOT_YET if failures else 0)


def table(findings: Sequence[Finding]) -> list[str]:
    """Return the table as lines: a state, what was looked at, what was found, advice below it."""
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        state = "FAIL" if finding.status else "warn" if finding.advice else "ok"
        lines.append(f"{state:<5} {finding.what:<{width}}  {finding.said}")
        if finding.advice:
            lines.append(f"{'':<5} {'':<{width}}  -> {finding.advice}")
    return [*lines, "", _summary(findings)]


def _summary(findings: Sequence[Finding]) -> str:
    match exit_status(findings):
        case 0 if any(finding.advice for finding in findings):
            return "The bot can run; see the warnings."
        case 0:
            return "All is well."
        case 1:
            return "The bot would start, but not work fully yet (exit status 1)."
        case status:
            return f"The bot would not start (exit status {status})."


def said_and_advice(error: Exception | str) -> tuple[str, str]:
    """Split an error's text: what is wrong, and behind the last colon what to do about it."""
    said, _, advice = str(error).rpartition(": ")
    return said, advice
