"""Notices a wallet's recovery phrase (BIP-39: 12 to 24 words of a fixed list) in what people type.

`bot/recovery_words.txt` is the English list of BIP-39, which nearly all wallets use. It comes from the
package mnemonic under the MIT licence, which stands at its beginning in lines with a "#".
"""

import re
from importlib import resources

WORDS_LEAST = 12
"""The shortest phrase. No sentence has so many in a row: the list has neither “the” nor “and” nor “is”."""

_FILE = resources.files("bot").joinpath("recovery_words.txt").read_text("utf-8")
_LIST = frozenset(line for line in _FILE.splitlines() if line and not line.startswith("#"))
_WORD = re.compile(r"[^\W\d_]+")


def holds_recovery_phrase(text: str) -> bool:
    """Whether so many words of the list stand in a row, in any casing, with numbers between them or not."""
    return longest_phrase(text) >= WORDS_LEAST


def is_recovery_phrase(text: str) -> bool:
    """Whether a text is such words and nothing else, so that it can't be meant as a sentence."""
    return longest_phrase(text) == len(_WORD.findall(text)) >= WORDS_LEAST


def longest_phrase(text: str) -> int:
    """Return how many words of the list stand in a row at most."""
    longest = length = 0
    for word in _WORD.findall(text.casefold()):
        length = length + 1 if word in _LIST else 0
        longest = max(longest, length)
    return longest
