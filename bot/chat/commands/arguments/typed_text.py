"""What people type or send as a file, without what nobody sees of it."""

import unicodedata

_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})


def clean(text: str) -> str:
    """Return a text without invisible characters, its words one space apart, its lines kept."""
    return "\n".join(" ".join(visible(line).split()) for line in text.splitlines()).strip()


def visible(line: str) -> str:
    """Return a line without invisible characters; blanks of any kind stay."""
    kept = (
        character
        for character in line
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    # Composed: a label with an accent is the same, whichever keyboard it was typed on.
    return unicodedata.normalize("NFC", "".join(kept))
