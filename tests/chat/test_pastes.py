"""Texts that Telegram's apps cut into several messages, put together again."""

from datetime import UTC, datetime, timedelta
from itertools import count as numbers_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.watch.grammar import WatchEntry
from bot.chat.commands.watch.watch import WatchRequest
from bot.chat.pastes import UNITS_MOST, Paste, Pastes
from bot.domain.assets import Address
from tests.chat.commands.builders import parsed, watched
from tests.chat.reading import TREASURY, VAULT

NUMBERS = numbers_from(1)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SOON = NOON + timedelta(seconds=2)


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


def lines(count: int, label: str = "Wallet", head: str = "/watch") -> str:
    return "\n".join([head, *(f"{address(number)} as {label}{number}" for number in range(1, count + 1))])


def cut_anywhere(text: str) -> list[str]:
    """Cut as some apps do: after so many characters; the server cuts away the space around each part."""
    return [text[start : start + UNITS_MOST].strip() for start in range(0, len(text), UNITS_MOST)]


def cut_between_lines(text: str) -> list[str]:
    """Cut as other apps do: behind the last line that fits."""
    parts = [""]
    for line in text.split("\n"):
        longer = f"{parts[-1]}\n{line}".lstrip("\n")
        parts = [*parts[:-1], longer] if len(longer) <= UNITS_MOST else [*parts, line]
    return parts


def watched_by(parts: list[str]) -> list[WatchEntry]:
    """Return what is watched once all parts were read, and what was held back at the end by its button."""
    pastes = Pastes()
    taken: list[WatchEntry] = []
    texts = [pastes.join("olga", part, NOON, number=next(NUMBERS)) for part in parts]
    for text in [*(one.text for one in texts), texts[-1].held_back]:
        if not text:
            continue
        request = parsed(text)
        assert isinstance(request, WatchRequest), text[:60]
        assert request.bad == ()
        taken += request.entries
    return taken


@given(st.integers(1, 300), st.text("abcdefxyz", min_size=1, max_size=20))
def test_every_line_is_watched_however_the_text_is_cut(count: int, label: str) -> None:
    text = lines(count, label)
    whole = [watched(1, address(number), label=f"{label}{number}") for number in range(1, count + 1)]

    for cut in (cut_anywhere, cut_between_lines):
        taken = watched_by(cut(text))
        assert [(entry.account, entry.label) for entry in taken] == [
            (one.account, one.label) for one in whole
        ]


def test_a_paste_of_10_000_characters_is_three_messages_of_one_list() -> None:
    parts = cut_anywhere(lines(170))

    assert len(parts) == 3
    assert len(watched_by(parts)) == 170


def test_the_columns_of_a_spreadsheet_hold_in_its_next_part() -> None:
    rows = [f"Payments, {number};{address(number)};base" for number in range(1, 120)]
    taken = watched_by(cut_between_lines("\n".join(["/watch", "name;address;chain", *rows])))

    assert [entry.label for entry in taken] == [f"Payments, {number}" for number in range(1, 120)]


def joined(first: str, second: str, *, at: datetime = SOON, key: str = "olga") -> Paste:
    pastes = Pastes()
    pastes.join("olga", first, NOON, number=next(NUMBERS))
    return pastes.join(key, second, at, number=next(NUMBERS))


FULL = lines(100)[:UNITS_MOST]


@pytest.mark.parametrize("second", ["/list", "/watch " + TREASURY])
def test_another_command_is_no_rest_of_the_one_before(second: str) -> None:
    assert joined(FULL, second) == Paste(second)


def test_what_comes_later_or_from_others_or_after_a_short_message_is_no_rest() -> None:
    rest = f"{TREASURY} as Treasury"

    assert joined(FULL, rest, at=NOON + timedelta(minutes=1)) == Paste(rest)
    assert joined(FULL, rest, key="bob") == Paste(rest)
    assert joined(f"/watch {VAULT}", rest) == Paste(rest)
    assert joined("x" * UNITS_MOST, rest) == Paste(rest)


def test_a_list_that_ends_between_lines_is_gone_on_with_by_addresses_and_not_by_words() -> None:
    most = lines(50)

    assert joined(most, f"{TREASURY} as Treasury").text == f"/watch\n{TREASURY} as Treasury"
    assert joined(most, "thanks").text == "thanks"


def test_only_what_is_about_as_long_as_a_message_may_be_cut_within_a_line() -> None:
    assert not Pastes().join("olga", lines(70), NOON, number=next(NUMBERS)).held_back
    assert (
        Pastes().join("olga", lines(74), NOON, number=next(NUMBERS)).held_back
        == f"/watch\n{address(74)} as Wallet74"
    )
    assert not Pastes().join("olga", lines(75), NOON, number=next(NUMBERS)).held_back, (
        "no message of Telegram's is so long"
    )


def test_what_may_be_a_private_key_is_kept_for_no_rest() -> None:
    pastes = Pastes()
    text = FULL[:-70] + "\n" + "a1" * 32

    assert pastes.join("olga", text, NOON, number=next(NUMBERS)) == Paste(text)
    assert pastes.join("olga", "rest", SOON, number=next(NUMBERS)) == Paste("rest")


def test_each_part_of_a_long_list_is_imported_by_its_own_lines() -> None:
    text = lines(120, head=f"/import\ntoken {TREASURY} as Dollars")
    pastes = Pastes()

    read = [pastes.join("olga", part, NOON, number=next(NUMBERS)).text for part in cut_between_lines(text)]

    assert len(read) > 1
    assert all(part.startswith("/import\n") for part in read)
    assert read[1].split("\n")[1].startswith("0x")


def test_a_part_that_is_handled_again_is_joined_as_before_and_to_nothing_else() -> None:
    pastes = Pastes()
    first, second = cut_anywhere(lines(150))[:2]

    once = [pastes.join("olga", first, NOON, number=1) for _ in range(2)]
    then = [pastes.join("olga", second, SOON, number=2) for _ in range(3)]

    assert once[0] == once[1]
    assert then[0].text.startswith("/watch\n")
    assert then == [then[0]] * 3
