"""Writes a watchlist as lines that can be typed again, each setting exactly."""

from bot.chat.commands.arguments.alarms import write_alarm
from bot.chat.commands.arguments.conditions import write_condition
from bot.chat.commands.arguments.loud_rules import write_loud_rule
from bot.chat.commands.watch.grammar import write_scope, write_spec
from bot.chat.commands.watch.name import command_for
from bot.domain.addresses import checksummed
from bot.domain.chains import Chains
from bot.domain.chat.watchlist import Watchlist
from bot.domain.subscriptions import Scope

_ABOUT = """\
# A watchlist of Balance Bot. Send it to a chat with the caption /import, or reply /import to it there.
# A line is what follows /watch. What begins with a slash is a command as it is typed: rules of the whole
# chat, tokens that are ignored, names of others, alarms. What begins with "#" is not read.
# Not in it: mutes, quiet hours, the time zone, digests and the budget.
"""
_NAMELESS = """\
# People without an @name are not in it: a loud rule that mentions one rings all the same.
"""


def write_watchlist(watchlist: Watchlist, chains: Chains) -> str:
    """Return a watchlist as text, always the same for what is the same."""
    rules = [watchlist.loud, *(spec.loud for spec in watchlist.specs)]
    has_nameless = any(
        not one.name.startswith("@") for rule in rules if rule is not None for one in rule.mentions
    )
    lines = []
    if watchlist.filter is not None:
        lines.append(f"/only all {write_condition(watchlist.filter, chains)}".rstrip())
    if watchlist.loud is not None:
        lines.append(f"/loud all {write_loud_rule(watchlist.loud, chains)}")
    lines += [
        f"/ignore {checksummed(one.contract)}{write_scope(Scope(chains=one.chains), chains)}"
        for one in watchlist.ignored
    ]
    lines += [write_spec(spec, chains) for spec in watchlist.specs]
    lines += [command_for(one.address, one.name) for one in watchlist.names]
    lines += [
        write_alarm(checksummed(one.account), one.terms.named_coins, chains) for one in watchlist.alarms
    ]
    about = _ABOUT + (_NAMELESS if has_nameless else "")
    return about + "".join(f"{line}\n" for line in lines)
