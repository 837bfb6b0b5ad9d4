"""How large the measured world is, and in what manner it is asked."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.domain.assets import Address, ChainId
from tests.benchmarks.load_rows import FIRST_CHAIN_ID, account_address

ACCOUNTS_PER_CHAT = 100
"""So many subscriptions each chat has."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How large the load is and how often each thing is measured; the defaults are profile F."""

    accounts: int = 10_000
    tokens: int = 30
    chains: int = 20
    latency_seconds: float = 0.1
    rounds: int = 3
    days: int = 365
    """Of history, for the start."""
    changes_per_day: int = 1_000
    soak_sweeps: int = 5_000
    """One right after the other, to see whether memory grows."""
    changes: int = 300
    """Told one by one, for the latency."""
    chats: int = 600
    """Told at once, for the pace of sending."""
    fanout_chats: int = 1_000
    """Told at once without any limits, for what an alert costs."""
    busy_seconds: float = 125
    """In which something moves all the time: the first minute has a burst, the last one counts."""

    @property
    def balances(self) -> int:
        """How many balances there are, natives included."""
        return self.accounts * (self.tokens + self.chains)

    @property
    def tenth(self) -> "Profile":
        """The same world with a tenth of the accounts."""
        return replace(self, accounts=self.accounts // 10)

    def addresses(self) -> tuple[Address, ...]:
        """Return every account."""
        return tuple(Address(account_address(number)) for number in range(self.accounts))

    def chain_ids(self) -> frozenset[ChainId]:
        """Return every chain."""
        return frozenset(ChainId(FIRST_CHAIN_ID + number) for number in range(self.chains))

    def described(self) -> str:
        """Return what a reader of the figures has to know."""
        return (
            f"{self}, {self.tokens} tokens each over {self.chains} chains,"
            f" {self.latency_seconds * 1e3:.0f} ms upstream"
        )

    def __str__(self) -> str:
        return f"{self.accounts:,} accounts"


class Asking(NamedTuple):
    """How the poller asks."""

    accounts_per_request: int
    page_size: int
    at_once: int

    def __str__(self) -> str:
        return f"{self.accounts_per_request} a request, page {self.page_size:,}, {self.at_once} at once"


GENEROUS = Asking(100, 1000, 32)
DEFAULTS = Asking(50, 1000, 4)
SMALL_PAGES = Asking(50, 40, 4)
