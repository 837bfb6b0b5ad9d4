"""What may go wrong with the source, drawn at random."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any, Final

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    ContradictRows,
    CutBody,
    DropConnection,
    EndlessPages,
    FailHistory,
    FailNativeRow,
    FailNatives,
    FailTokens,
    Fault,
    FlickerNative,
    Lag,
    LeaveOutNatives,
    LeaveOutTokens,
    RepeatKeys,
    RepeatPage,
    ReplaceFields,
    StrayRows,
)
from bot.sandbox.gateway.knobs import Knobs
from tests.simulation.small_world import CHAINS

HISTORY: Final = "GetTransactionHistory"
REFUSED = AnswerError(name="InvalidArgument", code=2001, status=400)
STRANGER = "0x" + "57" * 20
MALFORMED: tuple[object, ...] = (-1, "-1", "", None, True, 1.5, "01", " 1 ", str(2**256), "9" * 99)


def some_knobs(rng: Random) -> Knobs:
    """Return one possible gateway."""
    return Knobs(
        emit_zero_rows=rng.random() < 0.5,
        chains_without_rows=rng.choice(("empty", "null", "missing")),
        page_scope=rng.choice(("request", "chain")),
        natives_on_later_pages=rng.choice(("repeated", "omitted")),
        cursor_type=rng.choice(("object", "string")),
        page_numbers=rng.random() < 0.5,
        metadata=rng.choice(("full", "no_decimals", "null_extensions", "hostile_names")),
        max_page_size=rng.choice((None, 40)),
        max_accounts=rng.choice((None, None, 1)),
        above_max_accounts=rng.choice(("invalid_argument", "resource_exhausted", "too_large")),
    )


LOSSES = (
    "history_end",
    "history_lag_seconds",
    "history_retention_days",
    "transfers_listed",
    "transaction_timestamps",
)
"""Knobs that keep transfers from being listed, or from being placed."""


def some_history(rng: Random, knobs: Knobs, *, is_whole: bool) -> Knobs:
    """Return a gateway that is the same but for how it lists transfers: all of them, or not always."""
    knobs = replace(
        knobs,
        history_order=rng.choice(("newest_first", "newest_first", "oldest_first", "shuffled")),
        history_page_counts=rng.choice(("rows", "transactions")),
        history_cursor_type=rng.choice(("string", "object")),
        history_block_range=rng.choice(("obeyed", "ignored", "exclusive")),
        history_of_pairs=rng.choice(("one_row", "two_rows")),
        native_transfers=rng.choice(("listed", "twice")),
        transfer_types=rng.choice(("right", "unknown", "of_the_other")),
        transfer_ids=rng.choice(("tokenIds", "tokenIDs")),
        **{name: getattr(Knobs(), name) for name in LOSSES},
    )
    if is_whole or rng.random() < 0.5:
        return knobs
    losses: tuple[Mapping[str, Any], ...] = (
        {"history_end": "never"},
        {"history_end": "repeated"},
        {"native_transfers": "missing"},
        {"history_lag_seconds": rng.choice((1.0, 90.0, 400.0))},
        {"history_retention_days": 0.01},
        {"transfer_ids": "absent"},
        {"transfers_listed": False},
        {"transaction_timestamps": rng.choice(("null", "date"))},
    )
    return replace(knobs, **rng.choice(losses))


def some_history_fault(rng: Random) -> Fault:
    """Return a fault of the list of transfers alone."""
    times = rng.choice((None, 1, 2))
    faults: list[Fault] = [
        FailHistory(chain_id=rng.choice(CHAINS), times=times),
        replace(REFUSED, method=HISTORY, times=times),
        AnswerError(name="RateLimit", code=1201, status=429, method=HISTORY, times=times),
        AnswerError(name="BadRoute", code=-2, status=404, method=HISTORY, times=times),
        AnswerHtml(status=rng.choice((200, 404, 502)), method=HISTORY, times=times),
        CutBody(method=HISTORY, times=times),
        DropConnection(method=HISTORY, times=times),
    ]
    return rng.choice(faults)


def some_fault(rng: Random, account: str, *, may_lag: bool) -> Fault:
    """Return a fault that must cost nothing but time; replicas lag and coins flicker only where allowed."""
    chain_id = rng.choice(CHAINS)
    times = rng.choice((None, 1, 2, 5))
    faults: list[Fault] = [
        FailTokens(chain_id=chain_id, times=times),
        FailTokens(chain_id=chain_id, for_account=account, times=times),
        FailNatives(chain_id=chain_id, times=times),
        FailNativeRow(chain_id=chain_id, account=account, times=times),
        LeaveOutTokens(
            chain_id=chain_id
        ),  # on each page: left out on some of them, it would be said to be whole
        LeaveOutNatives(chain_id=chain_id, times=times),
        replace(REFUSED, for_account=account),
        replace(REFUSED, for_chain=chain_id),
        AnswerError(name="QueryFailed", code=2003, status=400, times=times),
        AnswerError(name="Timeout", code=1900, status=408, above_accounts=rng.randint(0, 2)),
        AnswerError(name="RateLimit", code=1201, status=429, headers={"Retry-After": "7"}, times=times),
        AnswerError(name="QuotaExceeded", code=1200, status=423, times=times),
        AnswerHtml(status=rng.choice((200, 502)), times=times),
        CutBody(times=times, every=rng.randint(1, 3)),
        DropConnection(times=times, every=rng.randint(1, 3)),
        RepeatPage(times=times),
        EndlessPages(times=times),
        StrayRows(account=STRANGER, share=rng.choice((0.2, 0.6, 1.0)), times=times),
        StrayRows(account=STRANGER, for_account=account, times=times),
        StrayRows(chain_id=rng.choice((*CHAINS, 10)), share=rng.choice((0.2, 0.6, 1.0)), times=times),
        ContradictRows(chain_id=chain_id, by=rng.choice((-3, 4)), newer=rng.random() < 0.5, times=times),
        ContradictRows(chain_id=chain_id, account=account, times=times),
        RepeatKeys(key="balance", value="0", is_last=rng.random() < 0.5, times=times),
        RepeatKeys(key="accountAddress", value=account, where={"chainId": chain_id}, times=times),
        ReplaceFields(
            fields={"balance": rng.choice(MALFORMED)},
            where={"accountAddress": account, "chainId": chain_id},
            times=times,
        ),
    ]
    if may_lag:
        faults += [
            FlickerNative(chain_id=chain_id, times=times, every=rng.randint(1, 2)),
            Lag(chain_id=chain_id, behind=rng.randint(1, 9), times=times),
        ]
    return rng.choice(faults)
