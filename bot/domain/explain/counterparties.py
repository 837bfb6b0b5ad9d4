"""With whom a change was: what each counterparty paid or got, all told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.domain.assets import Address
from bot.domain.explain.explanations import Leg
from bot.domain.explain.transfers import TransactionHash

SHOWN = 3
"""So many stand in a line; of the others only their number."""


class CounterpartyTotal(NamedTuple):
    """What moved between an account and one address, netted."""

    address: Address
    """`NOBODY` where it was minted or burnt; the account itself where it paid itself."""
    amount_raw: int
    """Into the account, negative out of it; 0 where as much came as went."""
    items: tuple[tuple[int, int], ...]
    """Of a collection, the token ids with what came (or, negative, went) of each; zeros left out."""
    transactions: tuple[TransactionHash, ...]
    """Each once, in the order of the legs."""


def counterparty_totals(legs: Iterable[Leg]) -> tuple[CounterpartyTotal, ...]:
    """Return with whom a change was: those with the most first, and of equals the one that came first."""
    by_address: dict[Address, list[Leg]] = defaultdict(list)
    for leg in legs:
        by_address[leg.counterparty].append(leg)
    found = (_netted(address, of_one) for address, of_one in by_address.items())
    return tuple(sorted(found, key=lambda one: (-abs(one.amount_raw), -_moved(one))))


def _netted(address: Address, legs: Sequence[Leg]) -> CounterpartyTotal:
    items: dict[int, int] = defaultdict(int)
    for leg in legs:
        if leg.token_id is not None:
            items[leg.token_id] += leg.amount_raw
    return CounterpartyTotal(
        address=address,
        amount_raw=sum(leg.amount_raw for leg in legs),
        items=tuple((token_id, amount) for token_id, amount in sorted(items.items()) if amount),
        transactions=tuple(dict.fromkeys(leg.transaction for leg in legs)),
    )


def _moved(one: CounterpartyTotal) -> int:
    """Return how many items came and went: an exchange nets to nothing, and is no trifle."""
    return sum(abs(amount) for _, amount in one.items)
