"""Break the bot's neighbours from the terminal, and heal them again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.gateway.faults.kinds import AnswerHtml, FailNatives, FailTokens, Fault, Reindex, Stall
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.telegram.api.faults import too_many_requests
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.terminal.moves import find_chain
from bot.sandbox.terminal.names import resolve_name
from bot.sandbox.terminal.scenario import CHAIN_TITLES

FLOOD_SECONDS = 5
FLOOD_TIMES = 2
GATEWAY, TELEGRAM = "gateway", "Telegram"


@dataclass(frozen=True, slots=True)
class _Broken:
    what: str
    undo: Callable[[], None]


class NeighbourFaults:
    """Breaks gateway and Telegram, and heals only what it broke itself."""

    def __init__(self, gateway: Gateway, telegram: Telegram, tasks: asyncio.TaskGroup) -> None:
        self._gateway = gateway
        self._telegram = telegram
        self._tasks = tasks
        self._broken: list[_Broken] = []
        self._one_at_a_time = asyncio.Lock()

    def break_(self, what: str) -> str:
        """Let a chain or a neighbour stop answering, and return what happened."""
        chains = {title: title for title in CHAIN_TITLES.values()}
        match resolve_name(what, {GATEWAY: GATEWAY, TELEGRAM: TELEGRAM, **chains}, "chain or neighbour"):
            case "gateway":
                self._strike(GATEWAY, AnswerHtml(status=502))
                return "The indexer answers nothing but errors."
            case "Telegram":
                return self._cut_telegram_off()
            case chain:
                chain_id = find_chain(chain)
                self._strike(chain, FailTokens(chain_id=chain_id), FailNatives(chain_id=chain_id))
                return f"The indexer gives no answer about {chain} any more."

    def lag(self, name: str) -> str:
        """Make every second answer about a chain come from a node that stays at the current block."""
        chain_id = find_chain(name)
        chain, block = CHAIN_TITLES[chain_id], self._gateway.world.block(chain_id)
        self._strike(chain, Stall(chain_id=chain_id, at_block=block, every=2))
        return f"Every second answer about {chain} comes from a node that gets no further from now on."

    def rebuild(self, name: str) -> str:
        """Make a chain's index list no tokens, as while it is rebuilt."""
        chain_id = find_chain(name)
        self._strike(CHAIN_TITLES[chain_id], Reindex(chain_id=chain_id))
        return f"The index of {CHAIN_TITLES[chain_id]} is being rebuilt, and lists no tokens meanwhile."

    def flood(self) -> str:
        """Make Telegram answer the next messages with 429."""
        self._telegram.fault(too_many_requests(FLOOD_SECONDS), times=FLOOD_TIMES)
        self._broken.append(_Broken(TELEGRAM, self._telegram.heal))
        return f"Telegram answers the next {FLOOD_TIMES} messages with 429: wait {FLOOD_SECONDS} seconds."

    def heal(self, what: str | None) -> str:
        """Heal what is named, or everything."""
        names = tuple(dict.fromkeys(broken.what for broken in self._broken))
        if not names:
            return "Nothing is broken."
        wanted = (
            names if what is None else (resolve_name(what, {name: name for name in names}, "broken thing"),)
        )
        for broken in self._broken:
            if broken.what in wanted:
                broken.undo()
        self._broken = [broken for broken in self._broken if broken.what not in wanted]
        return f"Well again: {', '.join(wanted)}."

    def _strike(self, what: str, *faults: Fault) -> None:
        self._gateway.faults.add(*faults)
        self._broken.append(_Broken(what, lambda: self._gateway.faults.heal(*faults)))

    def _cut_telegram_off(self) -> str:
        healed = asyncio.Event()
        self._tasks.create_task(self._refuse_until(healed))
        # The connection is opened again by the task, which may still be closing it.
        self._broken.append(_Broken(TELEGRAM, healed.set))
        return "Telegram can't be reached any more: nothing is sent, nothing arrives."

    async def _refuse_until(self, healed: asyncio.Event) -> None:
        # Broken, healed and broken again at once: the second cut waits until the first is over.
        async with self._one_at_a_time:
            if not healed.is_set():
                async with self._telegram.refusing():
                    await healed.wait()
