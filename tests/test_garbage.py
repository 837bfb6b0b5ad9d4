"""When Python collects garbage: before each sweep, and by itself only in need."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot import __main__ as program
from bot import app
from tests.stack import open_stack

CIRCLES = """
import gc
from bot.app import NEW_OBJECTS_MOST, leave_garbage_to_sweeps
leave_garbage_to_sweeps()
count = {count}
for _ in range(count):
    circle = []
    circle.append(circle)
print(len(gc.get_objects()) >= count)
"""


def _keeps_circles(count: str) -> str:
    """Let a program of its own make so many lists that hold themselves; returns whether it keeps them all."""
    script = CIRCLES.format(count=count)
    return subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.strip()


async def test_garbage_is_collected_before_each_sweep(tmp_path: Path) -> None:
    swept = asyncio.Event()

    async with open_stack(tmp_path) as stack:
        stack.start(before_sweep=swept.set)
        await swept.wait()
        swept.clear()
        await swept.wait()


def test_the_program_asks_for_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Callable[[], object]] = []

    async def run(*_: object, before_sweep: Callable[[], object]) -> None:
        asked.append(before_sweep)

    config = tmp_path / "config.toml"
    config.write_text('[telegram]\ntoken = "1:a"\n[indexer]\nurl = "https://indexer.invalid"\n')
    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr(app, "leave_garbage_to_sweeps", lambda: asked.append(app.leave_garbage_to_sweeps))

    CliRunner().invoke(program.main, ["run", "--config", str(config)], catch_exceptions=False)

    assert asked[-1:] == [gc.collect]
    assert len(asked) == 2


def test_in_a_sweep_garbage_waits() -> None:
    assert _keeps_circles("NEW_OBJECTS_MOST // 2") == "True"


def test_without_sweeps_garbage_does_not_grow_for_ever() -> None:
    assert _keeps_circles("2 * NEW_OBJECTS_MOST") == "False"
