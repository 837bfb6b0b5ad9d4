"""Addresses as people paste them: as such, or in the link of an explorer's page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.addresses import NamedAddress
from bot.chat.commands.dispatch import parse
from bot.chat.commands.ignore import (
    IgnoreRequest,
    UnignoreRequest,
)
from bot.chat.commands.watch.bare import BareRequest
from bot.chat.commands.watch.watch import WatchRequest, WatchTokenRequest
from bot.domain.addresses import checksummed
from tests.chat.commands.builders import entries, parsed, refused, watched
from tests.chat.reading import (
    CHAINS,
    OTHER,
    TREASURY,
    USDC,
    VAULT,
)

WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
REASON_CHECKSUM = "its checksum is wrong, so at least one digit or capital is mistyped"
HOLDING = NamedAddress(VAULT, USDC)
SEVERAL = "this link names several addresses; send the one you mean"
WHOSE = "I can't tell whose page this is; send the address itself"
ADDRESSES = (TREASURY, VAULT, USDC, OTHER)


@pytest.mark.parametrize(
    "address", [TREASURY, checksummed(TREASURY), TREASURY.upper(), f"\u200b{TREASURY}\ufeff", f",{TREASURY},"]
)
def test_an_address_is_taken_however_it_is_written(address: str) -> None:
    assert entries(f"/watch {address}") == [watched(1, TREASURY)]


@pytest.mark.parametrize(
    "link",
    [
        f"https://polygonscan.com/address/{TREASURY}",
        f"https://etherscan.io/token/{TREASURY}",
        f"https://etherscan.io/token/{TREASURY}?a=7804#inventory",
        f"https://etherscan.io/tokenholdings?a={TREASURY}",
        f"https://blockscout.com/xdai/mainnet/address/{TREASURY}?tab=tokens",
        f"http://basescan.org/address/{TREASURY}#tokentxns",
        f"etherscan.io/address/{TREASURY}/",
        f"https://explorer.example/polygon/address/{TREASURY}",
    ],
)
def test_a_page_of_an_explorer_is_read_as_its_address(link: str) -> None:
    assert parsed(link) == BareRequest((NamedAddress(TREASURY),), ())
    assert parsed(f"/watch {link} as Till") == WatchRequest((watched(1, TREASURY, label="Till"),), ())


@pytest.mark.parametrize(
    "text",
    [
        "https://etherscan.io/",
        f"https://etherscan.io/tx/0x{'ab' * 32}",
        f"look at https://etherscan.io/address/{TREASURY}",
        f"https://etherscan.io/address/{TREASURY}00",
    ],
)
def test_another_link_or_a_sentence_asks_for_nothing(text: str) -> None:
    assert parse(text, "OurBot", CHAINS) is None


@pytest.mark.parametrize(
    "link",
    [
        f"https://etherscan.io/token/{USDC}?a={VAULT}",
        f"https://polygonscan.com/token/{checksummed(USDC)}?a={checksummed(VAULT)}#transfers",
        f"https://etherscan.io/token/{USDC}#balances?a={VAULT}",
        f"https://etherscan.io/token/{USDC}?tab=x&a={VAULT}",
        f"etherscan.io/nft/{USDC}?a={VAULT}",
    ],
)
def test_the_page_of_a_holder_is_of_the_holder_and_the_token(link: str) -> None:
    entry = watched(1, VAULT, contracts=frozenset({USDC}), label="Vault")

    assert entries(f"/watch {link} as Vault") == [entry]
    assert parsed(link) == BareRequest((HOLDING,), ())
    assert parsed(f"/ignore {link}") == IgnoreRequest((USDC,), frozenset())
    assert parsed(f"/unignore {link}") == UnignoreRequest((USDC,))
    assert entries(f"/watch {VAULT} contract {link}") == [watched(1, VAULT, contracts=frozenset({USDC}))]


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (f"https://etherscan.io/token/{USDC}?b={VAULT}", SEVERAL),
        (f"https://etherscan.io/token/{USDC}?a={VAULT}&a={OTHER}", SEVERAL),
        (f"https://etherscan.io/address/{TREASURY}?a={VAULT}", SEVERAL),
        (f"https://etherscan.io/tokenholdings?b={VAULT}", SEVERAL),
        ("https://etherscan.io/tokenholdings?a=7", WHOSE),
        (f"https://app.safe.global/home?safe=eth:{TREASURY}", WHOSE),
        (f"https://debank.com/profile/{TREASURY}", WHOSE),
        (f"https://app.zerion.io/{TREASURY}/overview", WHOSE),
        (f"https://opensea.io/{TREASURY}", WHOSE),
        (f"https://etherscan.io/address/{TREASURY}00", WHOSE),
        (f"https://etherscan.io/address/{WRONG_CHECKSUM}", REASON_CHECKSUM),
        (f"https://etherscan.io/tx/0x{'ab' * 32}", "this is the page of a transaction, not of an address"),
        (f"eth:{TREASURY}", "an address starts with 0x: leave out what stands before it"),
        (f"eip155:137:{TREASURY}", "an address starts with 0x: leave out what stands before it"),
    ],
)
def test_a_link_that_could_be_misread_is_refused_with_the_reason(link: str, reason: str) -> None:
    assert [bad.reason for bad in refused(f"/watch {link} as Till")] == [reason]


def test_a_holder_is_not_dropped_where_a_contract_is_expected() -> None:
    link = f"https://etherscan.io/token/{USDC}?a={VAULT}"

    assert [bad.reason for bad in refused(f"/watch {TREASURY} contract {link}")] == [
        "this link names a holder too; send the contract's address itself"
    ]
    request = parsed(f"/watch token {link}")
    assert isinstance(request, WatchTokenRequest)
    assert [bad.reason for bad in request.bad] == [
        "a link names a holder too; send it after /watch, without the word “token”"
    ]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["contract", "on", "polygon", "base mainnet", ",", "\n", "and"]),
            st.sampled_from(ADDRESSES),
            st.builds(
                "https://etherscan.io/token/{}?a={}".format,
                st.sampled_from(ADDRESSES),
                st.sampled_from(ADDRESSES),
            ),
            st.builds(
                "https://etherscan.io/{}/{}?x={}".format,
                st.sampled_from(["address", "token", "x"]),
                st.sampled_from(ADDRESSES),
                st.sampled_from(ADDRESSES),
            ),
        ),
        max_size=8,
    )
)
def test_no_address_of_a_line_is_lost_in_silence(words: list[str]) -> None:
    text = " ".join(words)
    request = parsed(f"/watch {text}")

    if isinstance(request, WatchRequest) and not request.bad:
        taken = {address for entry in request.entries for address in (entry.account, *entry.scope.contracts)}
        assert {address for address in ADDRESSES if address in text} == taken
