"""Why no connection to a database server comes about, told by codes: its words may be in any language.

libpq keeps the code of an error (SQLSTATE) to itself until a connection stands, so psycopg's error has none.
What it does give is a trace of the messages exchanged, and the code is in there. So one more connection is
tried and traced, into memory that is read once and gone: the proof of the password is in it as well.
"""

import os
import re
import select
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from time import monotonic

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo, ConnStatus, PGconn, Ping, PollingStatus

from bot.store.database.errors import (
    DatabaseFault,
    DatabaseUnavailable,
    DatabaseUnusable,
    StoreMisconfigured,
)

_ERROR = re.compile(r'\tErrorResponse\t.* C "([0-9A-Z]{5})" M "(.*?)" (?:[A-Za-z] "|\\x00)')

_FAILED = re.compile(r".* failed: ")
"""What libpq puts before the reason: host and port, which are said anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Which database it is about: what of its address may be shown."""

    hosts: str
    database: str
    user: str

    @property
    def quoted_user(self) -> str:
        """The user as SQL spells it."""
        return quoted(self.user)

    @property
    def quoted_database(self) -> str:
        """The database as SQL spells it."""
        return quoted(self.database)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What came of an attempt to connect."""

    code: str = ""
    """SQLSTATE; empty: the server gave none."""
    said: str = ""
    wants_password: bool = False
    """Whether it asked for a password, and none is configured."""
    is_mistaken: bool = False
    """Whether the address itself can't be."""


def address_of(conninfo: str) -> Address:
    """Return what may be shown of an address; what it doesn't name is as libpq takes it."""
    known = {one.keyword: one.val for one in Conninfo.get_defaults() if one.val}
    known |= {one.keyword: one.val for one in Conninfo.parse(conninfo.encode()) if one.val}
    text = {keyword.decode(): value.decode() for keyword, value in known.items()}
    hosts = (text.get("host") or text.get("hostaddr") or "this machine").split(",")
    ports = text.get("port", "5432").split(",")
    pairs = zip(hosts, ports if len(ports) == len(hosts) else ports * len(hosts), strict=False)
    user = text.get("user", "")
    return Address(
        hosts=", ".join(f"{host or 'this machine'}:{port or 5432}" for host, port in pairs),
        database=text.get("dbname", user),
        user=user,
    )


def why_refused(conninfo: str, address: Address, error: psycopg.Error, seconds: float) -> Exception:
    """Return what to raise where `error` is why there is no connection; tries once more, for so long."""
    refusal = _tried(conninfo, seconds) or Refusal(said=reason_of(str(error)))
    return explained(refusal, address)


def explained(refusal: Refusal, address: Address) -> Exception:
    """Return what a refusal means for the start, and what to do about it."""
    server, user, said = f"the database server {address.hosts}", address.user, refusal.said
    if refusal.is_mistaken:
        return StoreMisconfigured(f"store.url can't be used ({said}): correct it")
    if refusal.wants_password:
        return DatabaseUnusable(
            f"{server} wants a password for the user {user}: write store.url, or the file that store.url_file"
            f" names, as postgresql://{user}:PASSWORD@HOST/{address.database}"
        )
    advice = _advice(refusal, address)
    if advice is not None:
        return DatabaseUnusable(f"{server} can't be used ({said}): {advice}")
    return DatabaseUnavailable(
        DatabaseFault.AWAY, f"{server} does not answer ({said}): check that it runs, and store.url"
    )


def _advice(refusal: Refusal, address: Address) -> str | None:
    """Return what the operator has to do; None: it may mend itself."""
    advice = _ADVICE.get(refusal.code) or _ADVICE.get(refusal.code[:2])
    if advice is not None:
        return advice.format(
            user=address.quoted_user, database=address.quoted_database, create=create_database(address)
        )
    if "certificate" in refusal.said:  # words of OpenSSL and libpq, which no translation comes with
        return "check sslmode and sslrootcert in store.url, and the certificate of the server"
    if "SSL was required" in refusal.said:
        return "let the server offer TLS (ssl = on), or take sslmode out of store.url"
    return None


AS_ADMIN = "as its administrator run"

POOLER_ADVICE = (
    "if a pooler such as pgbouncer stands before the server, name the server itself in store.url;"
    " replicas need sessions of their own"
)

_ROLE = f"where there is no such user, {AS_ADMIN} CREATE ROLE {{user}} LOGIN PASSWORD '…'"

_ADVICE: Mapping[str, str] = {
    "28P01": f"check the password in store.url; {_ROLE}",
    "28": (
        "let its pg_hba.conf have a line for the user {user}, the database {database} and this machine;"
        f" {_ROLE}, and where it may not log in, ALTER ROLE {{user}} LOGIN"
    ),
    "3D000": f"{AS_ADMIN} {{create}}",
    "42501": f"{AS_ADMIN} GRANT CONNECT ON DATABASE {{database}} TO {{user}}",
    "22023": f"correct the options in store.url; {POOLER_ADVICE}",
    "42704": f"correct the options in store.url; {POOLER_ADVICE}",
    "08P01": POOLER_ADVICE,
}
"""By SQLSTATE or its class (PostgreSQL's manual, Appendix A); all others pass by themselves."""


def create_database(address: Address) -> str:
    """Return the statement that makes the database as it has to be."""
    return (
        f"CREATE DATABASE {address.quoted_database} OWNER {address.quoted_user} "
        "ENCODING 'UTF8' TEMPLATE template0"
    )


def _tried(conninfo: str, seconds: float) -> Refusal | None:
    """Connect once more and return what comes of it; None: nothing is seen, or it succeeds by now."""
    if not hasattr(os, "memfd_create"):  # where psycopg can't trace either
        return None
    if _is_mistaken(conninfo):
        with closing(_Attempt(conninfo)) as attempt:
            return Refusal(said=attempt.said, is_mistaken=True)
    with closing(_Attempt(conninfo)) as attempt:
        return attempt.refusal(seconds)


def _is_mistaken(conninfo: str) -> bool:
    """Say whether libpq refuses an address before it looks for any server."""
    # There is no server in that folder: it only looks at the settings, and at once.
    elsewhere = make_conninfo(conninfo, host="/dev", hostaddr="", port=5432)
    return PGconn.ping(elsewhere.encode()) == Ping.NO_ATTEMPT


class _Attempt:
    """A connection that is traced while it is made."""

    def __init__(self, conninfo: str) -> None:
        self._connection = PGconn.connect_start(conninfo.encode())
        self._trace = os.memfd_create("trace")

    @property
    def said(self) -> str:
        return reason_of(self._connection.error_message.decode(errors="replace"))

    def refusal(self, seconds: float) -> Refusal | None:
        self._connection.trace(self._trace)
        self._poll(monotonic() + seconds)
        if self._connection.status == ConnStatus.OK:
            return None
        self._connection.untrace()
        os.lseek(self._trace, 0, os.SEEK_SET)
        errors = _ERROR.findall(os.read(self._trace, 100_000).decode(errors="replace"))
        code, said = errors[-1] if errors else ("", self.said)
        return Refusal(code=code, said=said, wants_password=self._connection.needs_password)

    def _poll(self, until: float) -> None:
        while (left := until - monotonic()) > 0:
            match self._connection.connect_poll():
                case PollingStatus.READING:
                    select.select([self._connection.socket], [], [], left)
                case PollingStatus.WRITING:
                    select.select([], [self._connection.socket], [], left)
                case _:
                    return

    def close(self) -> None:
        self._connection.finish()
        os.close(self._trace)


def reason_of(text: str) -> str:
    """Return the reason in libpq's words, without the host before it; of several hosts each one's."""
    lines = text.strip().splitlines() or ["no reason given"]
    failed = [line for line in lines if _FAILED.match(line)] or lines[:1]
    return "; ".join(dict.fromkeys(_FAILED.sub("", line) for line in failed))


def quoted(name: str) -> str:
    """Return a name as SQL spells it."""
    return '"' + name.replace('"', '""') + '"'
