"""Secrets: what looks like one, and lines without them."""

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

TOKEN_FORM = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
"""Of a bot's token at Telegram."""

REDACTED = "[redacted]"

BLANKED_ANYWHERE = 8
"""Characters from which on a secret is blanked wherever it stands, inside a longer word too."""

BLANKED_AS_A_WORD = 4
"""From here on only as a word of its own; what is shorter is everywhere: blanking it would spoil lines."""

ODD_CHARACTERS = 10
"""From here on in parts that nobody chooses, a run of characters looks like a secret."""

_RUN = re.compile(r"[A-Za-z0-9_+=~-]{16,}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}", re.IGNORECASE)
_STAMP = r"\d{8}T\d{6}Z"
_NAMED = re.compile(rf"(?:[A-Z]?[a-z]{{1,20}}(?:[A-Z][a-z]{{2,20}})*|[A-Z]{{1,20}})?\d{{0,8}}|{_STAMP}")
"""A part of a name as people choose them: a word or several in camel case, a short number behind."""

_BETWEEN_PARTS = re.compile(r"[_-]")


def secret_words(text: str) -> frozenset[str]:
    """Return what in a text looks like a token or a key: long, and not made of words and short numbers.

    Addresses of accounts and contracts do not count: they are no secrets.
    """
    runs = (run for run in _RUN.findall(text) if not _ADDRESS.fullmatch(run))
    return frozenset(TOKEN_FORM.findall(text)) | {run for run in runs if not _is_a_name(run)}


class Secrets:
    """What must never be shown, in every spelling that it may come along in."""

    def __init__(self, given: Iterable[str]) -> None:
        whole = {secret for secret in given if secret}
        halves = {secret.partition(":")[2] for secret in whole if TOKEN_FORM.fullmatch(secret)}
        spellings = {spelling for secret in whole | halves for spelling in _spellings(secret)}
        longest_first = sorted(
            (one for one in spellings if len(one) >= BLANKED_AS_A_WORD), key=len, reverse=True
        )
        self._known = re.compile("|".join([*map(_where, longest_first), TOKEN_FORM.pattern]), re.IGNORECASE)

    def blank(self, line: str, by: str = REDACTED) -> str:
        """Return a line without them, in any casing, and without whatever looks like a token."""
        return self._known.sub(lambda _: by, line)


def _is_a_name(run: str) -> bool:
    odd = (part for part in _BETWEEN_PARTS.split(run) if not _NAMED.fullmatch(part))
    return sum(map(len, odd)) < ODD_CHARACTERS


def _spellings(secret: str) -> set[str]:
    """Return a secret as it is, and as it stands in addresses and on pages."""
    in_urls = {quote(secret, safe=safe) for safe in ("", "/", "/:+=")}
    return {secret, escape(secret), *in_urls}


def _where(spelling: str) -> str:
    """Return a pattern of where a secret is blanked."""
    pattern = re.escape(spelling)
    return pattern if len(spelling) >= BLANKED_ANYWHERE else rf"(?<!\w){pattern}(?!\w)"
