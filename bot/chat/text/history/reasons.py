"""Why nothing came about an account or a token, in the words that people read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.chat.text.changes import INDENT
from bot.chat.text.history.explanations import explanation_lines
from bot.chat.text.history.why import SECONDS, filters_shown
from bot.chat.text.html import EMPTY, Html, code, fill
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import RAW_UNITS, age, asset_name, chain_names, clock, counted, moment
from bot.domain.addresses import checksummed
from bot.domain.assets import Amount, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import MuteKind
from bot.domain.deliver.delivery import AlertState
from bot.domain.deliver.traces import Silence
from bot.domain.history.changes import PastChange
from bot.domain.history.reasons import (
    AccountSituation,
    Doubted,
    HeldBackAmount,
    Ignored,
    Muted,
    NeverSeen,
    NotListed,
    NotRead,
    NotWatched,
    OnItsWay,
    Reason,
    Situation,
    Unchanged,
    Unseen,
    Unsettled,
)
from bot.domain.observations import MoveKind
from bot.domain.observe.descriptions import decimals_of
from bot.domain.units import format_shown, format_signed


def asset_lines(
    found: Sequence[tuple[Situation, Reason]], chains: Chains, now: datetime, *, lists_verified: bool
) -> list[Html]:
    """Return for each asset why nothing came; chains of which the same is to be said share a line."""
    on: dict[tuple[Html, Html], list[ChainId]] = {}
    # Chains are read at different moments: of many that are without, the one that was read first says it all.
    never = min((reason.read_at for _, reason in found if isinstance(reason, NeverSeen)), default=now)
    for of, one in found:
        reason = NeverSeen(never) if isinstance(one, NeverSeen) else one
        said = _reason(reason, of, chains, now, lists_verified=lists_verified)
        on.setdefault((asset_name(of.asset, of.description, chains), said), []).append(of.asset.chain_id)
    return [
        fill("{} on {}: {}", name, chain_names(chains.in_order(ids), chains, last=" and "), said)
        for (name, said), ids in on.items()
    ]


_NOT_THERE = "not watched here. No line of /list is about it there."


def _reason(reason: Reason, of: Situation, chains: Chains, now: datetime, *, lists_verified: bool) -> Html:
    match reason:
        case NotWatched(is_account_watched):
            return EMPTY + (_NOT_THERE if is_account_watched else "not watched here.")
        case NotListed():
            listed = "doesn't list it as verified" if lists_verified else "doesn't list it"
            return fill("the source {}, and no line of /list names it. {}", listed, _to_name_it(of))
        case Ignored(since, by):
            who = fill(" by {}", sanitized(by)) if sanitized(by) else EMPTY
            return fill("ignored here since {}{}. /unignore reports it again.", moment(since, now), who)
        case Muted():
            return EMPTY + muted_words(reason, now)
        case Unsettled() | OnItsWay():
            return _to_come(reason, of, chains, now)
        case NotRead() | Unseen() | Doubted() | Unchanged() | NeverSeen():
            return _readings(reason, of, chains, now)


def _to_come(reason: Unsettled | OnItsWay, of: Situation, chains: Chains, now: datetime) -> Html:
    match reason:
        case Unsettled(is_for_digest=True):
            return fill("kept for the digest: {}.", held_back_words(reason, of, chains, now))
        case Unsettled(filters=filters):
            by = fill(" ({})", filters_shown(filters, chains)) if filters else EMPTY
            difference = held_back_words(reason, of, chains, now)
            # Nothing is “below” somebody else.
            is_by_name = any(one.counterparties for one in filters)
            below = "not meant by" if is_by_name else "below"
            return fill("{} the filter{}, which holds back {}.", below, by, difference)
        case OnItsWay():
            return EMPTY + _on_its_way_words(reason, now)


def _on_its_way_words(one: OnItsWay, now: datetime) -> str:
    if one.message is None:
        return f"a change waits to be sent since {moment(one.made_at, now, pattern=SECONDS)}."
    return f"a change is in message {one.message}, which is not sent yet: /why {one.message}"


def _readings(
    reason: NotRead | Unseen | Doubted | Unchanged | NeverSeen, of: Situation, chains: Chains, now: datetime
) -> Html:
    match reason:
        case NotRead():
            return EMPTY + "watched, and not read yet."
        case Unseen(since, is_chain_doubted=True):
            return EMPTY + _doubted_words(since, now)
        case Unseen(since):
            return EMPTY + unseen_words(since, now)
        case Doubted(amount, times):
            return fill(
                "read as {} in {}, which contradicts what is known. It counts once more readings agree.",
                _amount(amount, of, chains),
                counted(times, "reading"),
            )
        case Unchanged(read_at, amount):
            return fill("read {} ago: {}, no change.", age(now - read_at), _amount(amount, of, chains))
        case NeverSeen(read_at):
            by_name = EMPTY if of.is_named else fill(" {}", _to_name_it(of))
            return fill("read {} ago, and never seen there.{}", age(now - read_at), by_name)


def unseen_words(since: datetime, now: datetime) -> str:
    """Return since when something can't be read."""
    return f"unknown since {moment(since, now)}, as the source gives no usable answer."


def _doubted_words(since: datetime, now: datetime) -> str:
    return f"held back since {moment(since, now)}, as too much vanished there at once."


def _to_name_it(of: Situation) -> Html:
    typed = f"/watch {checksummed(of.account)} contract {checksummed(of.asset.contract)}"
    return fill("To watch it by name: {}", code(typed))


def muted_words(muted: Muted, now: datetime) -> str:
    """Return what keeps alerts back, and until when."""
    until = moment(muted.until, now)
    match muted.by:
        case MuteKind.QUIET:
            return f"quiet hours until {until}. Alerts are kept, and come then."
        case MuteKind.BUDGET:
            return f"the messages of this hour are used up. Changes wait until {until}."
        case MuteKind.MUTE:
            return f"muted until {until}. Alerts are kept, and come then."


def held_back_words(
    unsettled: Unsettled, of: Situation | HeldBackAmount, chains: Chains, now: datetime
) -> Html:
    """Return `−340 USDC in 12 steps since 09:00`, or without the steps if it is one."""
    decimals = decimals_of(of.asset, of.description, chains)
    difference = unsettled.held_back.now.amount_raw - unsettled.held_back.told.amount_raw
    raw = f" {RAW_UNITS}" if decimals is None else ""
    return fill(
        "{} {}{}{} since {}",
        format_signed(difference, decimals or 0),
        asset_name(of.asset, of.description, chains),
        raw,
        "" if unsettled.steps == 1 else f" in {unsettled.steps:,} steps",
        clock(unsettled.since, now, pattern="%H:%M"),
    )


def _amount(amount: Amount, of: Situation, chains: Chains) -> Html:
    decimals = decimals_of(of.asset, of.description, chains)
    raw = f" {RAW_UNITS}" if decimals is None else ""
    shown = format_shown(amount.amount_raw, decimals or 0)
    return fill("{} {}{}", shown, asset_name(of.asset, of.description, chains), raw)


# ---------------------------------------------------------------- what was last known


def last_told(message: str | None, sent_at: datetime | None, now: datetime, history_days: int) -> Html:
    """Return which message was the last one about it."""
    if message is None or sent_at is None:
        return EMPTY + f"No change of it was reported in the last {counted(history_days, 'day')}."
    return EMPTY + f"The last alert was {message}, sent at {moment(sent_at, now, pattern=SECONDS)}."


def last_change(newest: PastChange, now: datetime) -> Html:
    """Return what became of the newest change, if it was not reported and won't be; else nothing."""
    at = moment(newest.change.observed_at, now, pattern=SECONDS)
    words = _UNSENT.get(newest.state) if newest.state else _SILENT.get(newest.reason)
    return EMPTY + f"The last change, at {at}, {words}." if words else EMPTY


def last_transfers(newest: PastChange, chains: Chains, now: datetime) -> list[Html]:
    """Return what the transfers behind the newest change are, or why nobody knows."""
    if newest.change.kind is MoveKind.LISTED:
        return []
    alert = replace(newest.told, change=newest.change, explanation=newest.explanation)
    at = moment(newest.change.observed_at, now, pattern=SECONDS)
    first, *others = explanation_lines(alert, chains, now)
    return [fill("Last change at {}. {}", at, first), *(INDENT + line for line in others)]


_UNSENT = {
    AlertState.DEAD: "was refused by Telegram",
    AlertState.EXPIRED: "was dropped, as it could not be sent for too long",
    AlertState.WITHDRAWN: "was taken back, as this chat was closed then",
}

_SILENT: Mapping[str, str] = {
    Silence.IGNORED: "was of a token that was ignored here",
    Silence.SETTLED: "brought the amount back to what was last reported",
    Silence.UNITS: "was of the token's decimals alone",
}


def traced_words(since: datetime, now: datetime) -> Html:
    """Return that less is known of what was before a moment."""
    return EMPTY + f"Of changes before {moment(since, now)} I know only those that were reported."


# ---------------------------------------------------------------- of an account


def not_watched_on(ids: Collection[ChainId], chains: Chains) -> Html:
    """Return that an account is not watched on chains, though it is on others."""
    return EMPTY + f"{_titles(ids, chains)}: {_NOT_THERE}"


def account_lines(of: AccountSituation, chains: Chains, now: datetime) -> list[Html]:
    """Return how things stand with an account: what is kept, what can't be read, and what is."""
    if not of.is_watched:
        return [EMPTY + "Not watched here."]
    lines = [] if of.muted is None else [_sentence(muted_words(of.muted, now))]
    if of.on_its_way is not None:
        lines.append(_sentence(_on_its_way_words(of.on_its_way, now)))
    lines += [_held_back(one, chains, now) for one in of.held_back[:_HELD_BACK_SHOWN]]
    if len(of.held_back) > _HELD_BACK_SHOWN:
        lines.append(EMPTY + f"… and {counted(len(of.held_back) - _HELD_BACK_SHOWN, 'more balance')}.")
    for chain_id, at in of.doubted.items():
        lines.append(EMPTY + f"{chains.get(chain_id).title}: {_doubted_words(at, now)}")
    since: dict[datetime, list[ChainId]] = {}
    for chain_id, at in of.unseen.items():
        since.setdefault(at, []).append(chain_id)
    for at, ids in sorted(since.items()):
        lines.append(EMPTY + f"{_titles(ids, chains)}: {unseen_words(at, now)}")
    if of.unread:
        lines.append(EMPTY + f"{_titles(of.unread, chains)}: watched, and not read yet.")
    if of.read_at is not None:
        ago = age(now - of.read_at)
        other = "no other change" if lines else "no change"
        lines.append(EMPTY + f"{_titles(tuple(of.seen), chains)}: read {ago} ago, {other}.")
    return lines


_HELD_BACK_SHOWN = 5


def _held_back(one: HeldBackAmount, chains: Chains, now: datetime) -> Html:
    kept = "Kept for the digest" if one.unsettled.is_for_digest else "Held back by the filter"
    title = chains.get(one.asset.chain_id).title
    return fill("{}: {} · {}", kept, held_back_words(one.unsettled, one, chains, now), title)


def _titles(ids: Collection[ChainId], chains: Chains) -> str:
    return chain_names(chains.in_order(ids), chains, last=" and ")


def _sentence(words: str) -> Html:
    return EMPTY + words[0].upper() + words[1:]
