"""What Telegram shows for a moment on a press of any button: plain text of 200 characters at most."""

from bot.store.database.errors import DatabaseFault

UNKNOWN_BUTTON = "I don't know this button."
NOT_HERE = "This button does nothing here any more."
NOT_OPEN = "This chat is closed; an owner of the bot can open it."
OWNERS_ONLY = "Only an owner of this bot can do that."
ADMINISTRATORS_ONLY = (
    "Only the group's administrators and the bot's owners can do that. "
    "If you post anonymously, type the command instead."
)
ALREADY = "Already done."
TOO_OLD = "This message is too old to be changed; please ask again."
NOT_WRITTEN = {
    DatabaseFault.FULL: "I can't write: my disk is full. Nothing was changed; the operator has to make room.",
    DatabaseFault.LOCKED: (
        "My database is locked by another program. Nothing was changed; try again in a minute."
    ),
    DatabaseFault.READ_ONLY: (
        "My database is read-only. Nothing was changed; the operator has to change that."
    ),
    DatabaseFault.BROKEN: "My disk is full or failing. Nothing was changed; the operator has to look at it.",
    DatabaseFault.AWAY: "I can't reach my database. Nothing was changed; try again in a minute.",
    DatabaseFault.BUSY: "My database is too busy. Nothing was changed; try again in a minute.",
    DatabaseFault.SLOW: "My database took too long. Nothing was changed; try again in a minute.",
    DatabaseFault.ROLE_LOST: "Another replica of me takes over. Nothing was changed; press once more.",
}
WENT_WRONG = "Something went wrong on my side, sorry."
UNDONE = "Undone."


def too_many(retry_after_seconds: int) -> str:
    """Return the answer to a press beyond what a minute allows."""
    return f"Too many at once. Please press again in {retry_after_seconds} s."


NOT_WATCHED = "Not watched here any more."
