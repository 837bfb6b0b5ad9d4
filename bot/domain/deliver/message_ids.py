"""The short id at the end of each message: the same on every attempt, so that people recognize copies."""

from bot.domain.deliver.delivery import DeliveryId

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none that look alike
_SHORTEST_ID = 5
_LONGEST_ID = 12
_MISREAD = str.maketrans("OIL", "011")
_SCATTER = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it is a bijection modulo any power of two."""


def message_id(delivery_id: DeliveryId) -> str:
    """Return the id of a delivery's message, five or more characters: a fixed bijection of its row number.

    Scattered, so that the ids of neighbouring messages differ at a glance and do not show how many there are.
    """
    width = _SHORTEST_ID
    while delivery_id >= 1 << (5 * width):
        width += 1
    scattered = delivery_id * _SCATTER % (1 << (5 * width))
    return "".join(_ALPHABET[scattered >> (5 * place) & 31] for place in reversed(range(width)))


def read_message_id(text: str) -> str | None:
    """Return the id that somebody typed, however they spelled it; None: it can't be one."""
    spelled = text.strip("#·.,:()[] ").upper().translate(_MISREAD)
    is_one = _SHORTEST_ID <= len(spelled) <= _LONGEST_ID and set(spelled) <= set(_ALPHABET)
    return spelled if is_one else None


def delivery_of(message: str) -> DeliveryId:
    """Return the delivery whose message has this id, if there is one with that number."""
    bits = 5 * len(message)
    scattered = 0
    for character in message:
        scattered = scattered << 5 | _ALPHABET.index(character)
    return DeliveryId(scattered * pow(_SCATTER, -1, 1 << bits) % (1 << bits))
