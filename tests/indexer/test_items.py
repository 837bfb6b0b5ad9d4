"""Items of a collection: all of them to the last one, or an error."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX, NATIVE, Address, Asset, ChainId, Items
from bot.indexer.errors import IndexerError, ReplyIncomplete, ReplyMalformed, TooManyItems
from bot.indexer.items import ItemCollector
from bot.indexer.wire import encode_question, first_page, items_question

ANN = Address("0x" + "a0" * 20)
BOB = Address("0x" + "b0" * 20)
CARDS = Address("0x" + "ca" * 20)
OTHER = Address("0x" + "07" * 20)
MAINNET = ChainId(1)
COLLECTION = Asset(MAINNET, CARDS)

NO_NUMBERS: list[object] = [
    "-1", "", None, True, 1.5, 5, 1e18, " 10 ", "01", "1e18", "1_0", "+1", "0x10", "٣", "²",
    str(2**256), "9" * 5000, [], {},
]  # fmt: skip


def item(number: object = "1", balance: object = "1", **fields: object) -> dict[str, Any]:
    return {
        "accountAddress": ANN,
        "chainId": 1,
        "contractAddress": CARDS,
        "contractType": "ERC1155",
        "tokenID": number,
        "balance": balance,
        **fields,
    }


def page(*rows: object, **entry: object) -> bytes:
    return json.dumps({"balances": [{"chainId": 1, "results": rows, **entry}]}).encode()


def items(*pages: bytes, items_max: int = 10, conceal: str = "") -> Items:
    collected = ItemCollector(ANN, COLLECTION, items_max=items_max, conceal=conceal)
    for each in pages:
        collected.add(each)
    return collected.items()


# ---------------------------------------------------------------- the question


def test_items_are_asked_of_one_account_one_chain_and_one_contract_of_any_status() -> None:
    assert json.loads(encode_question(items_question(ANN, COLLECTION), first_page(40))) == {
        "chainIds": [1],
        "filter": {
            "accountAddresses": [ANN],
            "contractStatus": "ALL",
            "contractWhitelist": [CARDS],
            "omitNativeBalances": True,
            "omitPrices": True,
        },
        "omitMetadata": True,
        "page": {"pageSize": 40},
    }


def test_a_native_coin_has_no_items() -> None:
    with pytest.raises(ValueError, match="no items"):
        items_question(ANN, Asset(MAINNET, NATIVE))


# ---------------------------------------------------------------- what is read


@given(st.dictionaries(st.integers(0, AMOUNT_MAX), st.integers(0, AMOUNT_MAX), max_size=9), st.data())
def test_every_item_comes_through_whatever_the_pages(held: dict[int, int], data: st.DataObject) -> None:
    rows = data.draw(st.permutations([item(str(token_id), str(held[token_id])) for token_id in held]))
    cut = data.draw(st.integers(0, len(rows)))

    assert items(page(*rows[:cut]), page(*rows[cut:], *rows[:1])) == {
        token_id: amount for token_id, amount in held.items() if amount
    }


def test_an_account_that_holds_no_item_holds_none() -> None:
    assert items(page()) == {}
    assert items(json.dumps({"balances": [{"chainId": 1, "results": None}]}).encode()) == {}


def test_an_entry_that_is_missing_on_some_pages_only_is_fine() -> None:
    assert items(b'{"balances":[]}', page(item())) == {1: 1}


def test_natives_and_other_chains_are_passed_over() -> None:
    reply = json.loads(page(item()))
    reply["nativeBalances"] = [None]
    reply["balances"].append({"chainId": 137, "errorReason": "down", "results": [None]})

    assert items(json.dumps(reply).encode()) == {1: 1}


@pytest.mark.parametrize("fields", [{"accountAddress": ""}, {"contractAddress": CARDS.upper()}, {"name": 5}])
def test_a_row_may_be_spelled_in_its_own_way(fields: dict[str, object]) -> None:
    assert items(page(item(**fields))) == {1: 1}


# ---------------------------------------------------------------- what is not believed


@pytest.mark.parametrize("token_id", NO_NUMBERS)
def test_an_id_spelled_otherwise_spoils_the_items(token_id: object) -> None:
    with pytest.raises(ReplyMalformed):
        items(page(item(), item(token_id)))


@pytest.mark.parametrize("balance", NO_NUMBERS)
def test_an_amount_spelled_otherwise_spoils_the_items(balance: object) -> None:
    with pytest.raises(ReplyMalformed):
        items(page(item(), item("2", balance)))


@pytest.mark.parametrize(
    "fields",
    [
        {"accountAddress": BOB},
        {"accountAddress": "nobody"},
        {"contractAddress": OTHER},
        {"contractAddress": "nothing"},
        {"chainId": 137},
        {"blockNumber": -1},
        {"uniqueCollectibles": "1"},
        {"uniqueCollectibles": 5},
    ],
)
def test_a_row_that_does_not_fit_the_question_spoils_the_items(fields: dict[str, object]) -> None:
    with pytest.raises(ReplyMalformed):
        items(page(item(), item("2", **fields)))


@pytest.mark.parametrize("row", [None, 5, "row", []])
def test_a_row_that_is_none_spoils_the_items(row: object) -> None:
    with pytest.raises(ReplyMalformed):
        items(page(item(), row))


def test_an_item_that_comes_again_is_the_same_or_spoils_the_items() -> None:
    assert items(page(item()), page(item())) == {1: 1}
    for again in ("0", "2"):
        with pytest.raises(ReplyIncomplete):
            items(page(item()), page(item(balance=again)))


def test_trouble_of_the_chain_is_an_error_without_the_key() -> None:
    with pytest.raises(ReplyIncomplete) as caught:
        items(page(item(), errorReason="no secret-key here"), conceal="secret-key")

    assert "no *** here" in str(caught.value)
    assert "secret" not in repr(caught.value)


@pytest.mark.parametrize("reply", [b"{}", b'{"balances":null}', b'{"balances":[{"chainId":137}]}'])
def test_a_chain_that_is_left_out_is_an_error(reply: bytes) -> None:
    with pytest.raises(ReplyIncomplete):
        items(reply)


# ---------------------------------------------------------------- pages


def test_as_many_items_as_allowed_are_read_and_no_more() -> None:
    rows = [item(str(number)) for number in range(4)]

    assert len(items(page(*rows[:2]), page(*rows[2:]), items_max=4)) == 4
    with pytest.raises(TooManyItems):
        items(page(*rows[:2]), page(*rows[2:]), items_max=3)


def test_ids_of_which_nothing_is_held_count_as_well() -> None:
    with pytest.raises(TooManyItems):
        items(page(item("1", "0"), item("2", "0")), items_max=1)


def test_a_malformed_page_leaves_nothing_behind() -> None:
    collected = ItemCollector(ANN, COLLECTION, items_max=10)
    with pytest.raises(ReplyMalformed):
        collected.add(page(item("1", "1"), None))

    assert collected.add(page(item("1", "2"))).new_rows
    assert collected.items() == {1: 2}


def test_an_item_is_new_once() -> None:
    collected = ItemCollector(ANN, COLLECTION, items_max=10)

    assert collected.add(page(item())).new_rows
    assert not collected.add(page(item())).new_rows
    assert collected.add(page(item("2"))).new_rows


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_raise_only_our_own_errors(junk: bytes) -> None:
    with suppress(IndexerError):
        items(junk)


@given(st.data())
def test_a_reply_with_damaged_bytes_raises_only_our_own_errors(data: st.DataObject) -> None:
    damaged = bytearray(page(item(), item("2")))
    start = data.draw(st.integers(0, len(damaged)))
    damaged[start : start + data.draw(st.integers(0, 50))] = data.draw(st.binary(max_size=8))

    with suppress(IndexerError):
        items(bytes(damaged))
