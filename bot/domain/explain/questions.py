"""Questions for the transfers that the source lists, and its answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from bot.domain.assets import Address, ChainId
from bot.domain.explain.transfers import Transfer

ACCOUNTS_MOST: Final = 20
"""How many accounts one question for transfers may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuestion:
    """One question for the transfers of some accounts on one chain, however many pages its answer has."""

    chain_id: ChainId
    accounts: tuple[Address, ...]
    """As sender or as receiver; at least one, at most `ACCOUNTS_MOST`."""
    contracts: tuple[Address, ...] = ()
    """Only these, `NATIVE` for the coin; none means no restriction."""
    from_block: int | None = None
    """The first block whose transfers count; None: as old as the source lists them."""
    since: datetime | None = None
    """Older pages are not read, though older transfers may come: for coins, whose changes have no block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAnswer:
    """What the source lists for one question, all pages merged."""

    transfers: tuple[Transfer, ...]
    """Each once, by block and log; only of what was asked for."""
    is_complete: bool
    """False where rows could not be read, or where pages follow that were not read or repeat themselves."""


class HistorySource(Protocol):
    """Where transfers are listed."""

    @property
    def history_is_ready(self) -> bool:
        """Whether a question would go out now and is likely to be answered: an alert may wait for it."""

    async def history(self, question: HistoryQuestion, *, on_demand: bool = False) -> HistoryAnswer:
        """Return the answer, or raise an IndexerError soon; nothing is asked twice.

        OverBudget where history has used up its share of the requests, which what people ask for `on_demand`
        does not need. ValueError for a question that must not be sent.
        """
