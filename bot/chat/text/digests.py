"""The text of a digest: worth, the changes of each balance in one, and what else there was."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.chat.text.alarms import ended, how_long, rang
from bot.chat.text.change_blocks import SHOWN_OPENLY_IN_DIGESTS, change_blocks
from bot.chat.text.changes import on_the_clock_of
from bot.chat.text.html import EMPTY, VISIBLE_UNITS_MOST, Html, bold, code, fill, join
from bot.chat.text.prices import worth_line
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import age, asset_name, clock, counted, folded, moment, short_address
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import (
    AlarmEnded,
    AlarmRang,
    BlindSpan,
    ChangeAlert,
    Digest,
    DigestContent,
    DigestWorth,
    NoticeAlert,
)
from bot.domain.deliver.steps import LATE_AFTER
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.worth import Worth
from bot.domain.units import format_shown

_LINES_MOST = 5
"""Of alarms, and of what could not be read; what is beyond them is counted."""

_FOOTER_MOST = 100
"""The length of what stands below a digest in its message."""


def digest(alert: NoticeAlert, chains: Chains, now: datetime) -> Html:
    """Return the block of a digest; `now` is in the reader's zone.

    As many balances are in it as there is room for, those of most worth first; of the others their number.
    What filters hold back has as many lines as what was told.
    """
    notice, content = alert.notice, alert.digest
    if not isinstance(notice, Digest) or content is None:
        return EMPTY
    least, most = 0, max(len(content.nets), len(content.held_back))
    text = _text(notice, content, most, chains, now)
    while not _fits(text) and least < most:
        # Halved, as each try puts all of it into words: `least` fits, and `most` is too much.
        half = (least + most) // 2
        shorter = _text(notice, content, half, chains, now)
        if _fits(shorter):
            least = half
        else:
            most = half
        if most - least <= 1:
            return _text(notice, content, least, chains, now)
    return text


def _fits(text: Html) -> bool:
    return text.fits and text.visible_units <= VISIBLE_UNITS_MOST - _FOOTER_MOST


def _text(notice: Digest, content: DigestContent, shown: int, chains: Chains, now: datetime) -> Html:
    more = max(0, len(content.nets) - shown) + content.more
    shows_all = code(f"/history {max(0, (now - notice.begins_at) // timedelta(days=1)) + 1}d")
    left_out = fill(
        "… and {}, told as they happened. {} shows all.", counted(more, "more balance"), shows_all
    )
    cut = fill(
        "There were too many changes to add up: the first of them are left out. {} shows all.", shows_all
    )
    blocks = [
        join("\n", (_heading(notice, now), *_worth(notice, chains, now))),
        *_changes(content.nets[:shown], chains, now),
        *([left_out] if more else []),
        *([cut] if content.is_cut else []),
        *_within(content, chains),
        *_new_tokens(content, chains),
        *_held_back(content, shown, chains, now),
        *filter(None, (join("\n", lines) for lines in _others(notice, content, chains, now))),
        _sight(notice, content),
    ]
    return join("\n\n", blocks)


def _changes(alerts: Sequence[ChangeAlert], chains: Chains, now: datetime) -> list[Html]:
    # Of a day there may be as many counterparties as steps: /history has them.
    here = [replace(on_the_clock_of(now, alert), explanation=None) for alert in alerts]
    return change_blocks(here, chains, shown_openly=SHOWN_OPENLY_IN_DIGESTS)


def _held_back(content: DigestContent, shown: int, chains: Chains, now: datetime) -> list[Html]:
    """Return what filters hold back, in the lines that it would have; nothing if that is nothing."""
    if not content.held_back:
        return []
    everything = len(content.held_back) + content.more_held_back
    heading = fill("{}: {}", bold("Held back by filters"), counted(everything, "balance"))
    first, *others = _changes(content.held_back[:shown], chains, now) or [EMPTY]
    more = max(0, len(content.held_back) - shown) + content.more_held_back
    left_out = [fill("… and {}, held back.", counted(more, "more balance"))] if more > 0 else []
    return [join("\n", filter(None, (heading, first))), *others, *left_out]


def _within(content: DigestContent, chains: Chains) -> list[Html]:
    """Return in one line what only moved between the accounts of the reader; nothing if nothing did."""
    if not content.within:
        return []
    amounts = [
        fill(
            "{} {} on {}",
            format_shown(one.amount_raw, decimals_of(one.asset, one.description, chains) or 0),
            asset_name(one.asset, one.description, chains),
            chains.get(one.asset.chain_id).title,
        )
        for one in content.within
    ]
    return [fill("⇄ Within your accounts, left out above: {}", folded(amounts, last=" and "))]


def _new_tokens(content: DigestContent, chains: Chains) -> list[Html]:
    tokens = list(dict.fromkeys(_token(one, chains) for one in content.new_tokens))
    return [fill("New here, without a price: {}", folded(tokens))] if tokens else []


def _heading(notice: Digest, now: datetime) -> Html:
    late = now - notice.due_at
    return fill(
        "🗞 {}, {} to {}{}",
        bold("Weekly digest" if notice.is_weekly else "Daily digest"),
        clock(notice.begins_at, now, pattern="%H:%M"),
        moment(notice.ends_at, now),
        f", {age(late)} late" if late >= LATE_AFTER else "",
    )


def _worth(notice: Digest, chains: Chains, now: datetime) -> list[Html]:
    if notice.worth is None:
        return [EMPTY + "There are too many accounts to add up what they are worth."]
    at = f" by prices of {clock(notice.ends_at, now, pattern='%H:%M')}"
    lines = [worth_line(_sum(notice.worth), chains, when=at)]
    if notice.former_worth is not None:
        at = f" by prices of {clock(notice.begins_at, now, pattern='%H:%M')}"
        lines.append(worth_line(_sum(notice.former_worth), chains, word="Before", when=at))
    return [line for line in lines if line]


def _sum(worth: DigestWorth) -> Worth:
    return Worth(
        usd=worth.usd,
        priced=worth.priced,
        unpriced=worth.unpriced,
        ignored=worth.ignored,
        unknown=frozenset(worth.unknown),
        last_known=frozenset(worth.last_known),
    )


def _others(notice: Digest, content: DigestContent, chains: Chains, now: datetime) -> list[list[Html]]:
    """Return the lines of each further part; an empty one is left out."""
    return [
        _some([_alarm(one, chains, now) for one in content.alarms], "more alarm"),
        _some(_spans(notice, content, chains, now), "more gap"),
    ]


def _some(lines: Sequence[Html], thing: str) -> list[Html]:
    more = len(lines) - _LINES_MOST
    return [*lines[:_LINES_MOST], *([fill("… and {}", counted(more, thing))] if more > 0 else [])]


def _alarm(alert: NoticeAlert, chains: Chains, now: datetime) -> Html:
    at = clock(alert.observed_at, now, pattern="%H:%M")
    match alert.notice:
        case AlarmRang():
            return fill("{}, at {}", rang(alert.notice, chains), at)
        case AlarmEnded():
            return fill("{}, at {}", ended(alert.notice, chains, alert.observed_at), at)
        case _:
            return EMPTY


def _spans(notice: Digest, content: DigestContent, chains: Chains, now: datetime) -> list[Html]:
    """Return `⚠️ I couldn't read Polygon and Base from 03:10 to 04:20 CET (1 h 10 min).`, and the like."""
    at_once: dict[tuple[str, str], list[Html]] = {}
    for one in content.spans:
        title = chains.get(one.chain_id).title
        named = bold(sanitized(one.label, short_address(one.account))) if one.account else EMPTY
        where = fill("{} on {}", named, title) if named else EMPTY + title
        at_once.setdefault(_how_long_blind(one, notice, now), []).append(where)
    return [
        fill("⚠️ I {} read {} {}.", verb, folded(where, last=" and "), when)
        for (verb, when), where in at_once.items()
    ]


def _how_long_blind(one: BlindSpan, notice: Digest, now: datetime) -> tuple[str, str]:
    # Between the minutes that are shown: what chains have in common is then one line, to the second or not.
    begins, ends = (at.replace(second=0, microsecond=0) for at in (one.since, one.until or notice.ends_at))
    span = how_long(ends - begins)
    if one.until is None:
        return "can't", f"since {moment(one.since, now)} ({span})"
    since = clock(one.since, now, pattern="%H:%M")
    return "couldn't", f"from {since} to {moment(one.until, now)} ({span})"


def _token(net: ChangeAlert, chains: Chains) -> Html:
    asset = net.change.asset
    return asset_name(asset, net.description, chains, {asset} if net.is_look_alike else frozenset())


def _sight(notice: Digest, content: DigestContent) -> Html:
    """Return how much was read, and whether anything changed at all."""
    if not notice.chains and not notice.unread:
        return EMPTY + "Nothing is watched here."
    is_quiet = not (content.nets or content.within or content.held_back or notice.follow or content.is_cut)
    # What can't be seen may have changed.
    is_blind = notice.unread or any(span.until is None for span in content.spans)
    nothing = "No change was seen. " if is_blind else "Nothing changed. "
    follow = f" {counted(notice.follow, 'balance')} changed:" if notice.follow else ""
    unread = f", {notice.unread} not yet" if notice.unread else ""
    if notice.oldest_at is None:
        return EMPTY + f"No chain was read yet.{follow}"
    oldest = age(max(timedelta(), notice.ends_at - notice.oldest_at))
    read = f"{counted(notice.chains, 'chain')} read{unread}, the oldest view is {oldest} old."
    return EMPTY + f"{nothing if is_quiet else ''}{read}{follow}"
