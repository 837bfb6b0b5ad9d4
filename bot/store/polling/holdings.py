"""What a destination watches of accounts, chain by chain: what is held, how old that is, what is unknown."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from bot.domain.ask.plan import Wanted, wanted_by, watches_by_account
from bot.domain.assets import NATIVE_PART, Address, ChainId, Part
from bot.domain.observations import Standing
from bot.domain.observe.holdings import ChainHoldings, NamedBalance, PartKind, PartSeen
from bot.domain.observe.recipients import Rules, ignores, label_on
from bot.domain.places import Place
from bot.domain.subscriptions import Subscription
from bot.store.balances.look_alikes import LOOKS_LIKE_ANOTHER
from bot.store.chats.ignore_list import rules_here
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.door import Database
from bot.store.polling.sweeps import held_back
from bot.store.rows import (
    Row,
    to_asset,
    to_blob,
    to_description,
    to_holding,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
    to_part,
)


def holdings_of(
    db: Database,
    place: Place,
    accounts: Collection[Address],
    chains: frozenset[ChainId],
    status: Part,
    *,
    prices_since: datetime,
    seen_since: datetime,
) -> dict[Address, list[ChainHoldings]]:
    """Return what a destination watches of accounts, chain by chain, what was not read yet included.

    A price that the source named before `prices_since` is none; what was seen before `seen_since` is late.
    """
    subscriptions = [one.subscription for one in subscriptions_here(db, place)]
    rules = rules_here(db, place)
    return dict(
        holdings_by_account(
            db,
            subscriptions,
            accounts,
            rules=rules,
            chains=chains,
            status=status,
            prices_since=prices_since,
            seen_since=seen_since,
        )
    )


def holdings_by_account(
    db: Database,
    subscriptions: Collection[Subscription],
    accounts: Iterable[Address],
    *,
    rules: Rules,
    chains: frozenset[ChainId],
    status: Part,
    prices_since: datetime,
    seen_since: datetime,
) -> Iterator[tuple[Address, list[ChainHoldings]]]:
    """Yield the same of several accounts, by the subscriptions and the ignore list of one destination.

    A price that the source named before `prices_since` is none; what was seen before `seen_since` is late.
    """
    wanted, watched = wanted_by(subscriptions, chains), watches_by_account(subscriptions)
    seen_at, on_hold = complete_at(db), held_back(db)
    for account in accounts:
        coverage = _coverage(db, account)
        held = _held(db, account, prices_since)
        of_account = wanted.get(account, Wanted())
        yield (
            account,
            [
                ChainHoldings(
                    chain_id=chain_id,
                    parts=tuple(
                        _parts(
                            of_account.parts(chain_id, status),
                            coverage.get(chain_id, {}),
                            seen_at.get(chain_id),
                            held.get(chain_id, ()),
                            rules=rules,
                            status=status,
                            seen_since=seen_since,
                        )
                    ),
                    held_back=on_hold.get(chain_id),
                    label=label_on(watched.get(account, ()), chain_id),
                )
                for chain_id in sorted(of_account.chains())
            ],
        )


def complete_at(db: Database) -> dict[ChainId, datetime]:
    """Return when everything on each chain was last seen that is not marked as unknown."""
    rows = db.execute("SELECT id, complete_at FROM chain")
    return {ChainId(chain_id): to_moment(at) for chain_id, at in rows}


_COVERAGE = """
SELECT v.chain_id, v.part, v.unknown_since FROM coverage v JOIN account a ON a.id = v.account_id
WHERE a.address = ?
"""


def _coverage(db: Database, account: Address) -> dict[ChainId, dict[Part, datetime | None]]:
    result: dict[ChainId, dict[Part, datetime | None]] = defaultdict(dict)
    for chain_id, part, unknown_since in db.execute(_COVERAGE, [to_blob(account)]):
        result[ChainId(chain_id)][to_part(part)] = to_moment_or_none(unknown_since)
    return result


_HELD = f"""
SELECT x.chain_id, x.contract, x.kind, x.symbol, x.decimals, x.rebasing, x.price_usd, x.priced_at,
  b.amount, b.uniques, b.block, b.standing, {LOOKS_LIKE_ANOTHER}
FROM balance b JOIN asset x ON x.id = b.asset_id JOIN account a ON a.id = b.account_id
WHERE a.address = ? ORDER BY x.chain_id, lower(x.symbol) NULLS FIRST, x.contract
"""


def _held(
    db: Database, account: Address, prices_since: datetime
) -> dict[ChainId, list[tuple[NamedBalance, Standing]]]:
    held: dict[ChainId, list[tuple[NamedBalance, Standing]]] = defaultdict(list)
    since = to_milliseconds(prices_since)
    for row in db.execute(_HELD, [to_blob(account)]):
        one, standing = _to_held(row, since)
        held[one.asset.chain_id].append((one, standing))
    return held


def _to_held(row: Row, prices_since: int) -> tuple[NamedBalance, Standing]:
    (
        chain_id,
        contract,
        kind,
        symbol,
        decimals,
        rebasing,
        price_usd,
        priced_at,
        amount,
        uniques,
        block,
        standing,
        is_look_alike,
    ) = row
    description = to_description(kind, symbol, decimals, rebasing)
    if price_usd is not None and priced_at is not None:
        if priced_at >= prices_since:
            description = description._replace(price_usd=price_usd)
        else:
            description = description._replace(price_updated_at=to_moment(priced_at))
    held = NamedBalance(
        to_asset(chain_id, contract),
        description,
        to_holding(amount, uniques, block),
        bool(is_look_alike),
    )
    return held, Standing(standing)


def _parts(
    watched: frozenset[Part],
    coverage: Mapping[Part, datetime | None],
    complete_at: datetime | None,
    held: Sequence[tuple[NamedBalance, Standing]],
    *,
    rules: Rules,
    status: Part,
    seen_since: datetime,
) -> Iterator[PartSeen]:
    """Yield each watched part with the balances it shows: coins first, then lists, then contracts.

    A token that both a list and a watched contract show stands with the contract. Of tokens that are ignored
    and only listed, just their number is given.
    """
    shown: dict[Part, list[NamedBalance]] = defaultdict(list)
    left_out = 0
    for one, standing in held:
        part = one.asset.part
        # A contract that is watched and was not read yet is shown by the list for now, if that has it.
        if part in watched and part in coverage:
            shown[part].append(one)
        elif standing is not Standing.NAMED and ignores(rules, one.asset):
            left_out += 1
        elif standing is not Standing.NAMED:
            shown[status].append(one)
    kinds = {NATIVE_PART: PartKind.NATIVES, status: PartKind.TOKENS}
    # Of a chain that gives no answer at all nothing is marked as unknown: only its age shows it.
    is_late = complete_at is not None and complete_at < seen_since
    for part in sorted(watched, key=lambda part: (part != NATIVE_PART, part != status, part)):
        is_read = part in coverage
        yield PartSeen(
            kind=kinds.get(part, PartKind.NAMED),
            seen_at=complete_at if is_read else None,
            unknown_since=coverage.get(part),
            held=tuple(shown[part]) if is_read else (),
            left_out=left_out if is_read and part == status else 0,
            is_late=is_read and is_late,
        )
