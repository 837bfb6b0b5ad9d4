"""Where nothing is seen, folded: chains that are blind alike share a line."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import foreign
from bot.chat.text.wording import chain_names, counted, folded, short_address
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Gap, HeldBack, HoldEnd

_SPOTS_MOST = 8


Named = tuple[Address | None, str]
"""An account, and what it is called on the chain in question."""

_ALL_OF_THE_CHAIN: Named = (None, "")


class Spot(NamedTuple):
    """What a line of blindness says."""

    where: Html
    """`Polygon, Base`, or `Treasury on Ethereum`."""
    when: str

    @property
    def line(self) -> Html:
        """Both in one line of a list."""
        return self.where + (f": {self.when}" if self.when else "")


def blind_spots(gaps: Iterable[Gap], chains: Chains, when: Callable[[datetime], str]) -> list[Spot]:
    """Return where nothing is seen, whole chains first; `when` words the moment since then.

    An account of a chain that is blind as a whole is not named, and what makes too many lines is counted.
    """
    blind: dict[tuple[ChainId, str], dict[Named, Html]] = defaultdict(dict)
    told = list(gaps)
    whole = {gap.chain_id for gap in told if gap.account is None}
    for gap in told:
        if gap.account is None or gap.chain_id not in whole:
            blind[gap.chain_id, when(gap.since)][gap.account, gap.label] = _named(gap)
    alike: dict[tuple[tuple[Named, ...], str], list[ChainId]] = defaultdict(list)
    names: dict[Named, Html] = {}
    for (chain_id, since), accounts in blind.items():
        alike[tuple(accounts), since].append(chain_id)
        names |= accounts
    spots = [
        (Spot(_where([names[account] for account in accounts], on, chains), since), on)
        for (accounts, since), on in sorted(
            alike.items(), key=lambda spot: spot[0][0] != (_ALL_OF_THE_CHAIN,)
        )
    ]
    left_out = {chain_id for _, on in spots[_SPOTS_MOST:] for chain_id in on}
    more = [Spot(EMPTY + f"… and {counted(len(left_out), 'more chain')}", "")] if left_out else []
    return [spot for spot, _ in spots[:_SPOTS_MOST]] + more


def _named(gap: Gap) -> Html:
    """Return the label, or the short address; nothing for a whole chain."""
    if gap.account is None:
        return EMPTY
    return bold(foreign(gap.label, short_address(gap.account)))


def _where(accounts: list[Html], on: list[ChainId], chains: Chains) -> Html:
    titles = chain_names(on, chains)
    return folded(accounts) + f" on {titles}" if any(accounts) else EMPTY + titles


_SINGLY = 5


def vanished(one: HeldBack) -> str:
    """Return `34 of 34 token balances vanished at once`."""
    if not one.lost:
        return "most token balances vanished at once"
    return f"{one.lost:,} of {counted(one.held, 'token balance')} vanished at once"


def waiting(chain_id: ChainId, chains: Chains) -> Html:
    """Return what the bot waits for, and what ends the wait."""
    return fill("waiting for the index, or for an owner's {}", _believe([chain_id], chains))


def told_held_back(gaps: Sequence[Gap], chains: Chains, when: Callable[[datetime], str]) -> Html:
    """Return how subscribers hear that chains are held back; `when` words the moment since then."""
    last = {gap.chain_id: gap for gap in gaps if gap.held_back}
    shown = tuple(last.values())[:_SINGLY]
    more = [f"… and {counted(len(last) - _SINGLY, 'more chain')}."] if len(last) > _SINGLY else []
    wait = fill(
        "An index that is being rebuilt looks like this, so nothing there is reported as gone, and I wait."
        " If it is really gone, an owner can confirm it with {}.",
        _believe(tuple(last), chains),
    )
    return join("\n", (*(_line(gap, chains, when) for gap in shown), *more, wait))


def told_released(gaps: Iterable[Gap], chains: Chains, when: Callable[[datetime], str]) -> list[Html]:
    """Return how subscribers hear that chains are held back no more, a line for each."""
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
        case HoldEnd.BELIEVED:
            return fill("👁 {} is no longer held back, {}: an owner confirmed that it is gone.", title, after)
        case HoldEnd.SETTLED:
            return fill(
                "👁 {} is no longer held back, {}: what is still missing has stayed so, and counts as gone.",
                title,
                after,
            )
        case _:
            return fill("👁 The balances on {} are back, {}.", title, after)


def _believe(chain_ids: Sequence[ChainId], chains: Chains) -> Html:
    return code(f"/believe {chains.get(chain_ids[0]).name}" if len(chain_ids) == 1 else "/believe CHAIN")
