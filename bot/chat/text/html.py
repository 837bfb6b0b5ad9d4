"""Safe HTML for Telegram: the only module that writes tags.

Text and HTML are different types, and whatever is a `str` is escaped when it becomes part of an `Html`. So no
name of a token or a chat can add a tag, wherever it is put.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape

VISIBLE_UNITS_MOST = 3_900
"""Telegram accepts 4,096 characters after parsing; there are never fewer UTF-16 units than characters."""

SOURCE_BYTES_MOST = 16_000
"""Telegram accepts 32,768 bytes before parsing."""

ENTITIES_MOST = 90
"""Telegram formats 100 links and code spans, and silently leaves the others plain."""


@dataclass(frozen=True, slots=True)
class Html:
    """A piece of a message. Only this module writes its source; others build it from `str`."""

    source: str = ""
    visible: str = ""
    """What people see of it."""
    entities: int = 0
    """The number of links, code spans and quotations, which Telegram limits."""

    def __add__(self, other: "Html | str") -> "Html":
        return join("", (self, other))

    def __radd__(self, other: str) -> "Html":
        return join("", (other, self))

    def __bool__(self) -> bool:
        return bool(self.visible)

    @property
    def visible_units(self) -> int:
        """The length of what people see, in UTF-16 units."""
        return len(self.visible.encode("utf-16-le")) // 2

    @property
    def source_bytes(self) -> int:
        """The length of the source, in bytes of UTF-8."""
        return len(self.source.encode())

    @property
    def without_tags(self) -> "Html":
        """The visible text without formats, for when Telegram can't parse them."""
        return EMPTY + self.visible

    @property
    def fits(self) -> bool:
        """Whether it can be one message."""
        return (
            self.visible_units <= VISIBLE_UNITS_MOST
            and self.source_bytes <= SOURCE_BYTES_MOST
            and self.entities <= ENTITIES_MOST
        )


EMPTY = Html()

_TAG = re.compile(r"<[^>]*>")


def join(separator: Html | str, parts: Iterable[Html | str]) -> Html:
    """Return the parts joined by the separator; every `str` is escaped."""
    pieces = [_piece(part) for part in parts]
    between = _piece(separator)
    return Html(
        between.source.join(piece.source for piece in pieces),
        between.visible.join(piece.visible for piece in pieces),
        sum(piece.entities for piece in pieces) + between.entities * max(0, len(pieces) - 1),
    )


def plain(source: str) -> str:
    """Return the visible text of a source that this module wrote; it has no `<` but those of tags."""
    return unescape(_TAG.sub("", source))


def fill(sentence: str, *parts: Html | str) -> Html:
    """Return a sentence of ours with each `{}` replaced by the next part."""
    first, *others = sentence.split("{}")
    return join("", (first, *(piece for pair in zip(parts, others, strict=True) for piece in pair)))


def bold(content: Html | str) -> Html:
    """Return it in bold, except what has code or links in it: Telegram allows no format around code."""
    return _tagged("b", content)


def italic(content: Html | str) -> Html:
    """Return it in italics, with the exception of `bold`."""
    return _tagged("i", content)


def code(content: str) -> Html:
    """Return it in fixed width: apps make no links in it, and a tap copies it."""
    text = _piece(content)
    return Html(f"<code>{text.source}</code>", text.visible, 1)


def link(content: Html | str, url: str) -> Html:
    """Return it as a link. The URL must come from our own registry, never from untrusted text."""
    text = _piece(content)
    return Html(f'<a href="{escape(url)}">{text.source}</a>', text.visible, text.entities + 1)


def mention(name: str, user_id: int) -> Html:
    """Return a name that calls somebody by their number; where nobody has it, Telegram shows the name."""
    return link(name, f"tg://user?id={user_id}")


def expandable(content: Html) -> Html:
    """Return it as a quotation that shows its first lines until somebody taps it."""
    return Html(
        f"<blockquote expandable>{content.source}</blockquote>", content.visible, content.entities + 1
    )


_ENDING = "\n\n… and 1,000,000 more lines.\n\n999/999"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading, which is repeated on each page that goes on with them."""

    heading: Html | str
    lines: Sequence[Html]


def paged(sections: Sequence[Section], closing: Html = EMPTY, *, most: int = 100) -> tuple[Html, ...]:
    """Return the sections as at most `most` messages, numbered `1/3` if there are several.

    The last one ends with the number of lines that found no place, and with `closing`.
    """
    pages = list(_pages(sections, closing))
    texts = [text for text, _ in pages[:most]]
    left_out = sum(lines for _, lines in pages[most:])
    if left_out:
        texts[-1] += f"\n\n… and {left_out:,} more {'line' if left_out == 1 else 'lines'}."
    if closing:
        texts[-1] += "\n\n" + closing
    if len(texts) == 1:
        return tuple(texts)
    return tuple(text + f"\n\n{number}/{len(texts)}" for number, text in enumerate(texts, 1))


def _pages(sections: Sequence[Section], closing: Html) -> Iterator[tuple[Html, int]]:
    """Yield each page with the number of its lines, headings not counted."""
    page, lines = EMPTY, 0
    for section in sections:
        begun = _with_heading(section, page)
        for line in section.lines:
            longer = _under(begun, line)
            if lines and not (longer + "\n\n" + closing + _ENDING).fits:
                yield page, lines
                longer, lines = _under(_with_heading(section, EMPTY), line), 0
            page = begun = longer
            lines += 1
    yield page, lines


def _with_heading(section: Section, page: Html) -> Html:
    above = page + "\n\n" if page else EMPTY
    return above + section.heading


def _under(above: Html, line: Html) -> Html:
    return join("\n", (above, line)) if above and not above.visible.endswith("\n\n") else above + line


def _piece(content: Html | str) -> Html:
    if isinstance(content, Html):
        return content
    # Half a surrogate pair has no UTF-8 and would fail the whole message at sending.
    whole = content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Html(escape(whole, quote=False), whole)


def _tagged(tag: str, content: Html | str) -> Html:
    text = _piece(content)
    if text.entities or not text:
        return text
    return Html(f"<{tag}>{text.source}</{tag}>", text.visible)
