"""Where nothing is seen, folded: chains that are blind alike share a line."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from bot.chat.text.html import EMPTY, Html, bold
from bot.chat.text.untrusted import foreign
from bot.chat.text.wording import chain_names, counted, folded, short_address
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Gap

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
