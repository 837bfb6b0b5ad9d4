"""Logs: one event a line in both formats, and no secret in any, whoever writes it."""

import ast
import html
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, quote_plus

import pytest
import structlog

from bot.chat.telegram.connection import build_bot, introduce
from bot.domain.secrets import REDACTED
from bot.indexer.client import IndexerClient
from bot.indexer.errors import IndexerError
from bot.logs import (
    LINES_A_MINUTE,
    LINES_OF_A_LIBRARY_A_MINUTE,
    MINUTE_SECONDS,
    TOO_TALKATIVE,
    RepeatFilter,
    set_up_logs,
)
from tests.config_files import KEY, TOKEN, logs_restored

OTHER_TOKEN = "987654321:BBG-another-token-nobody-configured"
"""Known by its form alone."""

ROOT = Path(__file__).parent.parent

ODD_KEY = "key/with+signs=="


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    with logs_restored():
        yield


@pytest.fixture(params=["text", "json"])
def lines(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> "Lines":
    return Lines(str(request.param), capsys)


class Lines:
    """What reaches standard error in one of the formats, at the level that says most."""

    def __init__(self, line_format: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._line_format = line_format
        self._capsys = capsys

    def begin(self) -> None:
        set_up_logs("DEBUG", self._line_format, [TOKEN, KEY, ODD_KEY])

    def read(self) -> str:
        """Return it all, having seen that no secret is in it, whole or in part."""
        captured = self._capsys.readouterr()
        assert captured.out == ""
        for secret in (TOKEN, KEY, OTHER_TOKEN, ODD_KEY):
            for part in (secret, quote(secret, safe=""), secret.partition(":")[2][:20] or secret):
                assert part not in captured.err
        return captured.err


# ---------------------------------------------------------------- formats


def test_a_text_line_says_when_how_grave_who_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "text", [])

    structlog.get_logger("bot.poller").info("sweep finished", action="sweep_finished", sweep=7)

    (line,) = capsys.readouterr().err.splitlines()
    for word in ("T", "Z", "info", "sweep finished", "bot.poller", "action=sweep_finished", "sweep=7"):
        assert word in line


def test_a_json_line_is_one_object_of_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "json", [])

    structlog.get_logger("bot.poller").info("sweep finished", action="sweep_finished", sweep=7)
    logging.getLogger("asyncio").warning("took %s s", 5)

    ours, foreign = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "sweep finished",
        "action": "sweep_finished",
        "sweep": 7,
        "level": "info",
        "logger": "bot.poller",
    }
    assert (foreign["event"], foreign["level"], foreign["logger"]) == ("took 5 s", "warning", "asyncio")


def test_a_json_line_stays_one_line_with_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "json", [])

    try:
        _stumble("over a stone")
    except RuntimeError:
        structlog.get_logger("bot.poller").exception("sweep failed")
        logging.getLogger("asyncio").exception("task failed")

    for line in capsys.readouterr().err.splitlines():
        assert "RuntimeError: over a stone" in json.loads(line)["exception"]


def test_what_is_below_the_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("WARNING", "text", [])

    for logger in (structlog.get_logger("bot.poller"), logging.getLogger("asyncio")):
        logger.info("a detail")
        logger.warning("a warning")

    written = capsys.readouterr().err
    assert "a detail" not in written
    assert written.count("a warning") == 2


def test_lines_are_written_once_however_often_logs_are_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "json", [])
    set_up_logs("INFO", "text", [])

    logging.getLogger("asyncio").warning("once")

    assert capsys.readouterr().err.count("once") == 1


@pytest.mark.parametrize("name", [*TOO_TALKATIVE, "telegram.Bot", "aiohttp.access.log"])
def test_talkative_libraries_are_heard_from_warnings_on(lines: Lines, name: str) -> None:
    lines.begin()

    logging.getLogger(name).info("asked https://api.telegram.org/bot%s/getMe", TOKEN)
    logging.getLogger(name).warning("slow")

    written = lines.read()
    assert "asked" not in written
    assert "slow" in written


# ---------------------------------------------------------------- lines that keep coming


class Minutes:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def written(
    filtering: RepeatFilter, name: str, msg: object, level: int = logging.ERROR
) -> logging.LogRecord | None:
    record = logging.LogRecord(name, level, "", 0, msg, (), None)
    return record if filtering.filter(record) else None


@pytest.mark.parametrize(
    ("msg", "most"),
    [("accept() failed", LINES_OF_A_LIBRARY_A_MINUTE), ({"event": "sweep failed"}, LINES_A_MINUTE)],
)
def test_a_failure_that_keeps_coming_is_written_so_often_a_minute_and_counted(msg: object, most: int) -> None:
    minutes = Minutes()
    filtering = RepeatFilter(minutes.monotonic)

    assert sum(written(filtering, "some", msg) is not None for _ in range(most + 7)) == most
    assert written(filtering, "other", msg) is not None
    assert written(filtering, "some", "something else") is not None

    minutes.now += MINUTE_SECONDS
    later = written(filtering, "some", msg)
    assert later is not None
    assert vars(later)["left_out"] == 7


def test_what_is_no_failure_is_always_written() -> None:
    filtering = RepeatFilter()

    assert all(written(filtering, "some", "delivered", logging.INFO) for _ in range(1000))


@pytest.mark.parametrize("line_format", ["text", "json"])
def test_a_line_says_how_many_were_left_out(
    line_format: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.logs.MINUTE_SECONDS", 0.0)
    monkeypatch.setattr("bot.logs.LINES_A_MINUTE", 0)
    set_up_logs("INFO", line_format, [])
    log = structlog.get_logger("bot.test")
    log.warning("first", action="failed")
    monkeypatch.setattr("bot.logs.LINES_A_MINUTE", 1)

    log.warning("first", action="failed")

    (line,) = capsys.readouterr().err.splitlines()
    assert '"left_out": 1' in line or "left_out=1" in line


# ---------------------------------------------------------------- secrets


def _stumble(over: str) -> NoReturn:
    locally_known = f"{over} {OTHER_TOKEN}"
    assert locally_known
    raise RuntimeError(over)


def test_secrets_in_lines_of_libraries_are_blanked(lines: Lines) -> None:
    lines.begin()

    logger = logging.getLogger("some.package")
    logger.debug("HTTP Request: POST https://api.telegram.org/bot%s/sendMessage", TOKEN)
    logger.warning("url %s", f"https://api.telegram.org/bot{OTHER_TOKEN}/getMe")
    logger.error("headers %r", {"X-Access-Key": KEY})
    logger.error("https://gateway/?key=%s or %s", quote(ODD_KEY, safe=""), ODD_KEY)

    assert lines.read().count(REDACTED) == 5


def test_secrets_in_values_of_events_are_blanked(lines: Lines) -> None:
    lines.begin()

    log = structlog.get_logger("bot.test")
    log.debug("configured", token=TOKEN, headers={"X-Access-Key": KEY, "also": [OTHER_TOKEN]})
    event = f"the token is {TOKEN}"
    log.info(event, raw=TOKEN.encode(), error=RuntimeError(KEY))
    log.bind(key=ODD_KEY).warning("bound")

    assert lines.read().count(REDACTED) == 7


def test_secrets_in_tracebacks_are_blanked_and_locals_not_shown(lines: Lines) -> None:
    lines.begin()

    try:
        try:
            _stumble(f"the token {TOKEN} was rejected")
        except RuntimeError as error:
            raise ValueError(KEY) from error
    except ValueError as error:
        structlog.get_logger("bot.test").exception("failed")
        structlog.get_logger("bot.test").error("failed", exc_info=error)
        logging.getLogger("some.package").exception("failed")

    written = lines.read()
    assert written.count("RuntimeError") >= 3
    assert written.count(REDACTED) == 6


def test_a_line_that_cannot_be_formatted_is_named_without_its_arguments(lines: Lines) -> None:
    lines.begin()

    logging.getLogger("some.package").error("%d of them", TOKEN)
    structlog.get_logger("bot.test").error("unspeakable", value=_Unspeakable())

    written = lines.read()
    assert "a line of some.package could not be formatted (TypeError)" in written
    assert "a line of bot.test could not be formatted (RuntimeError)" in written


@pytest.mark.parametrize(
    "spelling",
    [
        lambda secret: quote(secret, safe=""),
        quote,
        quote_plus,
        lambda secret: (
            quote(secret, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3A", "%3a")
        ),
        html.escape,
        json.dumps,
        repr,
    ],
)
@pytest.mark.parametrize("secret", [TOKEN, KEY, ODD_KEY])
def test_a_secret_is_known_in_every_spelling(
    lines: Lines, spelling: Callable[[str], str], secret: str
) -> None:
    lines.begin()

    logging.getLogger("some.package").warning("https://host/%s?and=more", spelling(secret))

    assert REDACTED in lines.read()


def test_half_a_token_is_as_good_as_a_whole_one(lines: Lines) -> None:
    lines.begin()

    logging.getLogger("some.package").warning("secret part %s", TOKEN.partition(":")[2])

    assert f"secret part {REDACTED}" in lines.read()


async def test_the_libraries_that_carry_secrets_say_nothing_of_them(
    lines: Lines, unused_tcp_port: int
) -> None:
    lines.begin()
    nowhere = f"http://127.0.0.1:{unused_tcp_port}"
    bot = build_bot(TOKEN, nowhere)

    assert not await introduce(bot)
    async with IndexerClient(
        f"{nowhere}/{KEY}/rpc?key={quote(ODD_KEY, safe='')}", KEY, timeout_seconds=2
    ) as source:
        with pytest.raises(IndexerError) as error:
            await source.ping()
    structlog.get_logger("bot.test").error("failed", exc_info=error.value)
    logging.getLogger("some.package").error("failed", exc_info=error.value)
    await bot.shutdown()

    assert "failed" in lines.read()


# ---------------------------------------------------------------- actions


def test_lines_of_libraries_have_an_action_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "json", [])

    logging.getLogger("asyncio").warning("slow")
    logging.getLogger("bot").critical("ended", extra={"action": "crashed", "other": 1})

    foreign, ours = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (foreign["action"], ours["action"]) == ("library", "crashed")
    assert "other" not in ours


def test_every_line_of_ours_says_in_one_word_what_happened() -> None:
    silent = [
        f"{path.name}:{call.lineno}"
        for path in (ROOT / "bot").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and is_log_call(call) and not has_action(call)
    ]

    assert silent == []


def is_log_call(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in {"debug", "info", "warning", "error", "exception", "critical"}
        and ast.unparse(call.func.value) in {"log", "logger", "self._log"}
    )


def has_action(call: ast.Call) -> bool:
    return any(
        keyword.arg == "action" and isinstance(keyword.value, ast.Constant) for keyword in call.keywords
    )


def test_what_is_no_secret_is_left_as_it_is(lines: Lines) -> None:
    lines.begin()

    logging.getLogger("some.package").warning("at 12:30:45, 137:short and 0x%s", "ab" * 32)

    written = lines.read()
    assert "at 12:30:45, 137:short and 0x" + "ab" * 32 in written
    assert REDACTED not in written


def test_no_secret_is_no_word_to_blank(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "text", ["", TOKEN])

    logging.getLogger("some.package").warning("as it is")

    assert "as it is" in capsys.readouterr().err


class _Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError(TOKEN)
