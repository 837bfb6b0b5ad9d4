"""Transfers: each once, whatever the order of rows and the cuts of pages; what can't be read is missed."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX, NATIVE, Address, Asset, ChainId
from bot.domain.explain.questions import HistoryAnswer, HistoryQuestion
from bot.domain.explain.transfers import NOBODY, Moved, TransactionHash, Transfer
from bot.indexer.errors import ReplyIncomplete, ReplyMalformed
from bot.indexer.extras.transfer_pages import FALLS_TO_TRUST, TransferCollector
from tests.indexer.extras.transfers import (
    ANN,
    BOB,
    CARDS,
    EVE,
    POLYGON,
    QUESTION,
    USDC,
    Json,
    body,
    coin,
    entry,
    hash_of,
    page,
    row,
    transfer,
)

LOGGED_COIN = "0x0000000000000000000000000000000000001010"
NO_AMOUNTS: list[object] = [
    "-1", "", None, True, 1.5, 5, 1e18, " 10 ", "01", "1e18", "1_0", "+1", "0x10", "٣", "²",
    str(2**256), "9" * 5000, [], {},
]  # fmt: skip


def read(*pages: bytes, question: HistoryQuestion = QUESTION) -> HistoryAnswer:
    collected = TransferCollector(question)
    for each in pages:
        collected.add(each)
    return collected.answer()


def amounts(answer: HistoryAnswer) -> list[int]:
    return [one.amount_raw for each in answer.transfers for one in each.moved]


def is_past_range(question: HistoryQuestion, *rows: Json) -> bool:
    collected = TransferCollector(question)
    collected.add(page(*rows))
    return collected.is_past_range


# ---------------------------------------------------------------- what is read


def test_a_transfer_is_read_as_it_is_listed() -> None:
    assert read(page(row())) == HistoryAnswer(
        transfers=(
            Transfer(
                asset=Asset(POLYGON, USDC),
                sender=BOB,
                receiver=ANN,
                moved=(Moved(25),),
                transaction=TransactionHash(hash_of(1)),
                log_index=12,
                block=500,
                at=datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC),
            ),
        ),
        is_complete=True,
    )


def test_nothing_listed_is_a_complete_answer() -> None:
    nothing = HistoryAnswer(transfers=(), is_complete=True)

    assert read(page()) == read(body(entry(results=None))) == nothing


def test_the_zero_address_is_the_coin() -> None:
    (one,) = read(page(row(1, coin()))).transfers

    assert (one.asset, one.moved) == (Asset(POLYGON, NATIVE), (Moved(25),))


def test_the_ids_of_a_collection_are_read_with_their_amounts() -> None:
    batch = transfer(contractType="ERC1155", tokenIds=["1", "2", "3"], amounts=["5", "0", "7"])

    (one,) = read(page(row(1, batch))).transfers
    assert one.moved == (Moved(5, 1), Moved(0, 2), Moved(7, 3))


@pytest.mark.parametrize(
    ("fields", "token_id"),
    [
        ({"contractType": "ERC20", "tokenIds": ["0"]}, None),
        ({"contractType": "ERC20", "tokenIds": []}, None),
        ({"contractType": "ERC20", "tokenIds": None}, None),
        ({"contractType": "ERC721", "tokenIds": ["7"]}, 7),
        ({"contractType": "ERC1155", "tokenIds": ["0"]}, 0),
        ({"contractType": "ERC1155", "tokenIds": None}, None),
        ({"contractType": "ERC1155", "tokenIds": None, "tokenIDs": ["9"]}, 9),
        ({"contractType": "ERC1155", "tokenIds": ["9"], "tokenIDs": ["9"]}, 9),
        ({"contractType": "SOMETHING_NEW", "tokenIds": ["0"]}, None),
        ({"contractType": None, "tokenIds": ["9"]}, 9),
        ({"contractType": "NATIVE", "contractAddress": NOBODY, "tokenIds": ["9"]}, None),
    ],
)
def test_an_id_is_read_under_either_name_and_only_where_there_are_ids(
    fields: Json, token_id: int | None
) -> None:
    answer = read(page(row(1, transfer("3", **fields))))

    assert answer.is_complete
    assert answer.transfers[0].moved == (Moved(3, token_id),)


def test_an_amount_may_be_as_large_as_any_contract_can_store() -> None:
    assert amounts(read(page(row(1, transfer(str(AMOUNT_MAX)))))) == [AMOUNT_MAX]


def test_transfers_of_nothing_are_listed_too() -> None:
    assert amounts(read(page(row(1, transfer("0"))))) == [0]


@pytest.mark.parametrize(
    "fields",
    [
        {"transferType": "SEND"},
        {"transferType": 5},
        {"contractAddress": USDC.upper().replace("0X", "0x")},
        {"to": ANN.upper()},
        {"contractInfo": {"symbol": "\ud800"}, "tokenMetadata": 5, "amountsUSD": None},
    ],
)
def test_a_transfer_may_be_spelled_in_its_own_way(fields: Json) -> None:
    assert read(page(row(1, transfer(**fields)))) == read(page(row()))


@pytest.mark.parametrize("timestamp", [None, "", "2026-11-20", "soon", 5, "0001-01-01T00:00:00Z", "\ud800"])
def test_without_a_moment_a_transfer_still_counts(timestamp: object) -> None:
    answer = read(page(row(timestamp=timestamp)))

    assert answer.is_complete
    assert [one.at for one in answer.transfers] == [None]


def test_a_moment_may_be_of_any_zone_and_as_fine_as_it_likes() -> None:
    (one,) = read(page(row(timestamp="2026-11-20T12:11:12.123456789+02:00"))).transfers

    assert one.at == datetime(2026, 11, 20, 10, 11, 12, 123456, tzinfo=UTC)


@pytest.mark.parametrize("transfers", [None, []])
def test_a_transaction_without_transfers_is_none(transfers: object) -> None:
    answer = read(page(row(2, transfers=transfers), row()))

    assert answer.is_complete
    assert amounts(answer) == [25]


def test_what_nobody_asked_for_is_left_out() -> None:
    of_usdc = replace(QUESTION, contracts=(USDC,))
    strangers = transfer(to=EVE)
    other_token = transfer(contractAddress=CARDS)

    answer = read(page(row(1, transfer(), strangers, other_token, coin())), question=of_usdc)
    assert answer == read(page(row()))


def test_a_transfer_that_leaves_or_goes_round_is_the_accounts_as_well() -> None:
    left = transfer("1", logIndex=1, **{"from": ANN, "to": BOB})
    round_trip = transfer("2", logIndex=2, **{"from": ANN, "to": ANN})

    assert amounts(read(page(row(1, left, round_trip)))) == [1, 2]


# ---------------------------------------------------------------- what is not believed


def spoils(*rows: object) -> bool:
    """Whether a good row survives beside these, in an answer that is not complete."""
    answer = read(page(row(9), *rows))
    assert amounts(answer) == [25], "one bad row loses no other"
    return not answer.is_complete


@pytest.mark.parametrize("amount", NO_AMOUNTS)
def test_an_amount_spelled_otherwise_is_missed(amount: object) -> None:
    assert spoils(row(1, transfer(amount)))


@pytest.mark.parametrize("token_id", NO_AMOUNTS)
def test_an_id_spelled_otherwise_is_missed(token_id: object) -> None:
    assert spoils(row(1, transfer(contractType="ERC1155", tokenIds=[token_id])))


@pytest.mark.parametrize(
    "fields",
    [
        {"amounts": ["1", "2"]},
        {"amounts": []},
        {"amounts": None},
        {"amounts": "25"},
        {"tokenIds": ["1", "2"]},
        {"tokenIds": ["1"], "tokenIDs": ["2"]},
        {"tokenIds": None, "amounts": ["1", "2"]},
        {"contractAddress": "0xc0"},
        {"contractAddress": None},
        {"from": ""},
        {"to": "0x" + "g0" * 20},
        {"logIndex": -1},
        {"logIndex": "12"},
        {"logIndex": 2**63},
    ],
)
def test_a_transfer_of_nonsense_is_missed(fields: Json) -> None:
    assert spoils(row(1, transfer(**fields)))
    assert spoils(row(1, transfer(**fields), transfers=None)) is False


def test_the_other_transfers_of_its_transaction_stand() -> None:
    answer = read(page(row(1, transfer("1", logIndex=1), transfer("x"), transfer("3", logIndex=3))))

    assert amounts(answer) == [1, 3]
    assert not answer.is_complete


@pytest.mark.parametrize(
    "bad",
    [
        None,
        5,
        [],
        {},
        row(1, txnHash="0x12"),
        row(1, txnHash=hash_of(1).replace("0x", "1x")),
        row(1, txnHash="0x" + " " * 64),
        row(1, txnHash=None),
        row(1, block=0),
        row(1, block=-5),
        row(1, block="500"),
        row(1, block=2**41),
        row(1, block=None),
        row(1, chainId=1),
        row(1, chainId=None),
        row(1, transfers={}),
        row(1, transfers=[None]),
    ],
)
def test_a_row_of_nonsense_or_of_another_chain_is_missed(bad: object) -> None:
    assert spoils(bad)


def test_a_row_in_which_a_key_stands_twice_is_missed() -> None:
    twice = json.dumps(row(1, transfer("777"))).replace('"777"]', '"777"], "to": "' + EVE + '"')
    text = page(row(9), "HERE").decode().replace('"HERE"', twice)

    answer = read(text.encode())
    assert amounts(answer) == [25]
    assert not answer.is_complete


def test_rows_under_another_chain_are_missed_but_its_silence_is_not() -> None:
    silent: Json = {"chainId": 1, "errorReason": "down", "results": None}
    strays: Json = {"chainId": 1, "results": [row(2, chainId=1)]}

    assert read(body(silent, entry(row()))) == read(page(row()))
    assert not read(body(entry(row()), strays)).is_complete
    assert not read(body(entry(row()), None)).is_complete


def test_an_answer_that_never_names_the_chain_is_not_complete() -> None:
    assert not read(body()).is_complete
    assert not read(b'{"transactions":null}').is_complete
    assert read(body(), page(row())).is_complete, "on some pages it may be missing"


def test_a_chain_in_trouble_is_an_error_without_the_key() -> None:
    collected = TransferCollector(QUESTION, conceal="AQAAAAAAAKey")

    with pytest.raises(ReplyIncomplete) as caught:
        collected.add(body(entry(results=None, errorReason="no backend for AQAAAAAAAKey")))
    assert "no backend" in str(caught.value)
    assert "AQAAAAAAAKey" not in str(caught.value)


NO_PAGES = [
    b"",
    b"<html>",
    b"[]",
    b"null",
    b'{"transactions":5}',
    b'{"page":5,"transactions":[]}',
    b"[" * 9999,
]


@pytest.mark.parametrize("content", NO_PAGES)
def test_what_is_no_page_is_an_error(content: bytes) -> None:
    with pytest.raises(ReplyMalformed):
        read(content)


# ---------------------------------------------------------------- each once


def test_a_transfer_between_two_asked_accounts_counts_once_however_often_it_is_listed() -> None:
    both = replace(QUESTION, accounts=(ANN, BOB))
    listed_twice = page(row(1, transfer(transferType="RECEIVE")), row(1, transfer(transferType="SEND")))

    assert read(listed_twice, question=both) == read(page(row()), question=both)


def test_what_differs_in_anything_that_counts_counts_by_itself() -> None:
    others = [
        transfer("26"),
        transfer(logIndex=13),
        transfer(**{"from": EVE}),
        transfer(contractAddress=CARDS),
        transfer(contractType="ERC1155", tokenIds=["4"]),
    ]

    assert len(read(page(row(1, transfer(), *others), row(2))).transfers) == 7


def test_of_two_moments_the_earlier_counts_and_any_is_better_than_none() -> None:
    early, late = "2026-11-20T10:00:00Z", "2026-11-20T10:00:09Z"
    answer = read(page(row(timestamp=late), row(timestamp=None), row(timestamp=early)))

    assert [one.at for one in answer.transfers] == [datetime(2026, 11, 20, 10, tzinfo=UTC)]


def test_a_transaction_that_was_moved_to_another_block_counts_there_alone() -> None:
    """Where the log is counted by block, it has another number there."""
    answer = read(page(row(block=501, transfers=[transfer(logIndex=3)])), page(row(block=500), row(2)))

    assert [(one.block, one.log_index) for one in answer.transfers] == [(500, 12), (501, 3)]


def test_a_coin_that_logs_its_transfers_counts_once() -> None:
    of_coin = replace(QUESTION, contracts=(NATIVE,))
    log = transfer(contractAddress=LOGGED_COIN, logIndex=77)
    alone = read(page(row(1, coin())), question=of_coin)

    assert read(page(row(1, coin(), log)), question=of_coin) == alone
    assert read(page(row(1, log)), page(row(1, coin())), question=of_coin) == alone
    assert amounts(read(page(row(1, log)), question=of_coin)) == [25], "listed by its log alone"


def test_a_log_without_its_like_counts_beside_the_coin() -> None:
    log = transfer(contractAddress=LOGGED_COIN, logIndex=77)
    rows = [coin(), transfer(contractAddress=LOGGED_COIN, logIndex=78), log, {**log, "amounts": ["9"]}]

    assert amounts(read(page(row(1, *rows)))) == [25, 9, 25]


def test_a_token_of_the_same_amount_is_not_taken_for_the_log_of_a_coin() -> None:
    assert len(read(page(row(1, transfer(), transfer(contractAddress=LOGGED_COIN)))).transfers) == 2


def test_on_other_chains_that_contract_is_a_token_like_any() -> None:
    question = replace(QUESTION, chain_id=ChainId(1))
    of_chain = row(1, transfer(contractAddress=LOGGED_COIN), chainId=1)

    (one,) = read(body(entry(of_chain, chainId=1)), question=question).transfers
    assert one.asset == Asset(ChainId(1), Address(LOGGED_COIN))


TRANSFERS = st.builds(
    transfer,
    amount=st.sampled_from(["0", "1", "25", str(AMOUNT_MAX)]),
    contractAddress=st.sampled_from([USDC, CARDS, NOBODY, LOGGED_COIN]),
    logIndex=st.none() | st.integers(0, 3),
)
ROWS = st.lists(
    st.builds(
        lambda number, transfers, block, at: row(number, *transfers, block=block, timestamp=at),
        number=st.integers(1, 4),
        transfers=st.lists(TRANSFERS, min_size=1, max_size=4),
        block=st.integers(1, 12),
        at=st.sampled_from([None, "2026-11-20T10:00:00Z", "2026-11-20T10:00:09Z"]),
    ),
    max_size=14,
)


@given(ROWS, st.integers(1, 12), st.data())
def test_neither_order_nor_duplicates_of_rows_nor_the_cuts_of_pages_matter(
    rows: list[Json], from_block: int, data: st.DataObject
) -> None:
    question = replace(QUESTION, from_block=from_block)
    repeated = data.draw(st.lists(st.sampled_from(rows))) if rows else []
    again = data.draw(st.permutations(rows + repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(again)), max_size=3)))
    pages = [again[start:end] for start, end in zip([0, *cuts], [*cuts, len(again)], strict=True)]

    assert read(*(page(*each) for each in pages), question=question) == read(page(*rows), question=question)


@given(ROWS, st.data())
def test_neither_does_it_matter_where_a_transaction_is_cut(rows: list[Json], data: st.DataObject) -> None:
    pieces: list[Json] = []
    for each in rows:
        listed = each["transfers"]
        assert isinstance(listed, list)
        cut = data.draw(st.integers(0, len(listed)))
        pieces += [{**each, "transfers": listed[:cut]}, {**each, "transfers": listed[cut:]}]

    assert read(page(*data.draw(st.permutations(pieces)))) == read(page(*rows))


KEYS = ["chainId", "results", "transfers", "txnHash", "blockNumber", "from", "to", "amounts"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([ANN, hash_of(1)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(st.lists(ANYTHING, min_size=1), ROWS)
def test_nonsense_costs_no_good_row_and_never_raises(nonsense: Sequence[object], rows: list[Json]) -> None:
    answer = read(page(*rows, *nonsense))

    assert answer.transfers == read(page(*rows)).transfers
    assert not answer.is_complete


# ---------------------------------------------------------------- blocks


def test_earlier_blocks_are_left_out() -> None:
    ranged = replace(QUESTION, from_block=500)
    answer = read(page(row(1), row(2, block=499), row(3, block=498)), question=ranged)

    assert [one.block for one in answer.transfers] == [500]
    assert answer.is_complete


def falling(start: int, rows: int) -> list[Json]:
    return [row(number, block=start - number) for number in range(1, rows + 1)]


def test_pages_of_sorted_rows_end_where_the_range_ends() -> None:
    rows = falling(600, FALLS_TO_TRUST + 1)
    last = 600 - FALLS_TO_TRUST - 1

    assert is_past_range(replace(QUESTION, from_block=last + 1), *rows)
    assert not is_past_range(replace(QUESTION, from_block=last), *rows), "that block may go on"
    assert not is_past_range(replace(QUESTION, from_block=last + 1), *rows[:-1])
    assert not is_past_range(QUESTION, *rows)


def test_a_few_rows_that_fall_by_chance_do_not_count_as_sorted() -> None:
    assert not is_past_range(
        replace(QUESTION, from_block=550), *falling(600, FALLS_TO_TRUST - 1), row(50, block=5)
    )


def test_rows_that_were_seen_out_of_order_are_read_to_the_end() -> None:
    ranged = replace(QUESTION, from_block=595)
    rows = falling(600, 20)

    assert is_past_range(ranged, *rows)
    assert not is_past_range(ranged, *rows[:6], rows[2], *rows[6:])
    assert not is_past_range(ranged, *reversed(rows))


def test_a_coin_whose_change_has_no_block_is_looked_for_by_time() -> None:
    since = replace(QUESTION, since=datetime(2026, 11, 20, 10, tzinfo=UTC))
    rows = falling(600, 20)

    assert not is_past_range(since, *rows)
    assert is_past_range(since, *rows, row(50, block=5, timestamp="2026-11-20T09:59:59Z"))
    assert not is_past_range(since, *rows, row(50, block=5, timestamp=None))
