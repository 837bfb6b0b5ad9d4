"""What filters cost where changes are recorded: the same changes with and without, in turns."""

import shutil
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bot.domain.ask.plan import chunks
from bot.domain.assets import NATIVE_PART, Address, Amount, Asset, ChainId, Description
from bot.domain.chat.audit import Actor
from bot.domain.observations import Balance, Move, Poll, Standing, Verdict
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Direction, Level, Unit
from bot.domain.subscriptions import WatchSpec
from bot.settings.sections import shipped_chains
from bot.store.chats import chats, subscriptions
from bot.store.polling import record, sweeps
from tests.benchmarks.poller import STATUS, chat_id, open_database
from tests.benchmarks.profiles import DEFAULTS, Profile
from tests.benchmarks.results import Result, middle

CHATS = 10
"""Each watches every account."""

ADDED_AT_MOST = 0.2
TOKEN = Asset(ChainId(1), Address("0x" + "7e" * 20))
DESCRIBED = {TOKEN: Description("ERC20", "TOK", 6, price_usd="1.01")}
FIRST, MOVED = 1_000_000_000, 500_000_000

FILTERS = tuple(
    Condition(direction, (Level(Decimal(number), unit),))
    for direction in (None, Direction.IN)
    for number, unit in ((100, Unit.DOLLARS), (100, Unit.TOKENS), (5, Unit.PERCENT))
)
"""By turns of the chats; all of them let a change through that is large enough."""


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure on a tenth of the profile's accounts, with ten subscriptions to each."""
    world = profile.tenth
    without, filtered = directory / "without.sqlite3", directory / "filtered.sqlite3"
    await _fill(world, without, has_filters=False)
    await _fill(world, filtered, has_filters=True)
    for what, moved in (("all are reported", MOVED), ("all are held back", 1)):
        ratios = [await _ratio(world, without, filtered, moved, turn) for turn in range(world.rounds)]
        added = middle(ratios) - 1
        yield Result(
            f"recording a change of each of {world}, {CHATS} subscriptions with filters each; {what}",
            f"{added:+.0%} of the processor time without filters",
            f"≤ +{ADDED_AT_MOST:.0%}",
            added <= ADDED_AT_MOST,
            {"ratio": 1 + added},
        )


async def _ratio(profile: Profile, without: Path, filtered: Path, moved: int, turn: int) -> float:
    """Return the processor time with filters to that without; who is first changes by turns."""
    seconds: dict[Path, float] = {}
    for source in (without, filtered) if turn % 2 else (filtered, without):
        copy = Path(shutil.copy(source, source.with_suffix(".turn")))
        seconds[source] = await _record(profile, copy, FIRST, FIRST + moved)
    return seconds[filtered] / seconds[without]


async def _fill(profile: Profile, path: Path, *, has_filters: bool) -> None:
    operator = Actor(None, "the benchmark", datetime.now(UTC))
    async with open_database(path) as db:
        for number in range(CHATS):
            place = Place(chat_id(number), "supergroup", f"Chat {number}")
            own = FILTERS[number % len(FILTERS)] if has_filters else None
            wanted = [WatchSpec(one, filter=own) for one in profile.addresses()]
            await db.run(chats.allow, place, operator)
            await db.run(
                subscriptions.subscribe, place, wanted, operator, limit=profile.accounts, status=STATUS
            )
    await _record(profile, path, None, FIRST)


async def _record(profile: Profile, path: Path, before: int | None, after: int) -> float:
    """Record what one sweep saw of each account; returns the seconds of the processor."""
    batches = [
        tuple(_verdict(account, before, after) for account in some)
        for some in chunks(profile.addresses(), DEFAULTS.accounts_per_request)
    ]
    async with open_database(path) as db:
        newest = (await db.run(sweeps.sweep_input, datetime.now(UTC))).newest
        sweep = await db.run(sweeps.begin_sweep)
        chains, start = shipped_chains(), time.process_time()
        for verdicts in batches:
            poll = Poll(sweep, newest, datetime.now(UTC), verdicts, DESCRIBED, described=DESCRIBED)
            await db.run(record.record_poll, poll, STATUS, chains)
        return time.process_time() - start


def _verdict(account: Address, before: int | None, after: int) -> Verdict:
    parts = frozenset({NATIVE_PART, STATUS})
    now = Amount(after)
    return Verdict(
        account=account,
        chain_id=TOKEN.chain_id,
        first_seen=parts if before is None else frozenset(),
        moves=() if before is None else (Move(TOKEN, Amount(before), now, frozenset({STATUS})),),
        balances={TOKEN: Balance(now, Standing.LISTED)},
    )
