"""Finds what a message is about, for its buttons when it is sent and when one is pressed long after."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.deliver.alerts import AlarmRang, AlarmRepeated, Baseline, StoredNotice
from bot.domain.deliver.delivery import About, DeliveryId
from bot.domain.explain.counterparties import SHOWN
from bot.domain.explain.explanations import ExplanationOutcome, WhyUnknown
from bot.domain.places import Place
from bot.store.balances.look_alikes import LOOKS_LIKE_ANOTHER
from bot.store.database.door import Database
from bot.store.outbox.notice_codec import to_notice
from bot.store.rows import to_address, to_asset, to_place


@dataclass(frozen=True, slots=True)
class FoundDelivery:
    """A message whose button was pressed, and where that was."""

    about: About
    place: Place
    """The destination it was made for."""
    is_fallback: bool
    """Whether it stands in the chat itself, as the topic of `place` can't be written to."""


def about(db: Database, delivery_id: DeliveryId) -> About:
    """Return the accounts, chains and the one token that a message is about."""
    contents = db.execute(_CONTENTS, [delivery_id]).fetchall()
    notices = [to_notice(text) for text, *_ in contents if text is not None]
    ringing = [one for one in notices if isinstance(one, AlarmRang | AlarmRepeated)]
    if ringing:
        return About(
            accounts=tuple(dict.fromkeys(one.subject.account for one in ringing)),
            chains=frozenset(chain_id for one in ringing for chain_id in one.subject.chains),
            is_alarm=True,
        )
    rows = [row for notice, _, *row in contents if notice is None]
    if not rows:
        return _about_first_readings(notices)
    lacks_transfers = any(lacks for notice, lacks, *_ in contents if notice is None)
    accounts = tuple(dict.fromkeys(to_address(address) for address, *_ in rows))
    assets = {to_asset(chain_id, contract) for _, chain_id, contract, *_ in rows}
    contracts, chains = {asset.contract for asset in assets}, frozenset(asset.chain_id for asset in assets)
    # Buttons offer to ignore a token: only where it is the only one, and never a chain's coin.
    if len(contracts) != 1 or not all(contracts):
        return About(accounts, chains=chains, lacks_transfers=lacks_transfers)
    symbols = {symbol for *_, symbol, _ in rows}
    return About(
        accounts=accounts,
        contract=contracts.pop(),
        symbol=(symbols.pop() or "") if len(symbols) == 1 else "",
        chains=chains,
        is_look_alike=any(is_look_alike for *_, is_look_alike in rows),
        lacks_transfers=lacks_transfers,
    )


def _about_first_readings(notices: Iterable[StoredNotice]) -> About:
    # More accounts than buttons name are of no use.
    first = [notice for notice in notices if isinstance(notice, Baseline)][:_FIRST_READINGS_MOST]
    return About(
        accounts=tuple(dict.fromkeys(one.account for one in first)),
        chains=frozenset(chain_id for one in first for chain_id in one.chains),
        is_first_reading=bool(first),
    )


def firings_of(db: Database, delivery_id: int) -> list[int]:
    """Return what a message says that it rings, by rows."""
    rows = db.execute("SELECT notice FROM alert WHERE delivery_id = ? AND notice IS NOT NULL", [delivery_id])
    notices = [to_notice(text) for (text,) in rows]
    return [one.firing for one in notices if isinstance(one, AlarmRang | AlarmRepeated)]


def find_delivery(db: Database, row: int, chat_id: int) -> FoundDelivery | None:
    """Return a message of this chat by its row; None: it is another chat's, or about no account."""
    found = db.execute(
        "SELECT c.kind, c.title, n.thread_id, n.lost FROM delivery d"
        " JOIN destination n ON n.id = d.destination_id JOIN chat c ON c.id = n.chat_id"
        " WHERE d.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    if found is None:
        return None
    kind, title, thread_id, lost = found
    contents = about(db, DeliveryId(row))
    place = to_place(chat_id, kind, title, thread_id)
    is_fallback = lost is not None and bool(thread_id)
    return FoundDelivery(contents, place, is_fallback) if contents.accounts else None


_FIRST_READINGS_MOST = 4

_CONTENTS = f"""
SELECT l.notice,
       CASE WHEN c.kind <> 'moved' OR coalesce(e.reason, '') = '{WhyUnknown.REBASING}' THEN 0
            WHEN l.steps = 1 AND e.outcome = '{ExplanationOutcome.EXPLAINED}'
            AND (SELECT count(DISTINCT g.counterparty) FROM leg g WHERE g.change_id = c.id) <= {SHOWN} THEN 0
            ELSE 1 END,
       a.address, x.chain_id, x.contract, x.symbol, {LOOKS_LIKE_ANOTHER}
FROM alert l LEFT JOIN change c ON c.id = l.change_id LEFT JOIN account a ON a.id = c.account_id
LEFT JOIN asset x ON x.id = c.asset_id LEFT JOIN explanation e ON e.change_id = c.id
WHERE l.delivery_id = ? ORDER BY l.id
"""
