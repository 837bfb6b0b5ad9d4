"""Makes the notices of first readings, from what was just stored of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from bot.domain.ask.plan import watched_parts
from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Part
from bot.domain.deliver.alerts import Baseline
from bot.domain.observations import Standing, Verdict
from bot.domain.observe.readings import Coverage
from bot.domain.observe.recipients import (
    NO_RULES,
    Ignored,
    Rules,
    Watches,
    labels_of_parts,
    unignored_parts,
)
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.outbox.alerts import NewAlert
from bot.store.rows import to_asset

_Held = dict[tuple[Address, ChainId], list[tuple[Asset, Standing]]]
"""What is stored of accounts, by account and chain: which assets, and how each is known."""


class BaselineMaker:
    """Makes the notices of what one batch reads for the first time; made before the balances are written."""

    def __init__(
        self,
        db: Database,
        verdicts: Iterable[Verdict],
        *,
        account_ids: Mapping[Address, int],
        watches: Watches,
        ignored: Ignored,
        status: Part,
    ) -> None:
        self._db = db
        self._watches = watches
        self._ignored = ignored
        self._status = status
        by_account: dict[Address, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            by_account[verdict.account].append(verdict)
        self._of_new = {
            account: of_account
            for account, of_account in by_account.items()
            if any(verdict.first_seen for verdict in of_account)
        }
        self._known = _with_balances(db, {account_ids[account]: account for account in self._of_new})
        """Accounts that others' subscriptions brought balances of before, by row."""

    def alerts(self) -> list[NewAlert]:
        """Return a first reading once for each label that a destination has for the account.

        To be called when the balances are written.
        """
        held = _stored_of(self._db, self._known) | {
            (account, verdict.chain_id): _written_of(verdict)
            for account, of_account in self._of_new.items()
            if account not in self._known.values()
            for verdict in of_account
        }
        return [
            alert
            for account, of_account in self._of_new.items()
            for alert in self._of(account, of_account, held)
        ]

    def _of(self, account: Address, verdicts: list[Verdict], held: _Held) -> Iterable[NewAlert]:
        named: dict[tuple[DestinationId, str], list[Verdict]] = defaultdict(list)
        names: dict[tuple[DestinationId, str], None] = {}
        for verdict in verdicts:
            about = self._watches, account, verdict.chain_id
            seen = labels_of_parts(*about, verdict.first_seen, self._status)
            unseen = labels_of_parts(*about, verdict.never_seen, self._status)
            for name in (unseen | seen).items():
                named[name].append(verdict)
            names |= dict.fromkeys(seen.items())
        for destination_id, label in names:
            notice = self._baseline(destination_id, account, label, named[destination_id, label], held)
            yield NewAlert.of_notice(destination_id, notice, label)

    def _baseline(
        self,
        destination_id: DestinationId,
        account: Address,
        label: str,
        verdicts: list[Verdict],
        held: _Held,
    ) -> Baseline:
        """Return the first reading as one destination asked for it: nothing that only others asked for.

        Balances are counted in what is stored, as others' subscriptions may have brought some before.
        """
        mine = [pair for pair in self._watches[account] if pair[0].destination_id == destination_id]
        rules = self._ignored.get(destination_id, NO_RULES)
        balances, seen, unanswered = 0, [], []
        read: set[Part] = set()
        wanted: set[Part] = set()
        for verdict in verdicts:
            parts = watched_parts(mine, verdict.chain_id, self._status)
            if verdict.first_seen & parts:
                seen.append(verdict.chain_id)
                read |= verdict.first_seen & parts
                wanted |= parts
                here = held.get((account, verdict.chain_id), ())
                balances += _count(here, Coverage(parts & verdict.first_seen, self._status), rules)
            elif verdict.never_seen & parts:
                unanswered.append(verdict.chain_id)
        # Tokens are named only where they alone are new: the account itself was read before.
        listed = {NATIVE_PART, self._status}
        contracts = sorted(map(Address, read)) if listed & wanted and not listed & read else []
        return Baseline(
            account=account,
            label=label,
            balances=balances,
            chains=tuple(seen),
            unanswered=tuple(unanswered),
            contracts=tuple(contracts),
        )


def _with_balances(db: Database, accounts: Mapping[int, Address]) -> dict[int, Address]:
    if not accounts:
        return {}
    theirs = db.any_of(accounts)
    rows = db.execute(
        f"SELECT a.id FROM account a WHERE a.id {theirs.sql}"
        " AND EXISTS (SELECT 1 FROM balance b WHERE b.account_id = a.id)",
        theirs.values,
    )
    return {account_id: accounts[account_id] for (account_id,) in rows}


def _stored_of(db: Database, accounts: Mapping[int, Address]) -> _Held:
    if not accounts:
        return {}
    theirs = db.any_of(accounts)
    rows = db.execute(
        "SELECT b.account_id, x.chain_id, x.contract, b.standing"
        f" FROM balance b JOIN asset x ON x.id = b.asset_id WHERE b.account_id {theirs.sql}",
        theirs.values,
    )
    held: _Held = defaultdict(list)
    for account_id, chain_id, contract, standing in rows:
        held[accounts[account_id], chain_id].append((to_asset(chain_id, contract), Standing(standing)))
    return held


def _written_of(verdict: Verdict) -> list[tuple[Asset, Standing]]:
    """Return what is stored after a verdict of an account of which nothing was stored before."""
    return [(asset, balance.standing) for asset, balance in verdict.balances.items() if balance is not None]


def _count(held: Iterable[tuple[Asset, Standing]], read: Coverage, rules: Rules) -> int:
    """Count the assets that the read parts show; of an ignored one only its own part does."""
    if not rules:
        return sum(read.speaks_of(asset, standing) for asset, standing in held)
    return sum(
        Coverage(unignored_parts(read.parts, rules, asset), read.status).speaks_of(asset, standing)
        for asset, standing in held
    )
