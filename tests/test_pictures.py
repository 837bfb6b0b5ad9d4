"""The pictures of the README can't go stale: each is made of what the bot says today."""

from pathlib import Path

import pytest

from tests.pictures import HERE, SCENES, digest, digest_in, play

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", SCENES)
async def test_a_page_is_what_the_bot_says_today(name: str, tmp_path: Path) -> None:
    assert (await play(name, tmp_path)).page == (HERE / f"{name}.html").read_text()


@pytest.mark.parametrize("name", SCENES)
def test_a_picture_is_made_of_its_page(name: str) -> None:
    assert digest_in((HERE / f"{name}.png").read_bytes()) == digest(name)


def test_there_are_no_other_pictures_and_the_readme_shows_the_alert() -> None:
    assert {file.stem for file in HERE.glob("*.png")} == set(SCENES)
    assert "docs/pictures/alert.png" in (ROOT / "README.md").read_text()
