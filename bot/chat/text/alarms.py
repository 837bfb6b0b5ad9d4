"""The words of alarms: what rings, what still does, and what is well again."""

from datetime import datetime, timedelta
from decimal import Decimal

from bot.chat.text.html import EMPTY, Html, bold, fill, join
from bot.chat.text.untrusted import sanitized, symbol
from bot.chat.text.wording import account_name, chain_names, counted, length, moment, short_address
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import AlarmEnded, AlarmRang, AlarmRepeated, AlarmSubject
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
