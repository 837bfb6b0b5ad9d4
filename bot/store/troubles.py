"""What SQLite and the system complain about, in words that say what to do."""

import errno
import sqlite3
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
"""By the primary code; others are told in SQLite's own words."""

_ADVICE_OF_THE_SYSTEM = {
    errno.ENOSPC: "make room; nothing is lost",
    errno.EDQUOT: "make room; nothing is lost",
    errno.EACCES: "check the owner and mode of {path}",
    errno.EPERM: "check the owner and mode of {path}",
    errno.EROFS: "make it writable, or choose another place",
    errno.EEXIST: "move away what stands there, or choose another place",
    errno.EISDIR: "move away what stands there, or choose another place",
    errno.ENOTDIR: "move away what stands there, or choose another place",
}

START_ANEW = "move it away, with its -wal and -shm files, to start anew"


def in_words(error: sqlite3.Error | OSError, path: Path) -> str:
    """Return what went wrong with a file, and what to do about it."""
    if isinstance(error, OSError):
        said = error.strerror or type(error).__name__
        advice = _ADVICE_OF_THE_SYSTEM.get(error.errno or 0)
        return said if advice is None else f"{said}: {advice.format(path=path)}"
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    advice = _ADVICE.get(code)
    return str(error) if advice is None else f"{advice.format(path=path, anew=START_ANEW)} ({error})"
