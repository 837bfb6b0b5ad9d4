"""The audit: who changed what, written in the transaction of the change, so that neither is there alone."""

from collections.abc import Iterable

from bot.domain.assets import Address
from bot.domain.chat.audit import Actor, AuditAction, AuditEntry
from bot.domain.subscriptions import Subscription
from bot.store.database.door import Database
from bot.store.rows import to_milliseconds, to_moment, within_pages


def record_audit(
    db: Database, actor: Actor, action: AuditAction, chat_id: int | None, subject: str = ""
) -> None:
    """Write that an actor did something; `chat_id` is Telegram's number, None: it is about no chat.

    Part of the caller's transaction.
    """
    record_audits(db, actor, [(action, subject)], chat_id)


def record_audits(
    db: Database, actor: Actor, changes: Iterable[tuple[AuditAction, str]], chat_id: int | None
) -> None:
    """Write that an actor did several things, each with its subject, as `record_audit` does."""
    at = to_milliseconds(actor.at)
    db.insert_many(
        "audit",
        ["at", "deed", "user_id", "user_name", "telegram_id", "subject"],
        [(at, action, actor.user_id, actor.name, chat_id, subject) for action, subject in changes],
    )


def audit_page(db: Database, page: int, page_size: int) -> tuple[list[AuditEntry], int]:
    """Return one page of the audit, newest first, from page 1, and the number of all entries.

    Beyond the last page, the last one is returned.
    """
    (total,) = db.execute("SELECT count(*) FROM audit").fetchone()
    page, _ = within_pages(page, total, page_size)
    rows = db.execute(_NEWEST_FIRST, [page_size, (page - 1) * page_size])
    return [
        AuditEntry(
            actor=Actor(user_id, name, to_moment(at)),
            action=AuditAction(deed),
            chat_id=telegram_id,
            chat_title=title or "",
            subject=subject,
        )
        for at, deed, user_id, name, telegram_id, title, subject in rows
    ], total


def subject_of(account: Address | None, contracts: frozenset[Address], label: str) -> str:
    """Return what the audit says was watched: the account or the contracts, and the label."""
    what = account or "token " + " ".join(sorted(contracts))
    return f"{what} as {label}" if label else what


def subject_of_subscription(subscription: Subscription) -> str:
    """Return what the audit says of a subscription."""
    return subject_of(subscription.account, subscription.scope.contracts, subscription.label)


# The title is the chat's present one: the audit keeps its number alone.
_NEWEST_FIRST = """
SELECT a.at, a.deed, a.user_id, a.user_name, a.telegram_id, c.title, a.subject
FROM audit a LEFT JOIN chat c ON c.telegram_id = a.telegram_id
ORDER BY a.id DESC LIMIT ? OFFSET ?
"""
