"""Addresses that come without a command."""

import pytest

from bot.chat.commands.watch.bare import BareRequest
from bot.chat.commands.watch.watch import WatchRequest
from bot.domain.addresses import checksummed
from tests.chat.commands.builders import parsed, sentences, watched
from tests.chat.reading import BASE, POLYGON, TREASURY, USDC, VAULT

CHECKSUM = (
    "isn't an address: its checksum is wrong, so at least one digit or capital is mistyped. Copy it again."
)
WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"


def test_addresses_alone_are_an_offer_in_a_group_too() -> None:
    request = parsed(f"{TREASURY}\n{checksummed(USDC)}, {TREASURY}")

    assert request == BareRequest((watched(1, TREASURY), watched(2, USDC)), ())
    assert not request.is_talk


def test_an_address_with_a_mistake_says_so_alone_and_among_words() -> None:
    for text in (WRONG_CHECKSUM, f"see {WRONG_CHECKSUM}"):
        request = parsed(text)
        assert isinstance(request, BareRequest)
        assert sentences(request.bad) == [f"0x8E3E38fe…d8B9 {CHECKSUM}"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"Treasury: {TREASURY}", "Treasury"),
        (f"Treasury:{TREASURY}", "Treasury"),
        (f"{TREASURY} Main Treasury 2", "Main Treasury 2"),
        (f"{TREASURY} as Treasury", "Treasury"),
        (f"{TREASURY}, Treasury", "Treasury"),
        (f"watch {TREASURY} treasury", "treasury"),
        (f"Watch {TREASURY} as Main Treasury", "Main Treasury"),
        (f"watch {TREASURY} thanks", ""),
        (f"watch token {TREASURY}", ""),
        (f"please watch {TREASURY} thanks", ""),
        (f"the treasury is {TREASURY}", ""),
        (f"{TREASURY} and {VAULT} Both", ""),
        (f"One {TREASURY} two", ""),
        (f"{TREASURY} {'x' * 65}", ""),
    ],
)
def test_what_stands_beside_an_address_may_be_its_name_but_no_sentence_is(text: str, name: str) -> None:
    request = parsed(text)

    assert isinstance(request, BareRequest)
    assert request.entries[0].label == name
    assert request.is_talk


@pytest.mark.parametrize("text", ["treasury-team.eth", "see treasury-team.eth"])
def test_a_name_that_stands_for_an_address_elsewhere_is_refused_with_the_reason(text: str) -> None:
    request = parsed(text)

    assert isinstance(request, BareRequest)
    assert request.is_talk
    assert sentences(request.bad) == [
        "treasury-team.eth is a name, and I can't look names up. Send the address that it stands for (0x…)."
    ]


def test_a_spreadsheet_without_a_command_is_offered_as_it_stands() -> None:
    assert parsed(
        f"address\tname\tchain\n{TREASURY}\tTreasury\tpolygon\n{VAULT}\tPayroll\tbase"
    ) == BareRequest(
        (
            watched(2, TREASURY, chains=frozenset({POLYGON}), label="Treasury"),
            watched(3, VAULT, chains=frozenset({BASE}), label="Payroll"),
        ),
        (),
        is_talk=True,
    )


def test_the_lines_of_a_list_that_have_no_address_are_said() -> None:
    request = parsed(f"Ours:\n{TREASURY}\tTreasury\n0x1234\tBroken\n{VAULT}")

    assert isinstance(request, BareRequest)
    assert [(bad.line_number, *sentences([bad])) for bad in request.bad] == [
        (1, "Ours: isn't an address. An address is 0x and 40 digits (0-9, a-f)."),
        (3, "0x1234 isn't an address: an address has 40 digits after 0x, this has 4. Copy it again."),
    ]
    assert [entry.label for entry in request.entries] == ["Treasury", ""]


def test_words_above_one_address_are_no_list() -> None:
    request = parsed(f"have a look:\n{TREASURY}\nthanks")

    assert isinstance(request, BareRequest)
    assert request.bad == ()


@pytest.mark.parametrize("chain", ["zksyncc", "polygn"])
def test_under_a_header_what_is_no_chain_is_refused_and_not_a_name(chain: str) -> None:
    rows = f"address;name;chain\n{TREASURY};Treasury;{chain}\n{VAULT};Payroll;base"
    bare, typed = parsed(rows), parsed(f"/watch {rows}")

    assert isinstance(bare, BareRequest)
    assert isinstance(typed, WatchRequest)
    assert bare.bad == typed.bad != ()
    assert bare.entries == typed.entries == (watched(3, VAULT, chains=frozenset({BASE}), label="Payroll"),)


@pytest.mark.parametrize("text", ["0x12", "0x12\n0x13", "token", "see you at 0x"])
def test_other_words_are_no_offer(text: str) -> None:
    assert not isinstance(parsed(text), BareRequest)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "a Bitcoin"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "a Bitcoin"),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "a Bitcoin"),
        ("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "a Tron"),
        ("DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L", "a Dogecoin"),
        ("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "an XRP"),
        ("7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV", "a Solana"),
        ("EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2N", "a TON"),
    ],
)
def test_an_address_of_another_kind_of_chain_is_refused_by_what_it_looks_like(
    address: str, what: str
) -> None:
    sentence = (
        f"{address[:10]}…{address[-4:]} looks like {what} address."
        " I watch EVM chains only: send an address of 0x and 40 digits."
    )
    for text in (address, f"watch {address} please", f"({address})", f"bitcoin:{address}"):
        bare = parsed(text)
        assert isinstance(bare, BareRequest)
        assert bare.is_talk
        assert sentences(bare.bad) == [sentence]
    typed = parsed(f"/watch {address} as Savings")
    beside = parsed(f"/watch {TREASURY}\n{address}")
    assert isinstance(typed, WatchRequest)
    assert isinstance(beside, WatchRequest)
    assert sentences(typed.bad) == sentences(beside.bad) == [sentence]
    assert beside.entries == (watched(1, TREASURY),)


@pytest.mark.parametrize(
    "text",
    [
        "1111111111111111111111111111",
        "Donaudampfschifffahrtsgesellschaft",
        "TREASURYTREASURYTREASURYTREASURYTR",
        "bc1",
        "QmYwAPJzv5CZsnAzt8auVZRnzWEJnTdPAEbQ22jEuzXGxT",
    ],
)
def test_a_long_word_is_no_address_of_another_chain(text: str) -> None:
    assert not isinstance(parsed(text), BareRequest)
