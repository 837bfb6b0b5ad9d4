"""How /rename is read: what it is about, and the new name."""

import pytest

from bot.chat.commands.command import Missing, Usage
from bot.chat.commands.watch.rename import RENAME_COMMAND, NewName, RenameOfferRequest, RenameRequest
from bot.chat.commands.watch.words import NAME_MISSING
from tests.chat.commands.builders import parsed, usage_of
from tests.chat.reading import TREASURY

CUT = f"{TREASURY[:10]}…{TREASURY[-4:]}"


@pytest.mark.parametrize(
    ("typed", "readings"),
    [
        ("Treasury as Main treasury", [("Treasury", "Main treasury")]),
        ("#1 AS Till", [("#1", "Till")]),
        ("two words off", [("two words", "")]),
        ("Night off as Day off", [("Night off", "Day off")]),
        ("Known as Till as Vault", [("Known as Till", "Vault"), ("Known", "Till as Vault")]),
    ],
)
def test_a_new_name_comes_after_as(typed: str, readings: list[tuple[str, str]]) -> None:
    assert parsed(f"/rename {typed}") == RenameRequest(tuple(NewName(*one) for one in readings))


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", ""),
        ("as Vault", ""),
        ("off", ""),
        ("Treasury", NAME_MISSING),
        ("Treasury as " + "x" * 65, "xxxxxxxxxx…xxxx has 65 characters; a name has 64 at most."),
        (
            f"Treasury as {TREASURY}",
            f"{CUT} is no name: there is an address in it. Give each account a line of its own.",
        ),
        ("Treasury as #3", "#3 is no name: a name can't look like a number of /list or an address."),
        ("Treasury as 0x12", "0x12 is no name: a name can't look like a number of /list or an address."),
    ],
)
def test_what_is_missing_or_wrong_is_said(typed: str, reason: str) -> None:
    assert usage_of(f"/rename {typed}") == (RENAME_COMMAND, reason)


@pytest.mark.parametrize(
    ("typed", "readings"),
    [
        ("Treasury to Cold", [("Treasury", "Cold")]),
        ("Treasury Cold", [("Treasury", "Cold")]),
        ("#1 Cold store", [("#1 Cold", "store"), ("#1", "Cold store")]),
    ],
)
def test_a_new_name_without_as_is_only_offered(typed: str, readings: list[tuple[str, str]]) -> None:
    assert parsed(f"/rename {typed}") == RenameOfferRequest(tuple(NewName(*one) for one in readings))


def test_a_reply_may_name_the_account() -> None:
    for typed in ("/rename as Vault", "/rename off"):
        request = parsed(typed)
        assert isinstance(request, Usage)
        assert request.missing is Missing.ACCOUNT


def test_what_gives_a_name_reads_back() -> None:
    for name in (NewName("#1", "Known as Till"), NewName("Till", "")):
        request = parsed(name.command_for(name.who))
        assert isinstance(request, RenameRequest)
        assert name in request.readings
