"""What may go wrong with the source, drawn at random."""

from dataclasses import replace
from random import Random

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    ContradictRows,
    CutBody,
    DropConnection,
    EndlessPages,
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
