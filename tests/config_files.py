"""How an operator configures the bot, for tests: a file in a directory, and what came of it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from bot.logs import TOO_TALKATIVE
from bot.settings.load import SettingsRefused, load_settings
from bot.settings.sections import PREFIX, Settings

TOKEN = "123456789:AAF-a-token-that-opens-nothing-at-all"
KEY = "AQAAAAAAAKeyThatOpensNothing"


def load(directory: Path, text: str) -> Settings:
    return load_settings(written(directory / "config.toml", text))


def mistakes_in(directory: Path, text: str) -> list[str]:
    """Return every mistake, having seen that none of them shows a secret."""
    with pytest.raises(SettingsRefused) as refused:
        load(directory, text)
    for shown in (str(refused.value), repr(refused.value), repr(refused.value.__cause__)):
        assert TOKEN not in shown
        assert TOKEN.partition(":")[2] not in shown
        assert KEY not in shown
    return list(refused.value.mistakes)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def telegram(*lines: str) -> str:
    """Return the least that a configuration needs, with more lines in the same section."""
    return "\n".join(["[telegram]", f'token = "{TOKEN}"', *lines, ""])


def section(name: str, *lines: str) -> str:
    """Return a configuration with one section more."""
    return "\n".join([telegram(), f"[{name}]", *lines])


def keys_of(mistakes: list[str]) -> list[str]:
    return [mistake.partition(":")[0] for mistake in mistakes]


def put(monkeypatch: pytest.MonkeyPatch, section: str, key: str, value: str) -> None:
    """Set the variable of a key."""
    monkeypatch.setenv(f"{PREFIX}{section}__{key}".upper(), value)


def clear_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the variables of whoever runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)


@contextmanager
def logs_restored() -> Iterator[None]:
    """Let logs be set up inside, and leave those of other tests as they were."""
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", *TOO_TALKATIVE)}
    handlers, structured = root.handlers, structlog.get_config()
    try:
        yield
    finally:
        root.handlers = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        structlog.configure(**structured)
