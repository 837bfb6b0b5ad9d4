"""Chains by number, name and title, and those nobody registered."""

import json

import pytest

from bot.domain.chains import Chains, read_registry
from bot.domain.model import ChainId
from tests.builders import ETHEREUM, POLYGON, TREASURY, asset

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


@pytest.mark.parametrize("word", ["", "ether", "-1", "1.0", "¹", "٣", "0", "000", "9" * 30, "9" * 5000])
def test_what_is_no_chain_is_not_found(chains: Chains, word: str) -> None:
    assert chains.find(word) is None


def test_a_number_that_nobody_registered_is_a_chain(chains: Chains) -> None:
    assert chains.find("424242") == UNREGISTERED
    assert chains.find("9" * 18) == ChainId(10**18 - 1)


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
