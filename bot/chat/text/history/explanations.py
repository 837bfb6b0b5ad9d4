"""What the transfers behind a change are, in full, or why nobody knows: for who asks about it."""

from collections.abc import Iterable
from datetime import datetime

from bot.chat.text.counterparties import remarks, transaction_links, with_whom
from bot.chat.text.html import EMPTY, Html, fill, join
from bot.chat.text.wording import RAW_UNITS, counted, moment
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.explain.counterparties import SHOWN, CounterpartyTotal, counterparty_totals
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, WhyUnknown
from bot.domain.explain.matching import rest_of
from bot.domain.observations import Change
from bot.domain.observe.descriptions import Decimals, decimals_in
from bot.domain.units import format_signed

LISTED_MOST = 5
"""So many counterparties are all listed; of more the largest are."""

_IDS_NAMED = 3
_SECONDS = "%H:%M:%S"


def explanation_lines(alert: ChangeAlert, chains: Chains, now: datetime) -> list[Html]:
    """Return what the transfers behind a change are, line by line, or in one line why nobody knows."""
    change, explanation = alert.change, alert.explanation
    if explanation is None:
        return [EMPTY + "Transfers: not asked for"]
    if explanation.outcome is ExplanationOutcome.UNKNOWN:
        return [fill("Transfers: {}", _WHY_UNKNOWN[explanation.why_unknown or WhyUnknown.UNANSWERED])]
    listed = explanation.listed_at
    at = "" if listed is None else f", as listed at {moment(listed, now, pattern=_SECONDS)}"
    left_out = _left_out(explanation)
    if explanation.outcome is ExplanationOutcome.NONE_LISTED:
        return [EMPTY + f"Transfers: the source lists none{at}", *left_out]
    decimals = decimals_in(change, alert.description, chains)
    totals = counterparty_totals(explanation.legs)
    shown = totals if len(totals) <= LISTED_MOST else totals[:SHOWN]
    lines = [EMPTY + f"Transfers{at}:"]
    lines += [_with(total, alert, decimals, chains) for total in shown]
    if len(totals) > len(shown):
        lines.append(EMPTY + f"and {len(totals) - len(shown):,} more")
    lines += _rest(change, explanation, decimals)
    if explanation.is_approximate:
        lines.append(EMPTY + "found by time, so approximate")
    return [*lines, *left_out]


_WHY_UNKNOWN = {
    WhyUnknown.QUOTA: "unknown, not asked for: their share of the requests was used up",
    WhyUnknown.UNANSWERED: "unknown, the source gave no usable answer",
    WhyUnknown.AMBIGUOUS: "unknown, payments to several people could be it",
    WhyUnknown.CUT: "unknown, the list is longer than what is read of it",
    WhyUnknown.TOO_OLD: "unknown, not asked for: the source no longer lists what is that old",
    WhyUnknown.REBASING: "not asked for: the balance changes by itself",
}


def _with(total: CounterpartyTotal, alert: ChangeAlert, decimals: Decimals, chains: Chains) -> Html:
    """Return `−1,250 to Payroll · first time · tx`."""
    change, names = alert.change, alert.counterparties
    amount = f"{_signed(total.amount_raw, decimals)}{_ids(token_id for token_id, _ in total.items)}"
    links = transaction_links(total, change.asset.chain_id, chains)
    about = [*remarks(total.address, names), *([links] if links else [])]
    return join(" · ", [fill("{} {}", amount, with_whom(total, change.account, names)), *about])


def _signed(amount_raw: int, decimals: Decimals) -> str:
    raw = f" {RAW_UNITS}" if decimals.after is None else ""
    return (format_signed(amount_raw, decimals.after or 0) if amount_raw else "±0") + raw


def _ids(token_ids: Iterable[int | None]) -> str:
    """Return ` (#7, #8, #9 and 4 more)`; "" without ids."""
    ids = [f"#{token_id}" for token_id in token_ids if token_id is not None]
    more = f" and {len(ids) - _IDS_NAMED:,} more" if len(ids) > _IDS_NAMED else ""
    return f" ({', '.join(ids[:_IDS_NAMED])}{more})" if ids else ""


def _rest(change: Change, explanation: Explanation, decimals: Decimals) -> list[Html]:
    rest = rest_of(change, explanation.legs)
    if not rest:
        return []
    if decimals.before != decimals.after:  # the difference is in two units
        return [EMPTY + "for the rest the source lists no transfer"]
    amount = _signed(sum(rest.values()), decimals)
    return [EMPTY + f"the other {amount}{_ids(rest)}: the source lists no transfer"]


def _left_out(explanation: Explanation) -> list[Html]:
    if not explanation.left_out:
        return []
    return [EMPTY + f"{counted(explanation.left_out, 'transfer')} of nothing left out"]
