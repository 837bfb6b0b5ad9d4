"""The one-time code that makes its user the owner of a bot without owners.

Only its hash is stored, so that nobody can use it who reads the database or a backup.
"""

import hashlib
import re
from datetime import timedelta
from enum import Enum

CODE_BYTES = 32
"""Random bytes per code: 43 characters of base64url; Telegram passes on up to 64."""

GOOD_FOR = timedelta(hours=24)

_CODE = re.compile(r"[A-Za-z0-9_-]{43}")


class ClaimResult(Enum):
    """What became of a code that somebody sent."""

    OWNED = "owned"
    """The sender owns the bot now, or became its owner by this code before."""
    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


def is_code(payload: str) -> bool:
    """Whether a text has the form of a code."""
    return _CODE.fullmatch(payload) is not None


def hashed(code: str) -> bytes:
    """Return the hash of a code, which is what is stored; random codes need no salt."""
    return hashlib.sha256(code.encode()).digest()
