"""The buttons under an alert: balances, transfers, mute, filter, ignore the token, send a test.

Each carries the delivery's id; the command's own file handles the press.
"""

from telegram import InlineKeyboardMarkup

from bot.chat.buttons.data import ButtonAction, button, rows
from bot.chat.buttons.screens import markup
from bot.chat.text.wording import token_words
from bot.domain.deliver.delivery import Delivery

LOOK = ButtonAction("look")
"""Shows what the accounts hold that the message is about."""
MUTE = ButtonAction("quiet")
"""Mutes for an hour where the message was sent."""
IGNORE = ButtonAction("leave")
"""Ignores the token that the message is about."""
ONLY_ABOVE = ButtonAction("above")
"""Reports of the accounts only what is worth $100 and more, where the message was sent."""
TRANSFERS = ButtonAction("transfers")
"""Says what the transfers behind the changes of the message are, and asks the source where nobody knows."""
HAVE_IT = ButtonAction("have")
"""Says that somebody takes care of what the message says that it rings."""
SEND_TEST = ButtonAction("sample")
"""Sends a sample alert where the message was sent."""

_BESIDE_THE_OTHERS = 14
"""A longer one has a row of its own: apps cut what is too long for its place."""


def alert_buttons(delivery: Delivery) -> InlineKeyboardMarkup | None:
    """Return the buttons of a message about changes, first readings or alarms; None: it is about none."""
    about = delivery.about
    if not about.accounts:
        return None
    balances = button("Balances", LOOK, delivery.id)
    if about.is_alarm:
        return markup(rows([button("I have it", HAVE_IT, delivery.id), balances]))
    if about.is_first_reading:
        second = [button("Only above $100", ONLY_ABOVE, delivery.id)]
        return markup(rows([balances, button("Send a test", SEND_TEST, delivery.id)], second))
    transfers = [button("Transfers", TRANSFERS, delivery.id)] if about.lacks_transfers else []
    first = [balances, *transfers, button("Mute 1 h", MUTE, delivery.id)]
    second = [button("Only above $100", ONLY_ABOVE, delivery.id)]
    if about.contract is None:
        return markup(rows(first, second))
    token = token_words(about.contract, about.symbol, is_look_alike=about.is_look_alike)
    ignore = button(f"Ignore {token}", IGNORE, delivery.id)
    if len(ignore.text) > _BESIDE_THE_OTHERS:
        return markup(rows(first, second, [ignore]))
    return markup(rows(first, [*second, ignore]))
