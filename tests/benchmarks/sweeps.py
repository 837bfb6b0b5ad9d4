"""Sweeps over a load gateway: the first, one after a restart, quiet ones, and some that see changes."""

import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load_process import LoadProcess, served_load_gateway
from tests.benchmarks.loop_watch import LoopWatch, watched_loop
from tests.benchmarks.poller import Cost, open_poller, stored, subscribe_to_all
from tests.benchmarks.profiles import DEFAULTS, GENEROUS, SMALL_PAGES, Profile
from tests.benchmarks.results import Result, middle

RATE_TO_REACH = 5_000
RATE_WITH_DEFAULTS = 700
SHARE_OF_FETCHING = 0.5
SHARE_OF_PAGING = 0.9
REQUESTS_PER_ACCOUNT = 0.05
BLOCK_SECONDS = 0.05
RESTART = 1.5
"""So many times the processor time of a quiet sweep may the first one after a restart take."""

GROWTH = 1.2
"""So many times more may a balance cost among ten times as many."""


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure a tenth of the profile, then all of it, and how the cost of a balance grows between them."""
    few, many = profile.tenth, profile
    async with served_load_gateway(few) as gateway:
        yield await _baseline(few, gateway, database_of(few, directory))
        yield await _restarted(few, gateway, database_of(few, directory))
        of_few = await _quiet_rounds(few, gateway, database_of(few, directory))
        yield _pace(of_few)
        yield await _small_pages(few, gateway, database_of(few, directory))
    async with served_load_gateway(many) as gateway:
        yield await _baseline(many, gateway, database_of(many, directory))
        yield await _restarted(many, gateway, database_of(many, directory))
        of_many = await _quiet_rounds(many, gateway, database_of(many, directory))
        for result in _judged(of_many):
            yield result
        yield _growth(of_few, of_many)
        yield await _with_defaults(many, gateway, database_of(many, directory))
        shares = many.accounts // 100, many.accounts // 10
        async for result in _changing(many, shares, gateway, database_of(many, directory)):
            yield result
    async with served_load_gateway(many, zips=True) as gateway:
        yield _zipped(await _quiet_rounds(many, gateway, database_of(many, directory)), of_many)


async def swept_database(profile: Profile, directory: Path) -> Path:
    """Return a database that has seen everything once, made now if no benchmark left it."""
    path = database_of(profile, directory)
    if not path.exists():
        async with served_load_gateway(profile) as gateway:
            await _baseline(profile, gateway, path)
    return path


def database_of(profile: Profile, directory: Path) -> Path:
    """Return where a profile's database is."""
    return directory / f"swept-{profile.accounts}.sqlite3"


@dataclass(frozen=True, slots=True)
class QuietRounds:
    """Quiet sweeps, each followed by fetching alone."""

    profile: Profile
    sweeps: list[Cost]
    fetches: list[Cost]
    watches: list[LoopWatch]
    gateway_seconds_per_request: float

    @property
    def accounts_per_second(self) -> float:
        """The pace of sweeps."""
        return self.profile.accounts / middle(cost.seconds for cost in self.sweeps)

    @property
    def fetched_per_second(self) -> float:
        """The pace of fetching alone."""
        return self.profile.accounts / middle(cost.seconds for cost in self.fetches)

    @property
    def fetching_share_of_cpu(self) -> float:
        """What fetching alone takes of the processor time of a sweep."""
        fetching = middle(cost.cpu_seconds for cost in self.fetches)
        return fetching / middle(cost.cpu_seconds for cost in self.sweeps)

    @property
    def cpu_per_balance(self) -> float:
        """Processor seconds of the bot for each balance."""
        return middle(cost.cpu_seconds for cost in self.sweeps) / self.profile.balances

    @property
    def accounts_per_cpu_second(self) -> float:
        """The pace of sweeps on a processor that does nothing else."""
        return self.profile.accounts / middle(cost.cpu_seconds for cost in self.sweeps)

    @property
    def requests_per_account(self) -> float:
        """Requests of one sweep."""
        return self.sweeps[-1].requests / self.profile.accounts


async def _baseline(profile: Profile, gateway: LoadProcess, path: Path) -> Result:
    await subscribe_to_all(profile, path)
    async with (
        open_poller(profile, GENEROUS, url=gateway.url, path=path) as measured,
        watched_loop() as watch,
    ):
        cost = await measured.sweep()
    assert stored(path, "SELECT count(*) FROM balance") == profile.balances
    rate = profile.accounts / cost.seconds
    return Result(
        f"first sweep, {profile}",
        f"{rate:,.0f} accounts/s, {cost.cpu_seconds / profile.balances * 1e6:.0f} µs a balance,"
        f" longest block {watch.longest_cpu_seconds * 1e3:.0f} ms",
        figures={
            "accounts_per_second": rate,
            "seconds": cost.seconds,
            "cpu_seconds": cost.cpu_seconds,
            "longest_block_cpu_seconds": watch.longest_cpu_seconds,
        },
    )


async def _restarted(profile: Profile, gateway: LoadProcess, path: Path) -> Result:
    """Compare the first sweep of a new run, over a world that stood still, with the one after it."""
    firsts, quiets = [], []
    for _ in range(profile.rounds):
        async with open_poller(profile, GENEROUS, url=gateway.url, path=path) as measured:
            firsts.append((await measured.sweep()).cpu_seconds)
            quiets.append((await measured.sweep()).cpu_seconds)
    first, quiet = middle(firsts), middle(quiets)
    return Result(
        f"sweep after a restart, {profile}",
        f"x {first / quiet:.2f} of the processor time of a quiet one, {first / profile.accounts * 1e6:.0f} µs"
        " an account",
        f"≤ x {RESTART}",
        first / quiet <= RESTART,
        {"cpu_seconds": first, "quiet_cpu_seconds": quiet},
    )


async def _quiet_rounds(profile: Profile, gateway: LoadProcess, path: Path) -> QuietRounds:
    sweeps, fetches, watches = [], [], []
    async with open_poller(profile, GENEROUS, url=gateway.url, path=path) as measured:
        gateway_cpu = gateway.cpu_seconds()
        for _ in range(profile.rounds):
            async with watched_loop() as watch:
                sweeps.append(await measured.sweep())
            watches.append(watch)
            fetches.append(await measured.only_fetch())
    requests = sum(cost.requests for cost in (*sweeps, *fetches))
    return QuietRounds(profile, sweeps, fetches, watches, (gateway.cpu_seconds() - gateway_cpu) / requests)


def _judged(rounds: QuietRounds) -> Iterator[Result]:
    yield _pace(rounds, to_reach=RATE_TO_REACH)
    share = rounds.accounts_per_second / rounds.fetched_per_second
    cpu_share = rounds.fetching_share_of_cpu
    yield Result(
        "… of what fetching and decoding alone reach",
        f"{share:.0%} of {rounds.fetched_per_second:,.0f} accounts/s; by processor time {cpu_share:.0%}",
        f"≥ {SHARE_OF_FETCHING:.0%}",
        share >= SHARE_OF_FETCHING,
        {"share": share, "cpu_share": cpu_share, "fetched_per_second": rounds.fetched_per_second},
    )
    yield Result(
        "… requests per account",
        f"{rounds.requests_per_account:.3f}",
        f"≤ {REQUESTS_PER_ACCOUNT}",
        rounds.requests_per_account <= REQUESTS_PER_ACCOUNT,
        {"requests_per_account": rounds.requests_per_account},
    )
    yield _longest_block(rounds)


def _pace(rounds: QuietRounds, *, to_reach: float | None = None) -> Result:
    rate = rounds.accounts_per_second
    return Result(
        f"quiet sweep, {rounds.profile}, {GENEROUS}",
        f"{rate:,.0f} accounts/s; {rounds.accounts_per_cpu_second:,.0f} in a second of processor time,"
        f" {rounds.cpu_per_balance * 1e6:.1f} µs a balance"
        f" (the gateway: {rounds.gateway_seconds_per_request * 1e3:.1f} ms a request)",
        "" if to_reach is None else f"≥ {to_reach:,} accounts/s",
        None if to_reach is None else rate >= to_reach,
        {
            "accounts_per_second": rate,
            "best_accounts_per_second": rounds.profile.accounts / min(cost.seconds for cost in rounds.sweeps),
            "accounts_per_cpu_second": rounds.accounts_per_cpu_second,
            "cpu_seconds_per_balance": rounds.cpu_per_balance,
            "gateway_cpu_seconds_per_request": rounds.gateway_seconds_per_request,
        },
    )


def _longest_block(rounds: QuietRounds) -> Result:
    cpu = max(watch.longest_cpu_seconds for watch in rounds.watches)
    without_gc = max(watch.longest_cpu_without_gc_seconds for watch in rounds.watches)
    clock = max(watch.longest_seconds for watch in rounds.watches)
    return Result(
        "… longest block of the event loop",
        f"{cpu * 1e3:.0f} ms of its thread ({without_gc * 1e3:.0f} ms without garbage collection),"
        f" {clock * 1e3:.0f} ms by the clock",
        f"≤ {BLOCK_SECONDS * 1e3:.0f} ms",
        cpu <= BLOCK_SECONDS,
        {"cpu_seconds": cpu, "cpu_without_gc_seconds": without_gc, "seconds": clock},
    )


def _growth(few: QuietRounds, many: QuietRounds) -> Result:
    growth = many.cpu_per_balance / few.cpu_per_balance
    return Result(
        f"growth: a balance's processor time, {many.profile} to {few.profile}",
        f"x {growth:.2f}",
        f"≤ x {GROWTH}",
        growth <= GROWTH,
        {"growth": growth},
    )


def _zipped(zipped: QuietRounds, plain: QuietRounds) -> Result:
    ratio = zipped.cpu_per_balance / plain.cpu_per_balance
    return Result(
        f"quiet sweep, {zipped.profile}, with answers that are zipped",
        f"{zipped.cpu_per_balance * 1e6:.1f} µs of processor time a balance, x {ratio:.2f} of one without",
        figures={"cpu_seconds_per_balance": zipped.cpu_per_balance, "ratio": ratio},
    )


async def _small_pages(profile: Profile, gateway: LoadProcess, path: Path) -> Result:
    """Compare with the time in which the source, at its latency, gives out so many pages."""
    async with open_poller(profile, SMALL_PAGES, url=gateway.url, path=path) as measured:
        cost = await measured.sweep()
    allowed = cost.requests * profile.latency_seconds / SMALL_PAGES.at_once
    share = allowed / cost.seconds
    return Result(
        f"quiet sweep, {profile}, {SMALL_PAGES}",
        f"{share:.0%} of what paging allows: {cost.requests:,} requests in {cost.seconds:.1f} s",
        f"≥ {SHARE_OF_PAGING:.0%}",
        share >= SHARE_OF_PAGING,
        {"share": share, "seconds": cost.seconds, "requests": cost.requests},
    )


async def _with_defaults(profile: Profile, gateway: LoadProcess, path: Path) -> Result:
    async with open_poller(profile, DEFAULTS, url=gateway.url, path=path) as measured:
        costs = [await measured.sweep() for _ in range(profile.rounds)]
    rate = profile.accounts / middle(cost.seconds for cost in costs)
    return Result(
        f"quiet sweep, {profile}, the defaults: {DEFAULTS}",
        f"{rate:,.0f} accounts/s",
        f"≥ {RATE_WITH_DEFAULTS} accounts/s",
        rate >= RATE_WITH_DEFAULTS,
        {"accounts_per_second": rate},
    )


async def _changing(
    profile: Profile, counts: Iterable[int], gateway: LoadProcess, path: Path
) -> AsyncIterator[Result]:
    """Let balances move before sweeps, on a copy of the database; every change must be found."""
    copy = Path(shutil.copy(path, path.with_suffix(".moved")))
    known = 0
    async with open_poller(profile, GENEROUS, url=gateway.url, path=copy) as measured:
        before = await measured.sweep()
        for count in counts:
            await gateway.move(count)
            cost = await measured.sweep()
            after = await measured.sweep()
            found = stored(copy, "SELECT count(*) FROM change") - known
            yield Result(
                f"sweep with {count:,} changes, {profile}",
                f"{cost.seconds:.1f} s, a quiet one before {before.seconds:.1f} s; processor time"
                f" {cost.cpu_seconds:.2f} s, before {before.cpu_seconds:.2f}, after {after.cpu_seconds:.2f};"
                f" {found:,} changes found",
                "all found",
                found == count,
                {
                    "seconds": cost.seconds,
                    "quiet_seconds": before.seconds,
                    "cpu_seconds": cost.cpu_seconds,
                    "quiet_cpu_seconds": before.cpu_seconds,
                    "after_cpu_seconds": after.cpu_seconds,
                    "found": found,
                },
            )
            before, known = after, known + found
