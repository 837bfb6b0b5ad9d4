"""The contact with a source that may be down: one question at a time, counted for or against it."""

import random as dice
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from bot.domain.observe.request_size import Breaker, Trouble
from bot.domain.questions import Question, Reply
from bot.indexer.errors import (
    SMALLER_MAY_HELP,
    AccessRefused,
    IndexerError,
    QuestionRefused,
    QuotaExceeded,
    ReplyIncomplete,
    ReplyTooLarge,
    Throttled,
    WrongEndpoint,
)

log = structlog.get_logger(__name__)

HOPELESS: dict[type[IndexerError], Trouble] = {
    AccessRefused: Trouble.ACCESS,
    WrongEndpoint: Trouble.ACCESS,
    QuotaExceeded: Trouble.QUOTA,
    Throttled: Trouble.THROTTLED,
}
"""What the next question of the same sweep would meet as well."""


def smaller_may_help(error: IndexerError) -> bool:
    """Whether a part of the question may be answered."""
    return isinstance(error, (*SMALLER_MAY_HELP, ReplyIncomplete))


def is_reply(error: IndexerError) -> bool:
    """Whether the source looked at the question: no answer, but a sign of life."""
    return isinstance(error, (QuestionRefused, ReplyTooLarge, ReplyIncomplete))


def _hopeless(error: IndexerError) -> Trouble | None:
    """Return why nothing else needs to be asked, None where the next question may be answered."""
    return next((trouble for kind, trouble in HOPELESS.items() if isinstance(error, kind)), None)


class BalanceSource(Protocol):
    """Where balances come from."""

    async def reply(self, question: Question) -> Reply:
        """Return the whole reply, or raise an IndexerError."""


class Contact:
    """Asks a source, and leaves it alone for a while when that seems wise.

    `on_answer` is told each question that was answered; `monotonic` is in seconds; `random` in [0, 1)
    spreads the probes.
    """

    def __init__(
        self,
        source: BalanceSource,
        *,
        on_answer: Callable[[Question], None],
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = dice.random,
    ) -> None:
        self.troubles: list[IndexerError] = []
        """What went wrong in this sweep, in order."""
        self.answers = 0
        """How many questions were answered in this sweep."""
        self._source = source
        self._on_answer = on_answer
        self._monotonic = monotonic
        self._random = random
        self._breaker = Breaker()
        self._is_over = False
        """Nothing more of this sweep would be answered."""

    def begin(self) -> None:
        """Start a sweep."""
        self.troubles = []
        self.answers = 0
        self._is_over = False

    @property
    def may_ask(self) -> bool:
        """Whether any question may go out."""
        return self._breaker.is_closed and not self._is_over

    @property
    def may_probe(self) -> bool:
        """Whether the source has been left alone for long enough to look whether it is back."""
        return not self._is_over and self._breaker.is_due(self._monotonic())

    @property
    def is_well(self) -> bool:
        """Whether the source is not left alone."""
        return self._breaker.is_closed

    @property
    def is_in_doubt(self) -> bool:
        """Whether one more failure makes an outage of it."""
        return self.may_ask and self._breaker.is_in_doubt

    @property
    def probe_in_seconds(self) -> float | None:
        """How long the source is left alone; None: it is not."""
        return self._breaker.seconds_to_probe(self._monotonic())

    def begin_probe(self) -> None:
        """Let the next question out though the source is left alone."""
        self._breaker = self._breaker.probing()

    def end_probe(self) -> None:
        """Take it for no result if that question has had none."""
        self._breaker = self._breaker.probe_abandoned()

    async def send(self, question: Question) -> Reply | IndexerError | None:
        """Return the answer, or what went wrong; None if nothing may be asked any more."""
        return await self.request(question) if self.may_ask else None

    async def request(self, question: Question) -> Reply | IndexerError:
        """Return the answer, or what went wrong, and count it for or against the source.

        What is too slow may just be too large: who asks counts that, by `count_slow`.
        """
        outcome = await self.request_again(question)
        if isinstance(outcome, IndexerError):
            if is_reply(outcome):
                self._breaker = self._breaker.after_answer()
            elif not smaller_may_help(outcome) and _hopeless(outcome) is None:
                self._count_failure(Trouble.OUTAGE, outcome)
        return outcome

    async def request_again(self, question: Question) -> Reply | IndexerError:
        """Do the same for a question that was refused before: that it fails says nothing of the source."""
        try:
            reply = await self._source.reply(question)
        except IndexerError as error:
            # What is kept of an error must not keep what was read until then: its frames hold the pages.
            error.__traceback__ = error.__context__ = None
            self.troubles.append(error)
            hopeless = _hopeless(error)
            if hopeless is not None:
                self._is_over = True
                self._count_failure(hopeless, error)
            return error
        self.answers += 1
        self._breaker = self._breaker.after_answer()
        self._on_answer(question)
        return reply

    def count_slow(self, outcome: Reply | IndexerError | None) -> None:
        """Count against the source what was not even a reply, though a smaller question may get one."""
        if isinstance(outcome, IndexerError) and smaller_may_help(outcome) and not is_reply(outcome):
            self._count_failure(Trouble.OUTAGE, outcome)

    def _count_failure(self, trouble: Trouble, error: IndexerError) -> None:
        was_closed = self._breaker.is_closed
        self._breaker = self._breaker.after_failure(trouble, self._monotonic(), self._random())
        if was_closed and not self._breaker.is_closed:
            log.warning("the indexer is left alone for a while", action="breaker_opened", trouble=str(error))
