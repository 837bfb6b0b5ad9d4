"""What is typed, from wherever it comes."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.terminal.screen import PipeScreen, lines_of
from tests.waits import HANG_SECONDS


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


async def test_each_line_of_a_pipe_is_shown_behind_its_prompt(pipe: tuple[int, int]) -> None:
    shown: list[str] = []
    screen = PipeScreen(pipe[0], shown.append)
    os.write(pipe[1], "/list\r\nmove −1 pol\n\n".encode())

    async with asyncio.timeout(HANG_SECONDS):
        assert await screen.line("alice > ") == "/list"
        assert await screen.line("bob > ") == "move −1 pol"
        assert await screen.line("bob > ") == ""
    screen.show("more")

    assert shown == ["alice > /list", "bob > move −1 pol", "bob > ", "more"]


async def test_with_nothing_to_read_from_no_line_comes_and_things_are_shown() -> None:
    shown: list[str] = []
    screen = PipeScreen(None, shown.append)
    asking = asyncio.create_task(screen.line("alice > "))
    await asyncio.sleep(0)
    screen.show("something")

    assert not asking.done()
    assert shown == ["something"]
    asking.cancel()


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20), max_size=5
    ),
    st.integers(min_value=1, max_value=7),
)
def test_lines_are_the_same_in_whatever_pieces_they_come(lines: list[str], size: int) -> None:
    content = "".join(f"{line}\n" for line in lines).encode()
    pieces = [content[start : start + size] for start in range(0, len(content), size)]

    assert list(lines_of(pieces)) == lines


def test_the_last_line_needs_no_end_and_what_is_no_text_is_no_reason_to_stop() -> None:
    assert list(lines_of([b"one\n\xff\xfe two\nthr", b"ee"])) == ["one", "\ufffd\ufffd two", "three"]
