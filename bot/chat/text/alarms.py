"""The words of alarms: what rings, what still does, and what is well again."""

from datetime import datetime, timedelta
from decimal import Decimal

from bot.chat.text.conditions import show_level
from bot.chat.text.html import EMPTY, Html, bold, fill, join
from bot.chat.text.untrusted import sanitized, symbol
from bot.chat.text.wording import account_name, chain_names, counted, length, moment, short_address
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import AlarmEnded, AlarmRang, AlarmRepeated, AlarmSubject
from bot.domain.rules.alarms import Alarm, Value
from bot.domain.units import format_shown, format_usd


def rang(one: AlarmRang, chains: Chains) -> Html:
    """Return `⏰ Relayer · Base: 0.493… ETH, below 0.5`."""
    return fill(
        "⏰ {}: {}, {}{}",
        _who(one.subject, chains),
        _amount(one.value, one.subject),
        _beyond(one.subject),
        _how_counted(one),
    )


def repeated(one: AlarmRepeated, chains: Chains, now: datetime) -> Html:
    """Return what still rings, or that nobody knows whether it does."""
    who, had = _who(one.subject, chains), _had(one.acknowledged_by)
    if one.value is None:
        since = one.unknown_since
        unknown = f"unknown since {moment(since, now)}" if since is not None else "unknown"
        return fill("⏰ {}: {}; when last read it was {}{}", who, unknown, _beyond(one.subject), had)
    return fill(
        "⏰ {}: still {}, {} since {}{}",
        who,
        _amount(one.value, one.subject),
        _beyond(one.subject),
        moment(one.rang_at, now),
        had,
    )


def ended(one: AlarmEnded, chains: Chains, at: datetime) -> Html:
    """Return `✓ Relayer · Base: 1.2 ETH again, was below 0.5 for 3 h 10 min`."""
    return fill(
        "✓ {}: {} again, was {} for {}",
        _who(one.subject, chains),
        _amount(one.value, one.subject),
        _beyond(one.subject),
        how_long(at - one.rang_at),
    )


def amount_shown(value: Decimal) -> str:
    """Return an exact amount with at most six decimals, the rest cut and marked as in alerts."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    decimals = max(0, -exponent)
    raw = int(value.scaleb(decimals)) if exponent >= 0 else int("".join(map(str, digits)) or "0")
    return format_shown(raw if value >= 0 else -raw, decimals)


def how_long(span: timedelta) -> str:
    """Return a span that was measured, in its two largest units: `3 h 10 min`."""
    minutes = max(0, int(span.total_seconds())) // 60
    if not minutes:
        return length(timedelta(seconds=max(0, int(span.total_seconds()))))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = [(days, counted(days, "day")), (hours, f"{hours} h"), (rest, f"{rest} min")]
    return " ".join(text for number, text in [one for one in units if one[0]][:2])


def _who(subject: AlarmSubject, chains: Chains) -> Html:
    named = bold(sanitized(subject.label)) or account_name(subject.account, "")
    if subject.is_sum:
        return named
    return named + f" · {chain_names(subject.chains, chains)}"


def _amount(value: Decimal, subject: AlarmSubject) -> Html:
    if subject.is_in_dollars:
        return fill("worth {}", format_usd(value))
    total = " in total" if subject.is_sum else ""
    return fill("{} {}{}", amount_shown(value), _token(subject), total)


def _token(subject: AlarmSubject) -> Html:
    by_contract = short_address(subject.contract) if subject.contract else EMPTY + "tokens"
    return symbol(subject.symbol) or by_contract


def _beyond(subject: AlarmSubject) -> Html:
    level = format_usd(subject.level) if subject.is_in_dollars else f"{subject.level:,f}"
    return fill("{} {}", subject.side, level)


def _how_counted(one: AlarmRang) -> Html:
    said = []
    if one.is_by_price:
        said.append("by price, no amount changed")
    if one.unpriced:
        said.append(f"{counted(one.unpriced, 'balance')} without a price not counted")
    return fill(" ({})", join("; ", said)) if said else EMPTY


def _had(by: str) -> Html:
    return fill(" ({} had it)", sanitized(by, "somebody")) if by else EMPTY


# ---------------------------------------------------------------- what is set


def alarm_line(alarm: Alarm, chains: Chains) -> Html:
    """Return `A2 · Relayer below 0.5 ETH, on Base and Optimism each`."""
    terms = alarm.terms
    named = bold(sanitized(alarm.label)) or account_name(alarm.account, "")
    on = chain_names(alarm.chains, chains, last=" and ")
    if terms.is_in_dollars:
        where = f" on {on}" if terms.chains else ""
        level = show_level(terms.level)
        return fill("A{} · {} worth {} {}{}", str(alarm.number), named, terms.side, level, where)
    each = " each" if len(alarm.chains) > 1 and not terms.is_sum else ""
    total = " in total" if terms.is_sum else ""
    level = show_level(terms.level)
    return fill("A{} · {} {} {}{}, on {}{}", str(alarm.number), named, terms.side, level, total, on, each)


def now_of(alarm: Alarm, chains: Chains, now: datetime, *, is_state: bool = False) -> Html:
    """Return what an alarm compares now, as a sentence; `is_state`: also whether it rings."""
    shown = [_value_now(one, alarm, chains, now) for one in alarm.values]
    sentence = fill("Now {}.", join(", ", shown)) if shown else EMPTY + "Nothing of it is watched."
    if not is_state:
        return sentence
    if not alarm.firings:
        unknown = any(one.number is None for one in alarm.values)
        return fill("{}{}", "" if unknown else "Calm. ", sentence)
    ringing = [
        fill(
            "{}since {}{}{}",
            f"on {chains.get(one.asset.chain_id).title} " if one.asset and len(alarm.values) > 1 else "",
            "it was set, " if one.is_from_start else "",
            moment(one.since, now),
            fill(" ({} has it)", sanitized(one.acknowledged_by)) if one.acknowledged_by else EMPTY,
        )
        for one in alarm.firings
    ]
    has_rung = not all(one.is_from_start for one in alarm.firings)
    state = "Ringing" if has_rung else alarm.terms.side.capitalize()
    return fill("⏰ {} {}. {}", state, join(", ", ringing), sentence)


def _value_now(value: Value, alarm: Alarm, chains: Chains, now: datetime) -> Html:
    is_one_of_many = len(alarm.values) > 1
    where = f" on {chains.get(value.asset.chain_id).title}" if value.asset and is_one_of_many else ""
    if value.number is None:
        since = value.unknown_since
        said = f"unknown since {moment(since, now)}" if since else "not read yet"
        return fill("{}{}", said, where)
    if alarm.terms.is_in_dollars:
        unpriced = counted(value.unpriced, "balance")
        left = f" ({unpriced} without a price not counted)" if value.unpriced else ""
        return fill("{}{}", format_usd(value.number), left)
    return fill("{}{}", amount_shown(value.number), where)
