"""Keeps once a day what each account is worth that a destination watches, and what is not in that sum."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.domain.assets import ChainId, Part
from bot.domain.chains import Chains
from bot.domain.observe.worth import Worth, worth_of
from bot.domain.subscriptions import DestinationId
from bot.store.chats.ignore_list import rules_of
from bot.store.database.door import Database
from bot.store.polling.holdings import holdings_by_account
from bot.store.rows import SUBSCRIPTIONS, Row, to_address, to_milliseconds, to_subscription, words_of

ACCOUNTS_AT_ONCE = 20

BALANCES_AT_ONCE = 500
"""About eight milliseconds of work; an account that holds more is added up at once all the same."""

_DAY_ZERO = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorthTerms:
    """What a day's worth is added up by."""

    day: date
    """In UTC."""
    asked: frozenset[ChainId]
    """The chains that are read where a subscription names none."""
    price_kept: timedelta
    """How old a price may be."""
    late_after: timedelta
    """How old a view may be that is not late."""
    chains: Chains
    status: Part
    """Stands for the lists of the configured contract status."""

    @property
    def day_number(self) -> int:
        """The day as it is stored."""
        return (self.day - _DAY_ZERO).days


def destinations(db: Database) -> list[DestinationId]:
    """Return all destinations."""
    rows = db.execute("SELECT id FROM destination ORDER BY id")
    return [DestinationId(destination_id) for (destination_id,) in rows]


def keep_worth(
    db: Database, destination_id: DestinationId, after: int, terms: WorthTerms, now: datetime
) -> int | None:
    """Store what the next accounts of a destination are worth, as it watches them.

    They are those after the row `after` that have nothing stored for the day. Returns the row of the last,
    None: there was none left.
    """
    with db.transaction():
        key = [destination_id, after, terms.day_number, ACCOUNTS_AT_ONCE]
        found = db.execute(_NEXT_ACCOUNTS, key).fetchall()
        rows: list[Row] = []
        for account_id, total in _totals(db, destination_id, found, terms, now):
            rows.append(
                (
                    destination_id,
                    account_id,
                    terms.day_number,
                    to_milliseconds(now),
                    f"{total.usd:f}",
                    total.priced,
                    total.unpriced,
                    total.ignored,
                    words_of(total.unknown),
                    words_of(total.last_known),
                )
            )
            after = account_id
        db.insert_many("worth", _COLUMNS, rows)
    return after if rows else None


def _totals(
    db: Database, destination_id: DestinationId, found: Sequence[Row], terms: WorthTerms, now: datetime
) -> Iterator[tuple[int, Worth]]:
    """Yield what each of these accounts is worth, until enough balances were read."""
    by_address = {to_address(address): account_id for account_id, address in found}
    theirs = db.any_of(by_address.values())
    rows = db.execute(
        f"{SUBSCRIPTIONS} WHERE s.destination_id = ? AND (s.account_id IS NULL OR s.account_id {theirs.sql})",
        [destination_id, *theirs.values],
    )
    read = 0
    for account, known in holdings_by_account(
        db,
        [to_subscription(row) for row in rows],
        by_address,
        rules=rules_of(db, destination_id),
        chains=terms.asked,
        status=terms.status,
        prices_since=now - terms.price_kept,
        seen_since=now - terms.late_after,
    ):
        total = worth_of(known, terms.chains)
        yield by_address[account], total
        read += total.priced + total.unpriced + total.ignored
        if read >= BALANCES_AT_ONCE:
            return


_COLUMNS = (
    "destination_id",
    "account_id",
    "day",
    "at",
    "usd",
    "priced",
    "unpriced",
    "ignored",
    "unknown",
    "last_known",
)

# A chat may be closed meanwhile: then nothing is watched there. `coalesce` is how the index words it.
_NEXT_ACCOUNTS = """
SELECT DISTINCT a.id, a.address FROM subscription s
JOIN destination d ON d.id = s.destination_id JOIN chat c ON c.id = d.chat_id
JOIN account a ON a.id = coalesce(s.account_id, 0)
WHERE s.destination_id = ? AND coalesce(s.account_id, 0) > ? AND c.open = 1 AND NOT EXISTS (
  SELECT 1 FROM worth w
  WHERE w.destination_id = s.destination_id AND w.account_id = s.account_id AND w.day = ?)
ORDER BY a.id LIMIT ?
"""
