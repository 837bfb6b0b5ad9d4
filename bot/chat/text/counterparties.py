"""With whom a change was, in words: `to Payroll`, `from 0x91c4a2…07be31`, `minted`."""

from bot.chat.text.html import EMPTY, Html, bold, fill, join, link
from bot.chat.text.untrusted import sanitized
from bot.domain.addresses import shortened_more
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.explain.counterparties import CounterpartyTotal
from bot.domain.explain.names import CounterpartyNames
from bot.domain.explain.transfers import NOBODY

FIRST_TIME = "first time"
"""Said of who has no name and was never seen with the account before."""

_LINKED = 3
"""So many transactions of one counterparty have a link; the others are counted."""


def counterparty_name(address: Address, names: CounterpartyNames) -> Html:
    """Return the name of an address, or its first and last six digits.

    Those are plain text: nobody is to copy from an alert whom they don't know by name.
    """
    return bold(sanitized(names.names.get(address, ""))) or EMPTY + shortened_more(address)


def with_whom(total: CounterpartyTotal, account: Address, names: CounterpartyNames) -> Html:
    """Return `to Payroll`, `from …`, `with …` where as much came as went, or that it was minted or burnt."""
    if total.address == account:
        return EMPTY + "to itself"
    if total.address == NOBODY:
        return EMPTY + ("minted" if total.amount_raw > 0 else "burnt" if total.amount_raw < 0 else "reissued")
    word = "from" if total.amount_raw > 0 else "to" if total.amount_raw < 0 else "with"
    return fill("{} {}", word, counterparty_name(total.address, names))


def is_new(address: Address, names: CounterpartyNames) -> bool:
    """Whether an address that has no name is seen with the account for the first time."""
    return address in names.first_time


def warning(address: Address, names: CounterpartyNames) -> Html:
    """Return that an address looks like a known one without being it; nothing if it doesn't."""
    like = names.look_alikes.get(address)
    return EMPTY if like is None else fill("looks like {}, is not", counterparty_name(like, names))


def remarks(address: Address, names: CounterpartyNames) -> list[Html]:
    """Return what is to be said of an address that has no name: that it is new, or looks like another one."""
    said = [EMPTY + FIRST_TIME] if is_new(address, names) else []
    warned = warning(address, names)
    return [*said, *([fill("⚠ {}", warned)] if warned else [])]


def transaction_links(total: CounterpartyTotal, chain_id: ChainId, chains: Chains) -> Html:
    """Return `tx`, or `tx, tx, tx and 4 more`, each with a link; empty where the chain has no explorer."""
    urls = [url for one in total.transactions if (url := chains.transaction_link(chain_id, one))]
    more = f" and {len(urls) - _LINKED:,} more" if len(urls) > _LINKED else ""
    return join(", ", [link("tx", url) for url in urls[:_LINKED]]) + more
