"""Finds what looks like a secret, and blanks known secrets in lines of text."""

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

TOKEN_FORM = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
"""The form of a Telegram bot token."""

REDACTED = "[redacted]"

BLANKED_ANYWHERE = 8
"""A secret of at least this many characters is blanked anywhere, inside longer words too."""

BLANKED_AS_A_WORD = 4
"""A secret of at least this many characters is blanked as a word of its own.

A shorter one is not blanked: it would occur by chance and spoil ordinary lines.
"""

ODD_CHARACTERS = 10
"""A run with at least this many characters outside of words and short numbers looks like a secret."""

_RUN = re.compile(r"[A-Za-z0-9_+=~-]{16,}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}", re.IGNORECASE)
_STAMP = r"\d{8}T\d{6}Z"
_NAMED = re.compile(rf"(?:[A-Z]?[a-z]{{1,20}}(?:[A-Z][a-z]{{2,20}})*|[A-Z]{{1,20}})?\d{{0,8}}|{_STAMP}")
"""A part of a name as people choose them: words in camel case and a short number, or a time stamp."""

_BETWEEN_PARTS = re.compile(r"[_-]")


def secret_words(text: str) -> frozenset[str]:
    """Return the parts of a text that look like a token or a key: long, and not made of words.

    Addresses of accounts and contracts are not secrets and do not count.
    """
    runs = (run for run in _RUN.findall(text) if not _ADDRESS.fullmatch(run))
    return frozenset(TOKEN_FORM.findall(text)) | {run for run in runs if not _is_a_name(run)}


class Secrets:
    """Blanks known secrets in text, in every spelling they may appear in: plain, in URLs, in HTML."""

    def __init__(self, given: Iterable[str]) -> None:
        whole = {secret for secret in given if secret}
        # The part behind the colon is the secret half of a token, and libraries log it alone.
        halves = {secret.partition(":")[2] for secret in whole if TOKEN_FORM.fullmatch(secret)}
        spellings = {spelling for secret in whole | halves for spelling in _spellings(secret)}
        # A pattern takes the first alternative that fits, so a secret that begins another comes later.
        longest_first = sorted(
            (spelling for spelling in spellings if len(spelling) >= BLANKED_AS_A_WORD), key=len, reverse=True
        )
        self._known = re.compile("|".join([*map(_where, longest_first), TOKEN_FORM.pattern]), re.IGNORECASE)

    def blank(self, line: str, by: str = REDACTED) -> str:
        """Return a line with the known secrets, in any casing, and all bot tokens replaced."""
        return self._known.sub(lambda _: by, line)


def _is_a_name(run: str) -> bool:
    odd = (part for part in _BETWEEN_PARTS.split(run) if not _NAMED.fullmatch(part))
    return sum(map(len, odd)) < ODD_CHARACTERS


def _spellings(secret: str) -> set[str]:
    """Return a secret as it is, as HTML, and as parts of URLs spell it."""
    in_urls = {quote(secret, safe=safe) for safe in ("", "/", "/:+=")}
    return {secret, escape(secret), *in_urls}


def _where(spelling: str) -> str:
    """Return a pattern that matches a secret where it is to be blanked."""
    pattern = re.escape(spelling)
    return pattern if len(spelling) >= BLANKED_ANYWHERE else rf"(?<!\w){pattern}(?!\w)"
