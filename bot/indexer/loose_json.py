"""Reads JSON of any shape without ever raising."""

import json
import re
from collections import Counter
from typing import TypeVar

from msgspec import Raw
from msgspec.json import Decoder

Value = TypeVar("Value")

_ANYTHING = Decoder(dict[str, object])
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair, as it should be
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\.",
    re.DOTALL,
)


def try_decode(decoder: Decoder[Value], body: bytes | Raw) -> Value | None:
    """Return what the decoder makes of these bytes, None where it cannot.

    The msgspec errors and UnicodeDecodeError are kinds of ValueError; deep nesting is a RecursionError.
    """
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError):
        return None


def decode_object(body: bytes | Raw) -> dict[str, object]:
    """Return the fields of a JSON object, none where it is anything else."""
    return try_decode(_ANYTHING, body) or {}


def mend_surrogates(body: bytes) -> bytes:
    """Return JSON with each half of a character pair that stands alone replaced.

    A lone half is sound JSON, but no text, and would cost the whole reply.
    """
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape["lone"] else escape[0], body)


def repeated_keys(raw: Raw | bytes) -> frozenset[str]:
    """Return the keys that stand twice in an object; of what can't be read, the key of the account.

    msgspec keeps the last of equal keys without a word, so this is read by the standard library.
    """
    try:
        keys = json.loads(bytes(raw), object_pairs_hook=_keys_in, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return frozenset({"accountAddress"})
    counted = Counter(keys if isinstance(keys, _Keys) else ())
    return frozenset(key for key, times in counted.items() if times > 1)


class _Keys(list[str]):
    """The keys of an object, in order."""


def _keys_in(pairs: list[tuple[str, object]]) -> _Keys:
    return _Keys(key for key, _ in pairs)
