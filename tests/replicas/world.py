"""Replicas as processes, each behind proxies of its own, and a life that goes on around them."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import Contract, example_world
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from bot.sandbox.telegram.world.world import Chat
from tests.fork_server import BotProcess, ForkServer
from tests.postgres_server import free_port
from tests.replicas.cluster import Cluster, running_cluster
from tests.replicas.ledger import Held, Told, Verdict, is_all_told, judge, to_told
from tests.replicas.proxy import Proxy
from tests.replicas.recorder import Exchange, HeldRequest, Recorder
from tests.stack import ACCESS_KEY, LISTS_NOTHING, OWNER, POLYGON
from tests.waits import HANG_SECONDS

ADMIN = OWNER + 1
"""An owner who gives commands, in a chat where nothing else is said."""

SYMBOLS = ("TOKA", "TOKB", "TOKC", "TOKD")
HIGHEST = 10**9


class NotAtWork(Exception):
    """Replicas that were started together don't share out the roles; the text has what each ended with."""


@dataclass
class Replica:
    """One bot, and what stands between it and the others."""

    name: str
    config: Path
    databases: tuple[Proxy, ...]
    telegram: Recorder
    gateway: Recorder
    process: BotProcess
    is_awake: bool = True
    """Whether it runs, and is not stopped."""
    killed_at: list[float] = field(default_factory=list)
    """By the monotonic clock."""

    def sleep(self) -> None:
        """Stop it as SIGSTOP does."""
        self.is_awake = False
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)
        self.is_awake = True

    def release_answers(self) -> None:
        """Let go what a database has answered."""
        for proxy in self.databases:
            proxy.release_answers()

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        self.is_awake = False
        self.killed_at.append(time.monotonic())
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.is_awake = False
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()

    async def end(self) -> None:
        """End it, if it has not ended."""
        if self.process.returncode is None:
            await self.kill()


@dataclass
class ReplicaWorld:
    """Who holds what, who is told, who tells, and over what."""

    rng: random.Random
    cluster: Cluster
    gateway: Gateway
    telegram: Telegram
    places: Mapping[int, tuple[str, ...]]
    """The tokens that are watched in each chat."""
    servers: ForkServer
    replicas: list[Replica] = field(default_factory=list)
    held: dict[str, list[Held]] = field(default_factory=dict)
    holds: list[HeldRequest] = field(default_factory=list)
    """Requests that are to be held."""
    receivers_at_once: int = 0
    """How often a replica asked for updates while another one that was well did."""
    wanted: int = 0
    """The number of what the administrator watches: the last one of which the bot said so."""
    asking: str = ""
    """The administrator's command that is not answered yet."""
    _told: dict[tuple[int, int], Told] = field(default_factory=dict)
    _life: list[asyncio.Task[None]] = field(default_factory=list)
    _is_going_on: bool = False

    @property
    def now(self) -> float:
        """The time of the world, as messages have it."""
        return self.telegram.now().timestamp()

    # who does what

    async def holder(self, role: str) -> Replica:
        """Return who has a role, by the database: to know whom to strike."""
        while True:
            rows = await self.cluster.query(_HOLDER.format(role))
            for replica in self.replicas:
                if rows == [(replica.name,)]:
                    return replica
            await asyncio.sleep(0.1)

    async def start(self, replica: Replica, clock_ahead: float = 0) -> None:
        """Start a replica that has ended, with a clock that may be wrong."""
        replica.process = await self.servers.start(replica.config, clock_ahead=clock_ahead)
        replica.is_awake = True

    def note_request(self, replica: Replica, exchange: Exchange) -> None:
        """Count a request for updates while somebody else, who is well, waits for them."""
        if exchange.method == "getUpdates":
            self.receivers_at_once += any(
                one.is_awake and any(other.is_open for other in one.telegram.polls)
                for one in self.replicas
                if one is not replica
            )

    # what goes on

    def go_on(self) -> None:
        """Let amounts change and commands be given until `rest`."""
        self._is_going_on = True
        self._life = [asyncio.create_task(self._move()), asyncio.create_task(self._command())]

    async def rest(self) -> None:
        """Let no more happen, and return once everything was told and answered and everybody is at work.

        Raises TimeoutError where that never comes.
        """
        self._is_going_on = False
        async with asyncio.timeout(HANG_SECONDS):
            await asyncio.gather(*self._life)
            while not (self.is_all_told() and await self.is_well()):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)

    def end(self) -> None:
        """Let no more happen, whatever is not told yet."""
        for task in self._life:
            task.cancel()

    def is_all_told(self) -> bool:
        """Say whether everybody knows how everything stands."""
        return all(is_all_told(self._watched(chat_id), self.told_in(chat_id)) for chat_id in self.places)

    async def is_well(self) -> bool:
        """Say whether every role is somebody's and all replicas are there, by the database."""
        return await self.cluster.query(_THERE) == [(len(ROLES), len(self.replicas))]

    async def watched_numbers(self) -> set[str]:
        """Return the labels of all that the administrator watches, as they are stored."""
        return {label for (label,) in await self.cluster.query(_LABELS)}

    async def _move(self) -> None:
        while self._is_going_on:
            # The last ones are watched in a group, which takes 20 messages a minute.
            symbol = self.rng.choices(SYMBOLS, (8, 8, 2, 2))[0]
            self.sets(symbol, self.rng.randrange(1, HIGHEST))
            await asyncio.sleep(self.rng.uniform(0.3, 1.2))

    def sets(self, symbol: str, amount: int) -> None:
        """Let an account hold another amount of its token, one that it never held."""
        if all(amount != one.amount for one in self.held[symbol]):
            number = SYMBOLS.index(symbol)
            self.gateway.world.set_token(POLYGON, _contract(number), _account(number), amount)
            self.held[symbol].append(Held(amount, self.now))

    async def _command(self) -> None:
        """Watch one account after the other, and the last one no longer, each once the answer is there."""
        chat = self.telegram.chat(ADMIN)
        while self._is_going_on:
            await self._asks(chat, f"/watch {_account(1000 + self.wanted + 1)} as W{self.wanted + 1}")
            self.wanted += 1
            await self._asks(chat, f"/unwatch W{self.wanted - 1}")
            await asyncio.sleep(self.rng.uniform(1, 3))

    async def _asks(self, chat: Chat, command: str) -> None:
        """Give a command, and once more where the bot says that it could not be carried out."""
        label = command.rpartition(" ")[2]
        words = ("Watching", "Already watching") if " as " in command else ("Stopped", "Nothing", "No ")

        def is_answer(text: str) -> bool:
            return label in text and any(word in text for word in words)

        while True:
            self.asking = command
            said = self.telegram.says(self.telegram.user(ADMIN), chat, command)
            answer = await self.telegram.wait_for_message(
                chat,
                lambda message: is_answer(message.text) or "try again" in message.text,
                after=said.message_id,
                timeout_seconds=2 * HANG_SECONDS,
            )
            self.asking = ""
            if is_answer(answer.text):
                return

    # what was told

    def told_in(self, chat_id: int) -> Iterator[Told]:
        """Yield what a chat was told, oldest first."""
        for message in self.telegram.seen(self.telegram.chat(chat_id)).messages:
            key = chat_id, message.message_id
            if key not in self._told:
                self._told[key] = to_told(message)
            yield self._told[key]

    def verdicts(self, since: float = 0) -> list[Verdict]:
        """Judge what each chat was told so far; how late it was counts from a moment on."""
        return [judge(self._watched(chat_id), self.told_in(chat_id), since) for chat_id in self.places]

    def _watched(self, chat_id: int) -> dict[str, list[Held]]:
        return {symbol: self.held[symbol] for symbol in self.places[chat_id]}


ROLES = ("receiver", "poller", "sender", "chores")

_HOLDER = "SELECT r.name FROM lease l JOIN replica r ON r.id = l.replica_id WHERE l.role = '{}'"
_THERE = """
WITH clock AS (SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now)
SELECT
  (SELECT count(*) FROM lease JOIN replica r ON r.id = replica_id, clock WHERE until > now),
  (SELECT count(DISTINCT name) FROM replica, clock WHERE seen_at > now - 5000)
"""
_LABELS = "SELECT label FROM subscription WHERE label LIKE 'W%'"


@asynccontextmanager
async def open_world(
    directory: Path, count: int, servers: ForkServer, seed: int = 1
) -> AsyncIterator[ReplicaWorld]:
    """Build everything with so many replicas, and yield it once each chat knows what it watches."""
    telegram = Telegram()
    olga = telegram.add_user("Olga", user_id=OWNER)
    petr = telegram.add_user("Petr", user_id=ADMIN)
    private = telegram.add_private_chat(olga)
    telegram.add_private_chat(petr)
    group = telegram.add_supergroup("Group", {olga: "creator"})
    places = {private.id: SYMBOLS[:3], group.id: SYMBOLS[2:]}
    async with AsyncExitStack() as exits:
        gateway = await exits.enter_async_context(
            Gateway(example_world(), LISTS_NOTHING, access_keys=frozenset({ACCESS_KEY})).serve()
        )
        await exits.enter_async_context(telegram.serve())
        telegram.enforce_limits()
        world = ReplicaWorld(
            rng=random.Random(seed),  # noqa: S311 - the same each time
            cluster=await exits.enter_async_context(running_cluster()),
            gateway=gateway,
            telegram=telegram,
            places=places,
            servers=servers,
        )
        for number, symbol in enumerate(SYMBOLS):
            gateway.world.add_contract(_token(number, symbol))
            world.held[symbol] = []
            world.sets(symbol, 1000)
        for number in range(count):
            world.replicas.append(await _new_replica(world, exits, directory, f"r{number + 1}"))
        telegram.says(olga, group, "/allow")
        for chat_id, symbols in places.items():
            chat = telegram.chat(chat_id)
            for symbol in symbols:
                telegram.says(olga, chat, f"/watch {_account(SYMBOLS.index(symbol))}")
                first = f"{_account(SYMBOLS.index(symbol))[-4:]}: 1 balance"
                await telegram.wait_for_message(chat, first, timeout_seconds=HANG_SECONDS)
        telegram.says(petr, telegram.chat(ADMIN), f"/watch {_account(1000)} as W0")
        await telegram.wait_for_message(telegram.chat(ADMIN), "Watching W0")
        try:
            async with asyncio.timeout(HANG_SECONDS):
                while not await world.is_well():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.2)
        except TimeoutError:
            ended = {one.name: one.process.returncode for one in world.replicas}
            raise NotAtWork(f"a world of {count} replicas does not begin to work: {ended}") from None
        exits.callback(world.end)
        yield world


async def _new_replica(world: ReplicaWorld, exits: AsyncExitStack, directory: Path, name: str) -> Replica:
    databases = tuple(
        [await exits.enter_async_context(Proxy(node.port).serve()) for node in world.cluster.nodes]
    )
    root = urlsplit(world.gateway.url)
    telegram = await exits.enter_async_context(Recorder(world.telegram.url, world.holds).serve())
    gateway = await exits.enter_async_context(Recorder(f"{root.scheme}://{root.netloc}", world.holds).serve())
    home = directory / name
    home.mkdir()
    config = home / "config.toml"
    hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in databases)
    config.write_text(
        _CONFIG.format(
            token=SANDBOX_TOKEN,
            telegram=telegram.url,
            gateway=gateway.url + root.path,
            key=ACCESS_KEY,
            database=f"postgresql://postgres@{hosts}/bot",
            name=name,
            owners=[OWNER, ADMIN],
            port=free_port(),
        )
    )
    replica = Replica(
        name=name,
        config=config,
        databases=databases,
        telegram=telegram,
        gateway=gateway,
        process=await world.servers.start(config),
    )
    telegram.on_request = lambda exchange: world.note_request(replica, exchange)
    exits.push_async_callback(replica.end)
    return replica


_CONFIG = """
[telegram]
token = "{token}"
api_url = "{telegram}"
[indexer]
url = "{gateway}"
access_key = "{key}"
chains = ["polygon"]
poll_interval_seconds = 0.5
timeout_seconds = 5
[store]
url = "{database}"
replica = "{name}"
[access]
owners = {owners}
[delivery]
group_wait_seconds = 0.1
explain_wait_seconds = 0
[web]
listen = "127.0.0.1:{port}"
"""


def _account(number: int) -> str:
    return f"0x{0xAC0000 + number:040x}"


def _contract(number: int) -> str:
    return f"0x{0xC0 + number:040x}"


def _token(number: int, symbol: str) -> Contract:
    return Contract(
        chain_id=POLYGON, address=_contract(number), kind="ERC20", symbol=symbol, name=symbol, decimals=0
    )
