"""Read the configuration: file and environment make one `Settings`, or every mistake is listed at once.

A mistake names its key and never shows what stands there: it may be a secret in the wrong place.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.domain.secrets import Secrets, secret_words
from bot.settings.sections import PREFIX, Settings
from bot.settings.stray_secrets import stray_secrets

_PLAUSIBLE = re.compile(r"_?[a-z]{1,15}(?:_[a-z]{1,15}){0,5}", re.IGNORECASE)
"""Looks like the name of a key; anything else isn't shown, as it may be a secret that slipped there."""

_TOML_PLACE = re.compile(
    r"(?P<what>.*) \((?P<where>at (?:line \d+, column \d+|end of document))\)", re.DOTALL
)
_TOML_WORDS = re.compile(r"""(?:[A-Za-z/-]+|'[^\w']{1,2}'|"[^\w"]{1,2}"| )+""")
"""A complaint of the library that quotes nothing of the file but punctuation, so that it can be shown."""


class SettingsRefused(Exception):
    """The configuration has mistakes; each names its key and says what to do."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def load_settings(path: Path) -> Settings:
    """Return the configuration of file and environment; raises SettingsRefused with every mistake."""
    content = _read(path)
    stray = stray_secrets(content, os.environ)
    mistakes = [_unknown_section(name) for name in content if name not in Settings.model_fields]
    mistakes += _unknown_variables(os.environ)
    try:
        # Sections only: the library takes other arguments too, and obeys them.
        settings = Settings(**{section: content.get(section, {}) for section in Settings.model_fields})
    except ValidationError as error:
        # Without the input, which may be a secret.
        mistakes += [_mistake(detail) for detail in error.errors(include_input=False, include_url=False)]
    except Exception as error:  # noqa: BLE001 - whatever the library makes of it could quote the content
        mistakes.append(f"the configuration can't be read ({type(error).__name__})")
    else:
        if not mistakes:
            settings._stray_secrets = stray  # noqa: SLF001 - a field of the file would have no place for it
            return settings
    # A key's name is in the message and may itself be a secret in the wrong place.
    blank = Secrets(stray).blank
    raise SettingsRefused(tuple(blank(mistake) for mistake in mistakes))


def _read(path: Path) -> dict[str, Any]:
    shown = Secrets(secret_words(str(path))).blank(str(path))
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsRefused((f"{shown} can't be read: {error.strerror}",)) from None
    except (ValueError, RecursionError) as error:
        raise SettingsRefused((f"{shown} is not valid TOML: {_without_quotes(str(error))}",)) from None


def _without_quotes(complaint: str) -> str:
    """Return the library's complaint about a file, reduced to what can't quote a secret from it."""
    said = _TOML_PLACE.fullmatch(complaint)
    if said is None:
        return "it can't be read as TOML"
    what = (
        said["what"] if _TOML_WORDS.fullmatch(said["what"]) else "a name that stands there twice, or the like"
    )
    return f"{what} ({said['where']})"


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a mistake for each variable whose section does not exist; sections check their own keys."""
    sections = {f"{PREFIX}{section}__".upper() for section in Settings.model_fields}
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and not name.upper().startswith(tuple(sections)):
            parts = [part for part in name[len(PREFIX) :].split("__") if part]
            shown = name if all(map(_PLAUSIBLE.fullmatch, parts)) else f"a variable that begins with {PREFIX}"
            yield f"{shown}: no such section; names are {PREFIX}<SECTION>__<KEY>"


def _unknown_section(name: str) -> str:
    if _PLAUSIBLE.fullmatch(name):
        return f"{name}: no such section"
    known = ", ".join(Settings.model_fields)
    return f"an unknown section (not shown, in case its name is a secret): there are {known}"


def _mistake(detail: ErrorDetails) -> str:
    """Return one complaint of the library as an operator reads it: the key, then what is wrong."""
    steps = [str(step) for step in detail["loc"]]
    if detail["type"] != "extra_forbidden":
        # Where a section is no table the library names our class for it, whose suffix tells a reader nothing.
        said = detail["msg"].removeprefix("Value error, ").removesuffix("Section")
        return f"{'.'.join(steps)}: {said}"
    if _PLAUSIBLE.fullmatch(steps[-1]):
        return f"{'.'.join(steps)}: no such key"
    return f"{'.'.join(steps[:-1])}: has an unknown key (not shown, in case it is a secret)"
