"""The one-time code that makes somebody the owner of a bot that nobody owns.

Only its hash is kept, so that who reads the database or a backup can't use it.
"""

import hashlib
import re
from datetime import timedelta
from enum import Enum

CODE_BYTES = 32
"""Random bytes of a code: 43 characters of base64url, of the 64 that Telegram passes on."""

GOOD_FOR = timedelta(hours=24)

_CODE = re.compile(r"[A-Za-z0-9_-]{43}")


class ClaimResult(Enum):
    """What came of a code."""

    OWNED = "owned"
    """Whoever sent it owns the bot now, or did so by this code before."""
    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


def is_code(payload: str) -> bool:
    """Whether it has the form of a code."""
    return _CODE.fullmatch(payload) is not None


def hashed(code: str) -> bytes:
    """Return what is kept of a code; a random one needs no salt."""
    return hashlib.sha256(code.encode()).digest()
