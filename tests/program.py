"""The program as a process, for tests of what it prints and what it ends with."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from bot.settings.sections import PREFIX
from tests.waits import HANG_SECONDS

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    status: int | None
    out: str
    err: str

    def row(self, what: str) -> str:
        """Return a row of a table, with what is advised."""
        lines = self.out.splitlines()
        number = next(number for number, line in enumerate(lines) if line[6:].startswith(f"{what}  "))
        more = [line.strip() for line in lines[number + 1 : number + 2] if "->" in line]
        return " ".join([" ".join(lines[number].split()), *more])


async def started(*arguments: object) -> Process:
    """Start the program, out of reach of the environment of whoever runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot"),
        *map(str, arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env=environment,
    )


async def ran(*arguments: object) -> Ran:
    """Run the program to its end."""
    process = await started(*arguments)
    try:
        async with asyncio.timeout(HANG_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return Ran(process.returncode, out.decode(), err.decode())
