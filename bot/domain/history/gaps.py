"""Gaps of sight as they are looked up: those that touch are one, and no gap is told twice."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import BlindSpan

SHORTEST_GAP = timedelta(minutes=1)
"""An answer that is missing for less is nothing to speak of."""


def merged(spans: Iterable[BlindSpan]) -> list[BlindSpan]:
    """Return the gaps, the latest first; an account's only where it isn't within one of all of the chain."""
    joined: dict[tuple[ChainId, Address | None], list[BlindSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: one.since):
        before = joined[span.chain_id, span.account]
        if before and _goes_on(before[-1], span):
            before[-1] = _both(before[-1], span)
        else:
            before.append(span)
    shown = [
        span
        for (chain_id, account), of_one in joined.items()
        for span in of_one
        if account is None
        or not any(_contains(of_chain, span) for of_chain in joined.get((chain_id, None), ()))
    ]
    return sorted(shown, key=lambda one: one.since, reverse=True)


def _goes_on(before: BlindSpan, span: BlindSpan) -> bool:
    return before.until is None or span.since <= before.until


def _both(before: BlindSpan, span: BlindSpan) -> BlindSpan:
    if before.until is None or span.until is None:
        return before._replace(until=None)
    return before._replace(until=max(before.until, span.until))


def _contains(outer: BlindSpan, inner: BlindSpan) -> bool:
    if inner.since < outer.since:
        return False
    return outer.until is None or (inner.until is not None and inner.until <= outer.until)
