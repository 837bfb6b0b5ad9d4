"""The list of all commands: parser, rights, menus, /help, the manual and callbacks follow from it."""

from collections.abc import Mapping
from types import MappingProxyType

from bot.chat.buttons.data import ButtonAction
from bot.chat.commands import basics, ignore, mute, sample
from bot.chat.commands.balance import balance, status
from bot.chat.commands.command import Command, Feature, FindCallback
from bot.chat.commands.history import chart, export, history, why
from bot.chat.commands.owners import access, audit, believe, ownership
from bot.chat.commands.rules import alarm, loud, only
from bot.chat.commands.times import budget, digest, quiet, zone
from bot.chat.commands.watch import name, rename, unwatch, watch, watch_list
from bot.chat.commands.watchlist import imports

FEATURES: tuple[Feature, ...] = (
    basics.START,
    watch.WATCH,
    unwatch.UNWATCH,
    watch_list.LIST,
    rename.RENAME,
    name.NAME,
    name.NAMES,
    balance.BALANCE,
    status.STATUS,
    history.HISTORY,
    why.WHY,
    chart.CHART,
    export.EXPORT,
    imports.IMPORT,
    sample.TEST,
    only.ONLY,
    loud.LOUD,
    alarm.ALARM,
    mute.MUTE,
    mute.UNMUTE,
    ignore.IGNORE,
    ignore.UNIGNORE,
    quiet.QUIET,
    budget.BUDGET,
    digest.DIGEST,
    zone.ZONE,
    watch_list.HERE,
    basics.HELP,
    basics.ID,
    access.ALLOW,
    access.DENY,
    access.CHATS,
    ownership.OWNERS,
    audit.AUDIT,
    believe.BELIEVE,
)
"""In the order of the menus, of /help and of the manual."""

COMMANDS: tuple[Command, ...] = tuple(feature.command for feature in FEATURES)

BY_WORD: Mapping[str, Feature] = MappingProxyType(
    {word: feature for feature in FEATURES for word in (feature.command.name, *feature.command.aliases)}
)
"""Each feature by what is typed after the slash, aliases too."""

CALLBACKS: Mapping[ButtonAction, FindCallback] = MappingProxyType(
    {action: find for feature in FEATURES for action, find in feature.callbacks.items()}
)
