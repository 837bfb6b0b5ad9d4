"""Questions as they go out, pages as they come in, and what they say together."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.model import (
    AMOUNT_MAX,
    NATIVE,
    Address,
    Answer,
    Asset,
    ChainId,
    Description,
    Holding,
    Question,
)
from bot.indexer.collected import Collected
from bot.indexer.errors import IndexerError, ReplyMalformed, Unavailable
from bot.indexer.wire import (
    decode_chains,
    decode_ping,
    encode_chains_question,
    encode_question,
    first_page,
)

ANN = Address("0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9")
BOB = Address("0x" + "b0" * 20)
EVE = Address("0x" + "ee" * 20)
USDC = Address("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
DAI = Address("0x6b175474e89094c44da98b954eedeac495271d0f")
FOX = Address("0xc770eefad204b5180df6a14ee197d99d808ee52d")
POLYGON_USDC = Address("0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
SKYWEAVER = Address("0x631998e91476da5b870d741192fc5cbc55f5a52e")

MAINNET = ChainId(1)
POLYGON = ChainId(137)
ARBITRUM = ChainId(42161)

ABSENT = object()

OF_ANN = Question(accounts=(ANN,), chain_ids=(MAINNET,))
OF_BOTH = Question(accounts=(ANN, BOB), chain_ids=(MAINNET,))

BAD_AMOUNTS: list[object] = [
    "-1", "", None, True, 1.5, 5, " 10 ", "01", "00", "1e18", "1_0", "+1", "0x10", "٣", "²",
    "\N{FULLWIDTH DIGIT ONE}", str(2**256), "9" * 78, "9" * 5000, [], {},
]  # fmt: skip


def token(
    contract: object = USDC, balance: object = "5", account: object = ANN, **fields: object
) -> dict[str, Any]:
    row = {
        "contractType": "ERC20",
        "contractAddress": contract,
        "accountAddress": account,
        "balance": balance,
        "chainId": 1,
        **fields,
    }
    return {name: value for name, value in row.items() if value is not ABSENT}


def native(balance: object = "7", account: object = ANN, **fields: object) -> dict[str, Any]:
    row = {
        "accountAddress": account,
        "chainId": 1,
        "name": "Ether",
        "symbol": "ETH",
        "balance": balance,
        **fields,
    }
    return {name: value for name, value in row.items() if value is not ABSENT}


def entry(*rows: object, chain: object = 1, **fields: object) -> dict[str, Any]:
    return {"chainId": chain, "results": list(rows), **fields}


def body(tokens: object = (), natives: object = (), page: object = ABSENT) -> bytes:
    reply = {"page": page, "nativeBalances": natives, "balances": tokens}
    return json.dumps({name: value for name, value in reply.items() if value is not ABSENT}).encode()


def answer(question: Question, *bodies: bytes) -> Answer:
    collected = Collected(question)
    for each in bodies:
        collected.add(each)
    return collected.answer()


def tokens_of(*rows: object, question: Question = OF_ANN) -> Answer:
    return answer(question, body([entry(*rows)]))


def natives_of(*rows: object, question: Question = OF_ANN) -> Answer:
    return answer(question, body(natives=[entry(*rows)]))


# ---------------------------------------------------------------- questions


def test_a_plain_question_asks_one_status_of_some_chains() -> None:
    assert json.loads(encode_question(OF_BOTH, b'{"pageSize": 1000}')) == {
        "chainIds": [1],
        "filter": {
            "accountAddresses": [ANN, BOB],
            "contractStatus": "VERIFIED",
            "omitNativeBalances": False,
            "omitPrices": False,
        },
        "omitMetadata": True,
        "page": {"pageSize": 1000},
    }


def test_a_narrow_question_names_its_contracts() -> None:
    question = Question(
        accounts=(ANN,),
        networks=("mainnet",),
        contract_status="ALL",
        contracts=(USDC,),
        contracts_left_out=(DAI,),
        natives=False,
        prices=False,
        metadata=True,
    )

    assert json.loads(encode_question(question, first_page(40))) == {
        "networks": ["mainnet"],
        "filter": {
            "accountAddresses": [ANN],
            "contractStatus": "ALL",
            "contractWhitelist": [USDC],
            "contractBlacklist": [DAI],
            "omitNativeBalances": True,
            "omitPrices": True,
        },
        "omitMetadata": False,
        "page": {"pageSize": 40},
    }


def test_a_page_is_sent_back_byte_for_byte() -> None:
    page = b'{ "after":{"1":"MQ==",  "137":1e2}, "more":true,"n":1.50 }'

    assert encode_question(OF_ANN, page).endswith(b'"page":' + page + b"}")


@pytest.mark.parametrize(
    "question",
    [
        Question(accounts=(), chain_ids=(MAINNET,)),
        Question(accounts=(ANN,)),
        Question(accounts=(ANN,), chain_ids=(MAINNET,), networks=("mainnet",)),
        Question(accounts=(ANN,), chain_ids=(MAINNET,), contract_status="verified"),
        Question(accounts=(ANN,), chain_ids=(MAINNET,), contract_status=""),
    ],
)
def test_a_question_of_undocumented_meaning_is_refused_here(question: Question) -> None:
    with pytest.raises(ValueError, match=r"a question needs|no contract status"):
        encode_question(question, b"{}")


# ---------------------------------------------------------------- whole answers


def test_a_summary_of_two_chains_is_read_whole() -> None:
    question = Question(accounts=(ANN,), networks=("polygon", "mainnet"), metadata=True)

    said = answer(question, json.dumps(SUMMARY).encode())

    assert said.natives == {
        POLYGON: {ANN: Holding(12_500_000_000_000_000_000)},
        MAINNET: {ANN: Holding(158_495_082_541_645_504)},
    }
    assert said.tokens == {
        POLYGON: {
            ANN: {
                POLYGON_USDC: Holding(50_000_000, None, 71_000_123),
                SKYWEAVER: Holding(1700, 12, 70_880_011),
            }
        },
        MAINNET: {
            ANN: {
                USDC: Holding(221_887_067, None, 22_500_001),
                DAI: Holding(5_021_334_051_688_125_324, None, 19_400_002),
                FOX: Holding(58_899_592_885_266_406_938, None, 18_800_003),
            }
        },
    }
    assert said.descriptions == {
        Asset(POLYGON, NATIVE): Description("NATIVE", "POL", price_usd="0.22"),
        Asset(MAINNET, NATIVE): Description("NATIVE", "ETH", price_usd="2500.00"),
        Asset(POLYGON, POLYGON_USDC): Description("ERC20", "USDC", 6, price_usd="1.00"),
        Asset(POLYGON, SKYWEAVER): Description("ERC1155", "SKYWVR"),
        Asset(MAINNET, USDC): Description("ERC20", "USDC", 6, price_usd="1.00"),
        Asset(MAINNET, DAI): Description("ERC20", "DAI", 18),
        Asset(MAINNET, FOX): Description("ERC20", "FOX", 18),
    }
    assert (said.doubtful, said.refused_rows, said.troubles) == (frozenset(), 0, ())


def test_a_failing_chain_is_unknown_and_the_others_stand() -> None:
    question = Question(
        accounts=(ANN,),
        chain_ids=(ARBITRUM, POLYGON, MAINNET),
        contracts=(USDC, POLYGON_USDC, Address("0xaf88d065e77c8cc2239327c5edb3a432268e5831")),
    )

    said = answer(question, json.dumps(FAILING).encode())

    assert said.natives == {
        ARBITRUM: {},
        POLYGON: {ANN: Holding(12_500_000_000_000_000_000)},
        MAINNET: {ANN: Holding(158_495_082_541_645_504)},
    }
    assert said.tokens == {
        POLYGON: {ANN: {POLYGON_USDC: Holding(50_000_000, None, 71_000_123)}},
        MAINNET: {ANN: {USDC: Holding(221_887_067, None, 22_500_001)}},
    }
    assert said.troubles == (
        "chain 42161: natives: node unavailable",
        "chain 42161: tokens: backend timeout",
    )
    assert said.refused_rows == 0


def test_bad_rows_do_not_change_what_good_rows_say() -> None:
    bare = answer(OF_ANN, json.dumps(SUMMARY).encode())
    spoiled = copy.deepcopy(SUMMARY)
    spoiled["balances"][1]["results"].append(token(account=EVE, balance=None))

    said = answer(OF_ANN, json.dumps(spoiled).encode())

    assert (said.natives, said.tokens, said.descriptions) == (bare.natives, bare.tokens, bare.descriptions)
    assert (said.refused_rows, said.doubtful) == (1, frozenset())


# ---------------------------------------------------------------- amounts


@given(st.integers(0, AMOUNT_MAX))
def test_every_amount_comes_through_to_the_last_unit(amount: int) -> None:
    assert tokens_of(token(balance=str(amount))).tokens == {MAINNET: {ANN: {USDC: Holding(amount)}}}
    assert natives_of(native(str(amount))).natives == {MAINNET: {ANN: Holding(amount)}}


@pytest.mark.parametrize("amount", [0, 1, 10, AMOUNT_MAX - 1, AMOUNT_MAX])
def test_amounts_at_the_edges_are_taken(amount: int) -> None:
    assert tokens_of(token(balance=str(amount))).refused_rows == 0


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_token_amount_spelled_otherwise_makes_the_account_doubtful(amount: object) -> None:
    said = tokens_of(token(balance=amount), token(DAI, account=BOB), question=OF_BOTH)

    assert said.tokens == {MAINNET: {BOB: {DAI: Holding(5)}}}
    assert said.doubtful == {(MAINNET, ANN)}
    assert said.refused_rows == 1


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_native_amount_spelled_otherwise_leaves_the_account_out(amount: object) -> None:
    said = natives_of(native(amount), native(account=BOB), question=OF_BOTH)

    assert (said.natives, said.refused_rows) == ({MAINNET: {BOB: Holding(7)}}, 1)
    assert said.doubtful == frozenset()


@pytest.mark.parametrize("literal", ["1e18", "1e400", "9" * 5000, "-0", "18446744073709551616"])
def test_an_amount_that_is_a_json_number_is_refused(literal: str) -> None:
    said = answer(OF_ANN, body([entry(token(balance="AMOUNT"))]).replace(b'"AMOUNT"', literal.encode()))

    assert said.doubtful == {(MAINNET, ANN)}


def test_a_missing_amount_is_refused() -> None:
    assert tokens_of(token(balance=ABSENT)).doubtful == {(MAINNET, ANN)}


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda text: "0x" + text[2:].upper()])
def test_addresses_in_any_casing_are_the_same(spell: Callable[[str], str]) -> None:
    said = tokens_of(token(spell(USDC), account=spell(ANN)), question=OF_BOTH)

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}


@pytest.mark.parametrize(
    "contract",
    [
        "",
        "0x",
        USDC[:-1],
        USDC + "0",
        USDC[2:],
        USDC[:-1] + "g",
        USDC[:-2] + "  ",
        USDC[:-1] + "٣",
        5,
        None,
        ABSENT,
    ],
)
def test_a_contract_that_is_no_address_makes_the_account_doubtful(contract: object) -> None:
    said = tokens_of(token(contract), token(DAI), question=OF_BOTH)

    assert said.tokens == {MAINNET: {}}
    assert said.doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("account", ["nobody", "0x12", 5, None, ANN + " "])
def test_a_row_of_no_readable_account_makes_its_whole_chain_unknown(account: object) -> None:
    tokens = tokens_of(token(account=account), token(DAI), question=OF_BOTH)
    natives = natives_of(native(account=account), native(account=BOB), question=OF_BOTH)

    assert (tokens.tokens, tokens.doubtful, tokens.refused_rows) == ({}, frozenset(), 1)
    assert (natives.natives, natives.refused_rows) == ({}, 1)


@pytest.mark.parametrize("row", [None, 5, "row", [], True])
def test_a_row_that_is_no_object_makes_its_whole_chain_unknown(row: object) -> None:
    assert tokens_of(token(), row).tokens == {}
    assert natives_of(native(), row).natives == {}


@pytest.mark.parametrize("account", ["", ABSENT])
def test_a_row_without_an_account_belongs_to_the_only_one_asked(account: object) -> None:
    assert tokens_of(token(account=account)).tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}
    assert natives_of(native(account=account)).natives == {MAINNET: {ANN: Holding(7)}}
    assert tokens_of(token(account=account, balance=None)).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("account", ["", ABSENT])
def test_a_row_without_an_account_belongs_to_nobody_among_several(account: object) -> None:
    assert tokens_of(token(account=account), question=OF_BOTH).tokens == {}


def test_rows_of_accounts_that_were_not_asked_are_counted_and_ignored() -> None:
    said = tokens_of(token(), token(account=EVE), token(account=EVE, balance="-1"))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}
    assert (said.refused_rows, said.doubtful) == (2, frozenset())
    assert natives_of(native(), native(account=EVE)).natives == {MAINNET: {ANN: Holding(7)}}


# ---------------------------------------------------------------- blocks, items, ids


def test_the_newest_block_of_each_chain_is_told() -> None:
    question = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON))
    mainnet = entry(token(blockNumber=7), token(DAI, blockNumber=9), token(FOX, blockNumber=8))
    older = entry(token(account=BOB, blockNumber=5))

    said = answer(question, body([mainnet, entry(token(chainId=137), chain=137)]), body([older]))

    assert said.highest_blocks == {MAINNET: 9}


def test_a_block_of_a_refused_row_is_no_newest_one() -> None:
    refused = token(balance="-1", blockNumber=9), token(account=EVE, blockNumber=9)

    assert tokens_of(token(blockNumber=7), *refused).highest_blocks == {MAINNET: 7}


@pytest.mark.parametrize(
    ("block", "read"), [(ABSENT, None), (None, None), (0, None), (1, 1), (2**63 - 1, 2**63 - 1)]
)
def test_a_block_is_optional_and_zero_is_none(block: object, read: int | None) -> None:
    said = tokens_of(token(blockNumber=block))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5, None, read)}}}


@pytest.mark.parametrize("block", [-1, 2**63, 2**64, 1.5, "7", True, []])
def test_a_block_that_is_none_refuses_the_row(block: object) -> None:
    assert tokens_of(token(blockNumber=block)).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("kind", ["ERC721", "ERC1155", "ERC6909", "ERC721_BRIDGE", "ERC1155_BRIDGE"])
def test_a_collection_counts_its_distinct_items(kind: str) -> None:
    said = tokens_of(token(contractType=kind, uniqueCollectibles="12"))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5, 12)}}}


@pytest.mark.parametrize("uniques", [ABSENT, None])
def test_a_collection_may_not_count_its_items(uniques: object) -> None:
    said = tokens_of(token(contractType="ERC721", uniqueCollectibles=uniques))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}


@pytest.mark.parametrize("uniques", ["", "-1", "01", 12, True, {}])
def test_a_collection_that_counts_wrongly_is_refused(uniques: object) -> None:
    assert tokens_of(token(contractType="ERC721", uniqueCollectibles=uniques)).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("uniques", ["12", "-1", 12, {}])
def test_what_is_no_collection_has_no_items_to_count(uniques: object) -> None:
    assert tokens_of(token(uniqueCollectibles=uniques)).tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}


def test_an_unknown_contract_type_is_kept_as_it_is() -> None:
    said = tokens_of(token(contractType="ERC9999"), token(DAI, contractType=ABSENT))

    assert said.descriptions[Asset(MAINNET, USDC)].kind == "ERC9999"
    assert said.descriptions[Asset(MAINNET, DAI)].kind == "UNKNOWN"


@pytest.mark.parametrize("same", [("0", ABSENT), (ABSENT, ""), (None, "0"), ("17", "17")])
def test_a_row_that_comes_again_replaces_the_first(same: tuple[object, object]) -> None:
    first, again = same
    said = answer(
        OF_ANN,
        body([entry(token(balance="5", tokenID=first))]),
        body([entry(token(balance="6", tokenID=again))]),
    )

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(6)}}}
    assert said.doubtful == frozenset()


@pytest.mark.parametrize("different", [("1", "2"), (ABSENT, "2"), ("1", ABSENT), ("1", "0")])
def test_two_token_ids_of_one_contract_make_the_account_doubtful(different: tuple[object, object]) -> None:
    first, second = (token(contractType="ERC1155", tokenID=token_id) for token_id in different)

    for bodies in [(body([entry(first, second)]),), (body([entry(first)]), body([entry(second)]))]:
        said = answer(OF_ANN, *bodies)
        assert said.tokens == {MAINNET: {}}
        assert said.doubtful == {(MAINNET, ANN)}


def test_two_contracts_with_ids_of_their_own_are_certain() -> None:
    said = tokens_of(token(tokenID="1"), token(DAI, tokenID="2"))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5), DAI: Holding(5)}}}


# ---------------------------------------------------------------- natives


def test_a_native_row_with_an_error_is_no_balance_even_if_another_row_had_one() -> None:
    good, bad = native("7"), native("0", errorReason="node unavailable")

    for pages in [([good, bad],), ([bad, good],), ([bad], [good])]:
        said = answer(OF_ANN, *(body(natives=[entry(*rows)]) for rows in pages))
        assert said.natives == {MAINNET: {}}
        assert said.troubles[0] == "chain 1: natives: node unavailable"


def test_an_empty_or_null_error_of_a_native_row_is_none() -> None:
    for reason in ("", None):
        assert natives_of(native(errorReason=reason)).natives == {MAINNET: {ANN: Holding(7)}}


def test_natives_repeated_on_later_pages_count_once() -> None:
    page = body(natives=[entry(native())])
    collected = Collected(OF_ANN)

    assert collected.add(page).new_rows
    assert not collected.add(page).new_rows
    assert collected.answer().natives == {MAINNET: {ANN: Holding(7)}}


def test_a_native_row_with_an_error_is_new_once() -> None:
    page = body(natives=[entry(native(errorReason="node unavailable"))])
    collected = Collected(OF_ANN)

    assert collected.add(page).new_rows
    assert not collected.add(page).new_rows


def test_natives_are_passed_over_once_all_of_them_came() -> None:
    said = answer(OF_ANN, body(natives=[entry(native("7"))]), body(natives=[entry(native("8"), None)]))

    assert said.natives == {MAINNET: {ANN: Holding(7)}}
    assert (said.refused_rows, said.troubles) == (0, ("chain 1: no tokens",))


@pytest.mark.parametrize(
    "first",
    [
        body(),
        body(natives=[entry(native(account=BOB), chain=1)]),
        body(natives=[entry(native(account=ANN), native(account=BOB))]),
    ],
)
def test_natives_are_read_on_later_pages_while_any_is_missing(first: bytes) -> None:
    question = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON))
    polygon = entry(native(chainId=137), native(account=BOB, chainId=137), chain=137)
    mainnet = entry(native(), native(account=BOB))

    said = answer(question, first, body(natives=[mainnet, polygon]))

    assert said.natives == {chain: {ANN: Holding(7), BOB: Holding(7)} for chain in (MAINNET, POLYGON)}


def test_natives_that_cannot_be_known_any_more_are_not_waited_for() -> None:
    question = Question(accounts=(ANN,), chain_ids=(MAINNET, POLYGON))
    first = body(natives=[entry(native(None)), entry(chain=137, errorReason="down")])

    said = answer(question, first, body(natives=[None]))

    assert said.natives == {MAINNET: {}}


def test_a_page_whose_natives_are_passed_over_is_refused_for_all_else() -> None:
    for rest in (
        b'"nativeBalances":[',
        b'"nativeBalances":[],"balances":5}',
        b'"nativeBalances":[],"page":5}',
    ):
        collected = Collected(OF_ANN)
        collected.add(body(natives=[entry(native())]))
        with pytest.raises(ReplyMalformed):
            collected.add(b"{" + rest)


def test_natives_asked_for_by_network_names_are_read_on_every_page() -> None:
    question = Question(accounts=(ANN,), networks=("mainnet",))

    said = answer(question, body(natives=[entry(native())]), body(natives=[entry(native("8"))]))

    assert said.natives == {MAINNET: {ANN: Holding(8)}}


def test_natives_that_were_not_asked_are_ignored() -> None:
    question = Question(accounts=(ANN,), chain_ids=(MAINNET,), natives=False)

    said = answer(question, body([entry(token())], [entry(native(None))]))

    assert (said.natives, said.refused_rows, said.troubles) == ({}, 0, ())


# ---------------------------------------------------------------- chains


def test_an_empty_entry_means_nothing_held_and_a_missing_one_means_unknown() -> None:
    question = Question(accounts=(ANN,), chain_ids=(MAINNET, POLYGON))

    empty: tuple[object, object] = ([], None)
    for results in empty:
        said = answer(
            question, body([{"chainId": 1, "results": results}], [{"chainId": 137, "results": results}])
        )
        assert said.tokens == {MAINNET: {}}
        assert said.natives == {POLYGON: {}}
        assert said.troubles == ("chain 1: no natives", "chain 137: no tokens")
    assert answer(OF_ANN, body([{"chainId": 1}])).tokens == {MAINNET: {}}


@pytest.mark.parametrize("reply", [b"{}", b'{"balances":null,"nativeBalances":null,"page":null}'])
def test_a_reply_without_entries_says_nothing(reply: bytes) -> None:
    said = answer(OF_ANN, reply)

    assert said.tokens == {}
    assert said.natives == {}


def test_an_entry_that_is_missing_on_some_pages_only_is_fine() -> None:
    question = Question(accounts=(ANN,), chain_ids=(MAINNET, POLYGON))
    polygon = entry(token(chainId=137), chain=137)

    said = answer(question, body([entry(token())]), body([polygon]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}, POLYGON: {ANN: {USDC: Holding(5)}}}


def test_an_error_on_any_page_makes_that_half_of_the_chain_unknown() -> None:
    good = body([entry(token())], [entry(native())])
    bad = body([entry(errorReason="backend\ntimeout")])

    for bodies in [(good, bad), (bad, good)]:
        said = answer(OF_ANN, *bodies)
        assert (said.tokens, said.natives) == ({}, {MAINNET: {ANN: Holding(7)}})
        assert said.troubles == ("chain 1: tokens: backend timeout",)


def test_an_empty_error_is_none() -> None:
    for reason in ("", None):
        assert answer(OF_ANN, body([entry(token(), errorReason=reason)])).tokens[MAINNET]


@pytest.mark.parametrize(
    "broken", [{"results": {}}, {"results": "x"}, {"errorReason": 5}, {"errorReason": {}}]
)
def test_a_malformed_entry_makes_its_chain_unknown(broken: dict[str, object]) -> None:
    question = Question(accounts=(ANN,), chain_ids=(MAINNET, POLYGON))

    said = answer(question, body([entry(token()), {**entry(chain=137), **broken}]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}


@pytest.mark.parametrize("chain", ["1", None, 1.0, True, [], ABSENT])
def test_an_entry_of_no_readable_chain_spoils_the_reply(chain: object) -> None:
    broken = {name: value for name, value in entry(chain=chain).items() if value is not ABSENT}

    for reply in (body([broken]), body(natives=[broken]), body([None]), body(["x"])):
        with pytest.raises(ReplyMalformed):
            answer(OF_ANN, reply)


def test_chains_that_were_not_asked_are_ignored() -> None:
    said = answer(OF_ANN, body([entry(token()), entry(None, token(None), chain=137, errorReason="down")]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}
    assert (said.refused_rows, said.troubles) == (0, ("chain 1: no natives",))


def test_every_chain_is_taken_where_networks_were_asked() -> None:
    question = Question(accounts=(ANN,), networks=("mainnet",))

    assert answer(question, body([entry(chain=137)])).tokens == {POLYGON: {}}


@pytest.mark.parametrize("chain", [0, -1, 2**63, 2**64])
def test_a_chain_id_out_of_range_is_refused(chain: int) -> None:
    question = Question(accounts=(ANN,), networks=("mainnet",))

    said = answer(question, body([entry(token(chainId=chain), chain=chain), entry(chain=2**63 - 1)]))

    assert said.tokens == {ChainId(2**63 - 1): {}}
    assert said.refused_rows == 1


@pytest.mark.parametrize("chain", [137, ABSENT, "1", None, 2**64])
def test_a_row_of_another_chain_than_its_entry_is_refused(chain: object) -> None:
    assert tokens_of(token(chainId=chain)).doubtful == {(MAINNET, ANN)}
    assert natives_of(native(chainId=chain)).natives == {MAINNET: {}}


def test_what_the_source_says_is_kept_short_and_without_the_key() -> None:
    collected = Collected(OF_ANN, conceal="secret-key")
    collected.add(body([entry(errorReason="x" * 195 + "secret-key")]))
    collected.add(body(natives=[entry(*(native(errorReason=f"down {number}") for number in range(1000)))]))

    troubles = collected.answer().troubles

    assert len(troubles) == 50
    assert not any("secret" in trouble for trouble in troubles)


# ---------------------------------------------------------------- descriptions


def test_metadata_beats_a_bare_row_whichever_comes_first() -> None:
    bare, rich = token(), token(contractInfo={"symbol": "USDC", "decimals": 6})

    for rows in [(bare, rich), (rich, bare)]:
        said = answer(OF_ANN, *(body([entry(row)]) for row in rows))
        assert said.descriptions == {Asset(MAINNET, USDC): Description("ERC20", "USDC", 6)}


def test_among_equals_the_first_description_stands() -> None:
    bare, junk = token(priceUSD="1"), token(priceUSD="2", contractInfo={"symbol": ""})
    rich, other = token(contractInfo={"symbol": "USDC"}), token(contractInfo={"symbol": "FAKE"})

    assert tokens_of(bare, junk).descriptions == {Asset(MAINNET, USDC): Description("ERC20", price_usd="1")}
    assert tokens_of(bare, rich, other, bare).descriptions == {
        Asset(MAINNET, USDC): Description("ERC20", "USDC")
    }


@pytest.mark.parametrize(
    ("info", "described"),
    [
        ({"symbol": "", "decimals": 0}, Description("ERC20", None, 0)),
        ({"symbol": "X", "decimals": 255}, Description("ERC20", "X", 255)),
        ({"symbol": "X", "decimals": 256}, Description("ERC20", "X")),
        ({"symbol": "X", "decimals": -1}, Description("ERC20", "X")),
        ({"symbol": "X", "decimals": True}, Description("ERC20", "X")),
        ({"symbol": 5, "decimals": "6"}, Description("ERC20")),
        ({"extensions": {"indexingInfo": {"useOnChainBalance": True}}}, Description("ERC20", rebasing=True)),
        ({"extensions": {"indexingInfo": {"useOnChainBalance": 1}}}, Description("ERC20")),
        ({"extensions": {"indexingInfo": None}}, Description("ERC20")),
        ({"extensions": None}, Description("ERC20")),
        (None, Description("ERC20")),
        ("info", Description("ERC20")),
        ([], Description("ERC20")),
        ({"symbol": "\ud800"}, Description("ERC20", "\ufffd")),
        ({"symbol": "\\ud800 \U0001f600"}, Description("ERC20", "\\ud800 \U0001f600")),
    ],
)
def test_metadata_is_read_where_it_is_sound_and_never_spoils_a_row(
    info: object, described: Description
) -> None:
    said = tokens_of(token(contractInfo=info))

    assert said.descriptions == {Asset(MAINNET, USDC): described}
    assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}


@pytest.mark.parametrize("price", ["1", "0.22", "2500.00", "0"])
def test_a_plain_price_is_kept_as_spelled(price: str) -> None:
    assert tokens_of(token(priceUSD=price)).descriptions[Asset(MAINNET, USDC)].price_usd == price
    assert natives_of(native(priceUSD=price)).descriptions[Asset(MAINNET, NATIVE)].price_usd == price


@pytest.mark.parametrize(
    "price", ["", "-1", "1e5", "NaN", ".5", "5.", "1,5", "1.2.3", "٣", "9" * 200, 1.5, None, {}]
)
def test_any_other_price_is_none_and_the_row_stands(price: object) -> None:
    said = tokens_of(token(priceUSD=price))

    assert said.descriptions == {Asset(MAINNET, USDC): Description("ERC20")}
    assert said.refused_rows == 0


@pytest.mark.parametrize(("symbol", "read"), [("POL", "POL"), ("", None), (5, None), (ABSENT, None)])
def test_a_native_coin_is_called_what_its_row_calls_it(symbol: object, read: str | None) -> None:
    said = natives_of(native(symbol=symbol))

    assert said.descriptions == {Asset(MAINNET, NATIVE): Description("NATIVE", read)}
    assert said.natives == {MAINNET: {ANN: Holding(7)}}


# ---------------------------------------------------------------- pages


def test_a_page_mark_holds_the_page_as_it_came() -> None:
    page = b'{ "page":1,"more" :true, "after":{"137":"c2lt"} }'

    mark = Collected(OF_ANN).add(b'{"page":' + page + b',"balances":[]}')

    assert (mark.page, mark.more, mark.new_rows) == (page, True, False)


@pytest.mark.parametrize("page", [ABSENT, None, {}, {"more": False}, {"more": None}, {"page": 3}])
def test_without_more_a_page_is_the_last(page: object) -> None:
    assert not Collected(OF_ANN).add(body(page=page)).more


@pytest.mark.parametrize("page", ["x", 5, [], {"more": 1}, {"more": "true"}])
def test_a_malformed_page_object_spoils_the_reply(page: object) -> None:
    with pytest.raises(ReplyMalformed):
        Collected(OF_ANN).add(body(page=page))


@pytest.mark.parametrize(
    "row", [token(), token(account=EVE), token(balance=None), token(balance="-1"), token(tokenID="5"), None]
)
def test_a_row_is_new_once(row: object) -> None:
    collected = Collected(OF_BOTH)

    assert collected.add(body([entry(row)])).new_rows
    assert not collected.add(body([entry(row)])).new_rows


def test_a_second_token_id_is_new_once() -> None:
    collected = Collected(OF_ANN)
    collected.add(body([entry(token(tokenID="1"))]))

    assert collected.add(body([entry(token(tokenID="2"))])).new_rows
    assert not collected.add(body([entry(token(tokenID="2"))])).new_rows


def test_a_malformed_page_leaves_nothing_behind() -> None:
    collected = Collected(OF_ANN)
    with pytest.raises(ReplyMalformed):
        collected.add(body([entry(token())], [None]))
    with pytest.raises(ReplyMalformed):
        collected.add(body([entry(token())], page=5))

    assert collected.answer().tokens == {}
    assert collected.add(body([entry(token())])).new_rows


# ---------------------------------------------------------------- any bytes


NOT_PAGES = [
    b"", b" ", b"null", b"[]", b"5", b'"x"', b"<html></html>", b"\xff\xfe", b"\xef\xbb\xbf{}", b"{} {}",
    b"NaN", b'{"balances":{}}', b'{"balances":[{"chainId":1,"results":[', b'{"balances":' + b"[" * 200_000,
    b'{"page":' * 100_000 + b"}" * 100_000, b'{"page":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("junk", NOT_PAGES)
def test_what_is_no_page_is_malformed(junk: bytes) -> None:
    for read in (Collected(OF_ANN).add, decode_chains, decode_ping):
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
        assert said.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_raise_only_our_own_errors(junk: bytes) -> None:
    for read in (Collected(OF_ANN).add, decode_chains, decode_ping):
        with suppress(IndexerError):
            read(junk)


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
@settings(max_examples=300)
def test_a_mutated_reply_raises_our_own_error_or_says_nothing_false_of_other_chains(
    data: st.DataObject,
) -> None:
    reply = copy.deepcopy(SUMMARY)
    mainnet = answer(OF_ANN, json.dumps(SUMMARY).encode())
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
@settings(max_examples=300)
def test_a_reply_with_damaged_bytes_raises_only_our_own_errors(data: st.DataObject) -> None:
    damaged = bytearray(json.dumps(SUMMARY).encode())
    start = data.draw(st.integers(0, len(damaged)))
    damaged[start : start + data.draw(st.integers(0, 50))] = data.draw(st.binary(max_size=8))

    with suppress(ReplyMalformed):
        answer(OF_ANN, bytes(damaged))


# ---------------------------------------------------------------- companions


def test_chains_are_read_with_their_names() -> None:
    assert json.loads(encode_chains_question("MAINNETS")) == {"networkType": "MAINNETS"}
    assert decode_chains(
        b'{"chains":[{"chainId":1,"chainName":"mainnet","new":1},{"chainId":137,"chainName":"polygon"}]}'
    ) == ((MAINNET, "mainnet"), (POLYGON, "polygon"))
    assert decode_chains(b'{"chains":null}') == ()


@pytest.mark.parametrize(
    "chain", [b'{"chainId":"1","chainName":"x"}', b'{"chainId":0,"chainName":"x"}', b'{"chainId":1}', b"null",
              b'{"chainId":9223372036854775808,"chainName":"x"}', b'{"chainId":1,"chainName":null}']
)  # fmt: skip
def test_one_malformed_chain_spoils_the_list(chain: bytes) -> None:
    with pytest.raises(ReplyMalformed):
        decode_chains(b'{"chains":[{"chainId":137,"chainName":"polygon"},' + chain + b"]}")


def test_a_ping_is_answered_with_true() -> None:
    decode_ping(b'{"status":true}')
    with pytest.raises(Unavailable):
        decode_ping(b'{"status":false}')
    with pytest.raises(ReplyMalformed):
        decode_ping(b'{"status":"true"}')


# ---------------------------------------------------------------- bodies of the gateway, as documented


def info(chain: int, address: str, symbol: str, **fields: object) -> dict[str, Any]:
    return {
        "chainId": chain,
        "address": address,
        "source": "",
        "name": symbol,
        "type": "ERC20",
        "symbol": symbol,
        "deployed": True,
        "bytecodeHash": "0x",
        "extensions": {
            "verified": True,
            "verifiedBy": "token-directory",
            "featured": True,
            "featureIndex": 2,
        },
        "updatedAt": "2026-05-01T08:09:10.123456789Z",
        "queuedAt": None,
        "status": "AVAILABLE",
        **fields,
    }


def listed(chain: int, address: str, balance: str, block: int, **fields: object) -> dict[str, Any]:
    return token(
        address,
        balance,
        tokenID="0",
        blockHash="0x5f1c2a7b",
        blockNumber=block,
        chainId=chain,
        **fields,
    )


PRICED = {"balanceUSD": "50.00", "priceUSD": "1.00", "priceUpdatedAt": "2026-05-20T10:00:00Z"}

SUMMARY: dict[str, Any] = {
    "page": {"page": 0, "pageSize": 40, "more": False},
    "nativeBalances": [
        entry(
            native(
                "12500000000000000000",
                chainId=137,
                name="POL",
                symbol="POL",
                balanceUSD="2.75",
                priceUSD="0.22",
            ),
            chain=137,
        ),
        entry(native("158495082541645504", balanceUSD="396.24", priceUSD="2500.00")),
    ],
    "balances": [
        entry(
            listed(
                137,
                POLYGON_USDC,
                "50000000",
                71_000_123,
                **PRICED,
                contractInfo=info(137, POLYGON_USDC, "USDC", decimals=6),
            ),
            listed(
                137,
                SKYWEAVER,
                "1700",
                70_880_011,
                contractType="ERC1155",
                uniqueCollectibles="12",
                isSummary=True,
                contractInfo=info(
                    137,
                    SKYWEAVER,
                    "SKYWVR",
                    extensions={
                        "originChainId": 137,
                        "originAddress": "0x631998e91476DA5B870D741192fc5Cbc55F5a52E",
                    },
                ),
            ),
            chain=137,
        ),
        entry(
            listed(
                1, USDC, "221887067", 22_500_001, **PRICED, contractInfo=info(1, USDC, "USDC", decimals=6)
            ),
            listed(1, DAI, "5021334051688125324", 19_400_002, contractInfo=info(1, DAI, "DAI", decimals=18)),
            listed(1, FOX, "58899592885266406938", 18_800_003, contractInfo=info(1, FOX, "FOX", decimals=18)),
        ),
    ],
}

FAILING: dict[str, Any] = {
    "page": {"page": 0, "pageSize": 40, "more": False},
    "nativeBalances": [
        entry(native("0", chainId=42161, errorReason="node unavailable"), chain=42161),
        entry(native("12500000000000000000", chainId=137, name="POL", symbol="POL"), chain=137),
        entry(native("158495082541645504")),
    ],
    "balances": [
        {"chainId": 42161, "errorReason": "backend timeout", "results": None},
        entry(
            listed(
                137,
                POLYGON_USDC,
                "50000000",
                71_000_123,
                contractInfo=info(137, POLYGON_USDC, "USDC", decimals=6, extensions=None),
            ),
            chain=137,
        ),
        entry(listed(1, USDC, "221887067", 22_500_001)),
    ],
}
