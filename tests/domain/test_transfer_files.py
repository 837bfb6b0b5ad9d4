"""A file of transfers: a row for each side, exact, and no text of others is run as a formula."""

import csv
from dataclasses import replace
from io import StringIO

from bot.domain.assets import AMOUNT_MAX
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg
from bot.domain.explain.names import CounterpartyNames
from bot.domain.history.transfer_files import COLUMNS, transfers_file
from tests.builders import NOON, VAULT, change, change_alert, coin, transaction

PAID = Leg(VAULT, -5, None, transaction(1), 12, 71_000_451, NOON)
GOT = Leg(VAULT, AMOUNT_MAX, 7, transaction(2), None, 71_000_452, None)


def rows_of(*legs: Leg, decimals: int | None = 6, name: str = "Payroll") -> list[dict[str, str]]:
    found = Explanation(outcome=ExplanationOutcome.EXPLAINED, legs=legs)
    names = CounterpartyNames(names={VAULT: name})
    alert = replace(change_alert(label="=Treasury"), explanation=found, counterparties=names)
    text = transfers_file([(alert, "USDC", decimals), (change_alert(change(of=coin())), "POL", 18)])
    return list(csv.DictReader(StringIO(text.decode("utf-8-sig"), newline=""), strict=True))


def test_each_side_of_a_transfer_is_a_row() -> None:
    paid, got = rows_of(PAID, GOT)

    assert tuple(paid) == COLUMNS
    assert (paid["amount"], paid["amount_raw"], paid["name"]) == ("-0.000005", "-5", "Payroll")
    assert (paid["time_utc"], paid["log_index"], paid["block"]) == (
        "2026-03-01 12:00:00.000",
        "12",
        "71000451",
    )
    assert (got["amount_raw"], got["token_id"], got["time_utc"], got["log_index"]) == (
        str(AMOUNT_MAX),
        "7",
        "",
        "",
    )


def test_without_decimals_amounts_are_in_smallest_units_alone() -> None:
    (paid,) = rows_of(PAID, decimals=None)

    assert (paid["amount"], paid["amount_raw"]) == ("", "-5")


def test_no_name_is_run_as_a_formula() -> None:
    (paid,) = rows_of(PAID, name="=1+1")

    assert (paid["name"], paid["label"]) == ("'=1+1", "'=Treasury")
