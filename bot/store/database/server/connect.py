"""The server that holds the database: how it is reached, checked and brought up to date.

Before anything is written, the server and what is in the database are checked.
"""

import shlex
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bot.store.database.errors import DatabaseUnusable, StoreMisconfigured
from bot.store.database.moved import refuse_moved
from bot.store.database.server.postgres import PostgresDatabase, ServerConnection
from bot.store.database.server.refusals import (
    AS_ADMIN,
    POOLER_ADVICE,
    Address,
    address_of,
    create_database,
    quoted,
    why_refused,
)
from bot.store.database.server.schema import bring_up_to_date, table_names
from bot.store.database.tables import refuse_newer

log = structlog.get_logger(__name__)

OLDEST_SERVER = 140000
"""PostgreSQL 14, as the server writes it: the oldest that its makers still mend."""

CONNECT_SECONDS = 3

IDLE_SECONDS = 4

TCP_USER_TIMEOUT_MS = 4000

KEEPALIVES = {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3}
"""Seconds, and how many: by these and the limit above each side notices that the other machine is gone."""

SETTINGS = (
    "-c statement_timeout=10s"
    f" -c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    " -c default_transaction_isolation=read\\ committed"
    " -c timezone=UTC"
    f" -c tcp_user_timeout={TCP_USER_TIMEOUT_MS}"
    + "".join(f" -c tcp_{name}={value}" for name, value in KEEPALIVES.items())
)
"""Set for each connection. A process that is stopped in the middle of a transaction, or whose machine dies,
must not keep its locks for longer than the others wait for it."""

RUNNING_WITHIN_SECONDS = 15
"""How long ago a replica may have been seen that still counts as running, when tables are to be changed."""


def open_server(
    url: str, now: datetime, on_notify: Callable[[str], None], replica: str = "", *, to_move: bool = False
) -> PostgresDatabase:
    """Connect to the database, check it, and bring its schema up to date.

    One whose data moves, or moved, is opened only `to_move` it.

    Raises DatabaseUnusable where only the operator can help, StoreMisconfigured where the address can't be,
    and DatabaseUnavailable while the server is away.
    """
    address, db = connected(url, on_notify, replica)
    db.set_patience(CONNECT_SECONDS)
    try:
        with db.unit(None):
            check_server(db, address)
            is_new = not check_content(db, address)
            if not (is_new or to_move):
                refuse_moved(db)
            pending = bring_up_to_date(db, int(now.timestamp() * 1000), lambda: _prepare_change(db, address))
            db.conn.changes_tables = False
            check_rights(db, address)
    except psycopg.Error as error:
        raise unusable(db, address, error) from error
    except BaseException:
        db.close()
        raise
    if pending and not is_new:
        log.info("the database was brought up to date", action="migrated", steps=list(pending))
    return db


def server_name(db: PostgresDatabase) -> str:
    """Return what people call the database on a server."""
    info = db.conn.info
    return f"the database {info.dbname} on {info.host}:{info.port}"


def connected(
    url: str, on_notify: Callable[[str], None] = lambda _: None, replica: str = ""
) -> tuple[Address, PostgresDatabase]:
    """Connect, and do nothing else; raises what `open_server` does where no connection comes about."""
    try:
        conninfo = _conninfo(url)
        address = address_of(conninfo)
    except psycopg.Error as error:
        raise StoreMisconfigured(f"store.url can't be used ({str(error).strip()}): correct it") from None
    try:
        return address, PostgresDatabase(partial(connect, conninfo), on_notify, replica)
    except psycopg.Error as error:
        raise why_refused(conninfo, address, error, CONNECT_SECONDS) from None


def connect(conninfo: str) -> ServerConnection:
    """Return a connection that commits each statement by itself, outside of a transaction."""
    return ServerConnection.connect(conninfo, autocommit=True)


def unusable(db: PostgresDatabase, address: Address, error: psycopg.Error) -> Exception:
    """Close the database and return what to raise for an error in looking at it."""
    fault = db.fault_of(error)
    db.close()
    said = error.diag.message_primary or str(error)
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return DatabaseUnusable(
            f"the user {address.user} lacks rights in the database {address.database} ({said}):"
            f" let it own what is in there, {AS_ADMIN} ALTER DATABASE {address.quoted_database} OWNER TO"
            f" {address.quoted_user}, and ALTER TABLE for the tables of another user"
        )
    return fault or DatabaseUnusable(f"the database {address.database} can't be used ({said}): report this")


def _conninfo(url: str) -> str:
    """Return the address with the settings that the safety of replicas rests on; these win."""
    given = conninfo_to_dict(url).get("options") or ""
    return make_conninfo(
        url,
        connect_timeout=CONNECT_SECONDS,
        options=f"{given} {SETTINGS}".strip(),
        application_name="balance-bot",
        client_encoding="UTF8",
        tcp_user_timeout=TCP_USER_TIMEOUT_MS,
        **KEEPALIVES,
        target_session_attrs="read-write",
    )


def dump_command(url: str, target: Path) -> str:
    """Return the command line that copies the database to a file; the password is not in it."""
    address = address_of(url)
    host, _, port = address.hosts.split(", ")[0].rpartition(":")
    return shlex.join(
        [
            "pg_dump",
            *("--host", host, "--port", port, "--username", address.user, "--dbname", address.database),
            *("--format=custom", "--no-owner", "--file", str(target)),
        ]
    )


def check_server(db: PostgresDatabase, address: Address) -> None:
    """Raise DatabaseUnusable for a server that is too old, of another encoding, or behind a pooler."""
    version = db.conn.info.server_version
    if version < OLDEST_SERVER:
        raise DatabaseUnusable(
            f"the database server is PostgreSQL {version // 10000}:"
            f" {OLDEST_SERVER // 10000} or later is needed"
        )
    encoding = db.conn.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnusable(
            f"the database {address.database} stores text as {encoding}: drop it, and {AS_ADMIN}"
            f" {create_database(address)}"
        )
    (idle,) = db.execute("SELECT current_setting('idle_in_transaction_session_timeout')").fetchone()
    if idle != f"{IDLE_SECONDS}s":
        raise DatabaseUnusable(
            f"the database server {address.hosts} doesn't keep the settings of a connection: {POOLER_ADVICE}"
        )


def check_content(db: PostgresDatabase, address: Address) -> frozenset[str]:
    """Return which migrations made the tables; reads only.

    Raises DatabaseUnusable for a database that is not the bot's, or of a later version.
    """
    schema, may_create = db.execute(
        "SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE')"
    ).fetchone()
    if schema is None:
        raise DatabaseUnusable(
            f"the database {address.database} has no schema that the user {address.user} can use:"
            f" {AS_ADMIN} CREATE SCHEMA {address.quoted_user} AUTHORIZATION {address.quoted_user} there"
        )
    applied, tables = applied_migrations(db), _tables(db)
    if not applied and tables:
        raise DatabaseUnusable(
            f"the database {address.database} has tables of something else ({', '.join(tables[:3])}):"
            " give the bot a database of its own"
        )
    if not applied and not may_create:
        raise DatabaseUnusable(
            f"the user {address.user} may not make tables in the database {address.database}:"
            f" {AS_ADMIN} GRANT USAGE, CREATE ON SCHEMA {quoted(schema)} TO {address.quoted_user} there"
        )
    refuse_newer(applied, f"the database {address.database}")
    return applied


def check_rights(db: PostgresDatabase, address: Address) -> None:
    """Raise DatabaseUnusable where the user may not read and write all tables."""
    ours = db.any_of([*table_names(), "migration"])
    closed = db.execute(
        "SELECT current_schema(), tablename FROM pg_tables"
        f" WHERE schemaname = current_schema() AND tablename {ours.sql} AND NOT ("
        "has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"
        " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'INSERT')"
        " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'UPDATE')"
        " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'DELETE')) ORDER BY tablename",
        ours.values,
    ).fetchall()
    if closed:
        schema, table = closed[0]
        raise DatabaseUnusable(
            f"the user {address.user} may not read and write the table {table} of the database"
            f" {address.database}: {AS_ADMIN} GRANT ALL ON ALL TABLES IN SCHEMA {quoted(schema)} TO"
            f" {address.quoted_user} there, and the same for ALL SEQUENCES"
        )


def applied_migrations(db: PostgresDatabase) -> frozenset[str]:
    """Return which migrations made the tables; none: the bot has none there."""
    columns = db.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(format('%I.migration',"
        " current_schema())) AND attnum > 0 AND NOT attisdropped"
    ).fetchall()
    if {name for (name,) in columns} != {"name", "applied_at"}:  # that of another program
        return frozenset()
    return frozenset(name for (name,) in db.execute("SELECT name FROM migration").fetchall())


def _tables(db: PostgresDatabase) -> list[str]:
    """Return the tables of the database, but those that came with an extension."""
    rows = db.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))"
        " AND relkind IN ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_depend"
        " WHERE classid = CAST('pg_class' AS regclass) AND objid = pg_class.oid AND deptype = 'e')"
        " ORDER BY relname"
    ).fetchall()
    return [name for (name,) in rows]


def _prepare_change(db: PostgresDatabase, address: Address) -> None:
    """Get ready to change tables: raises DatabaseUnusable while replicas run that know them as they are."""
    # A year of history may take longer than any other statement may.
    db.execute("SET LOCAL statement_timeout = 0")
    db.conn.changes_tables = True
    if "replica" not in _tables(db):
        return
    rows = db.execute(
        "SELECT name FROM replica WHERE seen_at > ? ORDER BY name",
        [db.now_ms() - RUNNING_WITHIN_SECONDS * 1000],
    ).fetchall()
    if rows:
        raise DatabaseUnusable(
            f"the database {address.database} is of an earlier version, and replicas of that still run"
            f" ({', '.join(name for (name,) in rows)}): stop them all, then start this one"
        )
