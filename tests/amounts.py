"""Amounts that people read, read back."""

from fractions import Fraction

from bot.domain.units import MINUS


def read_amount(text: str) -> Fraction:
    """Return the exact number of whole units that a text names, with or without commas."""
    return Fraction(text.replace(MINUS, "-").replace(",", ""))
