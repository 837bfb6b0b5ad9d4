"""The buttons under what is told: look, be quiet, and never hear of this token again."""

from telegram import InlineKeyboardMarkup

from bot.chat.buttons.data import Does, button, rows
from bot.chat.buttons.screens import markup
from bot.chat.text.quiet_replies import token_words
from bot.domain.deliver.delivery import Delivery

_BESIDE_THE_OTHERS = 14
"""A longer one has a row of its own: apps cut what is too long for its place."""


def alert_buttons(delivery: Delivery) -> InlineKeyboardMarkup | None:
    """Return the buttons of a message that tells of changes; the row in them is the message itself."""
    about = delivery.about
    if not about.accounts:
        return None
    first = [button("Balances", Does.LOOK, delivery.id), button("Mute 1 h", Does.QUIET, delivery.id)]
    if about.contract is None:
        return markup(rows(first))
    token = token_words(about.contract, about.symbol, is_look_alike=about.is_look_alike)
    ignore = button(f"Ignore {token}", Does.LEAVE_OUT, delivery.id)
    if len(ignore.text) > _BESIDE_THE_OTHERS:
        return markup(rows(first, [ignore]))
    return markup(rows([*first, ignore]))
