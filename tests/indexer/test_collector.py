"""What the pages of one answer say together."""

import copy
import json
from datetime import UTC, datetime

import pytest

from bot.domain.ask.questions import Question
from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId, Description
from bot.indexer.errors import ReplyMalformed
from bot.indexer.replies.collector import ReplyCollector
from tests.indexer.rows import (
    ABSENT,
    ANN,
    ARBITRUM,
    BOB,
    DAI,
    EVE,
    FAILING,
    FOX,
    MAINNET,
    OF_ANN,
    POLYGON,
    POLYGON_USDC,
    SKYWEAVER,
    SUMMARY,
    USDC,
    answer,
    body,
    entry,
    native,
    natives_of,
    token,
    tokens_of,
)

USDC_WITH_A_PRICE = Description(
    "ERC20", "USDC", 6, price_usd="1.00", price_updated_at=datetime(2026, 5, 20, 10, tzinfo=UTC)
)

# ---------------------------------------------------------------- whole answers


def test_a_summary_of_two_chains_is_read_whole() -> None:
    question = Question(accounts=(ANN,), networks=("polygon", "mainnet"), metadata=True)

    said = answer(question, json.dumps(SUMMARY).encode())

    assert said.natives == {
        POLYGON: {ANN: Amount(12_500_000_000_000_000_000)},
        MAINNET: {ANN: Amount(158_495_082_541_645_504)},
    }
    assert said.tokens == {
        POLYGON: {
            ANN: {
                POLYGON_USDC: Amount(50_000_000, None, 71_000_123),
                SKYWEAVER: Amount(1700, 12, 70_880_011),
            }
        },
        MAINNET: {
            ANN: {
                USDC: Amount(221_887_067, None, 22_500_001),
                DAI: Amount(5_021_334_051_688_125_324, None, 19_400_002),
                FOX: Amount(58_899_592_885_266_406_938, None, 18_800_003),
            }
        },
    }
    assert said.descriptions == {
        Asset(POLYGON, NATIVE): Description("NATIVE", "POL", price_usd="0.22"),
        Asset(MAINNET, NATIVE): Description("NATIVE", "ETH", price_usd="2500.00"),
        Asset(POLYGON, POLYGON_USDC): USDC_WITH_A_PRICE,
        Asset(POLYGON, SKYWEAVER): Description("ERC1155", "SKYWVR"),
        Asset(MAINNET, USDC): USDC_WITH_A_PRICE,
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
        POLYGON: {ANN: Amount(12_500_000_000_000_000_000)},
        MAINNET: {ANN: Amount(158_495_082_541_645_504)},
    }
    assert said.tokens == {
        POLYGON: {ANN: {POLYGON_USDC: Amount(50_000_000, None, 71_000_123)}},
        MAINNET: {ANN: {USDC: Amount(221_887_067, None, 22_500_001)}},
    }
    assert said.troubles == (
        "chain 42161: natives: node unavailable",
        "chain 42161: tokens: backend timeout",
    )
    assert said.refused_rows == 0


def test_bad_rows_do_not_change_what_good_rows_say() -> None:
    question = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON))
    bare = answer(question, json.dumps(SUMMARY).encode())
    spoiled = copy.deepcopy(SUMMARY)
    spoiled["balances"][1]["results"].append(token(account=BOB, balance=None))

    said = answer(question, json.dumps(spoiled).encode())

    assert (said.natives, said.tokens, said.descriptions) == (bare.natives, bare.tokens, bare.descriptions)
    assert said.refused_rows == 1
    assert said.doubtful == {(MAINNET, BOB)}


# ---------------------------------------------------------------- natives


def test_a_native_row_with_an_error_is_no_balance_even_if_another_row_had_one() -> None:
    good, bad = native("7"), native("0", errorReason="node unavailable")

    for pages in [([good, bad],), ([bad, good],), ([bad], [good])]:
        said = answer(OF_ANN, *(body(natives=[entry(*rows)]) for rows in pages))
        assert said.natives == {MAINNET: {}}
        assert said.troubles[0] == "chain 1: natives: node unavailable"


def test_an_empty_or_null_error_of_a_native_row_is_none() -> None:
    for reason in ("", None):
        assert natives_of(native(errorReason=reason)).natives == {MAINNET: {ANN: Amount(7)}}


def test_natives_repeated_on_later_pages_count_once() -> None:
    page = body(natives=[entry(native())])
    collected = ReplyCollector(OF_ANN)

    assert collected.add(page).new_rows
    assert not collected.add(page).new_rows
    assert collected.reply().about(OF_ANN.accounts).natives == {MAINNET: {ANN: Amount(7)}}


def test_a_native_row_with_an_error_is_new_once() -> None:
    page = body(natives=[entry(native(errorReason="node unavailable"))])
    collected = ReplyCollector(OF_ANN)

    assert collected.add(page).new_rows
    assert not collected.add(page).new_rows


def test_natives_that_are_repeated_to_the_last_byte_are_passed_over() -> None:
    natives = [entry(native("7"), native("8", account=EVE))]
    collected = ReplyCollector(OF_ANN)
    collected.add(body([entry(token())], natives, page={"more": True}))

    collected.add(body([entry(token(DAI))], natives))

    assert collected.refused_rows == 1
    assert collected.reply().about(OF_ANN.accounts).tokens == {
        MAINNET: {ANN: {USDC: Amount(5), DAI: Amount(5)}}
    }


@pytest.mark.parametrize("again", [native("8"), native("8", account=EVE), None])
def test_natives_that_say_something_else_on_a_later_page_are_read(again: object) -> None:
    first = body(natives=[entry(native("7"))], page={"more": True})

    assert answer(OF_ANN, first, body(natives=[entry(again)])).natives.get(MAINNET, {}) == {}


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

    assert said.natives == {chain: {ANN: Amount(7), BOB: Amount(7)} for chain in (MAINNET, POLYGON)}


@pytest.mark.parametrize("natives", [b"[", b"[],", b"[]x,", b"{},"])
def test_a_page_whose_natives_are_none_is_refused(natives: bytes) -> None:
    first = body(natives=[entry(native())], page={"more": True})
    for start in (b'{"nativeBalances":' + natives, b'{"balances":[],"nativeBalances":' + natives):
        collected = ReplyCollector(OF_ANN)
        collected.add(first)
        with pytest.raises(ReplyMalformed):
            collected.add(start + b'"balances":5}')


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

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}, POLYGON: {ANN: {USDC: Amount(5)}}}


def test_an_error_on_any_page_makes_that_half_of_the_chain_unknown() -> None:
    good = body([entry(token())], [entry(native())])
    bad = body([entry(errorReason="backend\ntimeout")])

    for bodies in [(good, bad), (bad, good)]:
        said = answer(OF_ANN, *bodies)
        assert (said.tokens, said.natives) == ({}, {MAINNET: {ANN: Amount(7)}})
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

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


@pytest.mark.parametrize("chain", ["1", None, 1.0, True, [], ABSENT])
def test_an_entry_of_no_readable_chain_spoils_the_reply(chain: object) -> None:
    broken = {name: value for name, value in entry(chain=chain).items() if value is not ABSENT}

    for reply in (body([broken]), body(natives=[broken]), body([None]), body(["x"])):
        with pytest.raises(ReplyMalformed):
            answer(OF_ANN, reply)


def test_chains_that_were_not_asked_are_ignored() -> None:
    said = answer(OF_ANN, body([entry(token()), entry(None, token(None), chain=137, errorReason="down")]))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}
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


@pytest.mark.parametrize("chain", [ABSENT, "1", None])
def test_a_row_of_no_readable_chain_is_refused(chain: object) -> None:
    assert tokens_of(token(chainId=chain)).doubtful == {(MAINNET, ANN)}
    assert natives_of(native(chainId=chain)).natives == {MAINNET: {}}


def test_what_the_source_says_is_kept_short_and_without_the_key() -> None:
    collected = ReplyCollector(OF_ANN, conceal="secret-key")
    collected.add(body([entry(errorReason="x" * 195 + "secret-key")]))
    collected.add(body(natives=[entry(*(native(errorReason=f"down {number}") for number in range(1000)))]))

    troubles = collected.reply().about(OF_ANN.accounts).troubles

    assert len(troubles) == 50
    assert not any("secret" in trouble for trouble in troubles)
