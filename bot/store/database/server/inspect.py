"""Looks at a database server for `check`: changes nothing, and replicas may be running."""

from collections.abc import Callable
from typing import TypeVar

import psycopg

from bot.store.database.inspect import ServerSeen, database_seen
from bot.store.database.server.connect import (
    check_content,
    check_rights,
    check_server,
    connected,
    unusable,
)
from bot.store.database.server.postgres import PostgresDatabase
from bot.store.database.server.refusals import Address
from bot.store.database.tables import all_migrations

R = TypeVar("R")


def look_at_server(url: str, also: Callable[[PostgresDatabase], R]) -> ServerSeen[R]:
    """Look at a server; `also` is asked where there are tables, if they are those of today.

    Raises DatabaseUnusable, StoreMisconfigured and DatabaseUnavailable as a start would.
    """
    address, db = connected(url)
    db.set_patience(1)
    try:
        with db.unit(None):
            check_server(db, address)
            applied = check_content(db, address)
            pending = tuple(sorted(all_migrations().keys() - applied))
            if not pending:
                check_rights(db, address)
            return _seen(db, address, applied, pending, also)
    except psycopg.Error as error:
        raise unusable(db, address, error) from None
    finally:
        db.close()


def _seen(
    db: PostgresDatabase,
    address: Address,
    applied: frozenset[str],
    pending: tuple[str, ...],
    also: Callable[[PostgresDatabase], R],
) -> ServerSeen[R]:
    info = db.conn.info
    backend, version, commits, standby_names = db.execute(
        "SELECT pg_backend_pid(), current_setting('server_version'),"
        " current_setting('fsync') || ' ' || current_setting('synchronous_commit'),"
        " current_setting('synchronous_standby_names')"
    ).fetchone()
    standbys, lag, may_see_lag = db.execute(
        "SELECT count(*), CAST(extract(epoch FROM max(replay_lag)) AS FLOAT),"
        " pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') FROM pg_stat_replication"
    ).fetchone()
    return ServerSeen(
        place=f"{address.hosts}, database {address.database}, user {address.user}",
        version=version.split()[0],
        is_encrypted=info.pgconn.ssl_in_use,
        is_pooled=info.backend_pid != backend,
        clock_ms=db.now_ms(),
        free_connections=_free_connections(db),
        loses_commits="off" in commits.split(),
        standbys=standbys,
        lag_seconds=lag,
        may_see_lag=may_see_lag,
        waits_for_standby=bool(standby_names) and not commits.endswith((" off", " local")),
        database=database_seen(db, pending) if applied else None,
        also=also(db) if applied and not pending else None,
    )


def _free_connections(db: PostgresDatabase) -> int:
    """Return how many connections are left, by the limits of server, database and user."""
    # What is hidden of the sessions of other users: all but whose they are and in which database.
    most, used, of_database, used_there, of_user, used_by_user = db.execute(
        "SELECT CAST(current_setting('max_connections') AS BIGINT)"
        " - CAST(current_setting('superuser_reserved_connections') AS BIGINT),"
        " (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL),"
        " (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),"
        " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),"
        " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),"
        " (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user)"
    ).fetchone()
    limits = ((most, used), (of_database, used_there), (of_user, used_by_user))
    # -1 is no limit.
    return int(min(limit - taken for limit, taken in limits if limit >= 0))
