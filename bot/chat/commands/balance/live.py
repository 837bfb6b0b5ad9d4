"""Balances of an account that nobody watches here: asked now, shown once, stored nowhere.

The source may take long: what is not there almost at once follows when it comes (`late_answers`).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import ceil
from typing import Protocol

import structlog

from bot.chat.commands.balance import words
from bot.chat.commands.balance.holdings import live_balances
from bot.chat.commands.late_answers import LateAnswers
from bot.chat.refusals import went_wrong
from bot.chat.text.html import Html
from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.chains import Chains
from bot.domain.observe.holdings import holdings_in
from bot.domain.observe.recipients import NO_RULES, Rules
from bot.domain.places import Place

log = structlog.get_logger(__name__)

AT_ONCE_SECONDS = 0.7
"""An answer that takes longer is announced."""

LONGEST_SECONDS = 45.0
"""An answer that takes longer is no longer waited for."""

QUESTIONS_A_MINUTE = 5
"""Of one chat: each costs what a sweep for one account costs."""

QUESTIONS_A_MINUTE_OF_ALL = 30
"""Of all chats together: however many people ask, the sweeps keep most of what the source allows."""

_MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The source gave no answer."""

    reason: str


class LiveBalances(Protocol):
    """Where balances come from; what goes wrong there is a value."""

    async def balances(self, question: Question) -> Answer | NoAnswer:
        """Return the whole answer, or why there is none."""


LookAlikes = Callable[[Collection[tuple[Asset, str | None]]], Awaitable[AbstractSet[Asset]]]
"""Which of some assets have a symbol that looks like another known one."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What the configuration says about asking."""

    contract_status: str
    contracts_left_out: tuple[Address, ...]
    is_allowed: bool = True


class LiveQuestions:
    """Asks for one account at a time in each chat, a few times a minute."""

    def __init__(
        self,
        source: LiveBalances,
        settings: LiveSettings,
        chains: Chains,
        *,
        asked_chains: Callable[[], Awaitable[frozenset[ChainId]]],
        look_alikes: LookAlikes,
        say: Callable[[Place, Html], Awaitable[None]],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        at_once_seconds: float = AT_ONCE_SECONDS,
        longest_seconds: float = LONGEST_SECONDS,
    ) -> None:
        self._source = source
        self._settings = settings
        self._chains = chains
        self._asked_chains = asked_chains
        self._look_alikes = look_alikes
        self._say = say
        self._now = now
        self._monotonic = monotonic
        self._longest_seconds = longest_seconds
        self._recent: list[tuple[float, int]] = []
        self._late = LateAnswers[tuple[Html, ...]](at_once_seconds)

    async def ask(self, place: Place, account: Address, rules: Rules = NO_RULES) -> tuple[Html, ...]:
        """Return the answer if it comes almost at once; else nothing, and it is said when it comes.

        What the `rules` of the place ignore is counted.
        """
        refusal = self._refusal(place.chat_id)
        if refusal is not None:
            return (refusal,)
        follow = partial(self._follow, place, account)
        return await self._late.take(place.chat_id, self._answered(account, rules), follow) or ()

    async def close(self) -> None:
        """Cancel what is still being asked."""
        await self._late.close()

    def _refusal(self, chat_id: int) -> Html | None:
        if not self._settings.is_allowed:
            return words.not_watched_not_asked()
        now = self._monotonic()
        self._recent = [(at, chat) for at, chat in self._recent if now - at < _MINUTE_SECONDS]
        # A refused question is not counted, so that whoever waits as asked gets an answer.
        if chat_id in self._late:
            return words.still_asking()
        of_chat = [at for at, chat in self._recent if chat == chat_id]
        if len(of_chat) >= QUESTIONS_A_MINUTE:
            return words.asked_too_often(_wait_seconds(of_chat[0], now))
        if len(self._recent) >= QUESTIONS_A_MINUTE_OF_ALL:
            return words.all_ask_too_often(_wait_seconds(self._recent[0][0], now))
        self._recent.append((now, chat_id))
        return None

    async def _follow(self, place: Place, account: Address, question: asyncio.Task[tuple[Html, ...]]) -> None:
        await self._say(place, words.asking(account))
        for page in await question:
            await self._say(place, page)

    async def _answered(self, account: Address, rules: Rules) -> tuple[Html, ...]:
        try:
            chain_ids = await self._asked_chains()
            question = Question(
                (account,),
                chain_ids=tuple(sorted(chain_ids)),
                contract_status=self._settings.contract_status,
                contracts_left_out=self._settings.contracts_left_out,
                prices=True,
                metadata=True,
            )
            async with asyncio.timeout(self._longest_seconds):
                answer = await self._source.balances(question)
                if isinstance(answer, NoAnswer):
                    return (words.no_live_answer(account, answer.reason),)
                known = holdings_in(answer, account, chain_ids, self._now(), rules)
                symbols = [
                    (balance.asset, balance.description.symbol) for chain in known for balance in chain.held
                ]
                alike = await self._look_alikes(symbols)
        except TimeoutError:
            reason = f"nothing came within {self._longest_seconds:.0f} s"
            return (words.no_live_answer(account, reason),)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("a live question failed", action="live_failed", reference=reference)
            return (went_wrong(reference),)
        return live_balances(account, known, self._chains, alike)


def _wait_seconds(oldest: float, now: float) -> int:
    """Return the whole seconds until the oldest question is a minute old."""
    return max(1, ceil(oldest + _MINUTE_SECONDS - now))
