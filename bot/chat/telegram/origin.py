"""Where an update comes from, read before it is taken apart: what can't be read comes from nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass

LARGEST_ID = 2**63 - 1
"""Of what the database can look up."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Telegram's numbers of a chat and of who did something there; None: it says none."""

    chat_id: int | None
    user_id: int | None


def origin_of(raw: Mapping[str, object]) -> Origin:
    """Return where an update comes from."""
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
