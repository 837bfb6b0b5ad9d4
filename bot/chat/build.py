"""Puts together what answers people: commands, buttons, claims and requests for access."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from telegram import Bot

from bot.chat.buttons.button_commands import ButtonCommands
from bot.chat.buttons.data import Does
from bot.chat.buttons.screens import Screens
from bot.chat.callbacks import Callbacks
from bot.chat.commands.balance.balance import Looking
from bot.chat.commands.balance.live import LiveQuestions
from bot.chat.commands.dispatch import Handlers
from bot.chat.commands.ignore import IgnoringTokens
from bot.chat.commands.mute import Muting
from bot.chat.commands.owners.access import Opening
from bot.chat.commands.owners.access_requests import AccessRequests
from bot.chat.commands.owners.claim import Claims
from bot.chat.commands.watch.watch import Watching
from bot.chat.permissions import Permissions
from bot.chat.updates import Conversation
from bot.domain.chains import Chains
from bot.domain.chat.claims import CODE_BYTES
from bot.domain.observe.freshness import Sweeps
from bot.store.store import Store


@dataclass(frozen=True, slots=True)
class Front:
    """What the roof needs of it."""

    conversation: Conversation
    claims: Claims


def build_front(
    bot: Bot,
    store: Store,
    permissions: Permissions,
    screens: Screens,
    chains: Chains,
    *,
    live: LiveQuestions,
    sweeps: Callable[[], Sweeps],
    max_subscriptions_per_chat: int,
    on_new_wish: Callable[[], None],
    on_owner: Callable[[], None],
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
) -> Front:
    """Build everything that answers people."""
    offering = ButtonCommands(store, now=now)
    watching = Watching(
        store,
        chains,
        offering,
        sweeps=sweeps,
        max_subscriptions_per_chat=max_subscriptions_per_chat,
        on_new_wish=on_new_wish,
        now=now,
    )
    looking = Looking(store, chains, offering, sweeps=sweeps, live=live, now=now)
    ignoring = IgnoringTokens(store, chains, now=now)
    muting = Muting(store, chains, offering, now=now)
    opening = Opening(store, permissions, screens, chains, on_new_wish=on_new_wish, now=now)
    handlers = Handlers(
        store,
        permissions,
        chains,
        username=lambda: bot.username,
        listing=lambda: sweeps().listing,
        offering=offering,
        watching=watching,
        looking=looking,
        ignoring=ignoring,
        muting=muting,
        opening=opening,
        now=now,
    )
    presses = Callbacks(
        permissions,
        screens,
        {
            Does.OFFER: handlers.ready_offer,
            Does.UNDO: watching.ready_undo,
            Does.STOP: watching.ready_stop,
            Does.LIST: watching.ready_list,
            Does.BALANCE: looking.ready_balance,
            Does.LOOK: looking.ready_look,
            Does.QUIET: muting.ready_quiet,
            Does.LEAVE_OUT: ignoring.ready_leave_out,
            Does.UNMUTE: muting.ready_unmute,
            Does.HEAR: ignoring.ready_hear,
            Does.IGNORED: ignoring.ready_ignored,
            Does.CHATS: opening.ready_chats,
            Does.AUDIT: opening.ready_audit,
            Does.ALLOW: opening.ready_allow,
            Does.DENY: opening.ready_deny,
            Does.IGNORE: opening.ready_ignore,
        },
    )
    claims = Claims(
        store,
        permissions,
        new_code=lambda: secrets.token_urlsafe(CODE_BYTES),
        on_owner=on_owner,
        now=now,
        monotonic=monotonic,
    )
    conversation = Conversation(
        bot=bot,
        store=store,
        permissions=permissions,
        handlers=handlers,
        presses=presses,
        claims=claims,
        knocks=AccessRequests(store, permissions, screens, now=now),
        screens=screens,
        chains=chains,
        listing=lambda: sweeps().listing,
        now=now,
        monotonic=monotonic,
    )
    return Front(conversation, claims)
