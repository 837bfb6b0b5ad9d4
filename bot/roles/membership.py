"""How this program becomes one of the replicas that run: at its start, and after it was cut off for long."""

import asyncio
import itertools
import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import structlog

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.replica import Replica
from bot.settings.sections import Settings
from bot.settings.shared import shared_values
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import OpenDatabase
from bot.store.database.inspect import refuse_forgotten_file
from bot.store.replicas.membership import NameTaken, join

log = structlog.get_logger(__name__)

SALT_BYTES = 32

NAMESAKE_AGAIN_SECONDS = 1.0
"""Before a start looks again whether a replica of its own name still lives."""


async def join_others(
    settings: Settings, db: DatabaseThread, me: Replica, database_clock: DatabaseClock
) -> Replica:
    """Become one of the replicas that run; returns under which name.

    Raises ConfigurationDiffers, NameTaken, or DatabaseUnusable where a file was to be moved first or the
    tables are of a later version.
    """
    await db.run(refuse_forgotten_file, settings.store.path)
    await db.run(lambda database: database_clock.ask(database.now_ms))
    names = _names(settings, me)
    while True:
        named = next(names)
        try:
            versions = await _join_once_it_is_silent(settings, db, named)
        except NameTaken:
            if settings.store.replica:
                raise
            continue
        if versions:
            log.warning("replicas of another version run", action="versions_differ", versions=list(versions))
        return named


def join_again(settings: Settings, me: Replica, db: OpenDatabase) -> None:
    """Become one of the replicas that run once more; raises what `join_others` does."""
    names = _names(settings, me)
    while True:
        try:
            _join(settings, next(names), db)
        except NameTaken:
            if settings.store.replica:
                raise
        else:
            return


def _names(settings: Settings, me: Replica) -> Iterator[Replica]:
    """Return as whom a replica may join: with a number behind its name, if nobody chose that."""
    yield me
    # Several without pages on one machine have the same.
    name = settings.replica_name(socket.gethostname())
    yield from (replace(me, name=f"{name}-{number}") for number in itertools.count(2))


async def _join_once_it_is_silent(settings: Settings, db: DatabaseThread, me: Replica) -> tuple[str, ...]:
    """Join as soon as no replica of the same name is there any more; raises NameTaken once it stirs."""
    known: NameTaken | None = None
    while True:
        try:
            return await db.run(partial(_join, settings, me))
        except NameTaken as taken:
            # Killed a moment ago, it would be this one: then it is silent until its roles are free, too.
            if known is None:
                log.info("seeing whether a replica of this name runs", action="name_waits", name=me.name)
            elif taken.last_word != known.last_word:
                raise
            known = taken
        await asyncio.sleep(NAMESAKE_AGAIN_SECONDS)


def _join(settings: Settings, me: Replica, db: OpenDatabase) -> tuple[str, ...]:
    return join(db, me, shared_values(settings), secrets.token_bytes(SALT_BYTES))
