"""Find what looks like a secret in the configuration, wherever it stands, so that no output shows it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.domain.secrets import secret_words
from bot.settings.sections import PLACEHOLDERS, PREFIX, is_a_path
from bot.settings.server_url import passwords_in

_SECRET_KEYS = {("telegram", "token"), ("indexer", "access_key"), ("web", "heartbeat_url")}
_PATH_KEYS = {
    ("telegram", "token_file"),
    ("indexer", "access_key_file"),
    ("store", "path"),
    ("store", "url_file"),
    ("store", "backup_dir"),
}
_URL_KEYS = {("telegram", "api_url"), ("indexer", "url")}


def stray_secrets(content: Mapping[str, Any], environment: Mapping[str, str]) -> frozenset[str]:
    """Return every text of file and environment that could be a secret, by its key or by its looks.

    Not only the secrets' own keys count: people paste a token into `token_file`, or a password into a URL.
    """
    found: set[str] = set()
    for steps, text in [*_texts(content), *_variables(environment)]:
        found |= secret_words(text) | set(passwords_in(text))
        key = steps[:2]
        if key in _SECRET_KEYS or (key in _PATH_KEYS and text and not (is_a_path(text) or _is_a_name(text))):
            found.add(text)
        if key in _URL_KEYS:
            found |= set(_credentials(text))
    # Placeholders are no secrets: blanking them would hide what a message is about.
    return frozenset(found - {"", *PLACEHOLDERS.values()})


def _texts(value: object, steps: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the keys that lead to each text of the file, and the text; names of keys are texts too."""
    match value:
        case str():
            yield steps, value
        case dict():
            for name, one in value.items():
                yield steps, name
                yield from _texts(one, (*steps, name))
        case list():
            for one in value:
                yield from _texts(one, steps)


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the same of the environment variables that are ours."""
    for name, value in environment.items():
        if name.upper().startswith(PREFIX):
            rest = name[len(PREFIX) :]
            yield (), rest
            yield tuple(rest.lower().split("__")), value


def _is_a_name(text: str) -> bool:
    """Say whether it is a plain file name, such as `data` or `bot.sqlite3`; a key or token never is."""
    return all(map(re.compile(r"[a-z]{1,15}\d?").fullmatch, re.split(r"[._-]", text)))


def _credentials(url: str) -> Iterator[str]:
    """Yield user and password of a URL, together and apart."""
    user, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    if at:
        yield from filter(None, (user, *user.split(":", 1)))
