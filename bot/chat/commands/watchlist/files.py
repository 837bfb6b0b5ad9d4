"""From the bytes of a file to its text; what is no text is refused with what to do about it."""

from bot.chat.commands.arguments.typed_text import visible
from bot.chat.commands.watchlist.reader import LINE_CHARACTERS_MOST
from bot.chat.text.html import EMPTY, Html

BYTES_MOST = 256 * 1024
"""Of a file: some five thousand lines."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""How a text may begin that says in which encoding it is."""
_AS_CSV = "In Excel or Google Sheets, save it as CSV (“CSV UTF-8”), and send me that."
_WORKBOOK = f"That is a workbook or an archive, which I don't open. {_AS_CSV}"
_KINDS = (
    (b"PK\x03\x04", _WORKBOOK),
    (b"PK\x05\x06", _WORKBOOK),
    (b"\xd0\xcf\x11\xe0", _WORKBOOK),
    (b"\x1f\x8b", _WORKBOOK),
    (b"7z\xbc\xaf", _WORKBOOK),
    (b"Rar!", _WORKBOOK),
    (b"%PDF", "That is a PDF, which I can't read. Send the list as text or as CSV."),
    (b"{\\rtf", "That is a document with formats. Save it as plain text (.txt), and send me that."),
)
_NO_TEXT = f"That file is no text. {_AS_CSV}"
_OTHER_ENCODING = f"I can't read the letters of that file: it isn't in UTF-8. {_AS_CSV}"
_EMPTY = "That file is empty."


class FileRefused(ValueError):
    """A file that can't be read as a list; `sentence` says why, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence: Html = EMPTY + sentence


def read_text(content: bytes) -> str:
    """Return the text of a file, without what nobody sees of it; raises FileRefused."""
    refused = next((sentence for begin, sentence in _KINDS if content.startswith(begin)), None)
    if refused is not None:
        raise FileRefused(refused)
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise FileRefused(_NO_TEXT if b"\x00" in content else _OTHER_ENCODING) from None
    if "\x00" in text:
        raise FileRefused(_NO_TEXT)
    # What is longer is refused as a line. To compose a quarter of a million accents takes twenty seconds.
    lines = [line if len(line) > LINE_CHARACTERS_MOST else visible(line) for line in text.splitlines()]
    if not any(line.strip() for line in lines):
        raise FileRefused(_EMPTY)
    return "\n".join(lines)
