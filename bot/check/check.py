"""The `check` command: find out whether the bot could run as it is configured, without changing anything.

It may run beside a running bot. Each `*_row` function turns what was seen into one row of the table; what is
seen is gathered by the private function before it.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot import __version__
from bot.chat.telegram.connection import TokenRefused
from bot.chat.telegram.probe import TelegramProbe, TelegramUnavailable, probe_telegram
from bot.chat.telegram.transport import ProxyUnusable
from bot.check.file_rows import file_rows, look_at_file
from bot.check.findings import MISTAKEN, NOT_YET, REFUSED, Finding
from bot.check.server_rows import is_running, look, server_rows, unused_backups_row
from bot.domain.ask.questions import Question
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.explain.questions import HistoryQuestion
from bot.domain.replicas.replica import Replica
from bot.domain.secrets import BLANKED_AS_A_WORD
from bot.indexer.client import IndexerClient
from bot.indexer.errors import AccessRefused, ChainRefused, IndexerError, WrongEndpoint
from bot.settings.load import SettingsRefused
from bot.settings.sections import Settings, shipped_chains
from bot.store.database.errors import DatabaseUnavailable, StoreError
from bot.store.database.inspect import (
    DatabaseSeen,
    DirectorySeen,
    ServerSeen,
    is_used_file,
)
from bot.wiring import build_indexer, build_telegram

ASK_SECONDS = 20.0
"""How long Telegram and the indexer each may take to answer."""

NOBODY = Address("0x00000000000000000000000000000000000b0700")
NO_TOKEN = Address("0x00000000000000000000000000000000000b0701")
"""An account and a contract that nobody has: together they ask for the smallest answer there is."""

CLOCK_TOLERANCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class GatewaySeen:
    """What the indexer answered: its chains, those that failed, and how far its clock is off."""

    listed: frozenset[ChainId]
    silent: frozenset[ChainId]
    """Configured chains that it lists and that gave no balances."""
    clock_ahead_seconds: float | None
    history_trouble: IndexerError | None = None
    """Why it gave no transfers; None where it did."""


ContentSeen = DatabaseSeen | StoreError | DatabaseUnavailable | None
"""What a database has, or why it can't be read; None: there is none yet, or it has no tables."""


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """What was seen of the database, wherever it is."""

    database: ContentSeen
    is_running: bool
    """Whether the bot runs over it on this machine."""
    rows: list[Finding]


def mistake_rows(refused: SettingsRefused) -> list[Finding]:
    """Return the only rows there are where the configuration can't be used."""
    return [Finding("configuration", one, status=MISTAKEN) for one in refused.mistakes]


async def check(config: Path, settings: Settings, now: datetime) -> list[Finding]:
    """Ask everything the bot needs and return the rows of the table, in their order."""
    registry = shipped_chains()
    # All at once: each may take its whole time to fail.
    store, telegram, gateway = await asyncio.gather(
        _store(settings, now), _telegram(settings), _gateway(settings)
    )
    return [
        configuration_row(config, settings.secrets()),
        *key_rows(settings.indexer.access_key.get_secret_value()),
        owners_row(settings.access.owners, store.database),
        chains_row(settings.indexer.chains, registry, gateway),
        web_row(settings.web.listen, is_running=store.is_running),
        *heartbeat_rows(settings.web.heartbeat_url.get_secret_value()),
        telegram_row(telegram),
        gateway_row(gateway),
        *history_rows(gateway),
        *store.rows,
        clock_row(now, store.database, gateway),
    ]


async def _store(settings: Settings, now: datetime) -> StoreSeen:
    """Look at the database, be it a file or on a server."""
    where = settings.store.where
    if isinstance(where, Path):
        return await asyncio.to_thread(_file, settings, where)
    name = settings.replica_name(socket.gethostname())
    seen = await look(settings, where, Replica("", name, __version__))
    path = settings.store.path
    forgotten = path if await asyncio.to_thread(is_used_file, path) else None
    return StoreSeen(
        database=seen.database if isinstance(seen, ServerSeen) else seen,
        is_running=is_running(seen, name),
        rows=[*server_rows(seen, now, forgotten), unused_backups_row(settings.store.backup_dir)],
    )


def _file(settings: Settings, path: Path) -> StoreSeen:
    directory, database = look_at_file(path)
    return StoreSeen(
        database=database,
        is_running=isinstance(directory, DirectorySeen) and directory.is_held,
        rows=file_rows(path, directory, database, settings.store.backup_dir),
    )


def configuration_row(config: Path, secrets: Sequence[str]) -> Finding:
    """Warn where everybody on the machine can read the secrets in the file."""
    shown = f"{config}, without mistakes"
    status = config.stat()
    is_public = status.st_mode & stat.S_IROTH
    if is_public and any(secret in config.read_text("utf-8") for secret in secrets):
        what_to_do = _made_private(config, owner=status.st_uid, user=os.geteuid())
        advice = f"everybody on this machine can read the secrets in it: {what_to_do}"
        return Finding("configuration", shown, advice)
    return Finding("configuration", shown)


def _made_private(config: Path, *, owner: int, user: int) -> str:
    """Return the command that lets only the bot read the file.

    A file of another owner must change hands first: chmod 600 alone would shut the bot out.
    """
    if user == 0:
        return f"chown it to the user that the bot runs as, then chmod 600 {config}"
    if user != owner:
        return f"as root, and where it is mounted from, chown {user} {config} and chmod 600 {config}"
    return f"chmod 600 {config}"


def key_rows(key: str) -> list[Finding]:
    """Warn of a key so short that blanking it would blank ordinary words in logs."""
    if not key or len(key) >= BLANKED_AS_A_WORD:
        return []
    said = f"it has {len(key)} characters: too few to keep it out of logs"
    return [Finding("access key", said, "copy indexer.access_key again: real ones are longer")]


def owners_row(configured: Sequence[int], database: ContentSeen) -> Finding:
    """Say who owns the bot, or how somebody becomes its owner."""
    if configured:
        return Finding("owners", f"{len(configured)}, named in access.owners")
    if isinstance(database, DatabaseSeen) and database.owners:
        return Finding("owners", f"{database.owners}, through the owner link")
    if isinstance(database, Exception):
        return Finding("owners", "not known while the database can't be read")
    return Finding("owners", "none yet: run prints a link, and whoever opens it first owns the bot")


def chains_row(
    configured: Sequence[ChainId], registry: Chains, gateway: GatewaySeen | IndexerError
) -> Finding:
    """Say which chains are asked, and which of them the gateway does not know or could not answer for."""
    if isinstance(gateway, ChainRefused):
        advice = "take it out of indexer.chains, or add it to the project of the key"
        return Finding("chains", "the key's project does not include one of them", advice, MISTAKEN)
    if isinstance(gateway, IndexerError):
        return Finding("chains", "not checked", "the indexer has to answer first, see below")
    if not configured:
        mainnets = sum(not registry.is_testnet(chain_id) for chain_id in gateway.listed)
        return Finding("chains", f"every mainnet the gateway lists: {mainnets}")
    if unknown := _names(set(configured) - gateway.listed, registry):
        advice = f"the gateway knows {_names(gateway.listed, registry)}"
        return Finding("chains", f"the gateway does not know {unknown}", advice, MISTAKEN)
    if silent := _names(gateway.silent, registry):
        return Finding(
            "chains", _names(configured, registry), f"no answer from {silent} just now; it is asked again"
        )
    return Finding("chains", _names(configured, registry))


def _names(chain_ids: Sequence[ChainId] | set[ChainId] | frozenset[ChainId], registry: Chains) -> str:
    return ", ".join(registry.get(chain_id).name for chain_id in sorted(chain_ids))


def heartbeat_rows(url: str) -> list[Finding]:
    """Name the host that is called while all is well; it isn't called now: that would say the bot runs."""
    return [Finding("heartbeat", f"calls {urlsplit(url).hostname}; not tried here")] if url else []


def web_row(listen: str, *, is_running: bool) -> Finding:
    """Try the address of the health pages, unless a running bot holds it already."""
    host, _, port = listen.rpartition(":")
    if not port:
        return Finding("web pages", "switched off")
    if is_running:
        return Finding("web pages", f"http://{listen}/healthz, served by the running bot")
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as one:
            # As the pages do: without it a bot that ended a minute ago would seem to hold the port.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(address)
    except OSError as error:
        return Finding("web pages", f"{listen}: {error.strerror}", "choose another web.listen", MISTAKEN)
    return Finding("web pages", f"http://{listen}/healthz")


async def _telegram(
    settings: Settings,
) -> TelegramProbe | ProxyUnusable | TokenRefused | TelegramUnavailable:
    try:
        bot = build_telegram(settings)
    except ProxyUnusable as error:
        return error
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await probe_telegram(bot)
    except (TokenRefused, TelegramUnavailable) as error:
        return error
    except TimeoutError:
        return TelegramUnavailable("it takes too long to answer")
    finally:
        await bot.shutdown()


def telegram_row(seen: TelegramProbe | ProxyUnusable | TokenRefused | TelegramUnavailable) -> Finding:
    """Say which bot the token belongs to, and what keeps it from receiving messages."""
    match seen:
        case ProxyUnusable():
            advice = "name an http:// or https:// proxy in HTTPS_PROXY or ALL_PROXY, or none"
            return Finding("Telegram", "the proxy that the environment names can't be used", advice, MISTAKEN)
        case TokenRefused():
            advice = "copy telegram.token whole from @BotFather, or let it make a new one"
            return Finding("Telegram", "it refuses the token", advice, REFUSED)
        case TelegramUnavailable():
            advice = "check the network and telegram.api_url; a running bot keeps trying"
            return Finding("Telegram", str(seen), advice, NOT_YET)
        case TelegramProbe(webhook_host=host) if host:
            advice = "another program uses this token: give this bot its own, or remove the webhook"
            return Finding(
                "Telegram", f"@{seen.username}, but messages go to a webhook at {host}", advice, NOT_YET
            )
        case TelegramProbe(joins_groups=False):
            advice = "to use it in groups, allow them with /setjoingroups at @BotFather"
            return Finding("Telegram", f"@{seen.username}, which may not join groups", advice)
    return Finding("Telegram", f"@{seen.username}; updates waiting: {seen.waiting}")


async def _gateway(settings: Settings) -> GatewaySeen | IndexerError:
    try:
        async with asyncio.timeout(ASK_SECONDS), build_indexer(settings) as source:
            await source.ping()
            listed = frozenset(chain_id for chain_id, _ in await source.chains("ALL"))
            # Without configured chains one is enough: the question is whether the key is taken.
            asked = [
                chain_id for chain_id in settings.indexer.chains or sorted(listed)[:1] if chain_id in listed
            ]
            answer = await source.balances(
                Question(
                    (NOBODY,),
                    tuple(asked),
                    contract_status="ALL",
                    contracts=(NO_TOKEN,),
                    natives=False,
                    prices=False,
                )
            )
            return GatewaySeen(
                listed,
                frozenset(asked) - answer.tokens.keys(),
                source.clock_ahead_seconds,
                await _history_trouble(source, asked[0]) if asked else None,
            )
    except IndexerError as error:
        return error
    except TimeoutError:
        return IndexerError("it takes too long")


async def _history_trouble(source: IndexerClient, chain_id: ChainId) -> IndexerError | None:
    """Return what keeps the gateway from listing transfers, if anything does."""
    question = HistoryQuestion(chain_id=chain_id, accounts=(NOBODY,), contracts=(NO_TOKEN,))
    try:
        # Less than all: a history that hangs is no gateway that does.
        async with asyncio.timeout(ASK_SECONDS / 4):
            await source.history(question)
    except IndexerError as error:
        return error
    except TimeoutError:
        return IndexerError("it takes too long")
    return None


def history_rows(seen: GatewaySeen | IndexerError) -> list[Finding]:
    """Say whether the gateway lists transfers; nothing where it does not answer at all."""
    if isinstance(seen, IndexerError):
        return []
    match seen.history_trouble:
        case None:
            return [Finding("transfers", "the indexer lists them")]
        case WrongEndpoint():
            said = "the indexer has no history of them"
        case AccessRefused():
            said = "the access key may not ask for them"
        case error:
            said = f"not listed just now: {error}"
    return [Finding("transfers", said, "alerts will not say who paid; balances are not affected")]


def gateway_row(seen: GatewaySeen | IndexerError) -> Finding:
    """Say whether the gateway answers and takes the key."""
    match seen:
        case AccessRefused():
            advice = "check indexer.access_key, and what its project allows, at Sequence Builder"
            return Finding("indexer", str(seen), advice, REFUSED)
        case WrongEndpoint():
            return Finding("indexer", str(seen), "check indexer.url", MISTAKEN)
        case ChainRefused():
            return Finding("indexer", "it accepts the key")
        case IndexerError():
            advice = "check the network and indexer.url; a running bot keeps trying"
            return Finding("indexer", str(seen), advice, NOT_YET)
    return Finding("indexer", f"it accepts the key; it lists {len(seen.listed)} chains")


def clock_row(
    now: datetime,
    database: ContentSeen,
    gateway: GatewaySeen | IndexerError,
) -> Finding:
    """Compare this machine's clock with the indexer's and with the newest moment in the database."""
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    advice = "set it, and let it be kept (timedatectl set-ntp true)"
    ahead = None if isinstance(gateway, IndexerError) else gateway.clock_ahead_seconds
    if ahead is not None and abs(ahead) > CLOCK_TOLERANCE.total_seconds():
        way = "ahead of" if ahead > 0 else "behind"
        return Finding("clock", f"{said}, {abs(ahead):,.0f} s {way} the indexer's", advice, NOT_YET)
    newest_at = database.newest_at if isinstance(database, DatabaseSeen) else None
    if newest_at is not None and newest_at - now > CLOCK_TOLERANCE:
        return Finding(
            "clock", f"{said}, but the database is of {newest_at:%Y-%m-%d %H:%M:%S} UTC", advice, NOT_YET
        )
    return Finding("clock", said if ahead is None else f"{said}, as the indexer's")
