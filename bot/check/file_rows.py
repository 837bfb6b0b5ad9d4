"""What `check` says of the file with the database; each `*_row` function turns what was seen into a row."""

import os
import shutil
from pathlib import Path

from bot.check.findings import HELD, NOT_YET, UNUSABLE, Finding, said_and_advice
from bot.store.database.errors import DatabaseInUse, DatabaseUnusable, StoreError
from bot.store.database.inspect import DatabaseSeen, DirectorySeen, look_at_database, look_at_directory

SPACE_NEEDED_MB = 16
SPACE_WARNING_MB = 256


def look_at_file(path: Path) -> tuple[DirectorySeen | DatabaseUnusable, DatabaseSeen | StoreError | None]:
    """Look at the data directory and at the database in it; None: there is none yet."""
    return _directory(path), _database(path)


def file_rows(
    path: Path,
    directory: DirectorySeen | DatabaseUnusable,
    database: DatabaseSeen | StoreError | None,
    backup_dir: str,
) -> list[Finding]:
    """Return all rows about the file and what lies around it."""
    return [
        directory_row(path.parent, directory),
        database_row(database),
        disk_row(path),
        *backup_rows(backup_dir),
    ]


def _directory(path: Path) -> DirectorySeen | DatabaseUnusable:
    try:
        return look_at_directory(path.parent)
    except DatabaseUnusable as error:
        return error


def _database(path: Path) -> DatabaseSeen | StoreError | None:
    try:
        return look_at_database(path)
    except StoreError as error:
        return error


def directory_row(directory: Path, seen: DirectorySeen | DatabaseUnusable) -> Finding:
    """Say whether the data directory exists, is private, and is held by a running bot."""
    if isinstance(seen, DatabaseUnusable):
        return Finding("data directory", *said_and_advice(seen), UNUSABLE)
    if not seen.exists:
        return Finding("data directory", f"{directory.absolute()}; the first start makes it")
    held = ", held by a running bot" if seen.is_held else ""
    if not seen.is_private:
        advice = f"others on this machine can look into it: chmod 700 {directory.absolute()}"
        return Finding("data directory", f"{directory.absolute()}{held}", advice)
    return Finding("data directory", f"{directory.absolute()}, private{held}")


def database_row(seen: DatabaseSeen | StoreError | None) -> Finding:
    """Say whether the database is sound, and what is in it."""
    if isinstance(seen, DatabaseInUse):
        return Finding("database", *said_and_advice(seen), HELD)
    if isinstance(seen, StoreError):
        return Finding("database", *said_and_advice(seen), UNUSABLE)
    if seen is None:
        return Finding("database", "none yet; the first start makes it")
    said = (
        f"sound; subscriptions {seen.subscriptions}, open chats {seen.open_chats}, "
        f"alerts waiting {seen.waiting}"
    )
    if seen.pending:
        return Finding(
            "database", said, "from an earlier version: the next start makes a copy and upgrades it"
        )
    return Finding("database", said)


def disk_row(path: Path) -> Finding:
    """Say how much disk space there is for the database."""
    # The data directory may not exist before the first start: its nearest parent is on the same disk.
    directory = next(one for one in path.absolute().parents if one.exists())
    free = shutil.disk_usage(directory).free // 2**20
    said = f"{free:,} MB free for {directory}"
    if free < SPACE_NEEDED_MB:
        return Finding("disk", said, "make room", UNUSABLE)
    return Finding("disk", said, "make room before it is full" if free < SPACE_WARNING_MB else "")


def backup_rows(folder: str) -> list[Finding]:
    """Say whether the daily backup can be written, where it is switched on."""
    if not folder:
        return [Finding("backups", "switched off (store.backup_dir)")]
    if not Path(folder).is_dir():
        return [Finding("backups", f"the folder {folder} does not exist", "make it", NOT_YET)]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [Finding("backups", f"{folder} can't be written", "check its owner and mode", NOT_YET)]
    return [Finding("backups", f"daily, to {folder}")]
