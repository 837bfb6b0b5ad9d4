"""The text of outages: where no answer comes from, and which chains are held back.

Chains with the same outage share a line. A chain is held back while too much vanished there at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import age, chain_names, counted, folded, moment, short_address
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Blind, DoubtEnd, Gap, HeldBack, SeenAgain

_LINES_MOST = 8
_HELD_BACK_MOST = 5
"""Lines; what is beyond them is counted."""

_LAST_KNOWN = "Last known values are kept; I keep trying."

Named = tuple[Address | None, str]
"""An account, and what it is called on the chain in question."""

_ALL_OF_THE_CHAIN: Named = (None, "")


class OutageLine(NamedTuple):
    """Where the outage is, and since when or for how long; the two parts of a line."""

    where: Html
    """`Polygon, Base`, or `Treasury on Ethereum`."""
    when: str
    is_several: bool = False
    """Whether it names more than one chain or account."""

    @property
    def line(self) -> Html:
        """Both in one line of a list."""
        return self.where + (f": {self.when}" if self.when else "")


def blind(notices: Sequence[Blind], chains: Chains, observed_at: datetime, now: datetime) -> Html:
    """Return where no answer comes from, and which chains are held back; `now` is in the reader's zone."""

    def when(since: datetime) -> str:
        return f"since {moment(since, now)} ({age(observed_at - since)})"

    # One sentence instead of a list of all that is watched: where nothing answers, the list says nothing.
    everything = [notice for notice in notices if notice.is_everything and notice.gaps]
    if everything:
        silent_since = max(gap.since for gap in everything[-1].gaps)
        return fill(
            "⚠️ I can't read any balances {}: the source isn't answering.\n{}", when(silent_since), _LAST_KNOWN
        )
    gaps = [gap for notice in notices for gap in notice.gaps]
    held_back = [gap for gap in gaps if gap.held_back]
    silent = _silent_since([gap for gap in gaps if not gap.held_back], chains, when)
    waiting_for = _held_back(held_back, chains, when) if held_back else EMPTY
    return join("\n", filter(None, (waiting_for, silent)))


def _silent_since(gaps: Sequence[Gap], chains: Chains, when: Callable[[datetime], str]) -> Html:
    spots = outage_lines(gaps, chains, when)
    if not spots:
        return EMPTY
    if len(spots) == 1:
        return fill("⚠️ I can't read {} {}: no answer.\n{}", spots[0].where, spots[0].when, _LAST_KNOWN)
    return join("\n", ("⚠️ No answer, so I can't read:", *(spot.line for spot in spots), _LAST_KNOWN))


def seen_again(notices: Sequence[SeenAgain], chains: Chains, observed_at: datetime) -> Html:
    """Return where answers come from again, and which chains are no longer held back."""

    def when(since: datetime) -> str:
        return f"after {age(observed_at - since)}"

    changes = sum(notice.changes for notice in notices)
    happened = (
        f"{counted(changes, 'change')} meanwhile, reported as usual."
        if changes
        else "Nothing changed meanwhile."
    )
    gaps = [gap for notice in notices for gap in notice.gaps]
    released = _released_lines(gaps, chains, when)
    spots = outage_lines([gap for gap in gaps if not gap.held_back], chains, when)
    if len(spots) == 1:
        (spot,) = spots
        back = fill("✅ {} {} back {}.", spot.where, "are" if spot.is_several else "is", spot.when)
        return join("\n", (*released, back, happened))
    seen = join("\n", ("✅ Back again:", *(spot.line for spot in spots))) if spots else EMPTY
    return join("\n", filter(None, (*released, seen, happened)))


def outage_lines(gaps: Iterable[Gap], chains: Chains, when: Callable[[datetime], str]) -> list[OutageLine]:
    """Return where nothing is seen, whole chains first; `when` words the moment since then.

    An account of a chain that is blind as a whole is not named, and what makes too many lines is counted.
    """
    blind: dict[tuple[ChainId, str], dict[Named, Html]] = defaultdict(dict)
    gaps = list(gaps)
    whole = {gap.chain_id for gap in gaps if gap.account is None}
    for gap in gaps:
        if gap.account is None or gap.chain_id not in whole:
            blind[gap.chain_id, when(gap.since)][gap.account, gap.label] = _named(gap)
    alike: dict[tuple[tuple[Named, ...], str], list[ChainId]] = defaultdict(list)
    names: dict[Named, Html] = {}
    for (chain_id, since), accounts in blind.items():
        alike[tuple(accounts), since].append(chain_id)
        names |= accounts
    spots = [
        (
            OutageLine(
                _where([names[account] for account in accounts], on, chains),
                since,
                is_several=len(accounts) * len(on) > 1,
            ),
            on,
        )
        for (accounts, since), on in sorted(
            alike.items(), key=lambda spot: spot[0][0] != (_ALL_OF_THE_CHAIN,)
        )
    ]
    left_out = {chain_id for _, on in spots[_LINES_MOST:] for chain_id in on}
    more = [OutageLine(EMPTY + f"… and {counted(len(left_out), 'more chain')}", "")] if left_out else []
    return [spot for spot, _ in spots[:_LINES_MOST]] + more


def _named(gap: Gap) -> Html:
    """Return the label, or the short address; nothing for a whole chain."""
    if gap.account is None:
        return EMPTY
    return bold(sanitized(gap.label, short_address(gap.account)))


def _where(accounts: list[Html], on: list[ChainId], chains: Chains) -> Html:
    titles = chain_names(on, chains)
    return folded(accounts) + f" on {titles}" if any(accounts) else EMPTY + titles


def vanished(one: HeldBack) -> str:
    """Return `34 of 34 token balances vanished at once`."""
    if not one.lost:
        return "most token balances vanished at once"
    return f"{one.lost:,} of {counted(one.held, 'token balance')} vanished at once"


def waiting(chain_id: ChainId, chains: Chains) -> Html:
    """Return what the bot waits for, and what ends the wait."""
    return fill("waiting for the index, or for an owner's {}", _believe([chain_id], chains))


def _held_back(gaps: Sequence[Gap], chains: Chains, when: Callable[[datetime], str]) -> Html:
    """Return what subscribers read when chains are held back; `when` words the moment since then."""
    last = {gap.chain_id: gap for gap in gaps if gap.held_back}
    shown = tuple(last.values())[:_HELD_BACK_MOST]
    more = (
        [f"… and {counted(len(last) - _HELD_BACK_MOST, 'more chain')}."]
        if len(last) > _HELD_BACK_MOST
        else []
    )
    wait = fill(
        "An index that is being rebuilt looks like this, so nothing there is reported as gone, and I wait."
        " If it is really gone, an owner can confirm it with {}.",
        _believe(tuple(last), chains),
    )
    return join("\n", (*(_line(gap, chains, when) for gap in shown), *more, wait))


def _released_lines(gaps: Iterable[Gap], chains: Chains, when: Callable[[datetime], str]) -> list[Html]:
    """Return a line for each chain that is no longer held back."""
    last = {gap.chain_id: gap for gap in gaps if gap.held_back}
    return [_released(gap, chains, when(gap.since)) for gap in last.values()]


def _line(gap: Gap, chains: Chains, when: Callable[[datetime], str]) -> Html:
    assert gap.held_back is not None
    title = chains.get(gap.chain_id).title
    return fill("⚠️ {} is held back {}: {}.", title, when(gap.since), vanished(gap.held_back))


def _released(gap: Gap, chains: Chains, after: str) -> Html:
    assert gap.held_back is not None
    title = chains.get(gap.chain_id).title
    match gap.held_back.end:
        case DoubtEnd.BELIEVED:
            return fill(
                "✅ {} is no longer held back {}: an owner confirmed that the balances are gone.",
                title,
                after,
            )
        case DoubtEnd.SETTLED:
            return fill(
                "✅ {} is no longer held back {}: what is still missing has stayed so, and counts as gone.",
                title,
                after,
            )
        case _:
            return fill("✅ The balances on {} are back {}.", title, after)


def _believe(chain_ids: Sequence[ChainId], chains: Chains) -> Html:
    return code(f"/believe {chains.get(chain_ids[0]).name}" if len(chain_ids) == 1 else "/believe CHAIN")
