"""Why a line that somebody typed is not taken."""

_TYPED_MOST = 24


class LineRefused(ValueError):
    """The line is not taken; `typed` is the word that is wrong, shortened, "" where it is the line."""

    def __init__(self, typed: str, reason: str, *, meant: str = "") -> None:
        super().__init__(reason)
        self.word = typed
        self.typed = typed if len(typed) <= _TYPED_MOST else f"{typed[:10]}…{typed[-4:]}"
        self.reason = reason
        self.meant = meant
        """What was probably meant instead of the word, "" if nobody can tell."""
