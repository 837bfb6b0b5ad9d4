"""What rings, and whom an alert calls: by their number where that is known, else by their @name alone."""

from collections.abc import Iterable

from bot.chat.text.conditions import show_condition
from bot.chat.text.html import EMPTY, Html, fill, join
from bot.chat.text.html import mention as called
from bot.domain.chains import Chains
from bot.domain.rules.conditions import EVERYTHING
from bot.domain.rules.loud import LoudRule, Mention

BELL = "🔔"


def loud_words(rule: LoudRule, chains: Chains) -> Html:
    """Return which changes ring and whom they mention: `outgoing changes ring and mention @olga`."""
    is_all = rule.condition == EVERYTHING
    ring, mention = ("rings", "mentions") if is_all else ("ring", "mention")
    whom = fill(" and {} {}", mention, _names(rule)) if rule.mentions else EMPTY
    return fill("{} {}{}", _what(rule, chains), ring, whom)


def loud_behind_name(rule: LoudRule, chains: Chains) -> Html:
    """Return the same, short enough to stand behind a name: `🔔 outgoing changes @olga`."""
    return join(" ", filter(None, (BELL, _what(rule, chains), _names(rule))))


def _what(rule: LoudRule, chains: Chains) -> Html:
    if rule.condition == EVERYTHING:
        return EMPTY + "every change"
    return show_condition(rule.condition, chains)


def _names(rule: LoudRule) -> Html:
    """Return the names, without calling anybody who is known by a number."""
    return join(" ", (one.name for one in rule.mentions))


def mention_line(mentions: Iterable[Mention]) -> Html:
    """Return the line of a message that calls these people; nothing for nobody."""
    names = [one.name if one.user_id is None else called(one.name, one.user_id) for one in mentions]
    return join(" ", (BELL, *names)) if names else EMPTY
