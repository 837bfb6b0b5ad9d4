"""The buttons under what is told: which there are, and that each fits."""

from dataclasses import replace

import pytest

from bot.chat.buttons.alert_buttons import alert_buttons
from bot.chat.buttons.data import TEXT_CHARACTERS_MOST, read_press
from bot.domain.assets import Address
from bot.domain.deliver.delivery import About, Delivery
from tests.builders import POLYGON, TREASURY, USDC, delivery
from tests.chat.reading import HOSTILE_NAMES


def of(symbol: str = "USDC", contract: Address | None = USDC) -> Delivery:
    about = About((TREASURY,), contract, symbol, frozenset({POLYGON}))
    return replace(delivery(number=10**9), about=about)


def shown(one: Delivery) -> list[list[str]]:
    markup = alert_buttons(one)
    return [[button.text for button in row] for row in markup.inline_keyboard] if markup else []


def test_a_message_of_one_token_offers_to_ignore_it() -> None:
    assert shown(of()) == [["Balances", "Mute 1 h"], ["Only above $100", "Ignore USDC"]]


def test_a_message_whose_transfers_are_not_all_told_offers_them() -> None:
    lacking = replace(of(), about=replace(of().about, lacks_transfers=True))

    assert shown(lacking) == [["Balances", "Transfers", "Mute 1 h"], ["Only above $100", "Ignore USDC"]]


def test_a_message_of_several_tokens_offers_to_ignore_none() -> None:
    assert shown(of(contract=None)) == [["Balances", "Mute 1 h"], ["Only above $100"]]


def test_a_first_reading_offers_the_balances_and_a_test() -> None:
    first = replace(delivery(), about=About((TREASURY,), is_first_reading=True))

    assert shown(first) == [["Balances", "Send a test"], ["Only above $100"]]


def test_an_alarm_offers_to_take_care_of_it() -> None:
    ringing = replace(delivery(), about=About((TREASURY,), is_alarm=True))

    assert shown(ringing) == [["I have it", "Balances"]]


def test_a_message_of_other_notices_has_no_buttons() -> None:
    assert shown(delivery()) == []


def test_a_long_name_has_a_row_of_its_own_and_a_missing_one_is_the_address() -> None:
    assert shown(of("WRAPPEDSTETH")) == [
        ["Balances", "Mute 1 h"],
        ["Only above $100"],
        ["Ignore WRAPPEDSTETH"],
    ]
    assert shown(of("")) == [["Balances", "Mute 1 h"], ["Only above $100"], ["Ignore 0x3c49…3359"]]


@pytest.mark.parametrize("symbol", HOSTILE_NAMES)
def test_no_symbol_breaks_out_of_its_button(symbol: str) -> None:
    markup = alert_buttons(of(symbol))
    assert markup is not None
    for row in markup.inline_keyboard:
        for button in row:
            assert 0 < len(button.text) <= TEXT_CHARACTERS_MOST
            assert "\n" not in button.text
            assert isinstance(button.callback_data, str)
            assert len(button.callback_data.encode()) <= 64
            assert read_press(button.callback_data) is not None
