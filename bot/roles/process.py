"""What all roles of one process share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.chat.telegram.connection import TelegramBot
from bot.chat.telegram.send_queue import SendQueue
from bot.domain.chains import Chains
from bot.domain.replicas.roles import Tenure
from bot.health.health import Health
from bot.indexer.client import IndexerClient
from bot.roles.chains import ChainLists
from bot.settings.sections import Settings
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Fence
from bot.wiring import Now


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessParts:
    """What is built once, at the start, whichever roles this process has."""

    settings: Settings
    registry: Chains
    code: bytes
    """What `deciding_code` was at the start: an upgrade may replace the files later."""
    db: DatabaseThread
    source: IndexerClient
    telegram: TelegramBot
    send_queue: SendQueue
    """One for all, as Telegram counts answers and alerts together."""
    health: Health
    chain_lists: ChainLists | None
    """What the indexer listed at the start; None: it gave no answer."""
    announce: Callable[[str], None]
    """Gets what the operator must read at once: the claim link."""
    before_sweep: Callable[[], object]
    """Called before each sweep, when the least is under way."""
    stop: asyncio.Event
    """Set once the program is asked to stop."""
    now: Now
    monotonic: Callable[[], float]

    def database(self, tenure: Tenure) -> DatabaseThread:
        """Return the database for a role: once another replica has it, writes raise RoleLost."""
        return self.db if tenure.epoch is None else self.db.fenced(Fence(tenure.role, tenure.epoch))

    def is_held(self, tenure: Tenure) -> bool:
        """Say whether a role is still this process's, as far as is known here."""
        return tenure.lasts(self.monotonic(), 0.0)

    @property
    def workers(self) -> dict[str, asyncio.Task[None]]:
        """The workers of all roles, by name: health looks at them."""
        return self.health.workers
