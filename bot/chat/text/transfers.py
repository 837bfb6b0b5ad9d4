"""With whom a change was, in the words of its alert: `to Payroll · tx`, and a warning of a forged address."""

from collections.abc import Sequence

from bot.chat.text.counterparties import FIRST_TIME, counterparty_name, is_new, links_to, warning, with_whom
from bot.chat.text.html import EMPTY, Html, fill, join
from bot.chat.text.wording import counted
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.explain.counterparties import SHOWN, CounterpartyTotal, counterparty_totals
from bot.domain.explain.explanations import ExplanationOutcome
from bot.domain.explain.matching import rest_of
from bot.domain.observations import MoveKind
from bot.domain.observe.descriptions import Decimals, decimals_in
from bot.domain.units import format_shown, format_signed

WITHIN_ACCOUNTS = "within your accounts"
WITHIN = f"⇄ {WITHIN_ACCOUNTS}"
"""Said of changes that are both ends of the same transfers."""

_TOLD = frozenset({ExplanationOutcome.EXPLAINED, ExplanationOutcome.PARTLY})


def transfer_parts(alert: ChangeAlert, chains: Chains, *, is_linked: bool = True) -> list[Html]:
    """Return what stands behind the amounts of a change, part by part; nothing where no transfer is known."""
    totals = _totals(alert)
    if not totals:
        return []
    parts = [*_who(alert, totals, decimals_in(alert.change, alert.description, chains))]
    links = links_to(_transactions(totals), alert.change.asset.chain_id, chains) if is_linked else EMPTY
    parts += [links] if links else []
    rest = _rest(alert, chains)
    return [*parts[:-1], fill("{}; {}", parts[-1], rest)] if rest else parts


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


def _who(alert: ChangeAlert, totals: Sequence[CounterpartyTotal], decimals: Decimals) -> list[Html]:
    """Return `to Payroll`, or of several, and of what is less than the change, what each of them got."""
    account, names = alert.change.account, alert.counterparties
    is_all = alert.explanation is not None and alert.explanation.outcome is ExplanationOutcome.EXPLAINED
    if is_all and len(totals) == 1:
        (total,) = totals
        return [
            with_whom(total, account, names),
            *([EMPTY + FIRST_TIME] if is_new(total.address, names) else []),
        ]
    shown = [
        fill("{}{}{}", _amount(one, decimals), with_whom(one, account, names), _new(one, alert))
        for one in totals[:SHOWN]
    ]
    more = f" and {len(totals) - SHOWN:,} more" if len(totals) > SHOWN else ""
    return [join(", ", shown) + more]


def _new(total: CounterpartyTotal, alert: ChangeAlert) -> str:
    return f" ({FIRST_TIME})" if is_new(total.address, alert.counterparties) else ""


def _amount(total: CounterpartyTotal, decimals: Decimals) -> str:
    """Return `−1,000 `; "" where as much came as went, or in which unit it is depends on when it was."""
    if not total.amount_raw or decimals.before != decimals.after:
        return ""
    return f"{format_signed(total.amount_raw, decimals.after or 0)} "


def _transactions(totals: Sequence[CounterpartyTotal]) -> list[str]:
    return list(dict.fromkeys(one for total in totals for one in total.transactions))


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
