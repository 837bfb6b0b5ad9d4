"""People whom an alert calls: by their number where that is known, else by their @name alone."""

from collections.abc import Iterable

from bot.chat.text.html import EMPTY, Html, join
from bot.chat.text.html import mention as called
from bot.domain.rules.loud import Mention

BELL = "🔔"


def show_mentions(mentions: Iterable[Mention]) -> Html:
    """Return the names, without calling anybody who is known by a number."""
    return join(" ", (one.name for one in mentions))


def mention_line(mentions: Iterable[Mention]) -> Html:
    """Return the line of a message that calls these people; nothing for nobody."""
    names = [one.name if one.user_id is None else called(one.name, one.user_id) for one in mentions]
    return join(" ", (BELL, *names)) if names else EMPTY
