"""The answers behind the health pages, put together from all parts of one program."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bot import __version__
from bot.chat.telegram.connection import TelegramBot
from bot.chat.telegram.receiver import ReceiverProgress
from bot.domain.ask.progress import LastSweep
from bot.domain.chains import Chains
from bot.domain.replicas.roles import Role
from bot.health.counts import Counts
from bot.health.numbers import stored_stats
from bot.health.questions import Question
from bot.health.reasons import (
    silent_seconds,
    silent_seconds_by_the_clock,
    source_reasons,
    telegram_reasons,
)
from bot.health.replicas import Shared, Sight, look, reasons_of_others, replica_stats
from bot.indexer.client import IndexerClient
from bot.poller.worker import PollerProgress
from bot.settings.sections import Settings
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.database.errors import DatabaseFault, DatabaseUnavailable
from bot.store.maintenance.stats import DatabaseStats, collect_stats
from bot.store.polling.sweeps import last_sweep
from bot.web.stats import BotStats

DATABASE_ANSWERS_SECONDS = 4.0
"""How long a file, or the numbers of a server, may take."""

SERVER_ANSWERS_SECONDS = 2.0
"""How long a server may take to say that it is there."""

HUNG_SECONDS = 30.0
"""How long a thread may give no answer though the server is there: it may have been waiting for it before."""

WORKERS = {
    Role.RECEIVER: "receiver",
    Role.POLLER: "poller",
    Role.SENDER: "dispatcher",
    Role.CHORES: "chores",
}
"""What does the work of each role, by its name among the workers."""


class Trouble(NamedTuple):
    """What is wrong with the connection that does the work."""

    text: str
    is_cured_by_restart: bool


@dataclass(slots=True, kw_only=True)
class Health:
    """Says how this program is; over a database server, how all replicas together are.

    Parts put here what they know of themselves while they are at work.
    """

    settings: Settings
    registry: Chains
    source: IndexerClient
    telegram: TelegramBot
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    counts: Counts = field(default_factory=Counts)
    db: DatabaseThread | None = None
    """None: it is not open yet."""
    shared: Shared | None = None
    """None: nobody else can have a role, as with a file, or nobody here can yet."""
    waits_for: str | None = None
    """Why the database is not open yet; None: it is, or nothing is known against it."""
    is_introduced: bool = False
    """Whether Telegram has answered `getMe` since the start."""
    workers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """Those of the roles that this program has now."""
    swept: PollerProgress | None = None
    """None: it does not poll."""
    received: ReceiverProgress | None = None
    """None: it does not receive."""
    _ping: Question[None] = field(init=False)
    _sight: Question[Sight] = field(init=False)
    _numbers: Question[tuple[LastSweep | None, DatabaseStats]] = field(init=False)
    _there_since: float | None = None
    """Since when the server has answered, as far as anybody asked; None: it did not the last time."""

    def __post_init__(self) -> None:
        self._ping = Question(self._pinged, self.monotonic)
        self._sight = Question(self._look, self.monotonic)
        self._numbers = Question(lambda: self._opened.run(_read_numbers), self.monotonic)

    # the pages

    async def unhealthy(self) -> list[str]:
        """Return the reasons of /healthz: what a restart of this program would cure, and nothing else."""
        trouble = await self._trouble()
        return [*self._dead(), *([trouble.text] if trouble and trouble.is_cured_by_restart else [])]

    async def not_ready(self) -> list[str]:
        """Return the reasons of /readyz: why balances are not read or messages not sent or received."""
        # At once: each may take as long as the database lets it.
        return list(self._reasons(*await asyncio.gather(self._trouble(), self._seen())))

    def own_troubles(self) -> str:
        """Return why the roles of this program are not done well, a sentence a line, for other replicas."""
        return "\n".join(" ".join(reason.split()) for reason in (*self._dead(), *self._own_reasons()))

    async def stats(self) -> BotStats:
        """Return the numbers of the metrics page."""
        asked = asyncio.create_task(self._stored())
        trouble, seen = await asyncio.gather(self._trouble(), self._seen())
        if isinstance(seen, str):
            asked.cancel()  # one server for all: nothing more is to be heard of it
        last, stored = (None, None) if isinstance(seen, str) else await asked
        last = last or (self.swept.last if self.swept else None)
        now, counts = self.now(), self.counts
        return BotStats(
            version=__version__,
            unhealthy=len(self._dead()) + bool(trouble and trouble.is_cured_by_restart),
            not_ready=len([*self._reasons(trouble, seen)]),
            sweeps=dict(counts.sweeps.results),
            sweep_seconds_total=counts.sweeps.seconds_total,
            last_sweep_seconds=last.took_seconds if last else 0.0,
            seen_seconds_ago=silent_seconds(self.swept, self.monotonic())
            if self.swept
            else silent_seconds_by_the_clock(last, now),
            indexer_requests=dict(self.source.counts.requests),
            extra_requests=dict(self.source.extra_counts.requests),
            explained={str(outcome): count for outcome, count in counts.explained.items()},
            rows_read=self.source.counts.rows_read,
            rows_refused=self.source.counts.rows_refused,
            quota_remaining=last.allowance.quota_remaining if last else None,
            telegram_requests={
                (method, str(answered)): count
                for (method, answered), count in self.telegram.stats.requests.items()
            },
            sends=dict(counts.sends.outcomes),
            sounds=dict(counts.sends.sounds),
            possible_duplicates=counts.sends.possible_duplicates,
            updates=counts.updates.handled,
            updates_failed=counts.updates.failed,
            updates_dropped=counts.updates.dropped,
            commands=dict(counts.commands),
            exports=dict(counts.exports),
            heartbeats=dict(counts.heartbeats),
            stored=stored_stats(stored, last.asked if last else (), self.registry, now) if stored else None,
            replicas=replica_stats(
                self.shared,
                seen if isinstance(seen, Sight) else None,
                connections=self._opened.connections + self.shared.db.connections,
            )
            if self.shared
            else None,
        )

    # reasons

    def _dead(self) -> list[str]:
        return [f"the {name} has ended" for name, worker in self.workers.items() if worker.done()]

    def _reasons(self, trouble: Trouble | None, seen: Sight | str | None) -> Iterator[str]:
        """Yield all that stands against this program, and what is seen of the others."""
        yield from self._dead()
        if isinstance(seen, str):
            yield seen
        elif trouble is not None:
            yield trouble.text
        if self.waits_for is not None:
            yield self.waits_for
        yield from self._own_reasons()
        if self.shared is not None and isinstance(seen, Sight):
            yield from reasons_of_others(seen, self.shared.me)

    def _own_reasons(self) -> Iterator[str]:
        """Yield why the roles of this program are not done well, as far as it knows by itself."""
        roles, monotonic = self._roles, self.monotonic()
        if self.shared is not None:
            idle = [role for role in Role if role in roles and WORKERS[role] not in self.workers]
            yield from (f"this has not begun yet: the work of the {role}" for role in idle)
        if Role.POLLER in roles:
            yield from source_reasons(
                self.swept,
                interval_seconds=self.settings.indexer.poll_interval_seconds,
                has_answered=bool(self.source.counts.answered),
                takes_over=self._is_server,
                monotonic=monotonic,
                now=self.now(),
            )
        if self._write_failure is not None:
            yield f"the database can't be written: {self._write_failure}"
        if roles & {Role.RECEIVER, Role.SENDER}:
            yield from telegram_reasons(
                self.received,
                is_introduced=self.is_introduced,
                sending_trouble=self.telegram.stats.sending_trouble(monotonic),
                monotonic=monotonic,
            )

    @property
    def _roles(self) -> frozenset[Role]:
        return frozenset(Role if self.shared is None else self.shared.held())

    @property
    def _write_failure(self) -> DatabaseUnavailable | None:
        """Why nothing can be written, but for a server that is away."""
        # Over a server that of the leases: they are written every few seconds, other things once a day.
        db = self.shared.db if self.shared else self.db
        failure = db.write_failure if db else None
        is_away = failure is not None and self._is_server and failure.kind is DatabaseFault.AWAY
        return None if is_away else failure

    # the database

    @property
    def _is_server(self) -> bool:
        return isinstance(self.settings.store.where, str)

    @property
    def _opened(self) -> DatabaseThread:
        assert self.db is not None, "asked once it is open"
        return self.db

    async def _trouble(self) -> Trouble | None:
        """Return what is wrong with the connection that does the work."""
        if self.db is None:
            return None
        try:
            await self._ping.answer(SERVER_ANSWERS_SECONDS if self._is_server else DATABASE_ANSWERS_SECONDS)
        except TimeoutError:
            # A locked file waits for another program, a connection for its server: no restart cures that.
            waits = not await self._is_hung() if self._is_server else self.db.is_locked
            return None if waits else Trouble("the database thread gives no answer", is_cured_by_restart=True)
        except DatabaseUnavailable as error:
            if self._is_server:
                return Trouble(str(error), is_cured_by_restart=False)
            return Trouble(f"the database gives no answer ({error})", is_cured_by_restart=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs on the page
            return Trouble(f"the database gives no answer ({error})", is_cured_by_restart=True)
        return None

    async def _is_hung(self) -> bool:
        """Whether the thread gives no answer though its server does, both for long."""
        if self._ping.open_seconds < HUNG_SECONDS:
            return False
        await self._seen()
        return self._there_since is not None and self.monotonic() - self._there_since >= HUNG_SECONDS

    async def _seen(self) -> Sight | str | None:
        """Return what all replicas see, or why nothing can be seen; None: there are no others."""
        if self.shared is None:
            return None
        try:
            sight = await self._sight.answer(SERVER_ANSWERS_SECONDS)
        except TimeoutError:
            self._there_since = None
            return "the database server does not answer"
        except Exception as error:  # noqa: BLE001 - as above
            self._there_since = None
            return str(error)
        if self._there_since is None:
            self._there_since = self.monotonic()
        return sight

    async def _pinged(self) -> None:
        await self._opened.ping()

    async def _look(self) -> Sight:
        assert self.shared is not None, "asked where there are others"
        return await self.shared.db.run(look)

    async def _stored(self) -> tuple[LastSweep | None, DatabaseStats | None]:
        """Return what the numbers are made of, as far as the database answers."""
        if self.db is None:
            return None, None
        try:
            return await self._numbers.answer(DATABASE_ANSWERS_SECONDS)
        except Exception:  # noqa: BLE001 - what is wrong stands on the other pages
            return None, None


def _read_numbers(db: Database) -> tuple[LastSweep | None, DatabaseStats]:
    return last_sweep(db), collect_stats(db)
