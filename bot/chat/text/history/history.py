"""The text of past changes: the lines of their alerts, with time and message id, or why there is none.

The newest stands first. What could not be read stands where that began.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from bot.chat.text.changes import change_lines, linked_account, on_the_clock_of
from bot.chat.text.html import EMPTY, Html, bold, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import age, clock, counted, folded, moment, short_address
from bot.domain.chains import Chains
from bot.domain.chat.mutes import Mute, MuteScope
from bot.domain.deliver.alerts import BlindSpan, MuteKind
from bot.domain.deliver.delivery import AlertState
from bot.domain.deliver.steps import LATE_AFTER
from bot.domain.deliver.traces import Silence
from bot.domain.history.changes import PastChange
from bot.domain.symbols import find_look_alikes
from bot.domain.zones import zone_word

_INDENT = "    "
_GAPS_MOST = 5
"""In one place; what is beyond them is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """What one page of the past shows."""

    heading: Html
    changes: Sequence[PastChange]
    """The newest first."""
    gaps: Sequence[BlindSpan]
    """The latest first."""
    mutes: Sequence[Mute]
    """As they are now."""
    closing: Html
    """What stands at its end."""


def history_page(page: HistoryPage, chains: Chains, now: datetime) -> Html:
    """Return the text of a page; `now` is in the reader's zone, and so are all moments."""
    told = [on_the_clock_of(now, one.told) for one in page.changes]
    alike = find_look_alikes((one.change.asset, one.description.symbol) for one in told)
    blocks, gaps = [page.heading], list(page.gaps)
    for one, alert in zip(page.changes, told, strict=True):
        later = [gap for gap in gaps if gap.since >= one.change.observed_at]
        blocks += _gap_lines(later, chains, now)
        gaps = gaps[len(later) :]
        looks_alike = alike | ({alert.change.asset} if alert.is_look_alike else frozenset())
        who = linked_account(alert.change, alert.label, chains)
        lines = change_lines(alert, chains, looks_alike, who=who)
        blocks.append(join("\n", (lines, fill("{}{}", _INDENT, _what_became(one, page.mutes, now)))))
    blocks += _gap_lines(gaps, chains, now)
    return join("\n\n", [*blocks, *filter(None, [page.closing])])


def _what_became(one: PastChange, mutes: Iterable[Mute], now: datetime) -> str:
    """Return `14:03:22 UTC · 7KQ2F`, or when and why it was not reported."""
    at = moment(one.change.observed_at, now, pattern="%H:%M:%S")
    if one.state is AlertState.SENT:
        late = (one.tried_at or one.change.observed_at) - one.change.observed_at
        delay = f", sent {age(late)} later" if late >= LATE_AFTER else ""
        return f"{at}{delay} · {one.message}"
    return f"{at} · {_why_not(one, mutes, now)}"


def _why_not(one: PastChange, mutes: Iterable[Mute], now: datetime) -> str:
    if one.state is None:
        summed_up = f", summed up in {one.message}" if one.message else ""
        return _SILENCES.get(one.reason, one.reason) + summed_up
    if one.state is AlertState.MUTED:
        return _kept_back(one, mutes, now)
    words = _UNSENT[one.state]
    return f"{words} · {one.message}" if one.message else words


_UNSENT: Mapping[AlertState, str] = MappingProxyType(
    {
        AlertState.WAITING: "waiting to be sent",
        AlertState.BOUND: "on its way",
        AlertState.DEAD: "refused by Telegram",
        AlertState.EXPIRED: "expired unsent, having waited too long",
        AlertState.WITHDRAWN: "withdrawn unsent, as it was unwatched or the chat closed",
    }
)

_SILENCES: Mapping[str, str] = MappingProxyType(
    {
        Silence.FILTER: "held back by /only",
        Silence.SETTLED: "held back by /only, and undone since",
        Silence.DIGEST: "left to the digest",
        Silence.IGNORED: "ignored",
        Silence.UNITS: "not reported: only the token's decimals changed",
    }
)


def _kept_back(one: PastChange, mutes: Iterable[Mute], now: datetime) -> str:
    about = MuteScope(one.change.account, frozenset({one.change.asset.chain_id}))
    ends = [
        mute.until
        for mute in mutes
        if mute.kind == one.reason and (not mute.scope or mute.scope.meets(about))
    ]
    until = f" until {moment(max(ends), now)}" if ends else ""
    match one.reason:
        case MuteKind.QUIET:
            return f"kept back by /quiet{until}"
        case MuteKind.BUDGET:
            return f"kept back by /budget{until}"
        case _:
            return f"muted{until}"


def _gap_lines(gaps: Sequence[BlindSpan], chains: Chains, now: datetime) -> list[Html]:
    """Return `⚠️ Nothing read of Polygon and Base, 13:02–13:49 UTC`, one block for all of one place."""
    at_once: dict[str, list[Html]] = {}
    for gap in gaps:
        title = chains.get(gap.chain_id).title
        named = bold(sanitized(gap.label, short_address(gap.account))) if gap.account else EMPTY
        where = fill("{} on {}", named, title) if named else EMPTY + title
        at_once.setdefault(_when(gap, now), []).append(where)
    lines = [
        fill("⚠️ Nothing read of {}{}", folded(where, last=" and "), when) for when, where in at_once.items()
    ]
    more = len(lines) - _GAPS_MOST
    lines = [*lines[:_GAPS_MOST], *([fill("… and {}", counted(more, "more gap"))] if more > 0 else [])]
    return [join("\n", lines)] if lines else []


def _when(gap: BlindSpan, now: datetime) -> str:
    if gap.until is None:
        return f" since {moment(gap.since, now)}"
    since, until = (at.astimezone(now.tzinfo) for at in (gap.since, gap.until))
    # Where the clock was changed in between, both ends say how.
    word = f" {zone_word(since)}" if zone_word(since) != zone_word(until) else ""
    begun = f"{clock(since, now, pattern='%H:%M')}{word}"
    if since.date() != until.date():
        return f", {begun} to {until:%Y-%m-%d %H:%M} {zone_word(until)}"
    return f", {begun}–{until:%H:%M} {zone_word(until)}"
