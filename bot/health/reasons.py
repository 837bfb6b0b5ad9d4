"""Why a role is not done well, as far as the process knows that does it."""

from collections.abc import Iterator
from datetime import datetime

from bot.chat.telegram.receiver import ReceiverProgress
from bot.domain.ask.progress import LastSweep, ended_seconds_ago, silence_seconds
from bot.poller.worker import PollerProgress


def source_reasons(
    progress: PollerProgress | None,
    *,
    interval_seconds: float,
    has_answered: bool,
    takes_over: bool,
    monotonic: float,
    now: datetime,
) -> Iterator[str]:
    """Yield why balances are not read; None: the poller is being built.

    `has_answered` is whether the source ever answered this process, and `takes_over` whether another one may
    have polled just now: then a sweep of that one counts until it is too old.
    """
    last = progress.last if progress else None
    patience = silence_seconds(interval_seconds, last)
    trouble = (last.trouble if last else None) or "no word why"
    if progress is None or not progress.has_swept:
        if not (takes_over and _is_recent(last, now, patience)):
            yield "no sweep has finished yet"
    elif last is not None and last.refusals:
        yield f"the indexer refuses to answer: {trouble}"
    elif not has_answered:
        yield f"the indexer has not answered yet: {trouble}"
    if progress is None:
        return
    # A sweep that does not finish says more than one without an answer, so it is the reason given.
    unfinished, silent = monotonic - progress.finished_at, silent_seconds(progress, monotonic)
    if unfinished > patience:
        yield f"no sweep has finished for {unfinished:.0f} s"
    elif silent > patience:
        yield f"the indexer has been silent for {silent:.0f} s: {trouble}"


def silent_seconds(progress: PollerProgress, monotonic: float) -> float:
    """Return how long the source has been silent: what a sweep stored, and the time since it ended.

    That time is this process's own, as neither a clock that jumps nor a database that can't be written may
    make silence look short.
    """
    return monotonic - progress.finished_at + (progress.last.silent_seconds if progress.last else 0.0)


def silent_seconds_by_the_clock(last: LastSweep | None, now: datetime) -> float:
    """Return the same as whoever does not poll reads it in the database."""
    return max(0.0, (now - last.ended_at).total_seconds()) + last.silent_seconds if last else 0.0


def telegram_reasons(
    received: ReceiverProgress | None, *, is_introduced: bool, sending_trouble: str | None, monotonic: float
) -> Iterator[str]:
    """Yield why messages are not received or not sent; None: nobody receives here."""
    if not is_introduced:
        yield "Telegram has not answered yet"
    trouble = received.reason(monotonic) if received else None
    if trouble is not None:
        yield f"nothing is received: {trouble}"
    if sending_trouble is not None:
        yield f"nothing can be sent: {sending_trouble}"


def _is_recent(last: LastSweep | None, now: datetime, patience: float) -> bool:
    ago = ended_seconds_ago(last, now, patience) if last else None
    return ago is not None and ago <= patience
