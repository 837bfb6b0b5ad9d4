"""The line that says what balances are worth, and what is not in the sum."""

from bot.chat.text.html import EMPTY, Html, fill
from bot.chat.text.wording import chain_names, counted, folded
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.observe.worth import Worth
from bot.domain.units import format_usd


def without_a_price(sum_: Worth) -> list[str]:
    """Return how many balances a sum leaves out for want of a price, those with an old one apart."""
    unpriced = sum_.unpriced - sum_.outdated
    return [
        *([f"{counted(unpriced, 'balance')} without a price"] if unpriced else []),
        *([f"{counted(sum_.outdated, 'balance')} whose price is old"] if sum_.outdated else []),
    ]


def worth_line(sum_: Worth, chains: Chains, *, word: str = "Worth", when: str = "") -> Html:
    """Return a line with the sum and what it leaves out; empty where nothing is held."""
    if not sum_.priced:
        current = "current " if sum_.outdated else ""
        return EMPTY + f"{word} unknown: no {current}price of it is known." if sum_.unpriced else EMPTY
    left_out: list[Html | str] = [*without_a_price(sum_)]
    if sum_.ignored:
        left_out.append(f"{counted(sum_.ignored, 'balance')} of ignored tokens")
    if sum_.unknown:
        left_out.append(f"what is unknown on {_names(sum_.unknown, chains)}")
    line = fill("{} {}{}", word, format_usd(sum_.usd), when)
    if left_out:
        line += fill(", not counting {}", folded(left_out, last=" and "))
    if sum_.last_known:
        line += fill("; on {} as last known", _names(sum_.last_known, chains))
    return line


def _names(chain_ids: frozenset[ChainId], chains: Chains) -> str:
    return chain_names(sorted(chain_ids), chains, last=" and ")
