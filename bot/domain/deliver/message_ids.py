"""The short ids under messages, the same on every attempt: people compare them, and tell copies by them."""

from bot.domain.deliver.delivery import DeliveryId

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHORTEST_ID = 5
_SCATTER = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it is a bijection modulo any power of two."""


def message_id(delivery_id: DeliveryId) -> str:
    """Return the short id people see: a fixed bijection of the row's number, five or more signs."""
    width = _SHORTEST_ID
    while delivery_id >= 1 << (5 * width):
        width += 1
    scattered = delivery_id * _SCATTER % (1 << (5 * width))
    return "".join(_ALPHABET[scattered >> (5 * place) & 31] for place in reversed(range(width)))
