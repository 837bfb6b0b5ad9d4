"""The sandbox as a newcomer meets it: one program, and an alert on the screen."""

import asyncio
import signal
import sys

from tests.house import LONGEST_SECONDS


async def test_the_first_alert_comes_by_itself_and_what_is_typed_is_answered() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "sandbox"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    shown = ""
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            program.stdin.write(b"/list\n")
            while "→" not in shown or "Watched here: 1" not in shown:
                shown += (await program.stdout.readline()).decode()
    finally:
        program.send_signal(signal.SIGINT)
        await program.wait()

    assert "you │ /watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 as Treasury" in shown
    assert "world │ 12.50 USDC leave on Polygon" in shown
    assert "▼ −12.5 USDC     50 → 37.5     −$12.50" in shown
    assert program.returncode == 0
