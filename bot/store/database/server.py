"""The server that holds the database: how it is reached, checked and brought up to date."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
import structlog

from bot.store.database.errors import DatabaseUnusable
from bot.store.database.postgres import PostgresDatabase
from bot.store.database.postgres_schema import bring_up_to_date

log = structlog.get_logger(__name__)

OLDEST_SERVER = 140000
"""PostgreSQL 14, as the server writes it: the oldest that its makers still mend."""

CONNECT_SECONDS = 3

SETTINGS = (
    "-c statement_timeout=10s"
    " -c idle_in_transaction_session_timeout=4s"
    " -c default_transaction_isolation=read\\ committed"
    " -c timezone=UTC"
)
"""Set for each connection. A process that is stopped in the middle of a transaction must not keep its locks
for longer than the others wait for it."""


def open_server(
    url: str, now: datetime, on_notify: Callable[[str], None], replica: str = ""
) -> PostgresDatabase:
    """Connect to the database, check it, and bring its schema up to date.

    Raises DatabaseUnusable where only the operator can help, and DatabaseUnavailable while it is away.
    """
    db = None
    try:
        db = PostgresDatabase(partial(connect, url), on_notify, replica)
        _check_version(db)
        db.set_patience(CONNECT_SECONDS)
        pending = bring_up_to_date(db, int(now.timestamp() * 1000))
    except psycopg.Error as error:
        if db is not None:
            db.close()
        raise DatabaseUnusable(f"the database server can't be used: {error}") from None
    if pending:
        log.info("the database was brought up to date", action="migrated", steps=list(pending))
    return db


def connect(url: str) -> "psycopg.Connection[Any]":
    """Return a connection that commits each statement by itself, outside of a transaction."""
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        options=SETTINGS,
        application_name="balance-bot",
        tcp_user_timeout=4000,
        keepalives_idle=2,
        keepalives_interval=1,
        keepalives_count=3,
        target_session_attrs="read-write",
    )


def _check_version(db: PostgresDatabase) -> None:
    version = db.conn.info.server_version
    if version < OLDEST_SERVER:
        raise DatabaseUnusable(
            f"the database server is PostgreSQL {version // 10000}:"
            f" {OLDEST_SERVER // 10000} or later is needed"
        )
