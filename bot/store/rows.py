"""Turns columns into values of the domain, and back."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from bot.domain.assets import NATIVE, NATIVE_PART, Address, Amount, Asset, ChainId, Description, Part
from bot.domain.deliver.traces import Trace
from bot.domain.observations import Balance, ItemMove, Standing
from bot.domain.places import Place
from bot.domain.rules.alarms import AlarmTerms, Side
from bot.domain.rules.conditions import Condition, Counterparty, Direction, Level, Unit
from bot.domain.rules.loud import AS_EVER, Loudness, LoudRule, Mention, Sound
from bot.domain.subscriptions import (
    EVERYTHING,
    DestinationId,
    ListedSubscription,
    Scope,
    Subscription,
    SubscriptionId,
)

Row = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LISTING_PARTS = (Part("VERIFIED"), Part("ALL"))
"""The parts that stand for all tokens of a contract status; the configuration says which one is read."""

# One letter and not a word: `coverage` has a row for each part of each account on each chain.
_PART_LETTERS = {NATIVE_PART: b"N", LISTING_PARTS[0]: b"V", LISTING_PARTS[1]: b"A"}
_LETTER_PARTS = {letter: part for part, letter in _PART_LETTERS.items()}

# A look-up and no call of the class, which is slow: this runs for each stored balance.
STANDINGS = {standing.value: standing for standing in Standing}


def to_milliseconds(moment: datetime) -> int:
    """Return whole milliseconds since 1970; a moment without a time zone raises TypeError."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_moment(milliseconds: int) -> datetime:
    """Return the moment in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_moment_or_none(milliseconds: int | None) -> datetime | None:
    """Return the moment in UTC, or None for NULL."""
    return None if milliseconds is None else to_moment(milliseconds)


def to_blob(address: Address) -> bytes:
    """Return 20 bytes, or none for the native coin."""
    return bytes.fromhex(address[2:])


def to_address(blob: bytes) -> Address:
    """Return the address of 20 bytes, `NATIVE` for none."""
    return Address("0x" + blob.hex()) if blob else NATIVE


def part_to_blob(part: Part) -> bytes:
    """Return one letter, or the 20 bytes of a contract."""
    return _PART_LETTERS.get(part) or to_blob(Address(part))


def to_part(blob: bytes) -> Part:
    """Return the part that `part_to_blob` wrote."""
    return _LETTER_PARTS.get(blob) or Part(to_address(blob))


def holding_to_row(holding: Amount) -> tuple[str, str | None, int | None]:
    """Return amount and uniques as exact text, and the block."""
    uniques = None if holding.uniques is None else str(holding.uniques)
    return str(holding.amount_raw), uniques, holding.block


def to_holding(amount: str, uniques: str | None, block: int | None) -> Amount:
    """Return what `holding_to_row` wrote."""
    return Amount(int(amount), None if uniques is None else int(uniques), block)


def balance_to_row(balance: Balance) -> tuple[str, str | None, int | None, int, str | None]:
    """Return amount, uniques, block, standing, and the amount last reported where it is another one."""
    amount, uniques, block = balance.amount
    return (
        str(amount),
        None if uniques is None else str(uniques),
        block,
        int(balance.standing),  # SQLite's driver takes twice as long over a row with an enum
        None if balance.last_alerted_raw is None else str(balance.last_alerted_raw),
    )


def to_balance(
    amount: str, uniques: str | None, block: int | None, standing: int, last_alerted: str | None
) -> Balance:
    """Return what `balance_to_row` wrote."""
    return Balance(
        Amount(int(amount), None if uniques is None else int(uniques), block),
        STANDINGS[standing],
        None if last_alerted is None else int(last_alerted),
    )


def items_to_json(items: Iterable[ItemMove]) -> str | None:
    """Return the token ids that came and went as JSON; NULL for none."""
    # As strings: ids and amounts have up to 256 bits, and readers of JSON may take numbers for floats.
    return json.dumps([[str(value) for value in item] for item in items]) if items else None


def to_item_moves(text: str | None) -> tuple[ItemMove, ...]:
    """Return what `items_to_json` wrote."""
    return tuple(ItemMove(*map(int, item)) for item in json.loads(text or "[]"))


def to_asset(chain_id: int, contract: bytes) -> Asset:
    """Return the asset of its key columns."""
    return Asset(ChainId(chain_id), to_address(contract))


def to_description(kind: str, symbol: str | None, decimals: int | None, rebasing: int) -> Description:
    """Return what is known of an asset."""
    return Description(kind, symbol, decimals, bool(rebasing))


def words_of(values: Iterable[str | int]) -> str:
    """Return a set as words with blanks between, sorted so that equal sets are equal texts."""
    return " ".join(str(value) for value in sorted(values))


def to_chains(words: str) -> frozenset[ChainId]:
    """Return the set of chains that `words_of` wrote."""
    return frozenset(ChainId(int(word)) for word in words.split())


def scope_to_columns(scope: Scope) -> dict[str, str]:
    """Return the columns of a scope, each a text that is empty for "everything"."""
    return {"contracts": words_of(scope.contracts), "chains": words_of(scope.chains)}


def to_scope(columns: Mapping[str, str]) -> Scope:
    """Return the scope of its columns; one that is missing, as in a row of long ago, means everything."""
    return Scope(
        contracts=frozenset(map(Address, columns.get("contracts", "").split())),
        chains=to_chains(columns.get("chains", "")),
    )


def condition_to_json(condition: Condition | None) -> str:
    """Return a condition as JSON; "" for none."""
    return "" if condition is None else _compact(_condition_to_plain(condition))


def _condition_to_plain(condition: Condition) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "direction": condition.direction,
        "levels": [_from_level(level) for level in condition.levels],
        "chains": sorted(condition.chains),
    }
    # Only where there are any: former versions wrote the same text for all others, and texts are compared.
    addresses = [one.address for one in condition.counterparties]
    return {**plain, "counterparties": addresses} if addresses else plain


@lru_cache(maxsize=10_000)
def to_condition(text: str) -> Condition | None:
    """Return what `condition_to_json` wrote."""
    # Remembered: a batch with changes reads those of all subscriptions to its accounts, mostly the same few.
    return _plain_to_condition(json.loads(text)) if text else None


@lru_cache(maxsize=10_000)
def filters_to_json(filters: tuple[Condition, ...]) -> str:
    """Return conditions as a JSON list; "" for none."""
    # Remembered: each alert of a batch has those of its destination, mostly the same few.
    plain = [_condition_to_plain(one) for one in filters]
    return _compact(plain) if plain else ""


@lru_cache(maxsize=10_000)
def to_filters(text: str) -> tuple[Condition, ...]:
    """Return what `filters_to_json` wrote."""
    return tuple(map(_plain_to_condition, json.loads(text))) if text else ()


def trace_to_row(trace: Trace) -> tuple[str, str]:
    """Return the numbers of subscriptions, blank between, and the filters as JSON."""
    return words_of(trace.wanted_by), filters_to_json(trace.filters)


def to_trace(wanted_by: str, filters: str) -> Trace:
    """Return what `trace_to_row` wrote."""
    return Trace(tuple(sorted(map(int, wanted_by.split()))), to_filters(filters))


def _plain_to_condition(stored: Mapping[str, Any]) -> Condition:
    return Condition(
        direction=None if stored["direction"] is None else Direction(stored["direction"]),
        levels=tuple(map(_to_level, stored["levels"])),
        chains=frozenset(map(ChainId, stored["chains"])),
        counterparties=tuple(Counterparty(Address(one)) for one in stored.get("counterparties", ())),
    )


def loud_rule_to_json(rule: LoudRule | None) -> str:
    """Return a loud rule as JSON; "" for none."""
    if rule is None:
        return ""
    mentions = _mentions_to_plain(rule.mentions)
    return _compact({"condition": _condition_to_plain(rule.condition), "mentions": mentions})


@lru_cache(maxsize=10_000)
def to_loud_rule(text: str) -> LoudRule | None:
    """Return what `loud_rule_to_json` wrote."""
    # Remembered for the reason that `to_condition` has.
    if not text:
        return None
    stored = json.loads(text)
    return LoudRule(_plain_to_condition(stored["condition"]), _plain_to_mentions(stored["mentions"]))


def loudness_to_row(loudness: Loudness) -> tuple[str | None, str]:
    """Return the sound, and the mentions as JSON, "" for none."""
    mentions = _compact(_mentions_to_plain(loudness.mentions)) if loudness.mentions else ""
    return loudness.sound, mentions


def to_loudness(sound: str | None, mentions: str) -> Loudness:
    """Return what `loudness_to_row` wrote."""
    if sound is None:
        return AS_EVER
    return Loudness(Sound(sound), _plain_to_mentions(json.loads(mentions)) if mentions else ())


def _mentions_to_plain(mentions: Iterable[Mention]) -> list[list[str | int | None]]:
    return [[one.name, one.user_id] for one in mentions]


def _plain_to_mentions(stored: Iterable[Any]) -> tuple[Mention, ...]:
    return tuple(Mention(name, user_id) for name, user_id in stored)


def _compact(stored: object) -> str:
    return json.dumps(stored, separators=(",", ":"))


def _from_level(level: Level) -> dict[str, Any]:
    return {
        "number": f"{level.number:f}",
        "unit": level.unit,
        "assets": sorted(level.assets),
        "symbol": level.symbol,
    }


def _to_level(stored: Mapping[str, Any]) -> Level:
    return Level(
        Decimal(stored["number"]),
        Unit(stored["unit"]),
        frozenset(Asset(ChainId(chain_id), Address(contract)) for chain_id, contract in stored["assets"]),
        stored["symbol"],
    )


def terms_to_json(terms: AlarmTerms) -> str:
    """Return the terms of an alarm as JSON; equal terms are equal texts."""
    stored = {
        "side": terms.side,
        "level": _from_level(terms.level),
        "until": None if terms.until is None else f"{terms.until:f}",
        "again_ms": None if terms.again is None else terms.again // timedelta(milliseconds=1),
        "chains": sorted(terms.chains),
        "is_total": terms.is_total,
    }
    return _compact(stored)


@lru_cache(maxsize=10_000)
def to_terms(text: str) -> AlarmTerms:
    """Return what `terms_to_json` wrote."""
    stored = json.loads(text)
    return AlarmTerms(
        side=Side(stored["side"]),
        level=_to_level(stored["level"]),
        until=None if stored["until"] is None else Decimal(stored["until"]),
        again=None if stored["again_ms"] is None else timedelta(milliseconds=stored["again_ms"]),
        chains=frozenset(map(ChainId, stored["chains"])),
        is_total=stored["is_total"],
    )


_SCOPE_COLUMNS = tuple(scope_to_columns(EVERYTHING))

SUBSCRIPTIONS = f"""
SELECT s.id, s.destination_id, s.number, a.address, s.label, s.filter, d.filter, s.loud, d.loud,
       s.{", s.".join(_SCOPE_COLUMNS)}
FROM subscription s
JOIN destination d ON d.id = s.destination_id
JOIN chat c ON c.id = d.chat_id
LEFT JOIN account a ON a.id = s.account_id
"""
"""Reads subscriptions for `to_listed`; what follows it says which ones, and in what order."""


def to_listed(row: Row) -> ListedSubscription:
    """Return a row of `SUBSCRIPTIONS` with the number it has in its chat."""
    subscription_id, destination_id, number, account, label, *rest = row
    filter_json, place_filter_json, loud_json, place_loud_json, *scope = rest
    subscription = Subscription(
        id=SubscriptionId(subscription_id),
        destination_id=DestinationId(destination_id),
        account=None if account is None else to_address(account),
        # Most are about everything, and all are read with each sweep.
        scope=to_scope(dict(zip(_SCOPE_COLUMNS, scope, strict=True))) if any(scope) else EVERYTHING,
        label=label,
        filter=to_condition(filter_json),
        place_filter=to_condition(place_filter_json),
        loud=to_loud_rule(loud_json),
        place_loud=to_loud_rule(place_loud_json),
        number=number,
    )
    return ListedSubscription(number, subscription)


def to_subscription(row: Row) -> Subscription:
    """Return a row of `SUBSCRIPTIONS`."""
    return to_listed(row).subscription


def to_place(chat_id: int, kind: str, title: str, thread_id: int) -> Place:
    """Return a destination's place; a thread of 0 is none."""
    return Place(chat_id, kind, title, thread_id or None)


def within_pages(page: int, total: int, page_size: int) -> tuple[int, int]:
    """Return a page's number, no lower than 1 and no higher than the last page's, and the number of pages.

    Without any rows there is one page, which is empty.
    """
    pages = max(1, -(-total // page_size))
    return min(max(1, page), pages), pages
