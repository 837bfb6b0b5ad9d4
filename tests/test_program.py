"""The program as a process: how it starts, what it says when it can't, and how it ends."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.__main__ import EXIT_STATUSES, Output, _end_with
from bot.app import KeyRefused
from bot.chat.telegram.connection import TokenRefused
from bot.chat.telegram.transport import ProxyUnusable
from bot.domain.secrets import REDACTED
from bot.logs import set_up_logs
from bot.roles.keeper import WorkerDied
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import example_world
from bot.sandbox.telegram.server import Telegram
from bot.settings.load import SettingsRefused
from bot.settings.sections import PREFIX
from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import CopyFailed
from bot.store.database.errors import (
    DatabaseInUse,
    DatabaseUnavailable,
    DatabaseUnusable,
    DirectoryHeld,
    StoreMisconfigured,
)
from bot.store.database.file import DirectoryLock
from bot.store.move.move import MoveFailed
from bot.store.replicas.membership import ConfigurationDiffers
from bot.web.pages import CannotListen
from tests.config_files import KEY, TOKEN, logs_restored
from tests.waits import HANG_SECONDS, STOP_SECONDS

ROOT = Path(__file__).parents[1]
LOOPBACK = "127.0.0.1"

# ---------------------------------------------------------------- a program to run


@dataclass
class Ended:
    """What came of a run; no secret is in what it said."""

    status: int | None
    out: str
    err: str

    def __post_init__(self) -> None:
        for said in (self.out, self.err):
            assert TOKEN not in said
            assert TOKEN.partition(":")[2] not in said
            assert KEY not in said
            assert "Traceback" not in said


@dataclass
class Operator:
    """Somebody who starts the program; its neighbours can't be reached unless they are built."""

    directory: Path
    values: dict[str, dict[str, object]] = field(default_factory=dict)

    def set(self, section: str, **values: object) -> None:
        self.values.setdefault(section, {}).update(values)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def database(self) -> Path:
        return self.data / "bot.sqlite3"

    @property
    def config(self) -> Path:
        """Write the configuration down."""
        path = self.directory / "config.toml"
        lines = [
            f"[{name}]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in values.items())
            for name, values in self.values.items()
        ]
        path.write_text("\n".join(lines))
        return path

    async def runs(self) -> Ended:
        """Run the bot until it ends by itself."""
        return await _finished(await _started("run", "--config", str(self.config)), HANG_SECONDS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        async with _process("run", "--config", str(self.config)) as process:
            yield process


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


async def _started(*arguments: str) -> Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, stdout=PIPE, stderr=PIPE, cwd=ROOT, env=environment
    )


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[Process]:
    process = await _started(*arguments)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _finished(process: Process, seconds: float) -> Ended:
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    return Ended(process.returncode, out.decode(), err.decode())


async def _stopped(process: Process, by: signal.Signals = signal.SIGTERM) -> Ended:
    process.send_signal(by)
    return await _finished(process, STOP_SECONDS)


async def _says(stream: asyncio.StreamReader | None, words: str) -> str:
    """Return the line that contains these words, once it is there."""
    assert stream is not None
    async with asyncio.timeout(HANG_SECONDS):
        while line := (await stream.readline()).decode():
            if words in line:
                return line
    raise AssertionError(f"it ended without saying {words!r}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return int(one.getsockname()[1])


def _nowhere() -> str:
    """Return an address where nobody listens."""
    return f"http://{LOOPBACK}:{_free_port()}"


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    one = Operator(tmp_path)
    one.set("telegram", token=TOKEN, api_url=_nowhere())
    one.set("indexer", url=_nowhere(), access_key=KEY, timeout_seconds=2)
    one.set("store", path=one.database)
    one.set("web", listen="")
    return one


@pytest.fixture
async def telegram(operator: Operator) -> AsyncIterator[Telegram]:
    async with Telegram(token=TOKEN).serve() as one:
        operator.set("telegram", api_url=one.url)
        yield one


@pytest.fixture
async def gateway(operator: Operator) -> AsyncIterator[Gateway]:
    async with Gateway(example_world(), access_keys={KEY}).serve() as one:
        operator.set("indexer", url=one.url)
        yield one


# ---------------------------------------------------------------- it can't start


async def test_mistakes_of_the_configuration_are_all_told_and_end_with_2(operator: Operator) -> None:
    operator.set("telegram", token=f"x{TOKEN}")
    operator.set("indexer", poll_interval_seconds=0)
    operator.set("web", listn="")

    ended = await operator.runs()

    assert ended.status == 2
    assert [line.partition(":")[0] for line in ended.err.removeprefix("balance-bot: ").splitlines()] == [
        "telegram.token",
        "indexer.poll_interval_seconds",
        "web.listn",
    ]


async def test_an_address_of_the_pages_that_is_taken_ends_with_2(operator: Operator) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        operator.set("web", listen=f"{LOOPBACK}:{taken.getsockname()[1]}")

        ended = await operator.runs()

    assert ended.status == 2
    assert "web.listen" in ended.err


async def test_a_second_instance_on_the_same_data_ends_with_3(operator: Operator) -> None:
    first = DirectoryLock(operator.data)

    ended = await operator.runs()

    assert ended.status == 3
    assert "another instance is running" in ended.err
    first.release()


async def test_a_token_that_telegram_refuses_ends_with_4(operator: Operator, gateway: Gateway) -> None:
    async with Telegram(token="1:another").serve() as telegram:
        operator.set("telegram", api_url=telegram.url)

        ended = await operator.runs()

    assert ended.status == 4
    assert "telegram.token" in ended.err
    assert gateway.url


async def test_a_key_that_the_gateway_refuses_ends_with_4(operator: Operator) -> None:
    async with Gateway(example_world(), access_keys={"another"}).serve() as gateway:
        operator.set("indexer", url=gateway.url)

        ended = await operator.runs()

    assert ended.status == 4
    assert "indexer.access_key" in ended.err


@pytest.mark.parametrize(
    ("content", "words"), [(b"no database, but many words\n" * 100, "can't be used"), (b"", "is empty")]
)
async def test_a_database_that_is_none_ends_with_5_and_stays_as_it_was(
    operator: Operator, content: bytes, words: str
) -> None:
    operator.data.mkdir()
    operator.database.write_bytes(content)

    ended = await operator.runs()

    assert ended.status == 5
    assert words in ended.err
    assert operator.database.read_bytes() == content


async def test_a_data_directory_into_which_its_group_may_write_ends_with_5(operator: Operator) -> None:
    operator.data.mkdir()
    operator.data.chmod(0o2770)

    ended = await operator.runs()

    assert ended.status == 5
    assert f"its group may write into the data directory {operator.data}: chmod 700 it" in ended.err


async def test_a_data_directory_that_is_none_ends_with_5(operator: Operator) -> None:
    operator.data.write_text("a file")

    ended = await operator.runs()

    assert ended.status == 5
    assert "can't be used" in ended.err


async def test_a_server_without_the_library_for_it_is_a_mistake_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(StoreMisconfigured, match=r'pip install "balance-bot\[postgres\]"') as refused:
        await DatabaseThread.open("postgresql://olga:sesame@127.0.0.1:1/bot")

    assert "sesame" not in str(refused.value)


def test_every_status_is_the_one_that_operators_rely_on() -> None:
    assert {
        WorkerDied: 1,
        SettingsRefused: 2,
        CannotListen: 2,
        ProxyUnusable: 2,
        StoreMisconfigured: 2,
        ConfigurationDiffers: 2,
        DirectoryHeld: 3,
        DatabaseInUse: 3,
        TokenRefused: 4,
        KeyRefused: 4,
        DatabaseUnusable: 5,
        DatabaseUnavailable: 5,
        CopyFailed: 5,
        MoveFailed: 5,
    } == EXIT_STATUSES


def test_what_nobody_expected_ends_with_1_and_is_logged_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def stumble() -> None:
        await asyncio.sleep(0)
        set_up_logs("INFO", "text", [TOKEN, KEY])
        raise RuntimeError(f"{TOKEN} and {KEY}")

    with logs_restored(), pytest.raises(SystemExit) as ended:
        _end_with(stumble(), Output())

    written = capsys.readouterr().err
    assert ended.value.code == 1
    assert f"RuntimeError: {REDACTED} and {REDACTED}" in written


def test_a_kind_of_what_is_expected_ends_with_the_same_status(capsys: pytest.CaptureFixture[str]) -> None:
    class DiskFull(DatabaseUnusable):
        pass

    async def stumble() -> None:
        raise DiskFull("the disk is full")

    with pytest.raises(SystemExit) as ended:
        _end_with(stumble(), Output())

    assert ended.value.code == 5
    assert capsys.readouterr().err == "balance-bot: the disk is full\n"


# ---------------------------------------------------------------- it runs and ends


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_a_running_bot_ends_with_0_when_asked_to(
    operator: Operator, telegram: Telegram, gateway: Gateway, by: signal.Signals
) -> None:
    async with operator.running() as process:
        await _says(process.stderr, "running")

        ended = await _stopped(process, by)

    assert ended.status == 0
    assert telegram.calls
    assert gateway.requests


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_stop_again_and_again_it_ends_as_if_asked_once(
    operator: Operator, telegram: Telegram, gateway: Gateway, by: signal.Signals
) -> None:
    async with operator.running() as process:
        await _says(process.stderr, "running")

        while process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, by)  # the process object would look whether it has ended, and take that
            await asyncio.sleep(0)
        ended = await _finished(process, STOP_SECONDS)

    assert ended.status == 0
    assert telegram.calls
    assert gateway.requests


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_stop_before_it_has_begun_it_ends_with_0(
    operator: Operator, by: signal.Signals
) -> None:
    configuration = operator.config
    content = configuration.read_bytes()
    configuration.unlink()
    os.mkfifo(configuration)
    async with _process("run", "--config", str(configuration)) as process:
        with await asyncio.to_thread(configuration.open, "wb") as file:  # opens once the program reads it
            process.send_signal(by)
            file.write(content)
        ended = await _finished(process, STOP_SECONDS)

    assert ended.status == 0
    assert "Traceback" not in ended.err


async def test_neighbours_that_cannot_be_reached_do_not_end_it_and_what_it_keeps_is_private(
    operator: Operator,
) -> None:
    port = _free_port()
    operator.set("web", listen=f"{LOOPBACK}:{port}")
    operator.set("log", level="DEBUG")

    async with operator.running() as process, ClientSession() as session:
        await _says(process.stderr, "running")
        async with session.get(f"http://{LOOPBACK}:{port}/healthz") as healthy:
            assert healthy.status == 200
        async with session.get(f"http://{LOOPBACK}:{port}/readyz") as ready:
            assert ready.status == 503
            assert "Telegram has not answered yet" in (await ready.json())["reasons"]
        modes = {path.stat().st_mode & 0o777 for path in operator.data.iterdir()}
        ended = await _stopped(process)

    assert ended.status == 0
    assert (operator.data.stat().st_mode & 0o777, modes) == (0o700, {0o600})


async def test_it_ends_in_time_even_while_it_still_waits_for_a_first_answer(operator: Operator) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        silent.settimeout(0)
        url = f"http://{LOOPBACK}:{silent.getsockname()[1]}"
        operator.set("telegram", api_url=url)
        operator.set("indexer", url=url, timeout_seconds=60)
        async with operator.running() as process:
            async with asyncio.timeout(HANG_SECONDS):
                connection, _ = await asyncio.get_running_loop().sock_accept(silent)
            with connection:
                ended = await _stopped(process)

    assert ended.status == 0


# ---------------------------------------------------------------- the sandbox


@pytest.mark.parametrize("only", [["--only", "gateway"], ["--only", "telegram"], []])
async def test_a_port_that_is_taken_ends_the_sandbox_with_2(only: list[str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]

        ended = await _finished(await _started("sandbox", *only, "--port", str(port)), HANG_SECONDS)

    assert ended.status == 2
    assert f"port {port} can't be used" in ended.err
    assert "choose another --port" in ended.err


@pytest.mark.parametrize(("only", "path"), [("gateway", "/sandbox/requests"), ("telegram", "/sandbox/calls")])
async def test_a_neighbour_alone_serves_where_it_is_told_and_ends_when_asked_to(only: str, path: str) -> None:
    port = _free_port()

    async with (
        _process("sandbox", "--only", only, "--port", str(port)) as process,
        ClientSession() as session,
    ):
        assert str(port) in await _says(process.stdout, "http://")
        async with session.get(f"http://{LOOPBACK}:{port}{path}") as response:
            assert response.status == 200
        ended = await _stopped(process)

    assert ended.status == 0
