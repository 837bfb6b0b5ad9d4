"""What is answered where a command can't be carried out, or comes late."""

from datetime import timedelta

from bot.chat.text.html import Html, code, fill
from bot.chat.text.wording import age
from bot.domain.deliver.outcomes import Outcome, Park, SendRefused, SendUnknown, Unreachable
from bot.store.database.errors import DatabaseFault


def may_not_change(command: str) -> Html:
    """Return the answer to a member of a group who may only look, and tried this command."""
    return fill(
        "In a group, /{} is for its administrators and the bot's owners; please ask one of them. "
        "/list, /balance and /status work for everybody.",
        command,
    )


def owners_only() -> Html:
    """Return the answer to a command that is the owners' own."""
    return fill("Only an owner of this bot can do that. /help lists what everybody can.")


_NOT_WRITTEN = {
    DatabaseFault.FULL: "I can't write to my disk: it is full. Nothing was changed.\n"
    "Your operator has to make room; then send it again.",
    DatabaseFault.LOCKED: "My database is locked by another program. Nothing was changed.\n"
    "Please try again in a minute; if it stays, your operator has to end that program.",
    DatabaseFault.READ_ONLY: "I can't write to my database: it is read-only. Nothing was changed.\n"
    "Your operator has to make it writable; then send it again.",
    DatabaseFault.BROKEN: "I can't write to my disk: it is full or failing. Nothing was changed.\n"
    "Your operator has to look at it; then send it again.",
    DatabaseFault.AWAY: "I can't reach my database. Nothing was changed.\n"
    "Please try again in a minute; if it stays, your operator has to look at it.",
    DatabaseFault.BUSY: "My database is too busy. Nothing was changed.\n"
    "Please try again in a minute; if it stays, your operator has to look at it.",
    DatabaseFault.SLOW: "My database took too long. Nothing was changed.\n"
    "Please try again in a minute; if it stays, your operator has to look at it.",
    DatabaseFault.ROLE_LOST: "Another replica of me takes over. Nothing was changed.\nPlease send it again.",
}


def not_written(trouble: DatabaseFault) -> Html:
    """Return the answer where the database can't be written; nothing was changed, and no alert is lost."""
    return fill(_NOT_WRITTEN[trouble])


def file_not_sent(name: str, outcome: Outcome) -> Html | None:
    """Return why a file does not come; None: nothing could be said in that chat either."""
    match outcome:
        case Unreachable(reason, Park.NO_RIGHTS):
            return fill(
                "I may not post files here: {}. An administrator can allow it; then ask me again.", reason
            )
        case SendRefused(reason):
            return fill("Telegram does not take the file {}: {}.", code(name), reason)
        case SendUnknown():
            return fill(
                "I don't know whether the file {} arrived: Telegram did not confirm it. If it is not here, "
                "please ask me again.",
                code(name),
            )
        case _:
            return None


def went_wrong(reference: str) -> Html:
    """Return the answer to what failed by a bug of ours; the reference finds it in the log."""
    return fill(
        "Something went wrong on my side, sorry. Please try again; doing it twice does no harm.\n"
        "If it happens again, give an owner this code: {}",
        code(reference),
    )


def enough_for_now(retry_after_seconds: int) -> Html:
    """Return the answer to commands beyond what a minute allows, said now and then."""
    return fill(
        "Too many commands at once. I'll answer again in {} s. Alerts are not affected.",
        str(retry_after_seconds),
    )


def sent_long_ago(ago: timedelta, answer: Html) -> Html:
    """Return an answer with a note above it that the command is old: the bot was away."""
    return fill("You sent this {} ago; I could only answer now.\n\n{}", age(ago), answer)


def last_line_waits() -> Html:
    """Return what follows the answer to a message that Telegram may have cut within its last line."""
    return fill(
        "Your message is as long as Telegram allows, so its last line may be cut off. I'll read that line "
        "together with the rest, which should come by itself. If this was all, press the button."
    )


def not_forwarded() -> Html:
    """Return the answer to a command that somebody else may have written."""
    return fill("A forwarded command is not carried out. Copy it and send it yourself if you mean it.")
