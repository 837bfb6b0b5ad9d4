"""Somebody who has digests set, for tests: lets things happen and reads what arrives."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from bot.domain.deliver.alerts import (
    Alert,
    ChangeAlert,
    Digest,
    DigestContent,
    NoticeAlert,
)
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition
from bot.domain.rules.digests import DigestSchedule
from bot.domain.subscriptions import WatchSpec
from bot.store.chats.rules import digests
from bot.store.chats.rules.digests import DigestResult
from bot.store.database.door import Database
from bot.store.polling.chains import choose_chains
from bot.store.polling.digest_content import with_digests
from bot.store.polling.digests import (
    DigestTerms,
    make_due,
)
from tests.builders import DAI, NOON, REGISTRY, TREASURY, USDC, VERIFIED
from tests.store.conftest import CHAINS, OLGA, Keeper, olga
from tests.store.test_filters import DESCRIBED, seen

MINUTE, HOUR, DAY, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
EVENING = DigestSchedule(time(20))
"""Due eight hours after noon, where times are in UTC."""
SUNDAYS = DigestSchedule(time(20), 6)
ONLY = replace(EVENING, is_only=True)
EIGHT = NOON + 8 * HOUR
TERMS = DigestTerms(chains=REGISTRY, status=VERIFIED, interval_seconds=60)
SUPER = -100_1001


@dataclass
class Reader:
    """Somebody who has digests set, and the moment that it is for the bot."""

    keeper: Keeper
    now: datetime = NOON
    place: Place = OLGA
    block: int = 0
    price: str | None = "1"

    async def set(self, schedule: DigestSchedule | None) -> DigestResult:
        result = await self.keeper.db.run(
            digests.set_digest, self.place, schedule, olga(self.now), "as a test says"
        )
        await self.look(self.now)
        return result

    async def begin(
        self,
        schedule: DigestSchedule | None = EVENING,
        *,
        condition: Condition | None = None,
        held: int = 10_000,
    ) -> "Reader":
        await self.keeper.db.run(choose_chains, CHAINS, CHAINS)
        await self.keeper.subscribe(WatchSpec(TREASURY, label="Treasury", filter=condition), place=self.place)
        await self.see(held)
        await self.keeper.alerts(self.place)
        await self.set(schedule)
        return self

    async def see(self, *amounts: int, dai: int = 0) -> None:
        described = {one: words._replace(price_usd=self.price) for one, words in DESCRIBED.items()}
        for amount in amounts:
            self.block += 1
            poll = await self.keeper.judged(
                seen({USDC: amount, DAI: dai}, self.block), when=self.now, descriptions=described
            )
            await self.keeper.record_poll(replace(poll, described=described))

    async def look(self, now: datetime, swept_at: datetime | None = None) -> datetime | None:
        """Let a digest be made if one is due; the last sweep ended just then, or when it is said."""
        await self.swept(now, swept_at)
        return await self.keeper.db.run(make_due, now, TERMS)

    async def swept(self, now: datetime, swept_at: datetime | None = None) -> None:
        """Let the last sweep end just then, or when it is said."""
        self.now = now
        await self.keeper.rows("DELETE FROM last_sweep")
        await self.keeper.rows(
            "INSERT INTO last_sweep (id, ended_at, took_ms, seen_ms, silent_ms, refusals, asked)"
            " VALUES (1, ?, 9, 9, 0, 0, '')",
            *ms(swept_at or now),
        )

    async def told(self) -> list[Alert]:
        """Return what arrives, digests with what they tell."""
        heard: list[Alert] = []

        def listen(db: Database, alerts: Sequence[Alert], _: str, __: datetime) -> tuple[str, int]:
            heard.extend(with_digests(db, alerts, REGISTRY))
            return "…", len(alerts)

        while (
            taken := await self.keeper.claim(self.place.chat_id, self.now + 99 * DAY, compose=listen)
        ).delivery:
            await self.keeper.sent(taken.delivery, self.now)
        return heard

    async def digests(self, now: datetime) -> list[Digest]:
        """Return the digests that a look at this moment makes; changes follow none of them."""
        await self.look(now)
        return [notice for notice, _ in digests_in(await self.told())]


def digests_in(alerts: Collection[Alert]) -> list[tuple[Digest, DigestContent]]:
    return [
        (alert.notice, alert.digest)
        for alert in alerts
        if isinstance(alert, NoticeAlert) and isinstance(alert.notice, Digest) and alert.digest is not None
    ]


def amounts_of(changes: Collection[Alert]) -> list[tuple[int, int, int]]:
    """Return of each change: before, after, steps."""
    return [
        (one.change.before.amount_raw, one.change.after.amount_raw, one.steps)
        for one in changes
        if isinstance(one, ChangeAlert)
    ]


def one_digest(alerts: Collection[Alert]) -> tuple[Digest, DigestContent]:
    (found,) = digests_in(alerts)
    return found


def ms(*moments: datetime) -> list[int]:
    return [int(moment.timestamp() * 1_000) for moment in moments]
