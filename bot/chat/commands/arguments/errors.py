"""Why what somebody typed is not taken."""

from dataclasses import dataclass, field

from bot.chat.commands.words import refusal
from bot.chat.text.html import Html

_TYPED_MOST = 24


@dataclass(frozen=True, slots=True)
class Offer:
    """What may have been meant: what its button says, and the line as it would have to be typed."""

    text: str
    line: str


class LineRefused(ValueError):
    """A line that can't be read, and why.

    The sentence that people read is `{typed} {reason}`, or with a lead `{lead} “{typed}”. {reason}`; `typed`
    is the wrong word, shortened, "" where it is the whole line.
    """

    def __init__(self, typed: str, reason: str, *, lead: str = "", meant: str = "") -> None:
        super().__init__(reason)
        self.word = typed
        self.typed = typed if len(typed) <= _TYPED_MOST else f"{typed[:10]}…{typed[-4:]}"
        self.reason = reason
        self.lead = lead
        self.meant = meant
        """What was probably meant instead of the word, "" if nobody can tell."""
        self.correction = ""
        self.offers: tuple[Offer, ...] = ()

    @property
    def sentence(self) -> Html:
        """What people read of it."""
        return refusal(self.typed, self.reason, self.lead)

    def offering(self, *offers: Offer, is_sure: bool = False) -> "LineRefused":
        """Return this refusal with what may have been meant; `is_sure`: most likely the first of it."""
        self.offers = offers
        self.correction = offers[0].line if offers and is_sure else ""
        return self


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was refused as a whole."""

    line_number: int
    """From 1, the line of the command."""
    typed: str
    """The word that is wrong, shortened; "" where it is the line."""
    reason: str
    lead: str = ""
    correction: str = ""
    """The whole line as it was probably meant, "" where nobody can tell."""
    offers: tuple[Offer, ...] = ()
    """All that may have been meant."""
    word: str = field(default="", compare=False)
    """The wrong word whole; no answer repeats it, for it may have any length."""

    @property
    def sentence(self) -> Html:
        """What people read of it."""
        return refusal(self.typed, self.reason, self.lead)
