"""What looks like a wallet's recovery phrase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.recovery_phrase import _LIST, holds_recovery_phrase, is_recovery_phrase

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
NUMBERED = "\n".join(f"{number}. {word}" for number, word in enumerate(PHRASE.split(), 1))


@pytest.mark.parametrize(
    "text", [PHRASE, f"{PHRASE} {PHRASE}", PHRASE.title(), PHRASE.replace(" ", ", "), NUMBERED]
)
def test_words_of_the_list_in_a_row_are_a_phrase(text: str) -> None:
    assert holds_recovery_phrase(text)
    assert is_recovery_phrase(text)


def test_a_phrase_among_other_words_is_one_but_not_all_of_the_text() -> None:
    assert holds_recovery_phrase(f"the words are {PHRASE} thanks")
    assert not is_recovery_phrase(f"the words are {PHRASE} thanks")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one two three four five six seven eight nine ten eleven twelve",
        "please watch this address and show me what it holds right now",
        "can you also pause these alerts for the whole team until tomorrow morning please",
        "legal winner thank year wave sausage worth useful legal winner thank",
        "legal winner thank year wave sausage and worth useful legal winner thank yellow",
    ],
)
def test_a_sentence_and_a_shorter_row_are_none(text: str) -> None:
    assert not holds_recovery_phrase(text)


def test_the_list_is_that_of_the_standard() -> None:
    assert len(_LIST) == len({word[:4] for word in _LIST}) == 2_048


@given(st.lists(st.sampled_from(sorted(_LIST)), min_size=12, max_size=24), st.text(), st.text())
def test_no_text_around_a_phrase_hides_it(words: list[str], before: str, after: str) -> None:
    assert holds_recovery_phrase(f"{before} {' '.join(words)} {after}")
