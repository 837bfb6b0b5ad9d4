"""Token contracts that a destination ignores: adds, lists and removes them (one is called a rule)."""

from collections.abc import Collection, Sequence

from bot.domain.assets import Address, ChainId
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.ignore_list import IGNORED_MOST, FoundIgnored, IgnoredToken, IgnoreListPage, IgnoreResult
from bot.domain.observe.recipients import NO_RULES, Ignored, Rules
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.database.door import Database
from bot.store.outbox.queue import ON_THEIR_WAY
from bot.store.outbox.unreported import let_unjudged_pass
from bot.store.rows import (
    Row,
    to_address,
    to_blob,
    to_chains,
    to_milliseconds,
    to_place,
    within_pages,
    words_of,
)


def ignore(
    db: Database, place: Place, contracts: Collection[Address], chains: Collection[ChainId], actor: Actor
) -> IgnoreResult:
    """Let a destination get no alerts about contracts, on these chains or with none on all.

    Beyond `IGNORED_MOST` contracts no more are taken; the result says how many were left out.
    """
    with db.transaction():
        return ignore_within(db, place, contracts, chains, actor)


def ignore_within(
    db: Database, place: Place, contracts: Collection[Address], chains: Collection[ChainId], actor: Actor
) -> IgnoreResult:
    """Do the same as part of the caller's transaction."""
    destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
    words = words_of(chains)
    known = {contract for contract in contracts if _row_of(db, destination_id, contract, words)}
    (count,) = db.execute(
        "SELECT count(*) FROM ignored WHERE destination_id = ?", [destination_id]
    ).fetchone()
    wanted = [contract for contract in dict.fromkeys(contracts) if contract not in known]
    # The list may be longer than that: two destinations with a list each may have become one.
    taken = wanted[: max(0, IGNORED_MOST - count)]
    for contract in taken:
        db.execute(
            "INSERT INTO ignored (destination_id, contract, chains, created_at, created_by, created_by_name)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                destination_id,
                to_blob(contract),
                words,
                to_milliseconds(actor.at),
                actor.user_id,
                actor.name,
            ],
        )
        record_audit(db, actor, AuditAction.IGNORE_CONTRACT, place.chat_id, _subject(contract, words))
    _forget_held_back(db, destination_id, taken, chains)
    return IgnoreResult(
        _tokens(db, destination_id, taken, words),
        _tokens(db, destination_id, known, words),
        len(wanted) - len(taken),
        _still_to_come(db, destination_id, taken, chains),
    )


def _forget_held_back(
    db: Database, destination_id: DestinationId, contracts: Collection[Address], chains: Collection[ChainId]
) -> None:
    """Forget what filters hold back of contracts, except where a subscription names them: nobody wants it."""
    let_unjudged_pass(db, destination_id)
    these = db.any_of(map(to_blob, contracts))
    on = f" AND x.chain_id {db.any_of(chains).sql}" if chains else ""
    rows = db.execute(
        "SELECT u.account_id, u.asset_id, x.chain_id, x.contract FROM unreported u"
        f" JOIN asset x ON x.id = u.asset_id WHERE u.destination_id = ? AND x.contract {these.sql}{on}",
        [destination_id, *these.values, *(db.any_of(chains).values if chains else ())],
    ).fetchall()
    naming = db.execute(
        "SELECT account_id, contracts, chains FROM subscription WHERE destination_id = ? AND contracts <> ''",
        [destination_id],
    ).fetchall()

    def is_named(account_id: int, chain_id: int, contract: bytes) -> bool:
        return any(
            of_account in {None, account_id}
            and to_address(contract) in words.split()
            and (not on_chains or chain_id in to_chains(on_chains))
            for of_account, words, on_chains in naming
        )

    db.executemany(
        "DELETE FROM unreported WHERE destination_id = ? AND account_id = ? AND asset_id = ?",
        [
            (destination_id, account_id, asset_id)
            for account_id, asset_id, chain_id, contract in rows
            if not is_named(account_id, chain_id, contract)
        ],
    )


def unignore(db: Database, place: Place, contracts: Collection[Address], actor: Actor) -> set[Address]:
    """Stop ignoring contracts, on every chain; returns those that were ignored."""
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        found = set()
        for contract in contracts:
            ended = db.execute(
                "DELETE FROM ignored WHERE destination_id = ? AND contract = ?",
                [destination_id, to_blob(contract)],
            )
            if ended.rowcount:
                found.add(contract)
                record_audit(db, actor, AuditAction.UNIGNORE_CONTRACT, place.chat_id, contract)
        return found


def delete_rule(db: Database, found: FoundIgnored, actor: Actor) -> bool:
    """Delete one rule; False: it is gone already."""
    with db.transaction():
        ended = db.execute("DELETE FROM ignored WHERE id = ?", [found.token.row])
        if ended.rowcount:
            subject = _subject(found.token.contract, words_of(found.token.chains))
            record_audit(db, actor, AuditAction.UNIGNORE_CONTRACT, found.place.chat_id, subject)
        return bool(ended.rowcount)


def ignored_here(db: Database, place: Place, page: int, page_size: int) -> IgnoreListPage:
    """Return a page of what a destination ignores, from page 1; beyond the last page, the last one."""
    here = [place.chat_id, place.thread_id or 0]
    (total,) = db.execute(f"SELECT count(*) FROM ignored i {_OF_PLACE}", here).fetchone()
    page, pages = within_pages(page, total, page_size)
    rows = db.execute(
        f"{_TOKENS} {_OF_PLACE} ORDER BY i.id LIMIT ? OFFSET ?", [*here, page_size, (page - 1) * page_size]
    )
    return IgnoreListPage(tuple(map(_to_token, rows)), page, pages, total)


def find_rule(db: Database, row: int, chat_id: int) -> FoundIgnored | None:
    """Return the rule that a button of this chat names; None: it is gone, or another chat's."""
    found = db.execute(
        f"{_TOKENS} JOIN destination d ON d.id = i.destination_id JOIN chat c ON c.id = d.chat_id"
        " WHERE i.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    if found is None:
        return None
    kind, title, thread_id = db.execute(
        "SELECT c.kind, c.title, d.thread_id FROM ignored i JOIN destination d ON d.id = i.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE i.id = ?",
        [row],
    ).fetchone()
    return FoundIgnored(_to_token(found), to_place(chat_id, kind, title, thread_id))


def all_rules(db: Database) -> Ignored:
    """Return what each destination ignores; those that ignore nothing are left out."""
    return _rules(db.execute("SELECT destination_id, contract, chains FROM ignored").fetchall())


def rules_of(db: Database, destination_id: DestinationId) -> Rules:
    """Return what one destination ignores."""
    rows = db.execute(
        "SELECT destination_id, contract, chains FROM ignored WHERE destination_id = ?", [destination_id]
    )
    return _rules(rows.fetchall()).get(destination_id, NO_RULES)


def rules_here(db: Database, place: Place) -> Rules:
    """Return what the destination of a place ignores."""
    rows = db.execute(
        f"SELECT 0, i.contract, i.chains FROM ignored i {_OF_PLACE}", [place.chat_id, place.thread_id or 0]
    )
    return _rules(rows.fetchall()).get(DestinationId(0), NO_RULES)


_OF_PLACE = """
JOIN destination d ON d.id = i.destination_id JOIN chat c ON c.id = d.chat_id
WHERE c.telegram_id = ? AND d.thread_id = ?
"""

# A contract may stand on several chains: its symbol is given where all of them agree on it. `chains` is a
# list with blanks between: it is searched with a blank on either side, so that chain 1 isn't found in 10.
_TOKENS = """
SELECT i.id, i.contract, i.chains,
  (SELECT CASE WHEN min(x.symbol) = max(x.symbol) THEN min(x.symbol) ELSE '' END FROM asset x
   WHERE x.contract = i.contract
   AND (i.chains = '' OR ' ' || i.chains || ' ' LIKE '% ' || x.chain_id || ' %'))
FROM ignored i
"""


def _rules(rows: Sequence[Row]) -> dict[DestinationId, dict[Address, frozenset[ChainId]]]:
    """Return the rules of these rows, several for one contract merged; no chains means every chain."""
    result: dict[DestinationId, dict[Address, frozenset[ChainId]]] = {}
    for destination_id, blob, words in rows:
        of_one = result.setdefault(DestinationId(destination_id), {})
        contract, chains = to_address(blob), to_chains(words)
        before = of_one.get(contract, chains)
        # A rule without chains means every chain, so it takes in all the others.
        of_one[contract] = before | chains if before and chains else frozenset()
    return result


def _to_token(row: Row) -> IgnoredToken:
    row_id, blob, words, symbol = row
    return IgnoredToken(row_id, to_address(blob), to_chains(words), symbol or "")


def _tokens(
    db: Database, destination_id: DestinationId, contracts: Collection[Address], words: str
) -> tuple[IgnoredToken, ...]:
    these = db.any_of(map(to_blob, contracts))
    rows = db.execute(
        f"{_TOKENS} WHERE i.destination_id = ? AND i.chains = ? AND i.contract {these.sql} ORDER BY i.id",
        [destination_id, words, *these.values],
    )
    return tuple(map(_to_token, rows))


def _row_of(db: Database, destination_id: DestinationId, contract: Address, words: str) -> Row | None:
    row: Row | None = db.execute(
        "SELECT id FROM ignored WHERE destination_id = ? AND contract = ? AND chains = ?",
        [destination_id, to_blob(contract), words],
    ).fetchone()
    return row


def _still_to_come(
    db: Database,
    destination_id: DestinationId,
    contracts: Collection[Address],
    chains: Collection[ChainId],
) -> int:
    """Count the changes of these contracts whose alerts are on their way to the destination."""
    these, there = db.any_of(map(to_blob, contracts)), db.any_of(chains)
    on, asked = (f"AND x.chain_id {there.sql}", there.values) if chains else ("", ())
    (count,) = db.execute(
        f"WITH {ON_THEIR_WAY} SELECT count(*) FROM on_their_way w JOIN change c ON c.id = w.change_id"
        f" JOIN asset x ON x.id = c.asset_id WHERE x.contract {these.sql} {on}",
        [destination_id, destination_id, *these.values, *asked],
    ).fetchone()
    return int(count)


def _subject(contract: Address, words: str) -> str:
    return f"{contract} on {words}" if words else contract
