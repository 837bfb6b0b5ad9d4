"""Puts together what answers people: commands, buttons, claims and requests for access."""

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from bot.chat.buttons.button_commands import ButtonCommands
from bot.chat.buttons.screens import Screens
from bot.chat.chart_turns import ChartTurns
from bot.chat.commands.balance.live import LiveQuestions
from bot.chat.commands.command import Services
from bot.chat.commands.history.export_jobs import ExportJobs
from bot.chat.commands.owners.access_requests import AccessRequests
from bot.chat.commands.owners.claim import Claims
from bot.chat.commands.registry import COMMANDS
from bot.chat.permissions import Permissions
from bot.chat.telegram.chat_details import ChatDetails
from bot.chat.telegram.connection import TelegramBot
from bot.chat.telegram.downloads import Downloads
from bot.chat.updates import UpdateHandler
from bot.domain.assets import Part
from bot.domain.chains import Chains
from bot.domain.chat.claims import CODE_BYTES
from bot.domain.observe.holdings import Sweeps
from bot.store.database.connection import DatabaseThread


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What the program needs of the chat: who takes updates in, and who makes claim links."""

    updates: UpdateHandler
    claims: Claims
    exports: ExportJobs


def build_chat(
    bot: TelegramBot,
    db: DatabaseThread,
    permissions: Permissions,
    screens: Screens,
    chains: Chains,
    *,
    live: LiveQuestions,
    sweeps: Callable[[], Awaitable[Sweeps]],
    explain: Callable[[Collection[int]], Awaitable[None]],
    max_subscriptions_per_chat: int,
    history_days: int,
    contract_status: Part,
    owners_are_configured: bool,
    on_owner: Callable[[], None],
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    commands: Counter[str],
    exports_made: Counter[str],
) -> ChatParts:
    """Build what answers people: commands, buttons, claims and requests for access.

    `commands` and `exports_made` count what is asked for and what files are made.
    """
    details = ChatDetails(bot)
    exports = ExportJobs(screens, made=exports_made)
    services = Services(
        db=db,
        permissions=permissions,
        screens=screens,
        chains=chains,
        button_commands=ButtonCommands(db, now=now),
        commands=COMMANDS,
        username=lambda: bot.username,
        sweeps=sweeps,
        ask_live=live.ask,
        explain=explain,
        run_slowly=exports.run,
        owners_are_configured=owners_are_configured,
        owners_changed=on_owner,
        look_up_chat=details.look_up,
        download=Downloads(bot).download,
        posting_trouble=details.posting_trouble,
        chart_turns=ChartTurns(),
        max_subscriptions_per_chat=max_subscriptions_per_chat,
        history_days=history_days,
        contract_status=contract_status,
        now=now,
    )
    claims = Claims(
        db,
        permissions,
        new_code=lambda: secrets.token_urlsafe(CODE_BYTES),
        on_owner=on_owner,
        now=now,
        monotonic=monotonic,
    )
    updates = UpdateHandler(
        bot,
        services,
        claims,
        AccessRequests(db, permissions, screens, now=now),
        monotonic=monotonic,
        commands=commands,
    )
    return ChatParts(updates, claims, exports)
