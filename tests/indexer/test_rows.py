"""What rows must look like, and what they then say."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.questions import Question
from bot.domain.assets import AMOUNT_MAX, NATIVE, Amount, Asset, Description
from tests.indexer.rows import (
    ABSENT,
    ANN,
    BOB,
    DAI,
    EVE,
    FOX,
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

BAD_AMOUNTS: list[object] = [
    "-1", "", None, True, 1.5, 5, " 10 ", "01", "00", "1e18", "1_0", "+1", "0x10", "٣", "²",
    "\N{FULLWIDTH DIGIT ONE}", str(2**256), "9" * 78, "9" * 5000, [], {},
]  # fmt: skip


# ---------------------------------------------------------------- amounts


@given(st.integers(0, AMOUNT_MAX))
def test_every_amount_comes_through_to_the_last_unit(amount: int) -> None:
    assert tokens_of(token(balance=str(amount))).tokens == {MAINNET: {ANN: {USDC: Amount(amount)}}}
    assert natives_of(native(str(amount))).natives == {MAINNET: {ANN: Amount(amount)}}


@pytest.mark.parametrize("amount", [0, 1, 10, AMOUNT_MAX - 1, AMOUNT_MAX])
def test_amounts_at_the_edges_are_taken(amount: int) -> None:
    assert tokens_of(token(balance=str(amount))).refused_rows == 0


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_token_amount_spelled_otherwise_makes_the_account_doubtful(amount: object) -> None:
    said = tokens_of(token(balance=amount), token(DAI, account=BOB), question=OF_BOTH)

    assert said.tokens == {MAINNET: {BOB: {DAI: Amount(5)}}}
    assert said.doubtful == {(MAINNET, ANN)}
    assert said.refused_rows == 1


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_native_amount_spelled_otherwise_leaves_the_account_out(amount: object) -> None:
    said = natives_of(native(amount), native(account=BOB), question=OF_BOTH)

    assert (said.natives, said.refused_rows) == ({MAINNET: {BOB: Amount(7)}}, 1)
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

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


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
    assert tokens_of(token(account=account)).tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}
    assert natives_of(native(account=account)).natives == {MAINNET: {ANN: Amount(7)}}
    assert tokens_of(token(account=account, balance=None)).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("account", ["", ABSENT])
def test_a_row_without_an_account_belongs_to_nobody_among_several(account: object) -> None:
    assert tokens_of(token(account=account), question=OF_BOTH).tokens == {}


# ---------------------------------------------------------------- blocks, items, ids


def test_the_newest_block_of_each_chain_is_told() -> None:
    question = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON))
    mainnet = entry(token(blockNumber=7), token(DAI, blockNumber=9), token(FOX, blockNumber=8))
    older = entry(token(account=BOB, blockNumber=5))

    said = answer(question, body([mainnet, entry(token(chainId=137), chain=137)]), body([older]))

    assert said.highest_blocks == {MAINNET: 9}


def test_a_block_of_a_refused_row_is_no_newest_one() -> None:
    refused = token(account=BOB, balance="-1", blockNumber=9)
    contradicting = token(account=BOB, balance="6", blockNumber=9), token(account=BOB, blockNumber=9)

    assert tokens_of(token(blockNumber=7), refused, question=OF_BOTH).highest_blocks == {MAINNET: 7}
    assert tokens_of(token(blockNumber=7), *contradicting, question=OF_BOTH).highest_blocks == {MAINNET: 7}
    assert tokens_of(token(blockNumber=7), token(account=EVE, blockNumber=9)).highest_blocks == {}


@pytest.mark.parametrize(("block", "read"), [(ABSENT, None), (None, None), (0, None), (1, 1), (2**40, 2**40)])
def test_a_block_is_optional_and_zero_is_none(block: object, read: int | None) -> None:
    said = tokens_of(token(blockNumber=block))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5, None, read)}}}


@pytest.mark.parametrize("block", [-1, 2**40 + 1, 2**53 + 1, 2**63, 2**64, 1.5, "7", True, []])
def test_a_block_that_is_none_refuses_the_row(block: object) -> None:
    assert tokens_of(token(blockNumber=block)).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("kind", ["ERC721", "ERC1155", "ERC6909", "ERC721_BRIDGE", "ERC1155_BRIDGE"])
def test_a_collection_counts_its_distinct_items(kind: str) -> None:
    said = tokens_of(token(contractType=kind, uniqueCollectibles="12"))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5, 12)}}}


@pytest.mark.parametrize("uniques", [ABSENT, None])
def test_a_collection_may_not_count_its_items(uniques: object) -> None:
    said = tokens_of(token(contractType="ERC721", uniqueCollectibles=uniques))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


@pytest.mark.parametrize("uniques", ["", "-1", "01", 12, True, {}])
def test_a_collection_that_counts_wrongly_is_refused(uniques: object) -> None:
    assert tokens_of(token(contractType="ERC721", uniqueCollectibles=uniques)).doubtful == {(MAINNET, ANN)}


@pytest.mark.parametrize("uniques", ["12", "-1", 12, {}])
def test_what_is_no_collection_has_no_items_to_count(uniques: object) -> None:
    assert tokens_of(token(uniqueCollectibles=uniques)).tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


def test_an_unknown_contract_type_is_kept_as_it_is() -> None:
    said = tokens_of(token(contractType="ERC9999"), token(DAI, contractType=ABSENT))

    assert said.descriptions[Asset(MAINNET, USDC)].kind == "ERC9999"
    assert said.descriptions[Asset(MAINNET, DAI)].kind == "UNKNOWN"


@pytest.mark.parametrize("same", [("0", ABSENT), (ABSENT, ""), (None, "0"), ("17", "17"), ("0", "5")])
def test_what_has_one_balance_has_it_whatever_token_ids_stand_beside_it(same: tuple[object, object]) -> None:
    first, again = (token(tokenID=token_id, blockNumber=9) for token_id in same)

    assert tokens_of(first, again).tokens == {MAINNET: {ANN: {USDC: Amount(5, None, 9)}}}
    assert tokens_of(first, {**again, "balance": "6"}).doubtful == {(MAINNET, ANN)}


def test_two_contracts_with_ids_of_their_own_are_certain() -> None:
    said = tokens_of(token(tokenID="1"), token(DAI, tokenID="2"))

    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5), DAI: Amount(5)}}}


# ---------------------------------------------------------------- descriptions


def test_metadata_beats_a_bare_row_whichever_comes_first() -> None:
    bare, rich = token(), token(contractInfo={"symbol": "USDC", "decimals": 6})

    for rows in [(bare, rich), (rich, bare)]:
        said = answer(OF_ANN, *(body([entry(row)]) for row in rows))
        assert said.descriptions == {Asset(MAINNET, USDC): Description("ERC20", "USDC", 6)}


def test_among_equals_the_first_description_stands() -> None:
    bare, junk = token(priceUSD="1"), token(account=BOB, priceUSD="2", contractInfo={"symbol": ""})
    rich, other = token(contractInfo={"symbol": "USDC"}), token(account=BOB, contractInfo={"symbol": "FAKE"})

    for rows, description in [
        ((bare, junk), Description("ERC20", price_usd="1")),
        ((bare, rich, other, bare), Description("ERC20", "USDC")),
    ]:
        said = tokens_of(*rows, question=OF_BOTH)
        assert said.descriptions == {Asset(MAINNET, USDC): description}


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
    assert said.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


@pytest.mark.parametrize("price", ["1", "0.22", "2500.00", "0.000000001"])
def test_a_plain_price_is_kept_as_spelled(price: str) -> None:
    assert tokens_of(token(priceUSD=price)).descriptions[Asset(MAINNET, USDC)].price_usd == price
    assert natives_of(native(priceUSD=price)).descriptions[Asset(MAINNET, NATIVE)].price_usd == price


@pytest.mark.parametrize(
    "price", ["", "-1", "1e5", "NaN", ".5", "5.", "1,5", "1.2.3", "٣", "9" * 200, 1.5, None, {}, "0", "0.00"]
)
def test_any_other_price_is_none_and_the_row_stands(price: object) -> None:
    said = tokens_of(token(priceUSD=price))

    assert said.descriptions == {Asset(MAINNET, USDC): Description("ERC20")}
    assert said.refused_rows == 0


@pytest.mark.parametrize(
    ("spelled", "read"),
    [
        ("2026-05-20T10:00:00Z", datetime(2026, 5, 20, 10, tzinfo=UTC)),
        ("2026-05-20T12:00:00.123456789+02:00", datetime(2026, 5, 20, 10, 0, 0, 123457, tzinfo=UTC)),
        ("2026-05-20T10:00:00", None),
        ("2026-05-20", None),
        ("0001-01-01T00:00:00Z", None),
        ("lately", None),
        ("", None),
        (1_779_271_200, None),
        (None, None),
        (ABSENT, None),
    ],
)
def test_a_price_says_of_when_it_is_where_that_can_be_read(spelled: object, read: datetime | None) -> None:
    priced = {"priceUSD": "2", "priceUpdatedAt": spelled}

    assert tokens_of(token(**priced)).descriptions[Asset(MAINNET, USDC)].price_updated_at == read
    assert natives_of(native(**priced)).descriptions[Asset(MAINNET, NATIVE)].price_updated_at == read


PADDED = [("POL\0\0", "POL"), ("\0", None)]
"""As old contracts fill up 32 bytes; no database server takes such a text."""


@pytest.mark.parametrize(("symbol", "read"), PADDED)
def test_a_symbol_ends_before_the_zeros_that_pad_it(symbol: str, read: str | None) -> None:
    said = tokens_of(token(contractInfo={"symbol": symbol, "decimals": 6}))

    assert said.descriptions[Asset(MAINNET, USDC)].symbol == read


@pytest.mark.parametrize(("symbol", "read"), [("POL", "POL"), ("", None), (5, None), (ABSENT, None), *PADDED])
def test_a_native_coin_is_called_what_its_row_calls_it(symbol: object, read: str | None) -> None:
    said = natives_of(native(symbol=symbol))

    assert said.descriptions == {Asset(MAINNET, NATIVE): Description("NATIVE", read)}
    assert said.natives == {MAINNET: {ANN: Amount(7)}}
