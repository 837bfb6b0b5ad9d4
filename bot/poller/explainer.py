"""The worker that finds out which transfers explain changes, once these are recorded.

No alert depends on it: what an alert waits for stands in its row with the moment when it leaves anyway.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.domain.ask.plan import chunks
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, WhyUnknown
from bot.domain.explain.questions import HistoryAnswer, HistorySource
from bot.domain.explain.retention import is_listed_no_longer
from bot.domain.explain.unexplained import (
    Inquiry,
    Unexplained,
    busiest_apart,
    inquiries,
    without_range,
)
from bot.indexer.errors import IndexerError, OverBudget
from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import DatabaseUnavailable
from bot.store.database.signals import SignalName
from bot.store.explain import pending
from bot.store.explain.explanations import Judge, judge_nothing, save_explanations

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.5
"""How long a sweep may go on before the first of its changes are asked about."""

CHANGES_AT_ONCE = 500
"""Read and asked about in one round."""

SAVED_AT_ONCE = 50
"""Explained in one transaction: some tens of milliseconds in the database's thread."""

LOOK_AGAIN_SECONDS = 5.0
"""Before the next round after an error."""

LONGEST_PAUSE_SECONDS = 60.0
"""Between two looks at when something is asked next: the clock may have been set back."""


@dataclass(frozen=True, slots=True)
class ExplainerSettings:
    """How long alerts wait, and who judges them anew."""

    wait_seconds: float
    """An alert waits so long at most for its explanation; 0: not at all."""
    judge: Judge


class Explainer:
    """Asks once for all changes of a chain and sweep, and stores what the answer says about each."""

    def __init__(
        self,
        source: HistorySource,
        db: DatabaseThread,
        settings: ExplainerSettings,
        *,
        at_rest: asyncio.Event,
        outcomes: Counter[ExplanationOutcome],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        """`at_rest` is set while no sweep reads anything; `outcomes` counts each time a change is asked."""
        self.outcomes = outcomes
        self._source = source
        self._db = db
        self._settings = settings
        self._at_rest = at_rest
        self._now = now
        self._monotonic = monotonic
        self._news = db.signal(SignalName.CHANGES)
        self._asking_since: float | None = None
        self._trusts_ranges = False
        """Whether the source has shown that it understands blocks."""

    def explain_until(self) -> datetime | None:
        """Return until when alerts that are recorded now wait; None: nothing is likely to come in time."""
        wait = self._settings.wait_seconds
        is_slow = self._asking_since is not None and self._monotonic() - self._asking_since > wait
        if not wait or is_slow or not self._source.history_is_ready:
            return None
        return self._now() + timedelta(seconds=wait)

    async def run(self) -> None:
        """Explain whatever is recorded, for ever; an error is logged, and tried again after a pause."""
        while True:
            try:
                pause = await self.explain_due()
            except DatabaseUnavailable as error:
                log.warning("explanations wait to be written", action="explain_waits", trouble=str(error))
                pause = LOOK_AGAIN_SECONDS
            except Exception:
                log.exception("looking for what is to be explained failed", action="explain_failed")
                pause = LOOK_AGAIN_SECONDS
            if await self._news.wait(pause):
                await self._gather()

    async def explain_due(self) -> float:
        """Ask about all changes that are due, once; returns the seconds until the next are."""
        changes = await self._db.run(pending.due_changes, self._now(), CHANGES_AT_ONCE)
        await self._explain_all(changes)
        if len(changes) == CHANGES_AT_ONCE:
            return 0.0
        at = await self._db.run(pending.next_ask_at)
        seconds = LONGEST_PAUSE_SECONDS if at is None else (at - self._now()).total_seconds()
        return min(max(0.0, seconds), LONGEST_PAUSE_SECONDS)

    async def explain(self, change_ids: Collection[int]) -> None:
        """Ask about changes that are not explained, as somebody wants to know; the budget doesn't matter."""
        changes = await self._db.run(pending.unexplained_of, change_ids)
        await self._explain_all(changes, on_demand=True)

    async def _gather(self) -> None:
        """Wait until the sweep has ended, or for a while: its changes share their questions."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await self._at_rest.wait()

    async def _explain_all(self, changes: Collection[Unexplained], *, on_demand: bool = False) -> None:
        now = self._now()
        too_old = {
            one.row: _unknown(WhyUnknown.TOO_OLD)
            for one in changes
            if is_listed_no_longer(one.change.asset.chain_id, one.change.observed_at, now)
        }
        if too_old:
            await self._save(too_old)
        for inquiry in inquiries(one for one in changes if one.row not in too_old):
            await self._explain(inquiry, on_demand=on_demand)

    async def _explain(self, inquiry: Inquiry, *, on_demand: bool) -> None:
        others: list[Inquiry] = []
        try:
            answer = await self._answer(inquiry, on_demand=on_demand)
            if not answer.is_complete:
                inquiry, others = busiest_apart(inquiry, answer)
            for some in chunks(inquiry.about, SAVED_AT_ONCE):
                found = await self._db.run(
                    pending.save_answer, some, answer, self._now(), self._settings.judge
                )
                self._count(found)
        except DatabaseUnavailable:
            raise
        except OverBudget:
            await self._save({one.row: _unknown(WhyUnknown.QUOTA) for one in inquiry.about})
        except IndexerError:
            await self._save({one.row: _unknown(WhyUnknown.UNANSWERED) for one in inquiry.about})
        except Exception:
            # Stored as well: else it would be met again and again, and alerts would wait each time.
            log.exception("changes could not be explained", action="explain_failed")
            unanswered = {one.row: _unknown(WhyUnknown.UNANSWERED) for one in inquiry.about}
            await self._save(unanswered, judge_nothing)
        for other in others:
            await self._explain(other, on_demand=on_demand)

    async def _answer(self, inquiry: Inquiry, *, on_demand: bool) -> HistoryAnswer:
        """Return what the source lists; that it lists nothing counts only where it understands blocks."""
        if not on_demand:
            self._asking_since = self._monotonic()
        try:
            question = inquiry.question
            answer = await self._source.history(question, on_demand=on_demand)
            self._trusts_ranges |= question.from_block is not None and bool(answer.transfers)
            if answer.transfers or self._trusts_ranges or question.from_block is None:
                return answer
            return await self._source.history(without_range(inquiry), on_demand=on_demand)
        finally:
            if not on_demand:
                self._asking_since = None

    async def _save(self, found: dict[int, Explanation], judge: Judge | None = None) -> None:
        await self._db.run(save_explanations, found, self._now(), judge or self._settings.judge)
        self._count(found)

    def _count(self, found: dict[int, Explanation]) -> None:
        self.outcomes.update(explanation.outcome for explanation in found.values())


def _unknown(why: WhyUnknown) -> Explanation:
    return Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=why)
