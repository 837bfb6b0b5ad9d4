"""The role of receiving what people write, and of answering it."""

import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog

from bot.chat.build import build_chat
from bot.chat.buttons.screens import Screens
from bot.chat.commands.command_menu import Menus
from bot.chat.commands.owners.claim import Claims
from bot.chat.commands.owners.words import CLAIM_LATER, printed_claim
from bot.chat.telegram.bot_name import learn_name
from bot.chat.telegram.connection import TelegramBot, introduce
from bot.chat.telegram.receiver import Receiver
from bot.domain.replicas.roles import Tenure
from bot.roles.process import ProcessParts
from bot.roles.workers import run_together
from bot.store.chats.owners import owners_of
from bot.store.database.errors import DatabaseUnavailable
from bot.wiring import (
    build_explainer,
    build_live_questions,
    build_outgoing,
    build_permissions,
    contract_status,
    sweeps_now,
)

log = structlog.get_logger(__name__)

INTRODUCE_AGAIN_SECONDS = 5.0
NAME_ANEW_SECONDS = 24 * 3600.0


async def receive(process: ProcessParts, tenure: Tenure) -> None:
    """Receive and answer until cancelled; then what was handled is confirmed, unless the role was lost."""
    settings, telegram, now, health = process.settings, process.telegram, process.now, process.health
    db = process.database(tenure)
    await process.send_queue.learn()
    owners = await db.run(owners_of, settings.access.owners)
    async with AsyncExitStack() as stack:
        permissions = build_permissions(settings, telegram=telegram, db=db, owners=owners)
        outgoing = build_outgoing(
            telegram, process.send_queue, db, tenure=tenure, was_closed=permissions.was_closed, now=now
        )
        stack.push_async_callback(outgoing.close)
        live = build_live_questions(
            settings, process.registry, source=process.source, db=db, outgoing=outgoing, now=now
        )
        stack.push_async_callback(live.close)
        # For what people ask; what is due by itself is explained beside the poller.
        explainer = build_explainer(
            settings,
            process.source,
            db,
            process.registry,
            at_rest=asyncio.Event(),
            outcomes=health.counts.explained,
            now=now,
        )
        menus = Menus(telegram, db, owners=lambda: permissions.owners)
        chat = build_chat(
            telegram,
            db,
            permissions,
            Screens(outgoing),
            process.registry,
            live=live,
            sweeps=partial(sweeps_now, settings, db, now),
            explain=explainer.explain,
            max_subscriptions_per_chat=settings.access.max_subscriptions_per_chat,
            history_days=settings.store.history_days,
            contract_status=contract_status(settings),
            owners_are_configured=bool(settings.access.owners),
            on_owner=menus.change,
            now=now,
            monotonic=process.monotonic,
            commands=health.counts.commands,
            exports_made=health.counts.exports,
        )
        stack.push_async_callback(chat.exports.close)
        receiver = Receiver(
            telegram,
            chat.updates.on_update,
            permissions.go_first,
            tenure=tenure,
            monotonic=process.monotonic,
            counts=health.counts.updates,
        )
        health.received = receiver.progress
        try:
            await run_together(
                process.workers,
                {
                    "receiver": _receive(process, receiver, chat.claims),
                    "name": _keep_name(telegram),
                    "menus": menus.run(),
                },
            )
        finally:
            health.received = None
            # Where the role was lost, somebody else asks for updates: this would only get in the way.
            if process.is_held(tenure):
                await receiver.confirm()


async def _receive(process: ProcessParts, receiver: Receiver, claims: Claims) -> None:
    """Receive updates, once Telegram has said who the bot is."""
    health, telegram = process.health, process.telegram
    if not (health.is_introduced or claims.has_owner):
        process.announce(CLAIM_LATER)
    while not health.is_introduced:
        await asyncio.sleep(INTRODUCE_AGAIN_SECONDS)
        with suppress(Exception):
            health.is_introduced = await introduce(telegram)
    link = await _claim_link(claims, telegram)
    if link is not None:
        process.announce(printed_claim(link))
    await receiver.run()


async def _claim_link(claims: Claims, telegram: TelegramBot) -> str | None:
    """Return the claim link as soon as its code is stored; None if the bot has an owner."""
    while True:
        try:
            return await claims.link(telegram.username)
        except DatabaseUnavailable:
            log.exception("no link can be printed yet", action="claim_failed")
            await asyncio.sleep(INTRODUCE_AGAIN_SECONDS)


async def _keep_name(telegram: TelegramBot) -> None:
    """Ask Telegram for the bot's @name once a day: a rename is not announced."""
    while True:
        await asyncio.sleep(NAME_ANEW_SECONDS)
        await learn_name(telegram)
