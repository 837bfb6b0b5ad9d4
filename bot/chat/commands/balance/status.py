"""`/status`: how far everything watched in a chat is read, what is not first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import Answer, Command, Example, Feature, Request, Services, Who
from bot.chat.commands.rules.settings import rules_set
from bot.chat.commands.times.digest import digest_line
from bot.chat.commands.times.settings import times_set
from bot.chat.commands.words import bold_label, mutes_shown, no_account_watched
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.outages import outage_lines, vanished, waiting
from bot.chat.text.replicas import replica_lines
from bot.chat.text.untrusted import quoted
from bot.chat.text.wording import (
    RAW_UNITS,
    age,
    asset_name,
    chain_names,
    counted,
    moment,
    short_address,
)
from bot.domain.ask.questions import Allowance
from bot.domain.assets import Asset, ChainId
from bot.domain.chains import NOT_LISTED, Chains, Listing
from bot.domain.deliver.alerts import Gap
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.holdings import ChainSight, Sweeps, WatchedHere
from bot.domain.replicas.replica import ReplicaSeen
from bot.domain.units import format_exact
from bot.store.chats import mutes
from bot.store.chats.rules import alarms
from bot.store.chats.rules.digests import digest_here
from bot.store.outbox.unreported import HeldBackHere, held_back_here
from bot.store.polling import freshness
from bot.store.replicas.seen import replicas_seen

_UNREAD_LINES_MOST = 3
_HELD_BACK_MOST = 5
_FILTERED_MOST = 5
_SHORT_SWEEP_SECONDS = 10


STATUS_COMMAND = Command(
    name="status",
    does="Show whether all is well: how fresh each chain is, and what waits to be sent",
    grammar="/status",
    examples=(Example("/status", "shows what is read, what is not and since when, and what waits"),),
    who=Who.READERS,
)


@dataclass(frozen=True, slots=True)
class StatusRequest(Request):
    """`/status`."""

    needs = STATUS_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show how far everything watched here is seen."""
        sweeps, place = await services.sweeps(), incoming.place
        now = await services.now_in(place)
        listing = await services.listing()
        here = await services.db.run(freshness.watched_here, place, listing.asked, services.contract_status)
        active = await services.db.run(mutes.muted_here, place)
        held_back = await services.db.run(held_back_here, place)
        muted = mutes_shown(active, place, services.chains, now)
        replicas = await services.db.run(replicas_seen)
        shown = status(here, sweeps, services.chains, now, listing=listing, replicas=replicas)
        ringing = _ringing(await services.db.run(alarms.count_ringing, place))
        schedule = await services.db.run(digest_here, place)
        times = await times_set(services, place)
        why = "Kept for the next digest" if schedule and schedule.is_only else "Held back by filters"
        filtered = _not_told(held_back, why, services.chains)
        rules = await rules_set(services, place)
        return (join("\n", (*ringing, *muted, shown, *filtered, *rules, *digest_line(schedule), *times)),)


def _read_status(_rest: str, _chains: ChainReader) -> StatusRequest:
    return StatusRequest()


# ---------------------------------------------------------------- words


def status(
    here: WatchedHere,
    sweeps: Sweeps,
    chains: Chains,
    now: datetime,
    *,
    listing: Listing = NOT_LISTED,
    replicas: Sequence[ReplicaSeen] = (),
) -> Html:
    """Return how fresh is what is watched here, how the source does, what waits, and who does what."""
    watched, unwell = _watched(here, sweeps, chains, now, listing)
    return join(
        "\n",
        (
            *_trouble(sweeps),
            *unwell,
            *watched,
            _last_sweep(sweeps),
            _alerts(here, now),
            *_allowance(sweeps.allowance),
            *replica_lines(replicas),
        ),
    )


def _watched(
    here: WatchedHere, sweeps: Sweeps, chains: Chains, now: datetime, listing: Listing
) -> tuple[list[Html | str], list[Html | str]]:
    """Return what is watched and read, and apart from it, to be said first, what is not."""
    if not here.accounts:
        return [no_account_watched() if here.tokens else "Nothing is watched here yet."], []
    on = counted(len(here.chains), "chain")
    watched = [
        f"Watched here: {counted(here.accounts, 'account')} on {on}, {counted(here.balances, 'balance')}"
    ]
    held_back = [chain for chain in here.chains if chain.held_back]
    held_back_ids = {chain.chain_id for chain in held_back}
    # A chain that is held back has its own line: as a gap too it would be listed twice.
    gaps = [gap for gap in _with_late_chains(here, sweeps, now) if gap.chain_id not in held_back_ids]
    blind = {gap.chain_id for gap in gaps if gap.account is None}
    ages = sorted(
        now - chain.seen_at
        for chain in here.chains
        if chain.seen_at and chain.unread < chain.accounts and chain.chain_id not in blind | held_back_ids
    )
    if ages:
        watched.append(_read(ages))
    lacking = [chain.chain_id for chain in here.chains if listing.lacks(chain.chain_id) and not chain.seen_at]
    gone = [chain.chain_id for chain in here.chains if chain.is_gone or listing.has_dropped(chain.chain_id)]
    unwell = [_held_back(chain, chains, now) for chain in held_back[:_HELD_BACK_MOST]]
    if len(held_back) > _HELD_BACK_MOST:
        unwell.append(EMPTY + f"Held back: {counted(len(held_back) - _HELD_BACK_MOST, 'more chain')}")
    unread = [chain for chain in here.chains if chain.chain_id not in (*lacking, *gone)]
    return [*watched], [
        *unwell,
        *_not_seen(gaps, chains, now),
        *_unread(unread, chains),
        *([f"No longer listed by the source, still asked: {chain_names(gone, chains)}"] if gone else []),
        *(
            [f"Not listed by the source, no answer expected: {chain_names(lacking, chains)}"]
            if lacking
            else []
        ),
    ]


def _with_late_chains(here: WatchedHere, sweeps: Sweeps, now: datetime) -> list[Gap]:
    """Return the known gaps, and those of chains that are overdue without any error."""
    latest = now - timedelta(seconds=sweeps.late_after_seconds)
    late = [
        Gap(chain.chain_id, None, "", chain.seen_at)
        for chain in here.chains
        if chain.seen_at and chain.seen_at < latest and chain.unread < chain.accounts
    ]
    known = {gap.chain_id for gap in here.gaps if gap.account is None}
    return [*here.gaps, *(gap for gap in late if gap.chain_id not in known)]


def _read(ages: Sequence[timedelta]) -> str:
    newest, oldest = age(ages[0]), age(ages[-1])
    read = f"Read: {counted(len(ages), 'chain')}"
    return f"{read}, {newest} ago" if newest == oldest else f"{read}, {newest} to {oldest} ago"


def _held_back(chain: ChainSight, chains: Chains, now: datetime) -> Html:
    assert chain.held_back is not None
    return fill(
        "⚠️ Held back: {}{}: {}; {}",
        chains.get(chain.chain_id).title,
        f", {_since(chain.seen_at, now)}" if chain.seen_at else "",
        vanished(chain.held_back),
        waiting(chain.chain_id, chains),
    )


def _ringing(count: int) -> list[Html]:
    if not count:
        return []
    rings = "rings" if count == 1 else "ring"
    return [fill("⏰ {} {}; {} shows which", counted(count, "alarm"), rings, code("/alarm"))]


def _not_told(here: Sequence[HeldBackHere], why: str, chains: Chains) -> list[Html]:
    """Return what is not told yet and why, the first of it with amounts."""
    if not here:
        return []
    shown = [
        fill(
            "    {}: {} {} {} · {}",
            bold_label(one.label) if one.label else short_address(one.account),
            *_difference(one, chains),
            chains.get(one.asset.chain_id).title,
        )
        for one in here[:_FILTERED_MOST]
    ]
    more = len(here) - len(shown)
    first = fill("{}: {}", why, counted(len(here), "balance"))
    return [first, *shown, *([EMPTY + f"    and {more:,} more"] if more else [])]


def _difference(one: HeldBackHere, chains: Chains) -> tuple[str, Html, str]:
    """Return how much, of what, and whether it is less than was last reported, or more."""
    told, now = one.held_back.told.amount_raw, one.held_back.now.amount_raw
    decimals = decimals_of(one.asset, one.description, chains)
    alike = {one.asset} if one.is_look_alike else frozenset[Asset]()
    name = asset_name(one.asset, one.description, chains, alike)
    raw = f" {RAW_UNITS}" if decimals is None else ""
    amount = format_exact(abs(now - told), decimals or 0)
    return amount, name + raw, "less" if now < told else "more" if now > told else "exchanged"


def _since(at: datetime, now: datetime) -> str:
    return f"since {moment(at, now)} ({age(now - at)})"


def _not_seen(gaps: Sequence[Gap], chains: Chains, now: datetime) -> list[Html | str]:
    spots = outage_lines(gaps, chains, lambda since: _since(since, now))
    if len(spots) == 1:
        return [fill("⚠️ Partly blind: {}, {}", spots[0].where, spots[0].when)]
    return ["⚠️ Partly blind:", *(spot.line for spot in spots)] if spots else []


def _unread(sights: Sequence[ChainSight], chains: Chains) -> list[str]:
    """Return what was never read; chains that lack equally many accounts share a line."""
    lacking: dict[str, list[ChainId]] = defaultdict(list)
    for sight in sights:
        if sight.unread:
            some = f" ({sight.unread:,} of {counted(sight.accounts, 'account')})"
            lacking[some if sight.unread < sight.accounts else ""].append(sight.chain_id)
    lines = [f"Not read yet: {chain_names(on, chains)}{some}" for some, on in lacking.items()]
    if len(lines) > _UNREAD_LINES_MOST:
        return [f"Not read yet: something on {counted(sum(map(len, lacking.values())), 'chain')}"]
    return lines


def _last_sweep(sweeps: Sweeps) -> str:
    if sweeps.ended_seconds_ago is None:
        return "Last sweep: none yet, the first is under way"
    ago = age(timedelta(seconds=sweeps.ended_seconds_ago))
    took = sweeps.took_seconds
    line = (
        f"Last sweep: {ago} ago, took {took:.1f} s"
        if took < _SHORT_SWEEP_SECONDS
        else (f"Last sweep: {ago} ago, took {took:,.0f} s")
    )
    if took <= sweeps.interval_seconds:
        return line
    return f"{line}; longer than the interval of {sweeps.interval_seconds:g} s: sweeps follow each other"


def _trouble(sweeps: Sweeps) -> list[Html]:
    if sweeps.trouble is None:
        return []
    return [fill("⚠️ Trouble with the source: {}", quoted(sweeps.trouble))]


def _alerts(here: WatchedHere, now: datetime) -> str:
    if not here.alerts:
        return "Waiting to be sent: nothing"
    oldest = f", the oldest {age(now - here.alerts_since)} old" if here.alerts_since else ""
    line = f"Waiting to be sent: {counted(here.alerts, 'alert')}{oldest}"
    if here.paused_until is None or here.paused_until <= now:
        return line
    until = moment(here.paused_until, now, pattern="%H:%M:%S")
    return f"{line}; Telegram asks for a pause until {until}"


def _allowance(allowance: Allowance) -> list[str]:
    """Return how much the source still allows, as far as it says so."""
    left = (
        _left(allowance.rate_remaining, allowance.rate_limit, "requests this minute"),
        _left(allowance.quota_remaining, allowance.quota_limit, "units of the quota"),
        f"{allowance.quota_overage:,} units above it" if allowance.quota_overage else "",
    )
    said = ", ".join(filter(None, left))
    return [f"Left at the source: {said}"] if said else []


def _left(remaining: int | None, limit: int | None, what: str) -> str:
    if remaining is None:
        return ""
    return f"{remaining:,} of {limit:,} {what}" if limit is not None else f"{remaining:,} {what}"


STATUS = Feature(STATUS_COMMAND, _read_status)
