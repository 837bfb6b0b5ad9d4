"""Pictures of what the bot says, for the README: played before the whole bot, drawn as a phone shows them.

Each scene is a page in `docs/pictures`, which a test compares with what the bot says today, and a PNG that
Chromium makes of the page and that carries the page's digest. `python -m tests.pictures [SCENE…]` writes
them anew.
"""

import asyncio
import hashlib
import html
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import structlog

from bot.sandbox.gateway.faults.kinds import FailNatives, FailTokens
from bot.sandbox.gateway.poison import look_alike
from bot.sandbox.telegram.world.world import Message
from bot.sandbox.terminal.commands import MoveBalance, read_command
from bot.sandbox.terminal.moves import apply_move
from bot.sandbox.terminal.scenario import ACCOUNTS, PEOPLE, POLYGON, scenario_world
from bot.store.rows import to_milliseconds
from bot.wiring import clock
from tests.stack import USDC_POLYGON, Stack, open_stack
from tests.waits import HANG_SECONDS

HERE = Path(__file__).parents[1] / "docs" / "pictures"
STYLE = HERE / "phone.css"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 412
"""CSS pixels of a usual phone; the pictures have twice as many."""

GROUPED = MappingProxyType({"delivery": ["group_wait_seconds = 1"]})
"""What moves together is reported together, however slow the machine is."""

BEGIN = datetime(2026, 3, 2, 14, 3, 0, tzinfo=UTC)
"""When each scene begins."""

MORNING = datetime(2026, 3, 3, 8, 0, 0, tzinfo=UTC)

OUTAGE = timedelta(minutes=11)

LINES = MappingProxyType({"digest": {"indexer": ["stale_after_seconds = 86400"]}})
"""Of the configuration, by scene: the night that is left out is no gap of sight."""


EXPLAINED = frozenset({"alert", "several", "who", "many"})
"""Scenes in which the transfers behind a change are known; their time goes on like any other."""


class SceneClock:
    """A clock that begins at the scene's hour, goes on as any other, and can be put forward."""

    def __init__(self) -> None:
        self._ahead = BEGIN - clock()

    def now(self) -> datetime:
        """Return what time it is in the scene."""
        return clock() + self._ahead

    def put_forward(self, span: timedelta) -> None:
        """Let so much time pass at once."""
        self._ahead += span


Scene = Callable[[Stack, SceneClock], Awaitable[Sequence[Message]]]
"""Lets something happen before a bot, and returns the messages that are on the picture."""

DARK = "-dark"
"""The end of the name of a scene that is drawn as in a dark chat."""

DRAWN = "drawn"
"""The ending of a picture of the bot's own, which its page shows: no two runs draw the same second."""

MOVED_ON_DAYS = (
    (-41, "5200"), (-27, "4100"), (-24.4, "4650.5"), (-20, "2900"), (-19.2, "3300"), (-12.5, "6120.75"),
    (-9, "5400"), (-8.1, "5900"), (-3.3, "4250"), (-2, "3400"),
)  # fmt: skip
"""What the treasury held of USDC on Polygon from so many days before the scene on."""

UNSEEN_DAYS = (-17.5, -14)


async def _watch(stack: Stack, *names: str) -> None:
    for name in names:
        await _ask(stack, f"/watch {ACCOUNTS[name]} as {name}")
        # The first reading follows the answer.
        await stack.hears(" UTC · ")


async def _ask(stack: Stack, text: str) -> Message:
    stack.say(text)
    return await stack.hears(lambda _: True)


def _move(stack: Stack, *moves: str) -> None:
    """Move balances at once, in the words of the sandbox's terminal."""
    for words in moves:
        move = read_command(f"move {words}")
        assert isinstance(move, MoveBalance)
        apply_move(move, stack.world)


def _last(stack: Stack, count: int) -> Sequence[Message]:
    return stack.telegram.messages(stack.chat)[-count:]


async def _first_reading(stack: Stack, _: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury")
    return _last(stack, 3)


async def _name(stack: Stack, *names: str) -> None:
    for name in names:
        await _ask(stack, f"/name {ACCOUNTS.get(name) or PEOPLE[name]} {name}")


async def _alert(stack: Stack, _: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury")
    await _name(stack, "Payroll")
    _move(stack, "-1250 usdc on polygon to payroll")
    return [await stack.hears("USDC")]


async def _several(stack: Stack, _: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury")
    await _name(stack, "Payroll", "Exchange")
    _move(stack, "-1250 usdc on polygon to payroll", "0.42 pol from exchange", "500 degen on base")
    return [await stack.hears("USDC")]


async def _who(stack: Stack, _: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury", "Vault")
    await _name(stack, "Payroll", "Landlord")
    forged = look_alike(PEOPLE["Landlord"])
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNTS["Treasury"], -900 * 10**6, counterparty=forged)
    _move(stack, "-0.5 eth on base to vault")
    return [await stack.hears("USDC")]


async def _many(stack: Stack, _: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury")
    _move(stack, "-1250 usdc on polygon", "0.42 pol", "-0.05 eth on ethereum", "-221.887067 usdc on ethereum")
    _move(stack, "500 degen on base", "-300 clay", "120 corn", "-40 gems", "1000 gold", "-7 iron", "60 salt")
    return [await stack.hears("USDC")]


async def _outage(stack: Stack, time: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury")
    stack.gateway.faults.add(FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON))
    await stack.asked(2)
    time.put_forward(OUTAGE)
    blind = await stack.hears("I can't read")
    time.put_forward(OUTAGE)
    _move(stack, "-1250 usdc on polygon")
    stack.gateway.faults.heal()
    await stack.hears("✅")
    return [blind, *_last(stack, 1)]


async def _balance(stack: Stack, _: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Vault")
    await _ask(stack, "/balance Vault")
    return _last(stack, 2)


async def _list(stack: Stack, _: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury", "Vault", "Payroll", "Games")
    await _ask(stack, "/list")
    return _last(stack, 2)


async def _digest(stack: Stack, time: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury", "Vault")
    await _ask(stack, "/only min $100")
    await _ask(stack, "/digest daily 8:00")
    _move(stack, "-1250 usdc on polygon", "0.42 pol", "-21.887067 usdc on ethereum", "500 degen on base")
    _move(stack, "-0.05 eth on ethereum", "1.5 eth on ethereum of vault", "250 clay")
    await stack.hears("USDC")
    time.put_forward(MORNING - time.now())
    # A mute lets the bot look at once at what is due, as it would by itself within a minute.
    await _ask(stack, "/mute 1h Vault")
    return [await stack.hears("Daily digest")]


async def _chart(stack: Stack, time: SceneClock) -> Sequence[Message]:
    await _watch(stack, "Treasury")
    _write_past(stack.directory / "data" / "bot.sqlite3", time.now())
    await _ask(stack, "/chart Treasury USDC on polygon")
    return _last(stack, 2)


def _write_past(database: Path, now: datetime) -> None:
    """Let the bot have seen and told what happened before the scene."""

    def moment(days: float) -> int:
        return to_milliseconds(now + timedelta(days=days))

    with closing(sqlite3.connect(database, timeout=HANG_SECONDS)) as db, db:
        (asset_id,) = db.execute(
            "SELECT id FROM asset WHERE chain_id = ? AND symbol = 'USDC'", [POLYGON]
        ).fetchone()
        (account_id,) = db.execute("SELECT account_id FROM balance WHERE asset_id = ?", [asset_id]).fetchone()
        db.execute("UPDATE subscription SET created_at = ?", [moment(-50)])
        db.execute(
            "INSERT INTO gap (account_id, chain_id, since, until) VALUES (0, ?, ?, ?)",
            [POLYGON, *map(moment, UNSEEN_DAYS)],
        )
        db.executemany(
            "INSERT INTO change (account_id, asset_id, kind, before, after, previous_at, observed_at, sweep)"
            " VALUES (?, ?, 'moved', ?, ?, ?, ?, 0)",
            [
                (account_id, asset_id, _raw(before), _raw(after), moment(days - 0.001), moment(days))
                for (_, before), (days, after) in pairwise(MOVED_ON_DAYS)
            ],
        )


def _raw(usdc: str) -> str:
    return str(int(Decimal(usdc) * 10**6))


SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "first-reading": _first_reading,
        "alert": _alert,
        "several": _several,
        "who": _who,
        "many": _many,
        "outage": _outage,
        "balance": _balance,
        "list": _list,
        "digest": _digest,
        "chart": _chart,
        "chart-dark": _chart,
    }
)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scene."""

    page: str
    drawn: bytes | None
    """The picture that the bot sent; None: it sent none."""


async def play(name: str, directory: Path) -> Played:
    """Return the page of a scene, as it goes with the bot of today."""
    async with open_stack(directory, scenario_world(), **GROUPED, **LINES.get(name, {})) as stack:
        if name in EXPLAINED:
            stack.lists_transfers()
        time = SceneClock()
        stack.start(now=time.now)
        messages = await SCENES[name](stack, time)
        drawn = [one.document.content for one in messages if one.document and one.document.pixels]
        return Played(page(messages, name), drawn[0] if drawn else None)


# ---------------------------------------------------------------- drawing


def page(messages: Sequence[Message], name: str) -> str:
    """Return a page that shows messages as a phone does; seconds are made alike."""
    theme = '<html class="dark">\n' if name.endswith(DARK) else ""
    return _PAGE.format(theme=theme, messages="\n".join(_message(one, name) for one in messages))


_PAGE = """<!doctype html>
{theme}<meta charset="utf-8">
<title>Balance Bot</title>
<link rel="stylesheet" href="phone.css">
<header><i>‹</i><b>T</b><p>Treasury Watch<small>bot</small></p><i>⋮</i></header>
{messages}
"""

_VARYING = (
    (re.compile(r"\b(\d\d:\d\d):\d\d UTC"), r"\1:22 UTC"),
    (re.compile(r"\b\d+ s ago"), "2 s ago"),
    (re.compile(r"\b\d+ s old"), "2 s old"),
)
_AFTER_A_QUOTE = (re.compile("</blockquote>\n+"), "</blockquote>")
"""A quotation is a block of its own: what follows begins a line without a break."""

_SHOWN_AT = re.compile(r"\b(\d\d:\d\d):\d\d UTC")


def _message(message: Message, name: str) -> str:
    body = message.html if message.from_bot else html.escape(message.text)
    for pattern, instead in (*_VARYING, _AFTER_A_QUOTE):
        body = pattern.sub(instead, body)
    moments = _SHOWN_AT.findall(body)
    keys = "".join(
        f'<div class="keys">{"".join(f"<span>{html.escape(key.text)}</span>" for key in row)}</div>'
        for row in message.buttons
    )
    side = "message" if message.from_bot else "message mine"
    at = moments[-1] if moments else f"{BEGIN:%H:%M}"
    if message.document is not None:
        body = f'<img src="{name}.{DRAWN}" alt="">{body}'
    return f'<div class="{side}"><div class="bubble">{body}<span class="time">{at}</span></div>{keys}</div>'


def digest(name: str) -> str:
    """Return what a picture is made of, in few letters."""
    return hashlib.sha256((HERE / f"{name}.html").read_bytes() + STYLE.read_bytes()).hexdigest()


def digest_in(picture: bytes) -> str | None:
    """Return the digest that a PNG carries."""
    found = re.search(rb"tEXtMade of\x00([0-9a-f]{64})", picture)
    return found[1].decode() if found else None


def _draw(name: str, chromium: str) -> None:
    """Write the PNG of a page: as high as the page is."""
    source, target = (HERE / f"{name}.html").as_uri(), HERE / f"{name}.png"
    common = [
        chromium,
        "--headless=new",
        "--no-sandbox",
        "--hide-scrollbars",
        "--disable-gpu",
        "--force-device-scale-factor=2",
    ]
    with tempfile.TemporaryDirectory() as directory:
        measured = Path(directory, "measured.html")
        measured.write_text(
            re.sub('(href|src)="', rf'\1="{HERE.as_uri()}/', (HERE / f"{name}.html").read_text())
            + "<script>document.title = document.body.scrollHeight</script>"
        )
        dumped = subprocess.run(
            [*common, "--dump-dom", f"--window-size={WIDTH},200", measured.as_uri()],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        found = re.search(r"<title>(\d+)</title>", dumped)
        assert found is not None, "Chromium has not measured the page"
        size = f"--window-size={WIDTH},{found[1]}"
        subprocess.run([*common, size, f"--screenshot={target}", source], check=True, capture_output=True)
    target.write_bytes(_with_digest(target.read_bytes(), digest(name)))


def _with_digest(picture: bytes, made_of: str) -> bytes:
    """Return a PNG with one more chunk of text, before its last one."""
    chunk = b"tEXt" + b"Made of\0" + made_of.encode()
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    end = picture.rindex(b"IEND") - 4
    return picture[:end] + whole + picture[end:]


def _main(names: Sequence[str]) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        sys.exit("Pictures are drawn by Chromium: install it (apt-get install chromium) and try again.")
    for name in names or SCENES:
        with tempfile.TemporaryDirectory() as directory:
            played = asyncio.run(play(name, Path(directory)))
        (HERE / f"{name}.html").write_text(played.page)
        drawn = HERE / f"{name}.{DRAWN}"
        if played.drawn is not None:
            drawn.write_bytes(played.drawn)
        _draw(name, chromium)
        drawn.unlink(missing_ok=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
