"""Chains as people call them, and as the source lists them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.command import Request, Usage
from bot.chat.commands.dispatch import NotForUs, parse
from bot.chat.commands.ignore import IgnoreRequest
from bot.chat.commands.watch.watch import WatchRequest, WatchTokenRequest
from bot.chat.text.html import EMPTY
from bot.domain.assets import ChainId
from bot.domain.chains import Listing
from bot.domain.subscriptions import EVERYTHING
from tests.chat.commands.builders import entries, parsed, text, watched
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    POLYGON,
    TREASURY,
    USDC,
)

LISTED = frozenset({ETHEREUM, POLYGON, BASE, ARBITRUM})
GNOSIS = ChainId(100)


@pytest.mark.parametrize(
    ("words", "chains"),
    [
        ("Arbitrum One", {ARBITRUM}),
        ("arbitrum one, base", {ARBITRUM, BASE}),
        ("arbitrum", {ARBITRUM}),
        ("137", {POLYGON}),
        ("137 polygon", {POLYGON}),
        ("987654321", {ChainId(987654321)}),
    ],
)
def test_a_chain_is_named_by_slug_title_or_number(words: str, chains: set[ChainId]) -> None:
    assert entries(f"/watch {TREASURY} on {words}") == [watched(1, TREASURY, chains=frozenset(chains))]


def chains_of(words: str) -> frozenset[ChainId]:
    (entry,) = entries(f"/watch {TREASURY} on {words}")
    return entry.scope.chains


@pytest.mark.parametrize(
    ("words", "chains"),
    [
        ("Base Mainnet", {BASE}),
        ("base mainnet polygon", {BASE, POLYGON}),
        ("base, mainnet", {BASE, ETHEREUM}),
        ("base and mainnet", {BASE, ETHEREUM}),
        ("polygon and base", {POLYGON, BASE}),
        ("polygon & base", {POLYGON, BASE}),
        ("polygon/base", {POLYGON, BASE}),
        ("polygon, amoy", {POLYGON, ChainId(80002)}),
        ("polygon amoy", {ChainId(80002)}),
        ("0x89, eth", {POLYGON, ETHEREUM}),
        ("polygon on base", {POLYGON, BASE}),
    ],
)
def test_two_names_are_two_chains_only_where_they_stand_apart(words: str, chains: set[ChainId]) -> None:
    assert chains_of(words) == chains


@given(
    st.lists(st.sampled_from(CHAINS.registered()), min_size=1, unique=True), st.sampled_from([", ", " and "])
)
def test_titles_in_a_row_are_these_chains_and_no_others(chain_ids: list[ChainId], between: str) -> None:
    titles = [CHAINS.get(chain_id).title for chain_id in chain_ids]

    assert chains_of(between.join(titles)) == frozenset(chain_ids)
    assert chains_of(between.join(f"{title} mainnet" for title in titles)) == frozenset(chain_ids)


def test_a_token_is_ignored_on_the_one_chain_that_is_named_and_lines_keep_chains_apart() -> None:
    assert parsed(f"/ignore {USDC} on base mainnet") == IgnoreRequest((USDC,), frozenset({BASE}))
    assert parsed(f"/ignore {USDC} on base\nmainnet") == IgnoreRequest((USDC,), frozenset({BASE, ETHEREUM}))


def read_with_list(typed: str) -> Request | NotForUs:
    return parse(typed, "OurBot", CHAINS, Listing(now=LISTED, ever=LISTED))


NOT_LISTED = (
    "can't be read: the source does not list Gnosis Chain; it lists Ethereum, Polygon, Arbitrum One and Base."
)


@pytest.mark.parametrize("typed", ["gnosis", "Gnosis Chain", "100", "0x64"])
def test_a_chain_that_the_source_does_not_list_is_refused_with_those_it_does(typed: str) -> None:
    refused_line = BadLine(1, typed, NOT_LISTED)

    assert read_with_list(f"/watch {TREASURY} on {typed}") == WatchRequest((), (refused_line,))
    assert read_with_list(f"/watch token {USDC} on {typed}") == WatchTokenRequest(
        EVERYTHING, "", (refused_line,)
    )
    for command in ("ignore " + USDC + " on", "believe"):
        usage = read_with_list(f"/{command} {typed}")
        assert isinstance(usage, Usage)
        assert text(EMPTY + usage.reason) == f"{typed} {NOT_LISTED}"


def test_a_chain_that_the_operator_has_asked_for_is_taken_whatever_the_source_lists() -> None:
    listing = Listing(now=LISTED, ever=LISTED, configured=frozenset({GNOSIS}))
    taken = WatchRequest((watched(1, TREASURY, chains=frozenset({GNOSIS})),), ())

    assert parse(f"/watch {TREASURY} on gnosis", "OurBot", CHAINS, listing) == taken


def test_a_chain_that_the_source_lists_or_listed_once_is_taken() -> None:
    once = Listing(now=LISTED, ever=LISTED | {GNOSIS})
    taken = WatchRequest((watched(1, TREASURY, chains=frozenset({GNOSIS, BASE})),), ())

    assert parse(f"/watch {TREASURY} on gnosis, base", "OurBot", CHAINS, once) == taken
    assert parse(f"/watch {TREASURY} on gnosis, base", "OurBot", CHAINS) == taken


def test_many_listed_chains_are_folded() -> None:
    listing = Listing(now=frozenset(CHAINS.mainnets()) - {GNOSIS})
    request = parse(f"/watch {TREASURY} on gnosis", "OurBot", CHAINS, listing)

    assert isinstance(request, WatchRequest)
    assert request.bad[0].reason == (
        "can't be read: the source does not list Gnosis Chain; it lists Ethereum, Polygon, BNB Smart Chain, "
        "Optimism, Arbitrum One, Arbitrum Nova and 17 more."
    )


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("polygn", "Did you mean Polygon?"),
        ("poly", "Did you mean Polygon?"),
        ("etherum", "Did you mean Ethereum?"),
        *(
            (typed, "The source lists Ethereum, Polygon, Arbitrum One and Base.")
            for typed in ("solana", "somnai", "gnosi", "avalance", "zzz", "p")
        ),
    ],
)
def test_only_a_listed_chain_that_is_really_near_is_suggested(typed: str, reason: str) -> None:
    request = read_with_list(f"/watch {TREASURY} on {typed}")

    assert isinstance(request, WatchRequest)
    assert text(request.bad[0].sentence) == f"I don't know a chain called “{typed}”. {reason}"
