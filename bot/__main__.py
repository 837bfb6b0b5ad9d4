"""The command line: `balance-bot`, also `python -m bot`, with `run`, `check`, `backup`, `move`, `sandbox`."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from bot import __version__, app
from bot.chat.telegram.connection import TokenRefused
from bot.chat.telegram.transport import ProxyUnusable
from bot.check.check import check as find_out
from bot.check.check import mistake_rows
from bot.check.findings import exit_status, table
from bot.domain.secrets import Secrets
from bot.logs import set_up_logs
from bot.maintenance import run_in_thread
from bot.roles.keeper import WorkerDied
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import example_world
from bot.sandbox.telegram.server import SANDBOX_TOKEN, SANDBOX_USER_ID, Telegram, example_telegram
from bot.sandbox.terminal.scenario import scenario_telegram, scenario_world
from bot.sandbox.terminal.screen import open_screen
from bot.sandbox.terminal.terminal import Terminal
from bot.settings.load import SettingsRefused, load_settings
from bot.settings.sections import Settings, sandbox_settings
from bot.store.database.connection import require_driver
from bot.store.database.copy import CopyFailed, copy_database
from bot.store.database.errors import (
    DatabaseInUse,
    DatabaseUnavailable,
    DatabaseUnusable,
    DirectoryHeld,
    StoreMisconfigured,
)
from bot.store.database.inspect import refuse_moved_file
from bot.store.move.move import STOPPED, MoveFailed, Report
from bot.store.move.sides import move_between
from bot.store.replicas.membership import ConfigurationDiffers
from bot.web.pages import CannotListen
from bot.wiring import clock

N = TypeVar("N")

EXIT_STATUSES: dict[type[Exception], int] = {
    WorkerDied: 1,
    SettingsRefused: 2,
    CannotListen: 2,
    ProxyUnusable: 2,
    StoreMisconfigured: 2,
    ConfigurationDiffers: 2,
    DirectoryHeld: 3,
    DatabaseInUse: 3,
    TokenRefused: 4,
    app.KeyRefused: 4,
    DatabaseUnusable: 5,
    DatabaseUnavailable: 5,
    CopyFailed: 5,
    MoveFailed: 5,
}
"""The exit status of each error that keeps the program from running; see docs/operations.md."""


class Output:
    """Prints, with known secrets blanked."""

    def __init__(self) -> None:
        self._secrets = Secrets(())

    def learn(self, secrets: Iterable[str]) -> None:
        """Blank these in all that is printed from now on."""
        self._secrets = Secrets(secrets)

    def say(self, line: str) -> None:
        """Print on standard output."""
        click.echo(self._secrets.blank(line))

    def complain(self, line: str) -> None:
        """Print on standard error."""
        click.echo(self._secrets.blank(line), err=True)


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), required=True, help="The configuration, a TOML file."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Watch wallets on every EVM chain and post balance changes to Telegram chats."""


@main.command()
@CONFIG
def run(config: Path) -> None:
    """Run the bot until SIGINT or SIGTERM."""
    output = Output()
    _end_with(_run(config, output), output)


@main.command()
@CONFIG
def check(config: Path) -> None:
    """Check everything the bot needs, and say what to do about each failure; changes nothing."""
    output = Output()
    _end_with(_check(config, output), output)


@main.command()
@CONFIG
@click.argument("dest", type=click.Path(path_type=Path))
def backup(config: Path, dest: Path) -> None:
    """Copy the database to the new file DEST and verify the copy; the bot may be running.

    A database on a server is not copied: the command says which program does that.
    """
    output = Output()
    _end_with(_backup(config, dest, output), output)


@main.command()
@CONFIG
@click.option("--back", is_flag=True, help="From the server to the file.")
def move(config: Path, *, back: bool) -> None:
    """Take all data from the file store.path to the server store.url; no bot may run meanwhile."""
    output = Output()
    _end_with(_move(config, output, back=back), output)


@main.command()
@click.option(
    "--port", type=click.IntRange(0, 65533), default=0, help="Listen here and above; 0: any free ports."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Keep the database here; else it is deleted at the end.",
)
@click.option(
    "--only", type=click.Choice(["gateway", "telegram"]), help="Only this simulator, without the bot."
)
def sandbox(port: int, data: Path | None, only: str | None) -> None:
    """Try the whole bot with a simulated Telegram and indexer; nothing leaves this machine."""
    match only:
        case "gateway":
            _end_with(_gateway_alone(port), Output())
        case "telegram":
            _end_with(_telegram_alone(port), Output())
        case _:
            _end_with(_sandbox(port, data), Output())


def _configured(config: Path, output: Output, *, level: str | None = None) -> Settings:
    """Load the configuration and set up logs by it; neither logs nor output show its secrets."""
    settings = load_settings(config)
    output.learn(settings.never_shown())
    set_up_logs(level or settings.log.level, settings.log.format, settings.never_shown())
    return settings


async def _run(config: Path, output: Output) -> None:
    stop = _stop_signal()
    settings = _configured(config, output)
    app.leave_garbage_to_sweeps()
    await app.run(settings, stop, output.say, before_sweep=gc.collect)


async def _check(config: Path, output: Output) -> None:
    try:
        # The table is the output; log lines of what fails would only repeat it.
        settings = _configured(config, output, level="CRITICAL")
    except SettingsRefused as refused:
        findings = mistake_rows(refused)
    else:
        findings = await find_out(config, settings, clock())
    for line in table(findings):
        output.say(line)
    sys.exit(exit_status(findings))


async def _backup(config: Path, dest: Path, output: Output) -> None:
    settings = _configured(config, output)
    where = settings.store.where
    if isinstance(where, str):
        raise CopyFailed(_copy_by_hand(where, dest))
    await asyncio.to_thread(refuse_moved_file, where)
    copy_task = asyncio.create_task(run_in_thread(partial(copy_database, where, dest, clock())))
    _when_asked_to_stop(copy_task.cancel)
    try:
        size = await copy_task
    except asyncio.CancelledError:
        raise CopyFailed(f"stopped before the end: no copy was made, and nothing is left of {dest}") from None
    output.say(f"copied {where} to {dest} and checked the copy: {size:,} bytes")


def _copy_by_hand(url: str, dest: Path) -> str:
    require_driver()
    from bot.store.database.server.connect import dump_command  # noqa: PLC0415 - its library need not be installed

    return (
        "no copy was made: the database is on a server, whose own program copies it, also while it runs: "
        f"{dump_command(url, dest)}"
    )


async def _move(config: Path, output: Output, *, back: bool) -> None:
    settings = _configured(config, output, level="WARNING")
    url = settings.store.url.get_secret_value()
    if not url:
        raise SettingsRefused(
            ("store.url: missing: it names the server that the data is moved to, or back from",)
        )
    with _progress(output) as report:
        work = partial(
            move_between,
            path=settings.store.path,
            url=url,
            machine=socket.gethostname(),
            now=clock(),
            report=report,
            back=back,
        )
        move_task = asyncio.create_task(run_in_thread(work))
        _when_asked_to_stop(move_task.cancel)
        try:
            moved = await move_task
        except asyncio.CancelledError:
            raise MoveFailed(STOPPED) from None
    output.say(moved)


@contextmanager
def _progress(output: Output) -> Iterator[Report]:
    """Show how far a move is: by a bar on a terminal, else by a line for each table."""
    said = ""

    def say(done: int, total: int, what: str) -> None:
        nonlocal said
        if what != said:
            said = what
            output.say(f"{100 * done // max(1, total):3} % {what}")

    if not sys.stdout.isatty():
        yield say
        return
    with click.progressbar(length=1000, show_percent=True, item_show_func=lambda what: what or "") as bar:
        yield lambda done, total, what: bar.update(1000 * done // max(1, total) - bar.pos, what)


async def _sandbox(port: int, data: Path | None) -> None:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(_at(port, Gateway(scenario_world()).serve(port=port)))
        # 0 stays 0, any free port.
        beside = port and port + 1
        telegram = await stack.enter_async_context(_at(beside, scenario_telegram().serve(port=beside)))
        directory = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="balance-bot-")))
        settings = sandbox_settings(
            token=SANDBOX_TOKEN,
            owner=SANDBOX_USER_ID,
            api_url=telegram.url,
            indexer_url=gateway.url,
            directory=directory,
        )
        # The terminal belongs to the visitor: only errors are logged between the messages.
        set_up_logs("ERROR", "text", settings.secrets())
        # The simulators' faults cut connections on purpose.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
        _introduce_sandbox(gateway, telegram)
        screen = stack.enter_context(open_screen(click.echo))
        stop = _stop_signal()
        terminal = asyncio.create_task(Terminal(telegram, gateway, screen).run())
        terminal.add_done_callback(lambda _: stop.set())
        try:
            await app.run(settings, stop, click.echo)
        finally:
            terminal.cancel()
            with suppress(asyncio.CancelledError):
                await terminal


@asynccontextmanager
async def _at(port: int, serving: AbstractAsyncContextManager[N]) -> AsyncIterator[N]:
    """Serve one of the sandbox's servers; raises CannotListen where its port is taken."""
    async with AsyncExitStack() as stack:
        try:
            neighbour = await stack.enter_async_context(serving)
        except OSError as error:
            raise CannotListen(
                f"port {port} can't be used ({error.strerror}): choose another --port"
            ) from None
        yield neighbour


def _introduce_sandbox(gateway: Gateway, telegram: Telegram) -> None:
    click.echo("Balance Bot with a simulated Telegram and indexer: nothing leaves this machine.")
    click.echo("What you type goes to the bot. `help` shows what else you can do, `quit` ends it.")
    click.echo(f"Indexer  {gateway.url}   move its world: {gateway.control_url}")
    click.echo(f"Telegram {telegram.url}\n")


async def _gateway_alone(port: int) -> None:
    async with _at(port, Gateway(example_world()).serve(port=port)) as gateway:
        click.echo(f"Indexer Gateway: {gateway.url} (indexer.url)\nIts world: {gateway.control_url}")
        await _stop_signal().wait()


async def _telegram_alone(port: int) -> None:
    async with _at(port, example_telegram().serve(port=port)) as telegram:
        click.echo(f"Telegram: {telegram.url} (telegram.api_url)\nToken: {SANDBOX_TOKEN}")
        await _stop_signal().wait()


def _stop_signal() -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets."""
    stop = asyncio.Event()
    _when_asked_to_stop(stop.set)
    return stop


def _when_asked_to_stop(act: Callable[[], object]) -> None:
    """Call `act` in the loop at the first SIGINT or SIGTERM, and ignore all later ones.

    These are handlers of the process: those of asyncio's loop are removed with the loop, and a second Ctrl-C
    at that moment would end the program with a traceback.
    """
    loop = asyncio.get_running_loop()
    is_asked = False

    def stop(*_: object) -> None:
        nonlocal is_asked
        # `signal.signal` lets signals that wait run first, so many at once would nest without end.
        if is_asked:
            return
        is_asked = True
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(act)

    sys.unraisablehook = _unraisable
    for number in STOP_SIGNALS:
        signal.signal(number, stop)


def _unraisable(error: "sys.UnraisableHookArgs") -> None:
    """Report an error that nobody can catch, but not that of a signal that came while it became ignored."""
    # Python says so with a traceback, where its own handler had noted the signal a moment before.
    if not (isinstance(error.exc_value, OSError) and "ignored due to race condition" in str(error.exc_value)):
        sys.__unraisablehook__(error)


def _end_with(work: Coroutine[None, None, None], output: Output) -> None:
    """Run a command to its end; an expected error is printed to standard error and gives the exit status.

    An unexpected one goes through the log, which blanks secrets in its traceback.
    """
    try:
        asyncio.run(work)
    except tuple(EXIT_STATUSES) as error:
        output.complain(f"balance-bot: {error}")
        sys.exit(next(status for kind, status in EXIT_STATUSES.items() if isinstance(error, kind)))
    except Exception:
        logging.getLogger("bot").critical(
            "the program ended by an error", exc_info=True, extra={"action": "crashed"}
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
