"""The chat and the person an update comes from, read off its raw form.

The receiver has to sort updates before the library parses them; one that can't be parsed must not fail it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LARGEST_ID = 2**63 - 1
"""The largest number that SQLite can compare with an id."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Telegram's ids of a chat and of who acted there; None where the update has no such id."""

    chat_id: int | None
    user_id: int | None


def origin_of(raw: Mapping[str, object]) -> Origin:
    """Return where an update comes from; an unreadable one comes from nowhere."""
    for kind in ("message", "callback_query", "my_chat_member"):
        content = _part(raw, kind)
        if content:
            shown = _part(content, "message") if kind == "callback_query" else content
            return Origin(_id(_part(shown, "chat")), _id(_part(content, "from")))
    return Origin(None, None)


def _part(whole: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _id(part: Mapping[str, object]) -> int | None:
    number = part.get("id")
    return number if type(number) is int and abs(number) <= LARGEST_ID else None
