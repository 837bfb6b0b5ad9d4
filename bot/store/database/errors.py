"""Why a database can't be used and what to do about it, in words; errors of SQLite and the system, too."""

import errno
import sqlite3
from enum import StrEnum
from pathlib import Path

_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full: make room; nothing is lost",
    sqlite3.SQLITE_BUSY: "another program holds it: end that one",
    sqlite3.SQLITE_LOCKED: "another program holds it: end that one",
    sqlite3.SQLITE_READONLY: "it can't be written: check the owner and mode of {path} and of its directory",
    sqlite3.SQLITE_PERM: "it may not be used: check the owner and mode of {path} and of its directory",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: check the owner and mode of {path} and of its directory",
    sqlite3.SQLITE_IOERR: "the disk gives trouble: see whether it is full or failing",
    sqlite3.SQLITE_INTERRUPT: "it was given up because the program was asked to stop",
    sqlite3.SQLITE_NOTADB: "it is no database: restore a backup, or {anew}",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore a backup, or {anew}",
}
"""By SQLite's primary error code; others keep SQLite's own words."""

_ADVICE_OF_THE_SYSTEM = {
    errno.ENOSPC: "make room; nothing is lost",
    errno.EDQUOT: "make room; nothing is lost",
    errno.EACCES: "check the owner and mode of {path}",
    errno.EPERM: "check the owner and mode of {path}",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EROFS: "make it writable, or choose another place",
    errno.EEXIST: "move away what stands there, or choose another place",
    errno.EISDIR: "move away what stands there, or choose another place",
    errno.ENOTDIR: "move away what stands there, or choose another place",
}


class StoreError(Exception):
    """The base of what makes a start fail; the text says what is wrong and what to do about it."""


class DatabaseUnusable(StoreError):
    """The database can't be opened, is damaged, or is not ours."""


class StoreMisconfigured(StoreError):
    """The configuration names a server that can't be, or that this installation can't talk to."""


class DirectoryHeld(StoreError):
    """Another instance works in the data directory."""


class DatabaseInUse(StoreError):
    """Other programs work with the database: a bot while it is to be moved, or a move while a bot starts."""


class DatabaseFault(StrEnum):
    """Why a database can't be used at present, where the program is not to blame."""

    FULL = "full"
    LOCKED = "locked"
    READ_ONLY = "read_only"
    BROKEN = "broken"
    AWAY = "away"
    """The server can't be reached, or ended the connection."""
    BUSY = "busy"
    """Others held the database for too long, which passes by itself."""
    SLOW = "slow"
    """The server took too long for a statement, and may again."""
    ROLE_LOST = "role_lost"


_FAULTS = {
    sqlite3.SQLITE_FULL: DatabaseFault.FULL,
    sqlite3.SQLITE_BUSY: DatabaseFault.LOCKED,
    sqlite3.SQLITE_LOCKED: DatabaseFault.LOCKED,
    sqlite3.SQLITE_READONLY: DatabaseFault.READ_ONLY,
    sqlite3.SQLITE_PERM: DatabaseFault.READ_ONLY,
    sqlite3.SQLITE_IOERR: DatabaseFault.BROKEN,
    sqlite3.SQLITE_CANTOPEN: DatabaseFault.BROKEN,
    sqlite3.SQLITE_CORRUPT: DatabaseFault.BROKEN,
    sqlite3.SQLITE_NOTADB: DatabaseFault.BROKEN,
}
"""By SQLite's primary error code; all others are mistakes of the program."""


class DatabaseUnavailable(Exception):
    """Nothing of a unit of work was done, unless it is CommitUnknown; the text says why and what to do."""

    def __init__(self, kind: DatabaseFault, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class CommitUnknown(DatabaseUnavailable):
    """The connection was lost while a transaction was committed: all of it was done, or nothing.

    Whoever can't simply do it once more has to read back what became of it.
    """


class RoleLost(DatabaseUnavailable):
    """Nothing of a unit of work was done, as another replica does this by now."""

    def __init__(self, role: str) -> None:
        super().__init__(DatabaseFault.ROLE_LOST, f"another replica is the {role} by now")


START_ANEW = "move it away, with its -wal and -shm files, to start anew"


def describe_error(error: sqlite3.Error | OSError, path: Path) -> str:
    """Return what went wrong with a file, and what to do about it."""
    if isinstance(error, OSError):
        said = error.strerror or type(error).__name__
        advice = _ADVICE_OF_THE_SYSTEM.get(error.errno or 0)
        return said if advice is None else f"{said}: {advice.format(path=path)}"
    advice = _ADVICE.get(_code(error))
    return str(error) if advice is None else f"{advice.format(path=path, anew=START_ANEW)} ({error})"


def fault_of(error: sqlite3.Error) -> DatabaseFault | None:
    """Return why the database can't be used; None: the error is a mistake of the program."""
    return _FAULTS.get(_code(error))


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary error code."""
    # The low byte: extended codes tell apart what makes no difference here.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
