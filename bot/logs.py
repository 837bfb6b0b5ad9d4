"""Logs: one event a line on standard error, and no secret in any of them, whatever the level.

Libraries say more than they should: Telegram's logs each request with all that it carries. So talkative
loggers are kept at WARNING, and every line passes a formatter that knows the secrets and blanks them.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from bot.domain.secrets import Secrets
from bot.store.database.errors import DatabaseUnavailable

LINES_A_MINUTE = 60
LINES_OF_A_LIBRARY_A_MINUTE = 5
MINUTE_SECONDS = 60.0
KINDS_REMEMBERED = 1000

TOO_TALKATIVE = ("telegram", "apscheduler", "aiohttp.access")


class RepeatFilter(logging.Filter):
    """Drops warnings and errors that repeat too often, so that no failure fills the disk.

    Of each kind `LINES_A_MINUTE` are written, of a library's fewer; the first line of the next minute says
    how many were left out.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._counts: dict[tuple[str, str], _Count] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the line is written, and count it."""
        if record.levelno < logging.WARNING:
            return True
        is_ours = isinstance(record.msg, dict)
        what = str(record.msg.get("event") if isinstance(record.msg, dict) else record.msg).partition("\n")[0]
        now, key = self._monotonic(), (record.name, what)
        count = self._counts.get(key)
        if count is None or now - count.since >= MINUTE_SECONDS:
            record.left_out = count.left_out if count is not None else 0
            # Texts with numbers never repeat, so only `KINDS_REMEMBERED` are kept.
            while len(self._counts) >= KINDS_REMEMBERED:
                self._counts.pop(next(iter(self._counts)))
            count = self._counts[key] = _Count(now)
        count.lines += 1
        is_written = count.lines <= (LINES_A_MINUTE if is_ours else LINES_OF_A_LIBRARY_A_MINUTE)
        count.left_out += not is_written
        return is_written


@dataclass(slots=True)
class _Count:
    since: float
    lines: int = 0
    left_out: int = 0


class RedactingFormatter(logging.Formatter):
    """Wraps a formatter and blanks secrets in its lines, tracebacks included.

    A record that can't be formatted is replaced by a line that only names its logger: the logging library
    would print the raw arguments.
    """

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = Secrets(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its secrets."""
        try:
            line = self._inner.format(record)
        except Exception as error:  # noqa: BLE001 - a formatter must not raise
            line = f"a line of {record.name} could not be formatted ({type(error).__name__})"
        return self._blank(line)

    def _blank(self, line: str) -> str:
        blanked = self._secrets.blank(line)
        if blanked == line:
            return line
        try:
            event = json.loads(line)
        except ValueError:
            return blanked
        # Value by value: what was blanked in the text may have cut into quotes or escapes.
        return json.dumps(_blank_within(event, self._secrets))


def set_up_logs(level: str, line_format: str, secrets: Iterable[str]) -> None:
    """Send the logs of the program and its libraries to standard error, as `text` or `json` lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _in_words,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if line_format == "json"
        else structlog.dev.ConsoleRenderer(
            # Escape codes in a file or journal would only be noise.
            colors=sys.stderr.isatty(),
            # The default shows the locals, folded, as soon as rich happens to be installed.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow={"action"}), _named],
        processors=[
            _counted,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if line_format == "json" else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RepeatFilter())
    handler.setFormatter(RedactingFormatter(formatter, secrets))
    root = logging.getLogger()
    # Any handler that was set up before would print lines without blanking.
    root.handlers = [handler]
    root.setLevel(level)
    for name in TOO_TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )


def _blank_within(value: Any, secrets: Secrets) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return a JSON value without secrets; blanking the line as text could leave broken JSON."""
    match value:
        case dict():
            return {secrets.blank(key): _blank_within(one, secrets) for key, one in value.items()}
        case list():
            return [_blank_within(one, secrets) for one in value]
        case None | bool():
            return value
        case _:
            blanked = secrets.blank(str(value))
            return value if blanked == str(value) else blanked


def _in_words(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace the traceback of a full disk or a locked database by one sentence."""
    error = event.get("exc_info")
    error = sys.exc_info()[1] if error is True else error
    if isinstance(error, DatabaseUnavailable):
        del event["exc_info"]
        event["trouble"] = str(error)
    return event


def _counted(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add how many lines like this one were left out before it."""
    if left_out := getattr(event["_record"], "left_out", 0):
        event["left_out"] = left_out
    return event


def _named(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Give lines of libraries an `action` too, so that every line can be filtered by one."""
    event.setdefault("action", "library")
    return event
