"""Digests are equal if and only if what was answered of an account is."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.questions import Question, Reply
from bot.domain.assets import AMOUNT_MAX, Address, ChainId
from bot.indexer.replies.collector import ReplyCollector

ANN = Address("0x" + "a0" * 20)
BOB = Address("0x" + "b0" * 20)
MAINNET = ChainId(1)
POLYGON = ChainId(137)
CONTRACTS = tuple(f"0x{number:040x}" for number in range(1, 6))
OF_BOTH = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON))

World = Mapping[str, list[dict[str, Any]]]
"""Rows as they come on the wire, natives and tokens of all chains mixed."""


def native(account: Address, chain: int, balance: int = 7) -> dict[str, Any]:
    return {"accountAddress": account, "chainId": chain, "balance": str(balance), "symbol": "ETH"}


def token(account: Address, chain: int, contract: str, balance: int = 5, **fields: object) -> dict[str, Any]:
    return {
        "accountAddress": account,
        "chainId": chain,
        "contractAddress": contract,
        "contractType": "ERC1155",
        "balance": str(balance),
        **fields,
    }


def world() -> World:
    return {
        "natives": [native(account, chain) for account in OF_BOTH.accounts for chain in OF_BOTH.chain_ids],
        "tokens": [
            token(ANN, MAINNET, CONTRACTS[0], blockNumber=9, uniqueCollectibles="2"),
            token(ANN, MAINNET, CONTRACTS[1]),
            token(ANN, POLYGON, CONTRACTS[0]),
            token(BOB, POLYGON, CONTRACTS[2]),
        ],
    }


def page(natives: list[dict[str, Any]], tokens: list[dict[str, Any]]) -> bytes:
    entries = [
        [
            {"chainId": chain, "results": [row for row in rows if row["chainId"] == chain]}
            for chain in OF_BOTH.chain_ids
        ]
        for rows in (natives, tokens)
    ]
    return json.dumps({"nativeBalances": entries[0], "balances": entries[1]}).encode()


def reply(*pages: bytes, question: Question = OF_BOTH) -> Reply:
    collected = ReplyCollector(question)
    for each in pages:
        collected.add(each)
    return collected.reply()


def digests(of: World, question: Question = OF_BOTH) -> Mapping[Address, bytes]:
    return reply(page(of["natives"], of["tokens"]), question=question).digests


# ---------------------------------------------------------------- what matters


@pytest.mark.parametrize(
    "moved",
    [
        {"balance": "6"},
        {"balance": str(5 + 2**61 - 1)},
        {"balance": "0"},
        {"contractAddress": CONTRACTS[3]},
        {"uniqueCollectibles": "3"},
        {"blockNumber": 10},
        {"chainId": POLYGON, "contractAddress": CONTRACTS[4]},
        {"accountAddress": BOB},
    ],
)
def test_whatever_moves_gives_another_digest(moved: dict[str, object]) -> None:
    after = copy.deepcopy(world())
    after["tokens"][0].update(moved)

    assert digests(after)[ANN] != digests(world())[ANN]


@pytest.mark.parametrize("at", range(2))
def test_a_native_that_moves_gives_another_digest_to_its_account_only(at: int) -> None:
    after = copy.deepcopy(world())
    after["natives"][at]["balance"] = "8"

    assert digests(after)[ANN] != digests(world())[ANN]
    assert digests(after)[BOB] == digests(world())[BOB]


def test_a_token_that_is_gone_gives_another_digest() -> None:
    after = copy.deepcopy(world())
    del after["tokens"][1]

    assert digests(after)[ANN] != digests(world())[ANN]
    assert digests(after)[BOB] == digests(world())[BOB]


def test_natives_of_two_chains_that_change_places_give_another_digest() -> None:
    after = copy.deepcopy(world())
    after["natives"][0]["balance"], after["natives"][1]["balance"] = "8", "9"
    swapped = copy.deepcopy(world())
    swapped["natives"][0]["balance"], swapped["natives"][1]["balance"] = "9", "8"

    assert digests(after)[ANN] != digests(swapped)[ANN]


def test_equal_holdings_on_other_chains_are_another_thing() -> None:
    nothing: World = {"natives": [], "tokens": []}
    here = Question(accounts=(ANN,), chain_ids=(MAINNET,), natives=False)
    there = Question(accounts=(ANN,), chain_ids=(POLYGON,), natives=False)

    assert digests(nothing, here)[ANN] != digests(nothing, there)[ANN]


# ---------------------------------------------------------------- what does not


def test_prices_and_names_do_not_matter() -> None:
    after = copy.deepcopy(world())
    after["tokens"][0] |= {"priceUSD": "2", "balanceUSD": "7", "contractInfo": {"symbol": "X", "decimals": 6}}
    after["natives"][0] |= {"priceUSD": "2500", "symbol": "POL"}

    assert digests(after) == digests(world())


def test_an_account_without_tokens_has_a_digest() -> None:
    bare: World = {"natives": world()["natives"], "tokens": []}

    assert digests(bare).keys() == {ANN, BOB}
    assert all(len(digest) == 16 for digest in digests(bare).values())


# ---------------------------------------------------------------- what is unknown


def test_a_doubtful_account_has_another_digest_and_the_other_one_has_not() -> None:
    after, empty = copy.deepcopy(world()), copy.deepcopy(world())
    after["tokens"][0]["balance"] = "-1"
    empty["tokens"][:] = [row for row in empty["tokens"] if row["accountAddress"] != ANN]

    assert digests(after)[BOB] == digests(world())[BOB]
    assert digests(after)[ANN] not in {digests(world())[ANN], digests(empty)[ANN]}


@pytest.mark.parametrize("spoiled", [{"errorReason": "down"}, {"balance": None}])
def test_an_account_without_one_of_its_natives_has_another_digest(spoiled: dict[str, object]) -> None:
    missing, failing, zero = (copy.deepcopy(world()) for _ in range(3))
    del missing["natives"][0]
    failing["natives"][0].update(spoiled)
    zero["natives"][0]["balance"] = "0"

    for after in (missing, failing):
        assert digests(after)[BOB] == digests(world())[BOB]
        assert digests(after)[ANN] not in {digests(world())[ANN], digests(zero)[ANN]}


@pytest.mark.parametrize("side", ["nativeBalances", "balances"])
@pytest.mark.parametrize("change", [{"chainId": 10}, {"errorReason": "down"}])
def test_a_chain_that_is_unknown_gives_everybody_another_digest(side: str, change: dict[str, object]) -> None:
    spoiled = json.loads(page(world()["natives"], world()["tokens"]))
    spoiled[side][0].update(change)
    empty = json.loads(page(world()["natives"], world()["tokens"]))
    empty["balances"][0]["results"] = []

    unknown = reply(json.dumps(spoiled).encode()).digests
    nothing = reply(json.dumps(empty).encode()).digests

    for account in OF_BOTH.accounts:
        assert unknown[account] not in {digests(world())[account], nothing[account]}
    assert unknown == reply(json.dumps(spoiled).encode()).digests


def test_natives_that_were_not_asked_are_not_missed() -> None:
    question = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON), natives=False)
    bare: World = {"natives": [], "tokens": world()["tokens"]}

    assert digests(bare, question) == digests(world(), question)
    assert digests(bare, question).keys() == {ANN, BOB}


def test_chains_asked_for_by_name_leave_nobody_a_digest() -> None:
    assert digests(world(), Question(accounts=(ANN, BOB), networks=("mainnet", "polygon"))) == {}


# ---------------------------------------------------------------- laws


AMOUNTS = st.sampled_from([0, 1, 2**61 - 1, 2**61, AMOUNT_MAX]) | st.integers(0, AMOUNT_MAX)
BLOCKS = st.none() | st.integers(1, 3)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    spots = [(ann, chain) for ann in OF_BOTH.accounts for chain in OF_BOTH.chain_ids]
    held = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(spots), st.sampled_from(CONTRACTS)),
            st.tuples(AMOUNTS, BLOCKS, st.none() | st.sampled_from(["1", "2"])),
            max_size=8,
        )
    )
    return {
        "natives": [native(account, chain, draw(AMOUNTS)) for account, chain in spots],
        "tokens": [
            token(account, chain, contract, amount, blockNumber=block, uniqueCollectibles=uniques)
            for ((account, chain), contract), (amount, block, uniques) in held.items()
        ],
    }


@st.composite
def pairs(draw: st.DrawFn) -> tuple[World, World]:
    """Return two worlds that are the same, or differ in a row or two, or in all."""
    one = draw(worlds())
    other = copy.deepcopy(one)
    for rows in other.values():
        for row in rows[: draw(st.integers(0, 2))]:
            row["balance"] = str(draw(AMOUNTS))
    return one, draw(st.sampled_from([other, other, draw(worlds())]))


@given(pairs())
def test_digests_are_equal_if_and_only_if_holdings_are(pair: tuple[World, World]) -> None:
    one, other = pair
    first = reply(page(one["natives"], one["tokens"]))
    second = reply(page(other["natives"], other["tokens"]))
    answers = [said.about(OF_BOTH.accounts) for said in (first, second)]

    for account in OF_BOTH.accounts:
        held = [
            [(said.natives[chain][account], said.tokens[chain].get(account)) for chain in OF_BOTH.chain_ids]
            for said in answers
        ]
        assert (first.digests[account] == second.digests[account]) is (held[0] == held[1])


@given(worlds(), st.data())
def test_neither_the_order_of_rows_nor_the_layout_of_pages_matters(of: World, data: st.DataObject) -> None:
    natives = data.draw(st.permutations(of["natives"]))
    tokens = data.draw(st.permutations(of["tokens"]))
    at = data.draw(st.integers(0, len(natives)))
    cut = data.draw(st.integers(0, len(tokens)))

    pages = [(natives[:at], tokens[:cut]), (natives, tokens[cut:]), (natives[at:], tokens[:1])]

    assert reply(*(page(*each) for each in pages)).digests == digests(of)
