"""What /balance answers beside balances: questions under way, refusals, and totals."""

from bot.chat.commands.words import bold_label
from bot.chat.text.html import Html, code, fill
from bot.chat.text.untrusted import quoted
from bot.chat.text.wording import short_address
from bot.domain.assets import Address

REFRESHED = "As it is now."
NO_LONGER_WATCHED = "That is no longer watched here."


def shows_everything(label: str) -> Html:
    """Return the answer to a label with more words behind it: a chain, or a token."""
    return fill(
        "/balance shows everything an account holds, on every chain. Is {} the one you mean?",
        bold_label(label),
    )


def one_at_a_time(accounts: int) -> Html:
    """Return the answer to /balance of several addresses that are not watched here."""
    return fill(
        "{} addresses that aren't watched here: I can ask about one at a time. Which one?", f"{accounts:,}"
    )


def asking(account: Address) -> Html:
    """Return what is said while the source is slow to answer a live question."""
    return fill("Asking about {}, which is not watched here…", short_address(account))


def still_asking() -> Html:
    """Return the answer to a second live question while the first is under way."""
    return fill("I am still asking for this chat; one at a time, please.")


def asked_too_often(seconds: int) -> Html:
    """Return the answer to one live question of a chat too many."""
    return fill(
        "Too many questions about addresses not watched here. I'll ask again in {} s. "
        "What is watched here is always shown at once.",
        str(seconds),
    )


def all_ask_too_often(seconds: int) -> Html:
    """Return the answer to one live question of all chats too many."""
    return fill(
        "Too many chats ask about addresses that aren't watched. I'll ask again in {} s. "
        "What is watched here is always shown at once.",
        str(seconds),
    )


def not_watched_not_asked() -> Html:
    """Return the answer to a live question where the configuration allows none."""
    return fill(
        "This address isn't watched here, and this bot only shows what is watched. Watch it with {}.",
        code("/watch ADDRESS"),
    )


def no_live_answer(account: Address, reason: str) -> Html:
    """Return the answer to a live question that the source did not answer."""
    return fill(
        "No answer about {}, so what it holds is unknown. Please try again later.\n{}",
        short_address(account),
        quoted(reason),
    )
