"""The line that says what balances are worth, and what is not in the sum."""

from bot.chat.text.html import EMPTY, Html, fill
from bot.chat.text.wording import chain_names, counted, folded
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.observe.worth import Worth
from bot.domain.units import format_usd


def worth_line(sum_: Worth, chains: Chains, *, word: str = "Worth", when: str = "") -> Html:
    """Return a line with the sum and what it leaves out; empty where nothing is held."""
    if not sum_.priced:
        return EMPTY + f"{word} unknown: no price of it is known." if sum_.unpriced else EMPTY
    left_out: list[Html | str] = []
    if sum_.unpriced:
        left_out.append(f"{counted(sum_.unpriced, 'balance')} without a price")
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
