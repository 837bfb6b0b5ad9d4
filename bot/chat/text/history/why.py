"""Why a message came: of each of its lines how it was seen, who wanted it, and when it was sent."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from bot.chat.text.changes import INDENT, change_lines, linked_account, on_the_clock_of
from bot.chat.text.conditions import show_condition
from bot.chat.text.history.explanations import explanation_lines
from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import account_name, age, chain_names, counted, folded, moment
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import (
    AlarmEnded,
    AlarmRang,
    AlarmRepeated,
    BackupFails,
    BackupWorks,
    Baseline,
    Blind,
    ChainBack,
    ChainGone,
    ChangeAlert,
    Digest,
    Dropped,
    Gap,
    MassLoss,
    MuteKind,
    MuteOver,
    ReplicaAway,
    ReplicaBack,
    Restored,
    Sample,
    SeenAgain,
    SourceRefuses,
    StoredNotice,
    Undelivered,
    UnreadableNotice,
)
from bot.domain.deliver.delivery import DeliveryState
from bot.domain.deliver.traces import AlertCause, Trace
from bot.domain.history.ways import AlertWay, MessageWay, Obstacle
from bot.domain.observations import MoveKind
from bot.domain.rules.conditions import Condition

SECONDS = "%H:%M:%S"


def message_way(way: MessageWay, chains: Chains, now: datetime) -> Html:
    """Return how a message came about, line for line, and how far it is.

    The transfers behind its changes are in it where there is room for them.
    """
    whole = _message_way(way, chains, now, with_transfers=True)
    return whole if whole.fits else _message_way(way, chains, now, with_transfers=False)


def _message_way(way: MessageWay, chains: Chains, now: datetime, *, with_transfers: bool) -> Html:
    ways = [
        (_how(one, chains, now), _line(one, chains, now, with_transfers=with_transfers)) for one in way.alerts
    ]
    blocks = [join("\n", [*lines, *(INDENT + one for one in how)]) for how, lines in _by_how(ways)]
    if way.more:
        blocks.append(EMPTY + f"… and {counted(way.more, 'more alert')}, which came about like these.")
    return join("\n\n", [bold(f"Message {way.message}"), *blocks, _how_far(way, now)])


def _by_how(
    ways: Iterable[tuple[Sequence[Html], Html]],
) -> Iterable[tuple[Sequence[Html], list[Html]]]:
    """Put neighbours together that came about in the same way: it is said once below them."""
    for how, run in groupby(ways, key=lambda one: one[0]):
        yield how, [line for _, line in run]


def _line(one: AlertWay, chains: Chains, now: datetime, *, with_transfers: bool) -> Html:
    if not isinstance(one.alert, ChangeAlert):
        return notice_name(one.alert.notice, chains)
    alert = on_the_clock_of(now, one.alert)
    alike = frozenset({alert.change.asset} if alert.is_look_alike else ())
    who = linked_account(alert.change, alert.label, chains)
    if not with_transfers or alert.change.kind is MoveKind.LISTED:
        return change_lines(alert, chains, alike, who=who)
    lines = change_lines(replace(alert, explanation=None), chains, alike, who=who)
    return join("\n", [lines, *(INDENT + line for line in explanation_lines(alert, chains, now))])


def _how(one: AlertWay, chains: Chains, now: datetime) -> tuple[Html, ...]:
    """Return the lines that say how an alert came about."""
    lines = [_seen(one, now), wanted(one.trace), reported(one.cause, one.trace, chains), _kept_back(one, now)]
    return tuple(line for line in lines if line)


def _seen(one: AlertWay, now: datetime) -> Html:
    if one.seen is None:
        return EMPTY + f"Written at {moment(one.made_at, now, pattern=SECONDS)}"
    seen = one.seen
    block = "" if seen.block is None else f", block {seen.block:,}"
    before = (
        ""
        if seen.previous_at is None
        else f"; before that at {moment(seen.previous_at, now, pattern=SECONDS)}"
    )
    return EMPTY + f"Read at {moment(seen.at, now, pattern=SECONDS)} in sweep {seen.sweep:,}{block}{before}"


def wanted(trace: Trace) -> Html:
    """Return which lines of /list a change was watched by; empty if that was not kept."""
    numbers = [f"#{number}" for number in trace.wanted_by]
    return fill("Watched here as {}", folded(numbers, last=" and ")) if numbers else EMPTY


def filters_shown(filters: Sequence[Condition], chains: Chains) -> Html:
    """Return filters as they are typed behind a name: `only outgoing changes of $1,000.00 and more`."""
    return fill("only {}", join(" or ", [show_condition(one, chains) for one in filters]))


def reported(cause: AlertCause, trace: Trace, chains: Chains) -> Html:
    """Return why a filter let a change pass, or why what it held back came; empty if there was none."""
    if cause is AlertCause.UNFILTERED:
        return EMPTY
    if cause is AlertCause.MET and not trace.filters:
        return EMPTY + "Passed: one of these lines has no filter"
    by = fill(" ({})", filters_shown(trace.filters, chains)) if trace.filters else EMPTY
    return fill(_REPORTED[cause], by)


_REPORTED = {
    AlertCause.MET: "Passed the filter{}",
    AlertCause.NO_PRICE: "The filter{} couldn't judge it without a price: so it was reported",
    AlertCause.NO_DECIMALS: "The filter{} couldn't judge it without decimals: so it was reported",
    AlertCause.NO_IDS: "The filter{} couldn't judge it without the ids: so it was reported",
    AlertCause.NO_TRANSFERS: "The filter{} couldn't judge it without its transfers: so it was reported",
    AlertCause.UNMEASURED: "No amount that the filter{} could measure: so it was reported",
    AlertCause.BROKEN: "Held back by the filter{}, and reported before another change that did not follow it",
    AlertCause.ENDED: "Held back by the filter{}, and reported when that changed or ended",
    AlertCause.OLD: "Held back by the filter{}, and reported after a month",
    AlertCause.WITH_DIGEST: "Kept for the digest{}",
}


def _kept_back(one: AlertWay, now: datetime) -> Html:
    if one.kept_back_by is None:
        return EMPTY
    until = "" if one.released_at is None else f" until {moment(one.released_at, now, pattern=SECONDS)}"
    return EMPTY + f"Kept back by {KEEPERS[one.kept_back_by]}{until}"


KEEPERS = {
    MuteKind.MUTE: "a /mute",
    MuteKind.QUIET: "the quiet hours",
    MuteKind.BUDGET: "the /budget of messages",
}


# ---------------------------------------------------------------- how far it is


def _how_far(way: MessageWay, now: datetime) -> Html:
    lines = [_state(way, now), *_circumstances(way)]
    return join("\n", [line for line in lines if line])


def _state(way: MessageWay, now: datetime) -> Html:  # noqa: PLR0911 - one for each
    match way.state:
        case DeliveryState.SENT:
            return _sent(way, now)
        case DeliveryState.SENDING:
            return EMPTY + f"It is being sent right now{_tries(way)}."
        case DeliveryState.READY:
            return _ready(way, now)
        case DeliveryState.WITHDRAWN:
            return EMPTY + "Taken back before it was sent: this chat was closed, or became another one."
        case DeliveryState.EXPIRED:
            return EMPTY + "Dropped: it could not be sent for so long that it was of no use any more."
        case DeliveryState.DISSOLVED:
            return fill(
                "Telegram refused it as a whole ({}), so its alerts were sent again one by one.",
                _said(way.reason),
            )
        case DeliveryState.DEAD:
            return fill(
                "Telegram refused it for good at {}: {}",
                moment(way.at, now, pattern=SECONDS),
                _said(way.reason),
            )


def _sent(way: MessageWay, now: datetime) -> Html:
    since = way.waiting_since
    waited = "" if since is None else f", {_span(way.at - since)} later"
    return EMPTY + f"Sent at {moment(way.at, now, pattern=SECONDS)}{waited}, {_attempts(way, now)}."


def _attempts(way: MessageWay, now: datetime) -> str:
    late = way.tried_at is not None and way.at - way.tried_at >= _LATE
    first = f", first tried at {moment(way.tried_at, now, pattern=SECONDS)}" if late and way.tried_at else ""
    if way.attempts == 1:
        return f"at the first attempt{first and ' that Telegram took'}{first}"
    return f"at attempt {way.attempts:,}{first}"


_LATE = timedelta(seconds=5)
"""A message that was first tried so long before it was sent had to wait."""


def _ready(way: MessageWay, now: datetime) -> Html:
    why = fill(": {}", _said(way.reason)) if way.reason else EMPTY
    next_at = moment(way.at, now, pattern=SECONDS)
    again = f"I try again at {next_at}." if way.at > now else "I try again in a moment."
    if way.obstacle is not None:
        return fill("Not sent yet{}. {}", _tries(way) + why, _waits_for(way.obstacle, now))
    return fill("Not sent yet{}. {}", _tries(way) + why, again)


def _waits_for(obstacle: Obstacle, now: datetime) -> Html:
    until = "" if obstacle.until is None else moment(obstacle.until, now, pattern=SECONDS)
    if not obstacle.reason:
        return EMPTY + f"Telegram wants a pause in this chat until {until}."
    again = f"I try again at {until}." if until else "I try again once somebody writes here."
    return fill("This chat can't be written to ({}). {}", _said(obstacle.reason), again)


def _tries(way: MessageWay) -> str:
    tries = way.failures + way.unknowns
    if not tries:
        return ""
    unknown = f", {way.unknowns:,} of them without an answer" if way.unknowns else ""
    return f" after {counted(tries, 'attempt')}{unknown}"


def _circumstances(way: MessageWay) -> list[Html]:
    lines = []
    if way.is_silent:
        lines.append(EMPTY + "It arrives without sound, as no /loud rule means it.")
    if way.state is DeliveryState.SENT and way.unknowns:
        lines.append(
            EMPTY
            + f"{counted(way.unknowns, 'attempt')} had no answer: you may see this message more than once."
        )
    if way.is_in_chat:
        lines.append(EMPTY + "Its topic can't be written to, so it goes to the chat itself.")
    return lines


def _said(reason: str) -> Html:
    return code(sanitized(reason).visible)


def _span(span: timedelta) -> str:
    """Return `1.2 s` of a short span, and whole units of a longer one."""
    seconds = max(0.0, span.total_seconds())
    return f"{seconds:.1f} s" if seconds < _TENTHS_UNTIL else age(span)


_TENTHS_UNTIL = 60


def unknown_message(typed: Html | str, history_days: int) -> Html:
    """Return that a place has no message of an id, whether another has or nobody."""
    return fill("I know no message {} here. Messages are kept for {}.", typed, counted(history_days, "day"))


# ---------------------------------------------------------------- notices


def notice_name(notice: StoredNotice, chains: Chains) -> Html:  # noqa: PLR0911, PLR0912, C901 - one for each
    """Return in a line which notice it is, and what makes one."""
    match notice:
        case Baseline(account, label):
            return fill("👁 What {} held when it was first read", account_name(account, label))
        case Blind(gaps, is_everything):
            where = "Nothing" if is_everything else chain_names(_chains_of(gaps, chains), chains)
            gave = "gave" if not is_everything else "was read and gave"
            return EMPTY + f"⚠️ {where} {gave} no usable answer for too long"
        case SeenAgain(gaps):
            return EMPTY + f"✅ {chain_names(_chains_of(gaps, chains), chains)} answered again"
        case ChainGone(chain_id):
            return EMPTY + f"⚠️ The source stopped listing {chains.get(chain_id).title}"
        case ChainBack(chain_id):
            return EMPTY + f"✅ The source lists {chains.get(chain_id).title} again"
        case MassLoss(chain_id):
            return EMPTY + f"⚠️ Much vanished at once on {chains.get(chain_id).title}"
        case SourceRefuses():
            return EMPTY + "⚠️ The source refused to answer"
        case Dropped():
            return EMPTY + "⚠️ Changes had waited too long to be sent"
        case Undelivered(message_id):
            return EMPTY + f"⚠️ Telegram refused message {message_id} for good"
        case BackupFails():
            return EMPTY + "⚠️ The daily copy of the database failed"
        case BackupWorks():
            return EMPTY + "✅ The daily copy of the database could be made again"
        case Restored():
            return EMPTY + "⚠️ I was started with a copy of the database"
        case ReplicaAway(name):
            return fill("⚠️ Replica {} had not been seen for long", sanitized(name, "?"))
        case ReplicaBack(name):
            return fill("✅ Replica {} was back", sanitized(name, "?"))
        case MuteOver(ended=kind):
            return EMPTY + f"🔔 The end of {_ENDED[kind]}: what it kept back followed"
        case AlarmRang(subject):
            return fill(
                "⏰ Alarm A{} on {} rang", str(subject.number), account_name(subject.account, subject.label)
            )
        case AlarmRepeated(subject):
            return fill(
                "⏰ Alarm A{} on {} was repeated, as it still rang",
                str(subject.number),
                account_name(subject.account, subject.label),
            )
        case AlarmEnded(subject):
            return fill(
                "✓ Alarm A{} on {} ended", str(subject.number), account_name(subject.account, subject.label)
            )
        case Digest(is_weekly=is_weekly):
            return EMPTY + f"🗞 A {'weekly' if is_weekly else 'daily'} digest, as /digest says"
        case Sample():
            return EMPTY + "🧪 A sample that somebody asked for with /test"
        case UnreadableNotice():
            return EMPTY + "A notice of another version"


def _chains_of(gaps: Iterable[Gap], chains: Chains) -> Sequence[ChainId]:
    return chains.in_order({gap.chain_id for gap in gaps})


_ENDED = {
    MuteKind.MUTE: "a /mute",
    MuteKind.QUIET: "quiet hours",
    MuteKind.BUDGET: "a used up /budget",
}
