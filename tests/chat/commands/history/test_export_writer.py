"""What a row of a file says of a change."""

from dataclasses import replace

import pytest

from bot.chat.commands.history.export_writer import export_row
from bot.domain.assets import NATIVE, Asset
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.deliver.delivery import AlertState
from bot.domain.history.changes import PastChange
from bot.domain.history.export_files import ExportRow
from bot.domain.observe.descriptions import Decimals
from tests.chat.reading import CHAINS, POLYGON
from tests.chat.text.alert_builders import alert


def row(
    told: ChangeAlert,
    state: AlertState | None = AlertState.SENT,
    reason: str = "",
    message: str | None = None,
) -> ExportRow:
    past = PastChange(id=1, change=told.change, told=told, state=state, reason=reason, message=message)
    return export_row(past, CHAINS)


@pytest.mark.parametrize(
    ("state", "reason", "word"),
    [
        (AlertState.SENT, "", "sent"),
        (AlertState.SENT, "quiet", "sent"),
        (AlertState.WAITING, "", "waiting"),
        (AlertState.BOUND, "", "waiting"),
        (AlertState.MUTED, "quiet", "quiet"),
        (AlertState.MUTED, "", "mute"),
        (AlertState.WITHDRAWN, "", "withdrawn"),
        (AlertState.EXPIRED, "", "expired"),
        (AlertState.DEAD, "", "refused"),
        (None, "filter", "filter"),
        (None, "ignored", "ignored"),
        (None, "", ""),
    ],
)
def test_one_word_says_what_became_of_a_change(state: AlertState | None, reason: str, word: str) -> None:
    assert row(alert(), state, reason).reported == word


def test_only_a_message_that_arrived_is_named() -> None:
    assert row(alert(), AlertState.SENT, message="7KQ2F").message_id == "7KQ2F"
    assert row(alert(), AlertState.BOUND, message="7KQ2F").message_id == ""
    assert row(alert(), None, "filter").message_id == ""


def test_a_change_is_exported_by_itself_and_not_as_the_sum_that_was_told() -> None:
    by_itself = alert(before=7, after=9).change
    told = replace(alert(before=1, after=9), steps=3)
    past = PastChange(id=1, change=by_itself, told=told, state=AlertState.SENT)

    assert (export_row(past, CHAINS).before_raw, export_row(past, CHAINS).after_raw) == (7, 9)


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [("USDC", "USDC"), ("\u202eCDSU", "CDSU"), ("US\nDC", "US DC"), ("\x00\x1b[31m", "[31m"), (None, "")],
)
def test_a_symbol_is_cleaned_as_it_is_in_messages(symbol: str | None, shown: str) -> None:
    assert row(alert(symbol=symbol)).symbol == shown


def test_a_coin_has_no_contract_and_the_symbol_of_its_chain() -> None:
    coin = row(alert(asset=Asset(POLYGON, NATIVE), symbol=None, decimals=None, kind="NATIVE"))

    assert (coin.contract, coin.symbol, coin.decimals) == ("", "POL", Decimals(18, 18))


def test_addresses_have_their_checksum() -> None:
    written = row(alert())

    assert written.account.lower() == alert().change.account
    assert written.account != written.account.lower()
    assert written.contract.lower() == alert().change.asset.contract


@pytest.mark.parametrize(("price", "written"), [("1.5e-9", "0.0000000015"), ("=1+1", None), (None, None)])
def test_a_price_that_is_no_number_is_left_out(price: str | None, written: str | None) -> None:
    assert row(alert(price=price)).price_usd == written


def test_decimals_are_those_of_the_moment_and_unknown_ones_stay_unknown() -> None:
    assert row(alert(decimals=18, then=6)).decimals == Decimals(6, 6)
    assert row(alert(decimals=None)).decimals == Decimals(None, None)
    assert row(alert(before=5 * 10**6, after=5 * 10**18, decimals=18, former=6)).decimals == Decimals(6, 18)
