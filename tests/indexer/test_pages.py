"""Pages as they come in, sound ones and any other bytes."""

import copy
import json
from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.ask.questions import Question
from bot.domain.assets import Amount
from bot.indexer.errors import IndexerError, ReplyMalformed
from bot.indexer.pages import read_tokens
from bot.indexer.replies.collector import ReplyCollector
from bot.indexer.wire import (
    decode_chains,
    decode_ping,
)
from tests.examples import examples
from tests.indexer.rows import (
    ABSENT,
    ANN,
    EVE,
    MAINNET,
    OF_ANN,
    OF_BOTH,
    POLYGON,
    SUMMARY,
    USDC,
    answer,
    body,
    entry,
    native,
    token,
)

# ---------------------------------------------------------------- pages


def test_a_page_mark_holds_the_page_as_it_came() -> None:
    page = b'{ "page":1,"more" :true, "after":{"137":"c2lt"} }'

    mark = ReplyCollector(OF_ANN).add(b'{"page":' + page + b',"balances":[]}')

    assert (mark.page, mark.more, mark.new_rows) == (page, True, False)


@pytest.mark.parametrize("page", [ABSENT, None, {}, {"more": False}, {"more": None}, {"page": 3}])
def test_without_more_a_page_is_the_last(page: object) -> None:
    assert not ReplyCollector(OF_ANN).add(body(page=page)).more


@pytest.mark.parametrize("page", ["x", 5, [], {"more": 1}, {"more": "true"}])
def test_a_malformed_page_object_spoils_the_reply(page: object) -> None:
    with pytest.raises(ReplyMalformed):
        ReplyCollector(OF_ANN).add(body(page=page))


@pytest.mark.parametrize(
    "row", [token(), token(account=EVE), token(balance=None), token(balance="-1"), token(tokenID="5"), None]
)
def test_a_row_is_new_once(row: object) -> None:
    collected = ReplyCollector(OF_BOTH)

    assert collected.add(body([entry(row)])).new_rows
    assert not collected.add(body([entry(row)])).new_rows


def test_a_second_token_id_is_new_once() -> None:
    collected = ReplyCollector(OF_ANN)
    first, second = (token(tokenID=token_id, contractType="ERC1155") for token_id in "12")
    collected.add(body([entry(first)]))

    assert collected.add(body([entry(second)])).new_rows
    assert not collected.add(body([entry(second)])).new_rows


def test_a_row_that_moved_on_is_new_once() -> None:
    collected = ReplyCollector(OF_ANN)
    collected.add(body([entry(token(blockNumber=9))]))
    moved_on = body([entry(token(balance="6", blockNumber=10))])

    assert collected.add(moved_on).new_rows
    assert not collected.add(moved_on).new_rows


@pytest.mark.parametrize("order", [*permutations(["nativeBalances", "page", "balances"])])
def test_natives_repeated_on_each_page_hide_nothing_of_it(order: tuple[str, ...]) -> None:
    parts = {"nativeBalances": [entry(native())], "balances": [entry(token())], "page": {"more": True}}
    page = json.dumps({name: parts[name] for name in order}).encode()
    collected = ReplyCollector(OF_ANN)

    assert [collected.add(page).more for _ in range(3)] == [True] * 3


def test_a_malformed_page_leaves_nothing_behind() -> None:
    collected = ReplyCollector(OF_ANN)
    with pytest.raises(ReplyMalformed):
        collected.add(body([entry(token())], [None]))
    with pytest.raises(ReplyMalformed):
        collected.add(body([entry(token())], page=5))

    assert collected.reply().about(OF_ANN.accounts).tokens == {}
    assert collected.add(body([entry(token())])).new_rows


# ---------------------------------------------------------------- any bytes


NOT_PAGES = [
    b"", b" ", b"null", b"[]", b"5", b'"x"', b"<html></html>", b"\xff\xfe", b"\xef\xbb\xbf{}", b"{} {}",
    b"NaN", b'{"balances":{}}', b'{"balances":[{"chainId":1,"results":[', b'{"balances":' + b"[" * 200_000,
    b'{"page":' * 100_000 + b"}" * 100_000, b'{"page":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("junk", NOT_PAGES)
def test_what_is_no_page_is_malformed(junk: bytes) -> None:
    for read in (ReplyCollector(OF_ANN).add, read_tokens, decode_chains, decode_ping):
        with pytest.raises(ReplyMalformed):
            read(junk)


def test_nesting_and_foreign_bytes_inside_metadata_are_only_bad_metadata() -> None:
    plain = body([entry(token(contractInfo="INFO"))])

    for info in (
        b"[" * 500 + b"]" * 500,
        b'{"symbol":"\xff"}',
        b'{"symbol":"\\ud800"}',
        b'{"decimals":1e999}',
    ):
        said = answer(OF_ANN, plain.replace(b'"INFO"', info))
        assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_raise_only_our_own_errors(junk: bytes) -> None:
    for read in (ReplyCollector(OF_ANN).add, read_tokens, decode_chains, decode_ping):
        with suppress(IndexerError):
            read(junk)


OF_ANN_ON_BOTH = Question(accounts=(ANN,), chain_ids=(MAINNET, POLYGON))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([ANN, USDC, "1", "5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def places(value: object) -> list[tuple[Any, Any]]:
    """Return every spot inside a JSON value as (container, key)."""
    if isinstance(value, dict):
        return [spot for key, inner in value.items() for spot in [(value, key), *places(inner)]]
    if isinstance(value, list):
        return [spot for at, inner in enumerate(value) for spot in [(value, at), *places(inner)]]
    return []


@given(st.data())
@settings(max_examples=examples(300))
def test_a_mutated_reply_raises_our_own_error_or_says_nothing_false_of_other_chains(
    data: st.DataObject,
) -> None:
    reply = copy.deepcopy(SUMMARY)
    mainnet = answer(OF_ANN_ON_BOTH, json.dumps(SUMMARY).encode())
    container, key = data.draw(
        st.sampled_from(places(reply["balances"][0]) + places(reply["nativeBalances"][0]))
    )
    container[key] = data.draw(JSON)

    try:
        said = answer(Question(accounts=(ANN,), networks=("any",)), json.dumps(reply).encode())
    except ReplyMalformed:
        return

    if said.tokens.keys() >= {MAINNET} and reply["balances"][0].get("chainId") != MAINNET:
        assert said.tokens[MAINNET] == mainnet.tokens[MAINNET]


@given(st.data())
@settings(max_examples=examples(300))
def test_a_reply_with_damaged_bytes_raises_only_our_own_errors(data: st.DataObject) -> None:
    damaged = bytearray(json.dumps(SUMMARY).encode())
    start = data.draw(st.integers(0, len(damaged)))
    damaged[start : start + data.draw(st.integers(0, 50))] = data.draw(st.binary(max_size=8))

    with suppress(ReplyMalformed):
        answer(OF_ANN, bytes(damaged))
