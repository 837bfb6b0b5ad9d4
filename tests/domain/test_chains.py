"""Chains by number, name and title, and those nobody registered."""

import json

import pytest

from bot.domain.assets import ChainId
from bot.domain.chains import Chain, Chains, Listing, read_registry
from bot.settings.sections import shipped_chains
from tests.builders import ETHEREUM, POLYGON, TREASURY, asset

REGISTRY = shipped_chains()
AMOY, UNREGISTERED = ChainId(80002), ChainId(424242)


@pytest.fixture
def chains() -> Chains:
    rows = [
        {
            "chainId": chain_id,
            "name": name,
            "title": title,
            "nativeSymbol": symbol,
            "nativeDecimals": 18,
            "explorerUrl": explorer,
            "testnet": testnet,
        }
        for chain_id, name, title, symbol, explorer, testnet in (
            (1, "mainnet", "Ethereum", "ETH", "https://etherscan.io", False),
            (137, "polygon", "Polygon", "POL", "", False),
            (80002, "amoy", "Polygon Amoy", "POL", "", True),
        )
    ]
    return read_registry(json.dumps(rows))


@pytest.mark.parametrize("word", ["mainnet", "MainNet", "Ethereum", "ethereum", "1"])
def test_a_chain_is_found_by_name_title_or_number_in_any_casing(chains: Chains, word: str) -> None:
    assert chains.find(word) == ETHEREUM


@pytest.mark.parametrize(
    "word",
    [
        *("", "ether", "-1", "1.0", "¹", "٣", "0", "000", "9" * 16, "9" * 30, "9" * 5000),
        *("0x", "0x0", "0x" + "f" * 14, "0x" + "ab" * 20, "chain", "mainnet polygon", "polygon, base"),
    ],
)
def test_what_is_no_chain_is_not_found(chains: Chains, word: str) -> None:
    assert chains.find(word) is None


def test_a_number_that_nobody_registered_is_a_chain(chains: Chains) -> None:
    assert chains.find("424242") == UNREGISTERED
    assert chains.find("9" * 15) == ChainId(10**15 - 1)


def test_a_registered_chain_is_shown_by_its_title(chains: Chains) -> None:
    assert (chains.get(POLYGON).title, chains.get(POLYGON).native_symbol) == ("Polygon", "POL")


def test_a_chain_that_nobody_registered_is_shown_by_its_number(chains: Chains) -> None:
    chain = chains.get(UNREGISTERED)

    assert chain.title == "chain 424242"
    assert chain.native_decimals == 18
    assert not chains.is_testnet(UNREGISTERED)


def test_mainnets_leave_out_test_networks(chains: Chains) -> None:
    assert chains.mainnets() == (ETHEREUM, POLYGON)
    assert chains.is_testnet(AMOY)
    assert not chains.is_testnet(POLYGON)


def test_a_link_leads_to_the_account_where_an_explorer_is_known(chains: Chains) -> None:
    known = chains.explorer_link(asset(chain_id=ETHEREUM), TREASURY)

    assert known == f"https://etherscan.io/address/{TREASURY}"
    assert chains.explorer_link(asset(chain_id=POLYGON), TREASURY) is None
    assert chains.explorer_link(asset(chain_id=UNREGISTERED), TREASURY) is None


# ---------------------------------------------------------------- what people call chains


@pytest.mark.parametrize(
    ("typed", "chain_id"),
    [
        *(("matic", 137), ("MATIC", 137), ("Matic Mainnet", 137), ("Polygon PoS", 137), ("pol", 137)),
        *(("polygon mainnet", 137), ("Polygon PoS Mainnet", 137), ("polygon-mainnet", 137)),
        *(("Base Mainnet", 8453), ("base chain", 8453), ("ETH Mainnet", 1), ("eth", 1), ("mainnet", 1)),
        *(("Ethereum Mainnet", 1), ("OP Mainnet", 10), ("op", 10), ("arb", 42161), ("Arbitrum", 42161)),
        *(("avax", 43114), ("Avalanche C-Chain", 43114), ("bnb", 56), ("bsc", 56), ("BNB Chain", 56)),
        *(("Binance Smart Chain", 56), ("xdai", 100), ("gnosis", 100), ("arbitrum nova", 42170)),
        *(("0x89", 137), ("0X2105", 8453), ("eip155:10", 10), ("chain 424242", 424242)),
        *(("amoy testnet", 80002), ("Polygon Amoy", 80002), ("base sepolia", 84532)),
    ],
)
def test_the_usual_words_of_a_chain_name_it(typed: str, chain_id: int) -> None:
    assert REGISTRY.find(typed) == chain_id


@pytest.mark.parametrize(
    "typed",
    ["solana", "polygon zkevm", "ethereum classic", "base testnet", "bnb testnet", "one", "c", "usdc", "s"],
)
def test_a_word_that_goes_on_to_another_chain_names_none(typed: str) -> None:
    assert REGISTRY.find(typed) is None


@pytest.mark.parametrize("chain", [REGISTRY.get(chain_id) for chain_id in REGISTRY.registered()])
def test_every_registered_chain_is_found_by_all_it_is_called(chain: Chain) -> None:
    called = {chain.title, chain.name, f"{chain.title} mainnet", f"{chain.name} network", chain.title.upper()}

    assert {REGISTRY.find(name) for name in called | REGISTRY.words(chain.id)} == {chain.id}


def test_no_two_chains_share_a_word() -> None:
    words = [word for chain_id in REGISTRY.registered() for word in REGISTRY.words(chain_id)]

    assert len(words) == len(set(words))


def test_the_coin_of_several_chains_is_no_word_for_any_but_where_it_comes_from() -> None:
    assert REGISTRY.find("ETH") == ETHEREUM
    assert REGISTRY.find("sETH") is None
    assert REGISTRY.find("AVAX") == ChainId(43114)


@pytest.mark.parametrize(
    ("host", "chain_id"),
    [
        *(("polygonscan.com", 137), ("www.polygonscan.com", 137), ("BaseScan.org", 8453)),
        *(("arbiscan.io", 42161), ("nova.arbiscan.io", 42170)),
        *(("blockscout.com", None), ("explorer.example", None), ("", None)),
    ],
)
def test_an_explorer_of_one_chain_names_it(host: str, chain_id: int | None) -> None:
    assert REGISTRY.at_host(host) == chain_id


# ---------------------------------------------------------------- what the source lists

BASE = ChainId(8453)


def test_a_chain_that_was_never_listed_is_not_promised_unless_it_is_configured() -> None:
    listing = Listing(now=frozenset({ETHEREUM}), ever=frozenset({ETHEREUM}), configured=frozenset({BASE}))

    assert (listing.lacks(POLYGON), listing.promises(POLYGON)) == (True, False)
    assert (listing.lacks(BASE), listing.promises(BASE)) == (True, True)
    assert (listing.lacks(ETHEREUM), listing.promises(ETHEREUM)) == (False, True)


def test_a_chain_that_went_away_is_asked_on() -> None:
    listing = Listing(now=frozenset({ETHEREUM}), ever=frozenset({ETHEREUM, POLYGON}))

    assert (listing.has_dropped(POLYGON), listing.promises(POLYGON)) == (True, True)
    assert not listing.has_dropped(ETHEREUM)
    assert not listing.has_dropped(BASE)


def test_a_source_that_said_nothing_yet_neither_lacks_nor_dropped_a_chain() -> None:
    listing = Listing(ever=frozenset({ETHEREUM}))

    assert listing.promises(POLYGON)
    assert not listing.has_dropped(ETHEREUM)
