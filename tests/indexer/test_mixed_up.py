"""What is made of answers that speak of somebody else, or contradict themselves: unknown, never zero."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import WITH_IDS, Address, Amount, Asset, ChainId
from bot.indexer.errors import ReplyIncomplete, ReplyMalformed
from bot.indexer.items import ItemCollector
from bot.indexer.replies.collector import ReplyCollector
from tests.indexer.rows import (
    ANN,
    BOB,
    DAI,
    EVE,
    MAINNET,
    OF_ANN,
    OF_BOTH,
    POLYGON,
    USDC,
    answer,
    body,
    entry,
    native,
    natives_of,
    token,
    tokens_of,
)

ON_BOTH = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON))
BASE = ChainId(8453)
MORE = {"more": True}

Row = dict[str, Any]


def answers(tokens: list[Row], natives: list[Row], question: Question = ON_BOTH) -> Answer:
    return answer(question, body(tokens, natives))


# ---------------------------------------------------------------- rows about somebody else


@pytest.mark.parametrize("stray", [EVE, EVE.upper().replace("X", "x")])
@pytest.mark.parametrize("more", [{}, {"balance": "-1"}, {"balance": None}])
def test_a_row_of_an_account_nobody_asked_for_makes_its_side_of_the_chain_unknown(
    stray: str, more: dict[str, object]
) -> None:
    coins = [entry(native(), native(account=BOB)), entry(native(chainId=137), chain=137)]
    lists = [entry(token(), token(account=BOB)), entry(token(chainId=137), chain=137)]
    strays = token(account=stray, **more), native(account=stray, **more)

    of_tokens = answers([entry(token(), strays[0]), lists[1]], coins)
    of_natives = answers(lists, [entry(native(), strays[1], native(account=BOB)), coins[1]])

    assert of_tokens.tokens.keys() == {POLYGON}
    assert of_tokens.natives.keys() == {MAINNET, POLYGON}
    assert of_natives.tokens.keys() == {MAINNET, POLYGON}
    assert of_natives.natives.keys() == {POLYGON}
    assert of_tokens.refused_rows == of_natives.refused_rows == 1
    assert "chain 1: tokens: a row of an account that was not asked" in of_tokens.troubles


def test_it_is_unknown_on_whatever_page_such_a_row_stands() -> None:
    good, stray = body([entry(token())], page=MORE), body([entry(token(account=EVE))])

    for pages in [(good, stray), (stray, good)]:
        assert answer(OF_ANN, *pages).tokens == {}


def test_rows_of_contracts_nobody_asked_for_mix_nothing_up() -> None:
    question = Question(accounts=(ANN,), chain_ids=(MAINNET,), contracts=(USDC,), natives=False)

    assert tokens_of(token(), token(DAI), question=question).tokens[MAINNET][ANN][USDC] == Amount(5)


def test_a_row_of_another_chain_makes_both_chains_unknown() -> None:
    lists = [
        entry(token(), token(DAI, chainId=137)),
        entry(chain=137),
        entry(token(chainId=8453), chain=8453),
    ]
    coins = [
        entry(native(), native(account=BOB, chainId=137)),
        entry(chain=137),
        entry(native(chainId=8453), chain=8453),
    ]
    question = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON, BASE))

    said = answers(lists, coins, question)

    assert said.tokens.keys() == said.natives.keys() == {BASE}
    assert said.doubtful == frozenset()


@pytest.mark.parametrize("chain", [137, 2**64])
def test_a_malformed_row_of_another_chain_makes_its_chain_unknown_as_well(chain: int) -> None:
    assert tokens_of(token(), token(DAI, chainId=chain, balance=None)).tokens == {}
    assert natives_of(native(account=BOB), native(chainId=chain), question=OF_BOTH).natives == {}


def test_rows_under_a_chain_nobody_asked_for_make_their_side_unknown() -> None:
    strange = entry(token(chainId=8453), chain=8453), entry(native(chainId=8453), chain=8453)
    lists, coins = (
        [entry(token()), entry(chain=137)],
        [entry(native()), entry(native(chainId=137), chain=137)],
    )

    of_tokens, of_natives = answers([*lists, strange[0]], coins), answers(lists, [*coins, strange[1]])

    assert (of_tokens.tokens, of_natives.natives) == ({}, {})
    assert of_tokens.natives.keys() == of_natives.tokens.keys() == {MAINNET, POLYGON}
    assert of_tokens.troubles == tuple(
        f"chain {chain}: tokens: rows of chain 8453, which was not asked" for chain in (1, 137)
    )


def test_silence_is_not_believed_of_an_account_whose_coin_is_somebody_elses() -> None:
    coins = [entry(native(account=EVE), native(account=BOB))]

    silent, told = (answers([entry(*rows)], coins, OF_BOTH) for rows in [(), (token(),)])

    assert silent.doubtful == {(MAINNET, ANN)}
    assert told.doubtful == frozenset()
    assert told.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


def test_an_answer_in_which_nobody_has_a_row_who_was_asked_says_nothing_at_all() -> None:
    said = answers([entry(token(account=EVE)), entry(chain=137)], [entry(), entry(chain=137)])

    assert (said.tokens, said.natives) == ({}, {})


@pytest.mark.parametrize("results", [[], None])
def test_a_chain_nobody_asked_for_without_rows_mixes_nothing_up(results: object) -> None:
    said = answer(OF_ANN, body([entry(token()), {"chainId": 137, "results": results}]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


# ---------------------------------------------------------------- rows that contradict each other


def test_rows_of_one_page_that_contradict_each_other_leave_the_account_unknown() -> None:
    older, newer = token(blockNumber=9), token(balance="6", blockNumber=10)

    for rows in [(older, newer), (newer, older), (older, older, newer)]:
        said = tokens_of(*rows, token(DAI), token(account=BOB), question=OF_BOTH)
        assert said.tokens == {MAINNET: {BOB: {USDC: Amount(5)}}}
        assert said.doubtful == {(MAINNET, ANN)}
        assert "chain 1: tokens: rows that contradict each other" in said.troubles


def test_a_newer_block_on_a_later_page_counts() -> None:
    older, newer = token(blockNumber=9), token(balance="6", blockNumber=10)

    said = answer(OF_ANN, body([entry(older)], page=MORE), body([entry(newer)]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(6, None, 10)}}}


@pytest.mark.parametrize(
    "pages",
    [
        [[token(balance="6", blockNumber=10)], [token(blockNumber=9)]],
        [[token(blockNumber=9)], [token(balance="6", blockNumber=9)]],
        [[token(blockNumber=9)], [token(balance="6")]],
        [[token()], [token(balance="6", blockNumber=10)]],
        [[token(blockNumber=9)], [token(blockNumber=9), token(balance="6", blockNumber=10)]],
        [[token(blockNumber=9)], [token(balance="6", blockNumber=10), token(blockNumber=9)]],
        [[token(blockNumber=9)], [token(balance="-1", blockNumber=10)]],
        [[token(blockNumber=9)], [token(contractType="ERC721", blockNumber=9)]],
    ],
)
def test_what_no_newer_block_explains_leaves_the_account_unknown(pages: list[list[Row]]) -> None:
    first, second = pages

    said = answer(OF_ANN, body([entry(*first)], page=MORE), body([entry(*second)]))

    assert said.tokens == {MAINNET: {}}
    assert said.doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("same", [{}, {"priceUSD": "2"}, {"accountAddress": ANN.upper().replace("X", "x")}])
def test_rows_that_say_the_same_again_are_certain(same: dict[str, object]) -> None:
    first, again = token(blockNumber=9, priceUSD="1"), {**token(blockNumber=9, priceUSD="1"), **same}

    for pages in [([first, again],), ([first], [again]), ([first, again], [first])]:
        said = answer(OF_ANN, *(body([entry(*rows)], page=MORE) for rows in pages))
        assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5, None, 9)}}}


def test_natives_that_contradict_each_other_are_unknown() -> None:
    one, other = native("7"), native("8")

    for pages in [([one, other],), ([one], [other]), ([one, other, one],)]:
        bodies = (body(natives=[entry(*rows, native(account=BOB))], page=MORE) for rows in pages)
        assert answer(OF_BOTH, *bodies).natives == {MAINNET: {BOB: Amount(7)}}


# ---------------------------------------------------------------- keys that stand twice


def twice(row: Row, key: str, first: object) -> str:
    """Return a row in which a key comes twice, with the row's own value behind the other one."""
    return f"{{{json.dumps(key)}: {json.dumps(first)}, {json.dumps(row)[1:]}"


def with_row(row: str, *, natives: bool = False, rest: str = "") -> bytes:
    side, other = ("nativeBalances", "balances") if natives else ("balances", "nativeBalances")
    return f'{{"{other}": [], "{side}": [{{"chainId": 1, "results": [{row}]}}]{rest}}}'.encode()


LISTED = token(blockNumber=9, tokenID="1", contractType="ERC1155", uniqueCollectibles="2")


@pytest.mark.parametrize("key", ["balance", "blockNumber", "tokenID", "contractType", "uniqueCollectibles"])
def test_a_row_with_a_key_twice_is_refused(key: str) -> None:
    said = answer(OF_ANN, with_row(twice(LISTED, key, LISTED[key])))

    assert said.tokens == {MAINNET: {}}
    assert said.doubtful == {(MAINNET, ANN)}
    assert said.refused_rows == 1


@pytest.mark.parametrize("key", ["accountAddress", "chainId", "contractAddress"])
def test_a_row_that_names_its_place_twice_leaves_nothing_certain(key: str) -> None:
    said = answer(OF_ANN, with_row(twice(LISTED, key, LISTED[key])))

    assert said.tokens.get(MAINNET, {}) == {}
    assert not said.tokens or said.doubtful


@pytest.mark.parametrize(("key", "first"), [("balance", "0"), ("errorReason", "down"), ("chainId", 1)])
def test_a_native_row_with_a_key_twice_is_refused(key: str, first: object) -> None:
    row = native("7", errorReason=None)

    assert answer(OF_ANN, with_row(twice(row, key, first), natives=True)).natives.get(MAINNET, {}) == {}


def test_a_key_twice_is_found_however_it_is_spelled() -> None:
    spelled = twice(LISTED, "balance", "7").replace('"balance": "7"', '"b\\u0061lance": "7"')

    assert answer(OF_ANN, with_row(spelled)).doubtful == {(MAINNET, ANN)}


def test_a_key_that_one_row_lacks_does_not_hide_that_another_has_it_twice() -> None:
    bare = token(DAI)
    del bare["contractType"]
    row = twice(token(contractType="ERC721"), "contractType", "ERC20")

    said = answer(OF_ANN, with_row(f"{json.dumps(bare)}, {row}"))

    assert said.doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize(
    "reply",
    [
        b'{"balances":[{"chainId":1,"errorReason":"down","errorReason":null,"results":[]}]}',
        b'{"balances":[{"chainId":1,"results":[ROW],"results":[]}]}',
        b'{"balances":[{"chainId":137,"chainId":1,"results":[]}]}',
    ],
)
def test_an_entry_with_a_key_twice_says_nothing_of_its_chain(reply: bytes) -> None:
    assert answer(OF_ANN, reply.replace(b"ROW", json.dumps(token()).encode())).tokens == {}


def test_an_answer_that_nobody_can_refuse_any_more_says_nothing() -> None:
    row = twice(token(), "accountAddress", BOB)

    said = answer(OF_ANN, with_row(row, rest=', "page": {}, "page": {}'))

    assert (said.tokens, said.natives) == ({}, {})


def test_a_reply_with_a_list_twice_is_refused() -> None:
    with pytest.raises(ReplyMalformed):
        answer(OF_ANN, with_row(json.dumps(token()), rest=', "balances": []'))


@pytest.mark.parametrize(
    "fields",
    [
        {"contractInfo": {"chainId": 1, "symbol": "USDC", "name": "balance"}},
        {"contractInfo": None, "blockNumber": None, "tokenID": None, "uniqueCollectibles": None},
        {"contractInfo": {"symbol": "\\u0041 \u0026"}, "balanceUSD": "5"},
    ],
)
def test_keys_that_only_look_as_if_they_came_twice_refuse_no_row(fields: dict[str, object]) -> None:
    said = answer(OF_ANN, body([entry(token(**fields), token(DAI))], [entry(native(errorReason=None))]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5), DAI: Amount(5)}}}
    assert (said.natives, said.refused_rows) == ({MAINNET: {ANN: Amount(7)}}, 0)


@given(
    st.dictionaries(
        st.sampled_from(["balance", "accountAddress", "chainId", "x", "contractInfo", "b\\u0061lance"]),
        st.sampled_from(["5", 1, None, {"balance": "5", "chainId": 1}]),
    )
)
def test_more_keys_than_any_program_writes_are_no_amount(more: dict[str, object]) -> None:
    row = json.dumps(more)[:-1] + (", " if more else "") + json.dumps(token())[1:]

    said = answer(OF_ANN, with_row(row.replace("\\\\u", "\\u")))

    is_plain = not more.keys() & {*token(), "b\\u0061lance"}
    assert (said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}) is is_plain


@pytest.mark.parametrize(
    "page", ['"page": {"more": true}, "page": {"more": false}', '"page": {"more": true, "more": false}']
)
def test_a_page_that_may_or_may_not_be_the_last_one_is_not_taken_for_it(page: str) -> None:
    try:
        said = answer(OF_ANN, with_row(json.dumps(token()), rest=f", {page}"))
    except ReplyMalformed:
        return
    assert (said.tokens, said.natives) == ({}, {})


# ---------------------------------------------------------------- contract types with ids


@pytest.mark.parametrize("kind", ["ERC6909", "ERC1155", "ERC9999", "UNKNOWN"])
@pytest.mark.parametrize("split", [False, True])
def test_rows_of_several_ids_of_one_contract_count_together(kind: str, *, split: bool) -> None:
    rows = [
        token(balance="100", tokenID="1", contractType=kind, blockNumber=9),
        token(balance="7", tokenID="2", contractType=kind, blockNumber=8),
        token(balance="0", tokenID="3", contractType=kind, blockNumber=3),
    ]
    bodies = [body([entry(row)], page=MORE) for row in rows] if split else [body([entry(*rows)])]

    said = answer(OF_ANN, *bodies)

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(107, 2, 9)}}}
    assert (said.doubtful, said.refused_rows) == (frozenset(), 0)
    assert said.descriptions[Asset(MAINNET, USDC)].is_collection


def test_ids_of_one_contract_contradict_each_other_one_by_one() -> None:
    def item(token_id: str, balance: str, block: int) -> Row:
        return token(balance=balance, tokenID=token_id, contractType="ERC6909", blockNumber=block)

    first = [item("1", "100", 9), item("2", "7", 9)]
    moved_on = answer(OF_ANN, body([entry(*first)], page=MORE), body([entry(item("2", "8", 10), first[0])]))

    assert moved_on.tokens == {MAINNET: {ANN: {USDC: Amount(108, 2, 10)}}}
    assert tokens_of(*first, item("2", "8", 10)).doubtful == {(MAINNET, ANN)}
    assert tokens_of(*first, item("2", "x", 10)).doubtful == {(MAINNET, ANN)}


def test_an_id_of_one_contract_has_nothing_to_do_with_that_of_another() -> None:
    first = [card(number, "1", blockNumber=5) for number in "12"]
    others = [card(number, "1", blockNumber=5, contractAddress=DAI) for number in "12"]
    moved = card("1", "3", blockNumber=6, contractAddress=DAI)

    said = answer(OF_ANN, body([entry(*first, *others)], page=MORE), body([entry(first[0], moved)]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(2, 2, 5), DAI: Amount(4, 2, 6)}}}


@pytest.mark.parametrize("token_ids", [("x", "1"), ("1", "01"), ("1", "-2")])
def test_ids_that_are_no_numbers_leave_the_account_unknown(token_ids: tuple[str, str]) -> None:
    rows = (token(tokenID=token_id, contractType="ERC6909") for token_id in token_ids)

    assert tokens_of(*rows).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("summary", [{"isSummary": True}, {"uniqueCollectibles": "12"}])
def test_a_row_that_sums_ids_up_counts_alone(summary: Row) -> None:
    whole, one = token(balance="1700", contractType="ERC1155", **summary), card("3", "5")

    for rows in [(whole, one), (one, whole), (one, card("4", "6"), whole)]:
        ids = 12 if "uniqueCollectibles" in summary else None
        assert tokens_of(*rows).tokens == {MAINNET: {ANN: {USDC: Amount(1700, ids)}}}
    assert tokens_of(whole, card("3", "x")).doubtful == {(MAINNET, ANN)}
    assert tokens_of(card("3", "5", uniqueCollectibles="1"), card("4", "6", isSummary=False)).tokens == {
        MAINNET: {ANN: {USDC: Amount(11, 2)}}
    }


def test_more_than_any_contract_can_speak_of_is_no_amount() -> None:
    rows = (token(balance=str(2**256 - 1), tokenID=number, contractType="ERC6909") for number in "12")

    assert tokens_of(*rows).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("evidence", [{"tokenID": "5"}, {"uniqueCollectibles": "2"}])
def test_a_type_that_nobody_knows_is_a_collection_where_it_comes_with_ids(evidence: Row) -> None:
    kinds = {
        contract: tokens_of(token(contract, contractType=kind, **evidence)).descriptions[
            Asset(MAINNET, contract)
        ]
        for contract, kind in {USDC: "ERC9999", DAI: "ERC20"}.items()
    }

    assert kinds[USDC].kind == "ERC9999" + WITH_IDS
    assert kinds[USDC].is_collection
    assert kinds[DAI].kind == "ERC20"
    assert not kinds[DAI].is_collection


@pytest.mark.parametrize("none", [{}, {"tokenID": "0"}, {"tokenID": ""}, {"uniqueCollectibles": "0"}])
def test_a_type_that_nobody_knows_is_no_collection_without_ids(none: Row) -> None:
    description = tokens_of(token(contractType="ERC4626", **none)).descriptions[Asset(MAINNET, USDC)]

    assert (description.kind, description.is_collection) == ("ERC4626", False)


def test_ids_in_the_hands_of_one_account_make_a_collection_of_it_for_all() -> None:
    said = tokens_of(
        token(contractType="ERC9999"),
        token(account=BOB, contractType="ERC9999", tokenID="7"),
        question=OF_BOTH,
    )

    assert said.descriptions[Asset(MAINNET, USDC)].is_collection


# ---------------------------------------------------------------- digests


def digest(*pages: bytes, question: Question = ON_BOTH, account: Address = ANN) -> bytes:
    collected = ReplyCollector(question)
    for page in pages:
        collected.add(page)
    return collected.reply().digests[account]


def test_what_is_unknown_has_one_digest_whatever_rows_stand_there() -> None:
    strays = [body([entry(token(balance=amount), token(account=EVE))]) for amount in "56"]
    contradictions = [body([entry(token(balance="1"), token(balance=amount))]) for amount in "56"]
    plain = digest(body([entry(token())]))

    for same in (strays, contradictions):
        one, other = map(digest, same)
        assert one == other != plain


def test_whoever_contradicts_himself_changes_nobody_elses_digest() -> None:
    good = body([entry(token(), token(account=BOB))])
    bad = body([entry(token(), token(balance="6"), token(account=BOB))])

    assert digest(bad, account=BOB) == digest(good, account=BOB)
    assert digest(bad) != digest(good)


def test_an_amount_that_stands_twice_changes_the_digest() -> None:
    good = with_row(json.dumps(token()))

    assert digest(with_row(twice(token(), "balance", "0"))) != digest(good)


def test_what_moves_among_several_ids_changes_the_digest() -> None:
    def page(amount: str) -> bytes:
        kind = "ERC6909"
        rows = token(tokenID="1", contractType=kind), token(tokenID="2", balance=amount, contractType=kind)
        return body([entry(*rows)])

    assert digest(page("7")) != digest(page("8"))
    assert digest(page("7")) == digest(page("7"))


def test_a_digest_says_when_it_does_not_tell_what_reading_found() -> None:
    plain = answers([entry(token(), token(account=BOB))], [entry(native())])
    row = twice(token(), "accountAddress", ANN)
    odd = with_row(f"{row}, {json.dumps(token(account=BOB))}")

    said = answer(OF_BOTH, odd)

    assert digest(odd, question=OF_BOTH) == digest(with_row(json.dumps(token())), question=OF_BOTH)
    assert ANN in said.found_late
    assert not plain.found_late
    assert not answer(OF_ANN, body([entry(token(account=""))])).found_late


# ---------------------------------------------------------------- items


def items(*pages: bytes) -> dict[int, int]:
    collected = ItemCollector(ANN, Asset(MAINNET, USDC), items_max=10)
    for page in pages:
        collected.add(page)
    return dict(collected.items())


def card(number: str = "1", balance: str = "1", **fields: object) -> Row:
    return token(balance=balance, tokenID=number, contractType="ERC1155", **fields)


def test_an_item_with_a_newer_block_on_a_later_page_counts() -> None:
    first = body([entry(card(blockNumber=9))])

    assert items(first, body([entry(card(balance="2", blockNumber=10))])) == {1: 2}
    for block in (9, 8, None):
        with pytest.raises(ReplyIncomplete):
            items(first, body([entry(card(balance="2", blockNumber=block))]))
    with pytest.raises(ReplyIncomplete):
        items(body([entry(card(blockNumber=9), card(balance="2", blockNumber=10))]))


def test_items_of_a_chain_nobody_asked_for_spoil_the_items() -> None:
    with pytest.raises(ReplyMalformed):
        items(body([entry(card()), entry(card("2", chainId=137), chain=137)]))
    assert items(body([entry(card()), entry(chain=137)])) == {1: 1}


@pytest.mark.parametrize("key", ["balance", "tokenID", "accountAddress"])
def test_an_item_with_a_key_twice_spoils_the_items(key: str) -> None:
    with pytest.raises(ReplyMalformed):
        items(with_row(twice(card(), key, card()[key])))
