"""The address of a database server: whether it is one, and what in it is secret.

It is read as libpq reads it (PostgreSQL's manual, "Connection URIs"), but where libpq would take a part of a
password for a host, and say so, it is refused.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

_ESCAPED = r"%(?!00)[0-9A-Fa-f]{2}"
_PASSWORD = rf"(?:[^\s/@%]|{_ESCAPED})*"
_NAME = rf"(?:[^\s/@:?#%&\[\],]|{_ESCAPED})*"
_HOST = rf"(?:(?:[\w.~-]|{_ESCAPED})*|\[[0-9A-Fa-f:.]+(?:%25[\w.-]+)?\])(?::\d{{0,5}})?"
_URL = re.compile(
    r"postgres(?:ql)?://"
    rf"(?:{_NAME}(?::{_PASSWORD})?@)?"
    rf"{_HOST}(?:,{_HOST})*"
    rf"(?:/{_NAME})?"
    rf"(?:\?(?:[a-z_]+=(?:[^\s&%]|{_ESCAPED})*(?:&|$))*)?",
    re.ASCII,
)

_PASSWORDS = re.compile(r"://[^/@:]*:([^@]*)@|[?&\s](?:ssl)?password=([^&\s]*)", re.IGNORECASE)


def check_server_url(url: str) -> None:
    """Raise ValueError for what is no address of a PostgreSQL server; nothing of it is in the text."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError(
            "must be an address like postgresql://USER:PASSWORD@HOST/DATABASE, "
            'or "" to keep the file store.path'
        )
    if not _URL.fullmatch(url):
        raise ValueError(
            "can't be read as an address: inside of names and passwords, write each of @ : / ? # % & and "
            "blank as % and its two hex digits (@ is %40, / is %2F)"
        )


def passwords_in(text: str) -> Iterator[str]:
    """Yield each password of an address, or of several, as it stands there and as it is meant."""
    for found in _PASSWORDS.findall(text):
        for password in filter(None, found):
            yield password
            yield unquote(password)


def is_an_address(path: str) -> bool:
    """Say whether what should be a path is an address of a server."""
    # A path has one slash where several stood in a row.
    return re.match(r"\w+:/", path) is not None
