"""What people type and what comes back, word for word; the manual shows the same."""

from pathlib import Path

import pytest

from bot.chat.commands.registry import COMMANDS
from tests.dialogue import HERE, MANUAL, Dialogue, manual, read_dialogues, replay

DIALOGUES = [
    pytest.param(dialogue, id=f"{file.stem}: {dialogue.title}")
    for file in sorted(HERE.glob("*.txt"))
    for dialogue in read_dialogues(file.read_text())
]


@pytest.mark.parametrize("dialogue", DIALOGUES)
async def test_the_bot_answers_as_it_is_written(dialogue: Dialogue, tmp_path: Path) -> None:
    assert str(await replay(dialogue, tmp_path)) == str(dialogue)


@pytest.mark.parametrize("file", sorted(HERE.glob("*.txt")), ids=lambda file: str(file.stem))
def test_a_transcript_is_written_as_the_bot_would_write_it(file: Path) -> None:
    assert "\n\n\n".join(map(str, read_dialogues(file.read_text()))) + "\n" == file.read_text()


def test_every_command_has_its_dialogues_and_no_other() -> None:
    assert {file.stem for file in HERE.glob("*.txt")} == {command.name for command in COMMANDS}


def test_the_manual_is_what_the_table_and_the_dialogues_say() -> None:
    assert MANUAL.read_text() == manual()
