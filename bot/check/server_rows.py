"""What `check` says of a database server; each `*_row` function turns what was seen into a row."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from bot.check.findings import HELD, MISTAKEN, NOT_YET, UNUSABLE, Finding, said_and_advice
from bot.domain.replicas.replica import CLOCK_WRONG_SECONDS, Replica, ReplicaSeen
from bot.settings.sections import Settings
from bot.settings.shared import shared_values
from bot.store.database.connection import require_driver
from bot.store.database.door import Database
from bot.store.database.errors import (
    DatabaseFault,
    DatabaseInUse,
    DatabaseUnavailable,
    StoreError,
    StoreMisconfigured,
)
from bot.store.database.inspect import DatabaseSeen, ServerSeen, forgotten
from bot.store.replicas.membership import ConfigurationDiffers, compare
from bot.store.replicas.seen import replicas_seen

LOOK_SECONDS = 30.0
"""How long the server may take to answer."""

CONNECTIONS_NEEDED = 2
"""Of each replica."""

LAG_WARNING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ReplicasThere:
    """The replicas over a database, and whether this one may join them."""

    seen: tuple[ReplicaSeen, ...] = ()
    difference: ConfigurationDiffers | None = None


Looked = ServerSeen[ReplicasThere] | StoreError | DatabaseUnavailable


async def look(settings: Settings, url: str, me: Replica) -> Looked:
    """Look at the server, within a bounded time; `me` is who would join the replicas."""
    try:
        require_driver()
        from bot.store.database.server.inspect import look_at_server  # noqa: PLC0415 - only who has a server needs it

        ask = partial(look_at_server, url, lambda db: _replicas(db, me, settings))
        async with asyncio.timeout(LOOK_SECONDS):
            return await asyncio.to_thread(ask)
    except TimeoutError:
        return DatabaseUnavailable(
            DatabaseFault.AWAY, "the database server takes too long: check the network, and its load"
        )
    except (StoreError, DatabaseUnavailable) as error:
        return error


def _replicas(db: Database, me: Replica, settings: Settings) -> ReplicasThere:
    seen = replicas_seen(db)
    try:
        compare(db, me, shared_values(settings))
    except ConfigurationDiffers as difference:
        return ReplicasThere(seen, difference)
    return ReplicasThere(seen)


def server_rows(seen: Looked, now: datetime, used_file: Path | None) -> list[Finding]:
    """Return all rows about the server; `used_file` has the data of a bot, too."""
    match seen:
        case StoreMisconfigured():
            return [Finding("database server", *said_and_advice(seen), MISTAKEN)]
        case DatabaseUnavailable():
            said, advice = said_and_advice(seen)
            return [Finding("database server", said, f"{advice}; a running bot waits for it", NOT_YET)]
        case DatabaseInUse():
            return [Finding("database server", *said_and_advice(seen), HELD)]
        case StoreError():
            return [Finding("database server", *said_and_advice(seen), UNUSABLE)]
    return [
        server_row(seen),
        content_row(seen.database, used_file),
        connections_row(seen.free_connections),
        durability_row(seen),
        replicas_row(seen.also or ReplicasThere()),
        server_clock_row(seen.clock_ms, now),
    ]


def server_row(seen: ServerSeen[ReplicasThere]) -> Finding:
    """Say which server it is, and whether something stands before it."""
    tls = "with" if seen.is_encrypted else "without"
    said = f"PostgreSQL {seen.version} at {seen.place}, {tls} TLS"
    if seen.is_pooled:
        return Finding(
            "database server",
            f"{said}, behind a pooler",
            "name the server itself in store.url: replicas need sessions of their own",
        )
    return Finding("database server", said)


def content_row(seen: DatabaseSeen | None, used_file: Path | None) -> Finding:
    """Say what is in the database, and if it should be what a file has."""
    if used_file is not None and not (seen is not None and seen.is_used):
        said, advice = said_and_advice(forgotten(used_file))
        return Finding("database", f"empty, and {said}", advice, UNUSABLE)
    if seen is None:
        return Finding("database", "new; the first start makes its tables")
    said = f"subscriptions {seen.subscriptions}, open chats {seen.open_chats}, alerts waiting {seen.waiting}"
    if seen.pending:
        return Finding("database", said, "from an earlier version: stop all replicas, then start this one")
    return Finding("database", said)


def connections_row(free: int) -> Finding:
    """Say whether a replica gets the connections that it needs."""
    said = f"{max(free, 0)} free, {CONNECTIONS_NEEDED} needed by each replica"
    if free < CONNECTIONS_NEEDED:
        return Finding("connections", said, "raise max_connections, or the limit of the user or database")
    return Finding("connections", said)


def durability_row(seen: ServerSeen[ReplicasThere]) -> Finding:
    """Say what a crash or a failover of the server could take back."""
    followed = f"standbys {seen.standbys}{_lag(seen)}" if seen.standbys else "no standby"
    if seen.loses_commits:
        return Finding(
            "durability",
            f"fsync or synchronous_commit is off; {followed}",
            "set both to on: a crash may take back what was said to be written, and messages come twice",
        )
    if seen.standbys and not seen.waits_for_standby:
        return Finding(
            "durability",
            f"{followed}, and none is waited for",
            "name them in synchronous_standby_names: a failover may take back what was said to be written",
        )
    if (seen.lag_seconds or 0) > LAG_WARNING_SECONDS:
        return Finding("durability", followed, "see why the standby is behind: a failover would wait for it")
    return Finding("durability", f"what is committed is on disk; {followed}")


def _lag(seen: ServerSeen[ReplicasThere]) -> str:
    if not seen.may_see_lag:
        return " (only members of pg_monitor see how far behind)"
    return "" if seen.lag_seconds is None else f", up to {seen.lag_seconds:.1f} s behind"


def replicas_row(there: ReplicasThere) -> Finding:
    """Say which replicas run and who does what, and whether this one may join them."""
    live = [one for one in there.seen if one.is_live]
    said = "; ".join(map(_replica, live)) or "none runs"
    if there.difference is not None:
        why, advice = said_and_advice(there.difference)
        return Finding("replicas", f"{said}; {why}", advice, MISTAKEN)
    gone = [one.name for one in there.seen if not one.is_live]
    if gone:
        return Finding("replicas", f"{said}; away {', '.join(gone)}", "start what is away, if it is to run")
    return Finding("replicas", said)


def _replica(one: ReplicaSeen) -> str:
    return f"{one.name} ({', '.join(sorted(one.roles)) or 'stands by'})"


def server_clock_row(clock_ms: int, now: datetime) -> Finding:
    """Compare this machine's clock with the server's."""
    ahead = now.timestamp() - clock_ms / 1000
    if abs(ahead) > CLOCK_WRONG_SECONDS:
        way = "ahead of" if ahead > 0 else "behind"
        return Finding(
            "server clock",
            f"this machine is {abs(ahead):,.0f} s {way} it",
            "set both, and let them be kept (timedatectl set-ntp true)",
        )
    return Finding("server clock", "as this machine's")


def is_running(seen: Looked, name: str) -> bool:
    """Say whether a replica of this name runs."""
    if not isinstance(seen, ServerSeen) or seen.also is None:
        return False
    return any(one.is_live and one.name == name for one in seen.also.seen)


def unused_backups_row(folder: str) -> Finding:
    """Say that a server is copied by its own means."""
    if folder:
        return Finding(
            "backups", "store.backup_dir is not used", "copy the server: balance-bot backup says how"
        )
    return Finding("backups", "of the server, by its own means: balance-bot backup says how")
