"""What people type to name an address: it may come from anywhere, before its name or after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.command import Refusal, Request, Usage
from bot.chat.commands.dispatch import parse
from bot.chat.commands.watch.name import (
    NO_ADDRESS,
    NO_NAME,
    OF_NOBODY,
    SEVERAL,
    NameRequest,
    NamesRequest,
    UnnameRequest,
    command_for,
)
from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.chat.labels import CHARACTERS_MOST
from bot.domain.explain.transfers import NOBODY
from tests.builders import REGISTRY

PAYROLL = Address("0xd8da6bf26964af9d7eed9e03e53415d37aa96045")
WHOLE = checksummed(PAYROLL)
OTHER = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"


def read(text: str) -> Request:
    request = parse(text, "bot", REGISTRY)
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(
    "typed",
    [
        f"{WHOLE} Payroll",
        f"{PAYROLL} Payroll",
        f"{WHOLE[2:]} Payroll",
        f"{WHOLE} as Payroll",
        f"{WHOLE} = Payroll",
        f"{WHOLE} -> Payroll",
        f"{WHOLE}: Payroll",
        f"{WHOLE},Payroll",
        f"Payroll {WHOLE}",
        f"Payroll: {WHOLE}",
        f"Payroll:{WHOLE}",
        f"Payroll = {WHOLE}",
        f"eth:{WHOLE} Payroll",
        f"{WHOLE}@137 Payroll",
        f"https://etherscan.io/address/{WHOLE} Payroll",
        f"https://polygonscan.com/address/{WHOLE}#tokentxns Payroll",
        f"ethereum:{WHOLE}@137 Payroll",
        f"{WHOLE}\nPayroll",
        f'{WHOLE} "Payroll"',
    ],
)
def test_an_address_and_its_name_are_read_however_they_were_pasted(typed: str) -> None:
    assert read(f"/name {typed}") == NameRequest(PAYROLL, "Payroll")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (f"{WHOLE} Smith, Jones & Co.", "Smith, Jones & Co."),
        (f"{WHOLE} Sales as a service", "Sales as a service"),
        (f"Cold storage {WHOLE} (Paris)", "Cold storage (Paris)"),
        (f"{WHOLE} Day off", "Day off"),
        (f'{WHOLE} "off"', "off"),
        (f"{WHOLE} as off", "off"),
        (f"{WHOLE} as token contract 0x", "token contract 0x"),
        (f"{WHOLE} as Rent, 2,000 -", "Rent, 2,000 -"),
        (f"{WHOLE} on polygon", "on polygon"),
    ],
)
def test_any_words_may_be_a_name(typed: str, name: str) -> None:
    assert read(f"/name {typed}") == NameRequest(PAYROLL, name)


@pytest.mark.parametrize(
    ("typed", "who"),
    [
        (f"{WHOLE} off", PAYROLL),
        (f"{WHOLE} OFF", PAYROLL),
        (f"off {WHOLE}", PAYROLL),
        ("Payroll off", "Payroll"),
        ("Smith, Jones & Co. off", "Smith, Jones & Co."),
    ],
)
def test_off_takes_a_name_away_of_an_address_or_by_what_it_says(typed: str, who: str) -> None:
    assert read(f"/name {typed}") == UnnameRequest(who)


@pytest.mark.parametrize("typed", ["/name", "/names", "/name  ", "/names whatever"])
def test_without_an_address_the_names_are_shown(typed: str) -> None:
    assert read(typed) == NamesRequest()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("Payroll", NO_ADDRESS),
        ("off", NO_ADDRESS),
        (WHOLE, NO_NAME),
        (f"{WHOLE} ?", NO_NAME),
        (f"{WHOLE} {OTHER} Payroll", SEVERAL),
        (f"{NOBODY} Nobody", OF_NOBODY),
        (f"{WHOLE} {'x' * (CHARACTERS_MOST + 1)}", "has 65 characters; a name has 64 at most."),
        (f"{WHOLE} #3", "a name can't look like a number of /list or an address."),
    ],
)
def test_what_lacks_something_is_answered_by_how_to_name(typed: str, reason: str) -> None:
    request = read(f"/name {typed}")

    assert isinstance(request, Usage)
    assert reason in str(getattr(request.reason, "visible", request.reason))


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("0x91c4…be31 Payroll", "is shortened. Send the whole address"),
        (f"{WHOLE[:-1]} Payroll", "an address has 40 digits after 0x, this has 39"),
        (f"{WHOLE[:-1]}6 Payroll", "checksum is wrong"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq Payroll", "looks like a Bitcoin address"),
    ],
)
def test_what_is_no_address_is_refused_with_what_is_wrong(typed: str, reason: str) -> None:
    request = read(f"/name {typed}")

    assert isinstance(request, Refusal)
    assert reason in request.reason.visible


def test_a_name_that_stands_for_an_address_elsewhere_is_no_address() -> None:
    request = read("/name treasury.eth Payroll")

    assert isinstance(request, Usage)
    assert "I can't look names up" in str(getattr(request.reason, "visible", request.reason))


_WORDS = st.sampled_from(
    ["Payroll", "0x", ",", "-", "as", "off", "to", "in", "Ops", "on", "polygon", '"', "2", "&", "below", "é"]
)


@given(words=st.lists(_WORDS, min_size=1, max_size=5))
def test_what_a_button_types_gives_exactly_that_name(words: list[str]) -> None:
    first = read(f'/name {WHOLE} as "{" ".join(words)}"')
    if not isinstance(first, NameRequest):
        return

    assert read(command_for(PAYROLL, first.name)) == first
