"""The tour cannot rot: what it types is typed, and what it shows has to appear."""

import asyncio
import re
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.terminal.terminal import FIRST_WORDS
from tests.program import started
from tests.waits import HANG_SECONDS

TOUR = (Path(__file__).parent.parent / "docs" / "tour.md").read_text()
TRANSCRIPT = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT = re.compile(r"(?P<who>\w+(?: in [\w-]+)?) > (?P<typed>.+)")
FOOTER = re.compile(r"(?P<bar> +│ )\d\d:\d\d:\d\d(–\d\d:\d\d:\d\d)? UTC · [0-9A-Z]{5}")


@dataclass
class Step:
    """One line that is typed, and what appears by it: message by message, in whatever order."""

    prompt: str
    typed: str
    shown: list[list[str]] = field(default_factory=list)


def steps() -> list[Step]:
    found: list[Step] = []
    for line in "\n".join(TRANSCRIPT.findall(TOUR)).splitlines():
        prompt = PROMPT.fullmatch(line)
        if prompt:
            found.append(Step(line, prompt["typed"]))
        elif line.startswith(" "):
            found[-1].shown[-1].append(line)
        elif line:
            found[-1].shown.append([line])
    return found


def pattern(line: str) -> re.Pattern[str]:
    """Return what a line may look like: times, ages and ids differ."""
    if FOOTER.fullmatch(line):
        return re.compile(FOOTER.pattern)
    escaped = re.escape(line).replace(r"\ ", " ")
    escaped = re.sub(r"\d\d:\d\d UTC", r"\\d\\d:\\d\\d UTC", escaped)
    return re.compile(re.sub(r"\b\d+ s\b", r"\\d+ (s|min)", escaped))


def is_shown(message: list[str], lines: list[str]) -> bool:
    """Say whether all lines of a message are there, in this order."""
    rest = iter(lines)
    return all(any(pattern(line).fullmatch(seen) for seen in rest) for line in message)


async def follow(step: Step, program: Process, seen: list[str]) -> None:
    """Type what the step says, and read until all of it is shown; `seen` holds what came before."""
    assert program.stdin is not None
    assert program.stdout is not None
    if step.typed != FIRST_WORDS:
        program.stdin.write(f"{step.typed}\n".encode())
        await program.stdin.drain()
    wanted = [[step.prompt], *step.shown]
    came: list[str] = []
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while not all(is_shown(message, came) for message in wanted):
                line = await program.stdout.readline()
                assert line, f"it ended; before that: {came}"
                came.append(line.decode().rstrip("\n"))
                seen.append(came[-1])
    except TimeoutError:
        missing = [message for message in wanted if not is_shown(message, came)]
        raise AssertionError(f"{step.prompt!r} did not bring {missing}, but {came}") from None


async def test_the_tour_happens_as_it_is_told() -> None:
    program = await started("sandbox")
    seen: list[str] = []
    try:
        for step in steps():
            await follow(step, program, seen)
        status = await asyncio.wait_for(program.wait(), HANG_SECONDS)
    finally:
        if program.returncode is None:
            program.kill()
        _, errors = await program.communicate()

    assert status == 0
    assert errors == b""
    assert not [line for line in seen if "→ 0" in line], "nothing was ever gone"


def test_the_tour_ends_on_the_worst_day() -> None:
    typed = [step.typed for step in steps()]

    assert typed[0] == FIRST_WORDS
    assert typed[-1] == "quit"
    assert {"break chain polygon", "rebuild index of polygon", "break gateway", "break telegram"} <= {*typed}


def test_what_differs_between_two_runs_is_masked_and_nothing_else() -> None:
    line = "bot to alice           │ ⚠️ I can't read Polygon since 15:46 UTC (5 s): no answer."
    footer = "                       │ 15:47:05–15:47:11 UTC · 4C7GD"

    assert pattern(line).fullmatch(line.replace("15:46", "09:01").replace("5 s", "12 s"))
    assert not pattern(line).fullmatch(line.replace("Polygon", "Base"))
    assert pattern(footer).fullmatch("                       │ 00:00:00 UTC · AAAAA")
    assert not pattern(footer).fullmatch("                       │ 00:00:00 UTC")
