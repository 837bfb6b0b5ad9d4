"""With whom a change was, in the words of its alert: `to Payroll · tx`, and a warning of a forged address."""

from bot.chat.text.counterparties import (
    FIRST_TIME,
    counterparty_name,
    is_new,
    transaction_links,
    warning,
    with_whom,
)
from bot.chat.text.html import EMPTY, Html, fill, join
from bot.chat.text.wording import counted
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.explain.counterparties import SHOWN, CounterpartyTotal, counterparty_totals
from bot.domain.explain.explanations import ExplanationOutcome
from bot.domain.explain.matching import rest_of
from bot.domain.observations import MoveKind
from bot.domain.observe.descriptions import decimals_in
from bot.domain.units import format_shown, format_signed

WITHIN_ACCOUNTS = "within your accounts"
WITHIN = f"⇄ {WITHIN_ACCOUNTS}"
"""Said of changes that are both ends of the same transfers."""

_SIGNS = "+\u2212"
_TOLD = frozenset({ExplanationOutcome.EXPLAINED, ExplanationOutcome.PARTLY})


def transfer_parts(alert: ChangeAlert, chains: Chains, *, is_linked: bool = True) -> list[Html]:
    """Return what stands behind the amounts of a change, part by part; nothing where no transfer is known.

    Of several counterparties that is only how much no transfer explains: they have lines of their own.
    """
    totals, rest = _totals(alert), EMPTY + _rest(alert, chains)
    if len(totals) != 1:
        return [rest] if totals and rest else []
    is_all = alert.explanation is not None and alert.explanation.outcome is ExplanationOutcome.EXPLAINED
    amount = "" if is_all else _amount(totals[0], alert, chains)
    parts = _with(totals[0], amount, alert, chains, is_linked=is_linked)
    return [*parts[:-1], fill("{}; {}", parts[-1], rest)] if rest else parts


def transfer_lines(alert: ChangeAlert, chains: Chains, *, is_linked: bool = True) -> list[Html]:
    """Return a line for each of several counterparties; of many for the largest three, and how many more.

    Their amounts have no sign, as `to` and `from` say it: only changes have one.
    """
    totals = _totals(alert)
    if len(totals) == 1:
        return []
    lines = []
    for one in totals[:SHOWN]:
        amount = _amount(one, alert, chains).lstrip(_SIGNS)
        lines.append(join(" · ", _with(one, amount, alert, chains, is_linked=is_linked)))
    more = len(totals) - SHOWN
    return [*lines, EMPTY + f"and {more:,} more"] if more > 0 else lines


def transfer_warnings(alert: ChangeAlert) -> list[Html]:
    """Return a line for each counterparty that looks like a known one; of many three and their number."""
    totals, names = _totals(alert), alert.counterparties
    # Of several it has to be said which of them is meant.
    lines = [
        fill("⚠ {}{}", counterparty_name(one.address, names) + " " if len(totals) > 1 else EMPTY, said)
        for one in totals
        if (said := warning(one.address, names))
    ]
    more = len(lines) - SHOWN
    return (
        lines if more <= 0 else [*lines[:SHOWN], EMPTY + f"⚠ {more:,} more look like others that are known"]
    )


def _totals(alert: ChangeAlert) -> tuple[CounterpartyTotal, ...]:
    explanation = alert.explanation
    if explanation is None or explanation.outcome not in _TOLD or alert.change.kind is MoveKind.LISTED:
        return ()
    return counterparty_totals(explanation.legs)


def _with(
    total: CounterpartyTotal, amount: str, alert: ChangeAlert, chains: Chains, *, is_linked: bool
) -> list[Html]:
    """Return `−1,000 to Payroll`, whether that is new, and its transactions, part by part."""
    change, names = alert.change, alert.counterparties
    links = transaction_links(total, change.asset.chain_id, chains) if is_linked else EMPTY
    new = EMPTY + (FIRST_TIME if is_new(total.address, names) else "")
    return [fill("{}{}", amount, with_whom(total, change.account, names)), *filter(None, (new, links))]


def _amount(total: CounterpartyTotal, alert: ChangeAlert, chains: Chains) -> str:
    """Return `−1,000 `; "" where as much came as went, or in which unit it is depends on when it was."""
    decimals = decimals_in(alert.change, alert.description, chains)
    if not total.amount_raw or decimals.before != decimals.after:
        return ""
    return f"{format_signed(total.amount_raw, decimals.after or 0)} "


def _rest(alert: ChangeAlert, chains: Chains) -> str:
    """Return `12 without a transfer`, where the transfers are not the change; else ""."""
    change = alert.change
    if alert.explanation is None or alert.explanation.outcome is ExplanationOutcome.EXPLAINED:
        return ""
    rest = rest_of(change, alert.explanation.legs)
    decimals = decimals_in(change, alert.description, chains)
    if decimals.before != decimals.after:
        return "the rest without a transfer"
    if None not in rest:
        return f"{counted(len(rest), 'item')} without a transfer" if rest else ""
    amount, is_loss = rest[None], change.after.amount_raw < change.before.amount_raw
    # Its sign is the one of the change, unless more moved than changed.
    goes_on = (amount < 0) is is_loss
    shown = (
        format_shown(abs(amount), decimals.after or 0)
        if goes_on
        else format_signed(amount, decimals.after or 0)
    )
    return f"{shown} without a transfer"
