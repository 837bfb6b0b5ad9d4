"""Files of changes: what is read back is what was written, and no text of others is run as a formula."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.addresses import checksummed
from bot.domain.assets import AMOUNT_MAX, Address, ChainId
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.transfers import NOBODY, TransactionHash
from bot.domain.history.export_files import COLUMNS, ExportFile, ExportFormat, ExportRow, guarded
from bot.domain.observations import ItemMove
from bot.domain.observe.descriptions import Decimals
from tests.builders import NOON, TREASURY, USDC, VAULT, transaction

TEXT_COLUMNS = ("account", "label", "chain", "contract", "symbol", "kind", "message_id", "reported")

HOSTILE = (
    '=HYPERLINK("http://evil.example";"Balance")',
    "+1 555 000",
    "-5",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "'=1+1",
    "a;=1+1",
    'a;"=1+1"',
    "two\nlines",
    "two\r\n=lines",
    "nul\x00byte",
    "\u202eesrever",
    'said "so", twice',
    "Treasury",
    "",
)

texts = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text(alphabet="=+-@\t\r\n'\";,a", max_size=6))
units = st.one_of(st.just(Decimals(None, None)), st.builds(Decimals, st.integers(0, 80), st.integers(0, 80)))
raw = st.integers(0, AMOUNT_MAX)
moments = st.integers(0, 4 * 10**12).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
legs = st.builds(
    Leg,
    counterparty=st.sampled_from((TREASURY, VAULT, NOBODY)),
    amount_raw=st.integers(-AMOUNT_MAX, AMOUNT_MAX),
    token_id=st.none() | raw,
    transaction=st.integers(0, 2**256 - 1).map(transaction),
    log_index=st.none() | st.integers(0, 9_999),
    block=st.integers(0, 2**63),
    at=st.none() | moments,
)
explanations = st.none() | st.builds(
    Explanation,
    outcome=st.sampled_from((ExplanationOutcome.EXPLAINED, ExplanationOutcome.PARTLY)),
    legs=st.lists(legs, min_size=1, max_size=3).map(tuple),
    is_approximate=st.booleans(),
)
rows = st.builds(
    ExportRow,
    at=moments,
    account=st.just(TREASURY),
    label=texts,
    chain=texts,
    chain_id=st.integers(1, 2**63).map(ChainId),
    contract=st.sampled_from(("", USDC)),
    symbol=texts,
    kind=st.sampled_from(("moved", "listed")),
    before_raw=raw,
    after_raw=raw,
    decimals=units,
    price_usd=st.one_of(st.none(), st.sampled_from(("1", "0.000000000000000001", "1834.221"))),
    block=st.one_of(st.none(), st.integers(0, 2**63)),
    message_id=st.sampled_from(("", "7KQ2F")),
    reported=st.sampled_from(("sent", "held back by /only", "")),
    items=st.lists(st.builds(ItemMove, raw, raw, raw), max_size=3).map(tuple),
    explanation=explanations,
)


ROW = ExportRow(
    at=NOON,
    account=TREASURY,
    label="Treasury",
    chain="Polygon",
    chain_id=ChainId(137),
    contract=USDC,
    symbol="USDC",
    kind="moved",
    before_raw=3_400_000_000,
    after_raw=2_150_000_001,
    decimals=Decimals(6, 6),
    price_usd="0.9998",
    block=71_000_987,
    message_id="7KQ2F",
    reported="sent",
)


def written(written_as: ExportFormat, *slices: Sequence[ExportRow]) -> bytes:
    file = ExportFile(written_as)
    for one in slices:
        file.add(one)
    return file.content()


def read_csv(content: bytes) -> list[dict[str, str]]:
    """Read a file as any program does, and take the guard of its texts off."""
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    return [
        {name: unguarded(cell) if name in TEXT_COLUMNS else cell for name, cell in one.items()}
        for one in read
    ]


def unguarded(text: str) -> str:
    return re.sub(r"(\A|[;\t\r\n]\"*)'", r"\1", text)


def expected(one: ExportRow) -> Mapping[str, object]:
    """Return what a row says, with amounts as fractions; None: it is left open."""

    def whole(amount: int, decimals: int | None) -> Fraction | None:
        return None if decimals is None else Fraction(amount, 10**decimals)

    before, after = whole(one.before_raw, one.decimals.before), whole(one.after_raw, one.decimals.after)
    return {
        "account": one.account,
        "label": one.label,
        "chain": one.chain,
        "chain_id": one.chain_id,
        "contract": one.contract,
        "symbol": one.symbol,
        "kind": one.kind,
        "before": before,
        "after": after,
        "change": None if before is None or after is None else after - before,
        "before_raw": one.before_raw,
        "after_raw": one.after_raw,
        "decimals": one.decimals.after,
        "price_usd": one.price_usd and Fraction(one.price_usd),
        "block": one.block,
        "message_id": one.message_id,
        "reported": one.reported,
    }


def understood(read: Mapping[str, str | None]) -> Mapping[str, object]:
    """Return the same of a row that was read, each number from its digits."""
    others = ("time_utc", "transfers", "items", "explained")
    return {
        name: cell if name in TEXT_COLUMNS else Fraction(cell) if cell else None
        for name, cell in read.items()
        if name not in others
    }


# ---------------------------------------------------------------- laws


@given(st.lists(rows, max_size=5), st.lists(rows, max_size=5))
def test_csv_reads_back_as_what_was_written(first: list[ExportRow], second: list[ExportRow]) -> None:
    read = read_csv(written(ExportFormat.CSV, first, second))

    assert [understood(one) for one in read] == [expected(one) for one in (*first, *second)]
    assert [datetime.fromisoformat(one["time_utc"] + "+00:00") for one in read] == [
        one.at for one in (*first, *second)
    ]
    assert [one["items"] for one in read] == [
        " ".join(f"{item.token_id}:{item.before_raw}>{item.after_raw}" for item in one.items)
        for one in (*first, *second)
    ]
    assert [tuple(map(leg_in_text, one["transfers"].split())) for one in read] == [
        legs_of(one) for one in (*first, *second)
    ]


def legs_of(one: ExportRow) -> tuple[Leg, ...]:
    return one.explanation.legs if one.explanation else ()


def leg_in_text(word: str) -> Leg:
    """Read a transfer from a cell of CSV: `counterparty:amount:transaction:log:block:id:time`."""
    names = ("counterparty", "amount_raw", "transaction", "log_index", "block", "token_id", "time_utc")
    return leg_in({name: part or None for name, part in zip(names, word.split(":", 6), strict=True)})


def leg_in(read: Mapping[str, str | None]) -> Leg:
    """Read a transfer from its texts."""
    counterparty = read["counterparty"] or ""
    address = Address(counterparty.lower())
    assert counterparty == checksummed(address)

    def number(name: str) -> int | None:
        text = read[name]
        return None if text is None else int(text)

    at = read["time_utc"]
    return Leg(
        counterparty=address,
        amount_raw=number("amount_raw") or 0,
        token_id=number("token_id"),
        transaction=TransactionHash(read["transaction"] or ""),
        log_index=number("log_index"),
        block=number("block") or 0,
        at=None if at is None else datetime.fromisoformat(at),
    )


@given(st.lists(rows, max_size=5), st.lists(rows, max_size=5))
def test_json_reads_back_as_what_was_written(first: list[ExportRow], second: list[ExportRow]) -> None:
    read = json.loads(written(ExportFormat.JSON, first, second), parse_int=refused, parse_float=refused)

    assert [understood(one) for one in read] == [expected(one) for one in (*first, *second)]
    assert [datetime.fromisoformat(one["time_utc"]) for one in read] == [one.at for one in (*first, *second)]
    assert [
        tuple(ItemMove(int(item["id"]), int(item["before"]), int(item["after"])) for item in one["items"])
        for one in read
    ] == [one.items for one in (*first, *second)]
    assert [tuple(map(leg_in, one["transfers"] or ())) for one in read] == [
        legs_of(one) for one in (*first, *second)
    ]


def refused(number: str) -> None:
    raise AssertionError(f"{number} is no string: a program may read it as a float")


@given(texts)
def test_no_text_begins_a_cell_that_is_run_wherever_a_program_splits_it(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    for part in re.split(r"[;\t\r\n]", guarded(text))[1:]:
        assert not part.lstrip('"').startswith(("=", "+", "-", "@"))


@given(rows)
def test_no_number_is_guarded(one: ExportRow) -> None:
    (read,) = read_csv(written(ExportFormat.CSV, [one]))

    assert not any("'" in cell for name, cell in read.items() if name not in TEXT_COLUMNS)


# ---------------------------------------------------------------- examples


def test_a_row_of_csv() -> None:
    head, line, nothing = written(ExportFormat.CSV, [ROW]).decode("utf-8-sig").split("\r\n")

    assert head == ",".join(COLUMNS)
    assert line == (
        f"2026-03-01 12:00:00.000,{TREASURY},Treasury,Polygon,137,{USDC},USDC,moved,"
        "3400,2150.000001,-1249.999999,3400000000,2150000001,6,0.9998,71000987,7KQ2F,,sent,,"
    )
    assert not nothing


def test_a_row_of_json() -> None:
    (read,) = json.loads(written(ExportFormat.JSON, [replace(ROW, items=(ItemMove(17, 0, 1),))]))

    assert list(read) == list(COLUMNS)
    assert read["time_utc"] == "2026-03-01T12:00:00.000Z"
    assert (read["change"], read["after_raw"], read["chain_id"]) == ("-1249.999999", "2150000001", "137")
    assert read["transfers"] is None
    assert read["items"] == [{"id": "17", "before": "0", "after": "1"}]


PAID = Leg(VAULT, -5, None, transaction(1), 12, 71_000_451, NOON)


def told(explanation: Explanation | None) -> tuple[str, str, object, object]:
    """Return what a file says of the transfers behind a change: as CSV, and as JSON."""
    one = replace(ROW, explanation=explanation)
    (cells,) = read_csv(written(ExportFormat.CSV, [one]))
    (members,) = json.loads(written(ExportFormat.JSON, [one]))
    return cells["transfers"], cells["explained"], members["transfers"], members["explained"]


def test_a_file_names_the_transfers_behind_a_change() -> None:
    explained = Explanation(outcome=ExplanationOutcome.EXPLAINED, legs=(PAID,))
    text, outcome, listed, same = told(explained)

    assert text == f"{checksummed(VAULT)}:-5:{transaction(1)}:12:71000451::2026-03-01T12:00:00.000Z"
    assert outcome == same == "explained"
    assert listed == [
        {
            "counterparty": checksummed(VAULT),
            "amount_raw": "-5",
            "transaction": transaction(1),
            "log_index": "12",
            "block": "71000451",
            "token_id": None,
            "time_utc": "2026-03-01T12:00:00.000Z",
        }
    ]
    assert told(replace(explained, is_approximate=True))[1] == "explained by time"


def test_a_file_tells_what_has_no_transfers_from_what_nobody_knows() -> None:
    none_listed = Explanation(outcome=ExplanationOutcome.NONE_LISTED, is_approximate=True)
    too_old = Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=WhyUnknown.TOO_OLD)

    assert told(none_listed) == ("", "none", [], "none")
    assert told(too_old) == ("", "unknown: too old", None, "unknown: too old")
    assert told(None) == ("", "", None, None)


def test_without_decimals_there_are_smallest_units_alone() -> None:
    (read,) = read_csv(written(ExportFormat.CSV, [replace(ROW, decimals=Decimals(None, None))]))

    assert (read["before"], read["after"], read["change"], read["decimals"]) == ("", "", "", "")
    assert (read["before_raw"], read["after_raw"]) == ("3400000000", "2150000001")


def test_amounts_in_two_units_are_each_read_by_their_own() -> None:
    one = replace(ROW, before_raw=5_000_000, after_raw=5_000_000_000_000_000_001, decimals=Decimals(6, 18))
    (read,) = read_csv(written(ExportFormat.CSV, [one]))

    assert (read["before"], read["after"], read["change"]) == (
        "5",
        "5.000000000000000001",
        "0.000000000000000001",
    )


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@me", "'@me"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("a;=1", "a;'=1"),
        ('a;"=1"', 'a;"\'=1"'),
        ("a=1", "a=1"),
        ("2-1", "2-1"),
        (" =1", " =1"),
        ("Treasury", "Treasury"),
    ],
)
def test_what_would_be_run_gets_an_apostrophe_and_nothing_else_does(text: str, cell: str) -> None:
    assert guarded(text) == cell


@pytest.mark.parametrize("written_as", ExportFormat)
def test_a_file_knows_its_size_while_it_grows(written_as: ExportFormat) -> None:
    file = ExportFile(written_as)

    for times in range(1, 4):
        file.add([ROW, replace(ROW, label="=1+1")])

        assert file.rows == 2 * times
        assert 0 <= len(file.content()) - file.size <= 4


def test_a_file_without_rows_is_a_file_all_the_same() -> None:
    assert read_csv(written(ExportFormat.CSV)) == []
    assert json.loads(written(ExportFormat.JSON)) == []
