"""Logs: one event a line, and no secret in any of them, whatever the level.

Libraries say more than they should: httpx logs each address it asks, and
Telegram's hold the token (telegram.md 4.4). So two loggers are kept quiet, and
what is left passes a filter that knows the secrets themselves.
"""

import logging
import re
import sys
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

import structlog

TOKEN_FORM = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
REDACTED = "[redacted]"
_PERCENT = re.compile(r"%[0-9A-F]{2}")
TOO_TALKATIVE = ("httpx", "httpcore", "telegram", "apscheduler", "aiohttp.access")


class Secrets:
    """What must never be shown, in every spelling that it may come along in."""

    def __init__(self, given: Iterable[str]) -> None:
        whole = {secret for secret in given if secret}
        halves = {secret.partition(":")[2] for secret in whole if TOKEN_FORM.fullmatch(secret)}
        spellings = {spelling for secret in whole | halves for spelling in _spellings(secret)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join([*map(_in_either_case, longest_first), TOKEN_FORM.pattern]))

    def blank(self, line: str) -> str:
        """Return a line without them, and without whatever looks like a token."""
        return self._known.sub(REDACTED, line)


class Redacting(logging.Formatter):
    """Wraps a formatter and blanks secrets in what it made, tracebacks included.

    A record that can't be formatted is only named: the library would print its arguments as they are.
    """

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = Secrets(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its secrets."""
        try:
            line = self._inner.format(record)
        except Exception as error:  # noqa: BLE001 - whatever it is, a log line is no reason to stumble
            line = f"a line of {record.name} could not be formatted ({type(error).__name__})"
        return self._secrets.blank(line)


def set_up_logs(level: str, line_format: str, secrets: Iterable[str]) -> None:
    """Send every log of the program to standard error, as `text` or `json` lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if line_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default shows the locals, folded, as soon as rich happens to be installed.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow={"action"}), _named],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if line_format == "json" else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting(formatter, secrets))
    root = logging.getLogger()
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


def _spellings(secret: str) -> set[str]:
    """Return a secret as it is, and as it stands in addresses and on pages."""
    in_urls = {quote(secret, safe=safe) for safe in ("", "/", "/:+=")}
    return {secret, escape(secret), *in_urls}


def _in_either_case(spelling: str) -> str:
    """Return a pattern that knows the escapes of addresses in small letters too."""
    return _PERCENT.sub(lambda sign: f"(?i:{sign[0]})", re.escape(spelling))


def _named(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Give lines of libraries an action too, so that every line has one."""
    event.setdefault("action", "library")
    return event
