"""How it is told that something was not told: too old, refused by Telegram, or not understood."""

from collections.abc import Sequence
from datetime import date

from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import foreign, quoted
from bot.chat.text.wording import clock, counted
from bot.domain.deliver.alerts import Dropped, Undelivered, UnreadableNotice

_SINGLY = 5


def dropped(notices: Sequence[Dropped], today: date) -> Html:
    """Return how many changes waited too long, and from when they were."""
    changes = sum(notice.changes for notice in notices)
    first, last = min(one.first_at for one in notices), max(one.last_at for one in notices)
    return fill(
        "⚠️ {} could not be told in time and {} dropped, seen {} to {} UTC.\n{} shows what is held now.",
        counted(changes, "change"),
        "was" if changes == 1 else "were",
        clock(first, today, pattern="%H:%M"),
        clock(last, today, pattern="%H:%M"),
        code("/balance"),
    )


def undelivered(notices: Sequence[Undelivered]) -> Html:
    """Return which messages Telegram does not take; many are counted."""
    lines = [_undelivered(notice) for notice in notices[:_SINGLY]]
    more = len(notices) - len(lines)
    return join("\n", (*lines, *([f"… and {counted(more, 'more message')}."] if more else ())))


def _undelivered(notice: Undelivered) -> Html:
    where = "" if notice.chat_id is None else _chat(notice.chat_id, notice.title)
    return fill(
        "⚠️ Message {}{}, with {}, could not be delivered: {}",
        notice.message_id,
        where,
        counted(notice.changes, "change"),
        quoted(notice.reason),
    )


def _chat(chat_id: int, title: str) -> Html:
    named, number = bold(foreign(title)), code(str(chat_id))
    return fill(" to {} ({})", named, number) if named else fill(" to chat {}", number)


def unreadable(notices: Sequence[UnreadableNotice]) -> Html:
    """Return that something is kept which can't be read, and what it calls itself."""
    kinds = list(dict.fromkeys(notice.kind for notice in notices if notice.kind))[:_SINGLY]
    return fill(
        "⚠️ {}{} for this chat can't be read by this version of me.\n"
        "{} in my database; {} shows how things stand.",
        counted(len(notices), "notice"),
        fill(" ({})", join(", ", map(quoted, kinds))) if kinds else EMPTY,
        "It is" if len(notices) == 1 else "They are",
        code("/status"),
    )
