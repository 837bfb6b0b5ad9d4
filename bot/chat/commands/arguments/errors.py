"""Why what somebody typed is not taken."""

from dataclasses import dataclass

_TYPED_MOST = 24


class LineRefused(ValueError):
    """A line that can't be read; `typed` is the wrong word, shortened, "" if it is the whole line."""

    def __init__(self, typed: str, reason: str, *, meant: str = "") -> None:
        super().__init__(reason)
        self.word = typed
        self.typed = typed if len(typed) <= _TYPED_MOST else f"{typed[:10]}…{typed[-4:]}"
        self.reason = reason
        self.meant = meant
        """What was probably meant instead of the word, "" if nobody can tell."""

    @property
    def sentence(self) -> str:
        """The word and the reason, as they are shown where there is one line only."""
        return f"{self.typed}: {self.reason}" if self.typed else self.reason


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was refused as a whole."""

    line_number: int
    """From 1, the line of the command."""
    typed: str
    """The word that is wrong, shortened; "" where it is the line."""
    reason: str
    correction: str = ""
    """The whole line as it was probably meant, "" where nobody can tell."""
