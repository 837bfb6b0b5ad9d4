"""Read message HTML as Telegram does, so that a mistake in a text is refused here as it would be there.

What a tag may look like and how its mistakes are worded follows the server's source (docs/telegram.md,
"Texts").
Offsets and lengths of entities are UTF-16 units; byte offsets in refusals count the UTF-8 of what was sent.
"""

import re
from dataclasses import dataclass, replace

KINDS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("span", "tg-spoiler"), "spoiler"),
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
# Custom emoji need rights a bot rarely has, and times are new: both are accepted and shown as plain text.
PLAIN_TAGS = frozenset({"tg-emoji", "tg-time"})
UNCOUNTED_KINDS = frozenset({"bold", "italic", "underline"})
MAX_COUNTED_ENTITIES = 100

_SPACE = " \t\r\n\v"
_TAG_NAME = re.compile(rf"[^{_SPACE}>]*")
_SPACES = re.compile(rf"[{_SPACE}]*")
_ATTRIBUTE_NAME = re.compile(rf"[^{_SPACE}=>/\"']*")
_NAME_TOKEN = re.compile(r"[A-Za-z0-9.-]*")
_REFERENCE = re.compile(
    r"&(?:#x(?P<hex>[0-9a-fA-F]+)|#(?P<decimal>[0-9]+)|(?P<name>lt|gt|amp|quot)(?![A-Za-z]));?"
)
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_USER_LINK = re.compile(r"tg://user\?id=([0-9]{1,16})", re.IGNORECASE)
_LITERAL = re.compile(r"[^<&]+")
_MAX_REFERENCE_LENGTH = 9
_LAST_CODE_POINT = 0x10FFFF
_LAST_SINGLE_UNIT = 0xFFFF
_CLEAN = {
    **dict.fromkeys((*range(10), *range(11, 32)), " "),
    **dict.fromkeys(range(0x2028, 0x202F)),
    ord("\r"): None,
}


class CannotParse(Exception):
    """The HTML is not what Telegram accepts; the text says why, in Telegram's words."""


@dataclass(frozen=True)
class Entity:
    """One stretch of formatted text; offset and length in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""
    user_id: int = 0
    """Whom a `text_mention` calls."""


@dataclass(frozen=True)
class Formatted:
    """What a person sees, and how it is formatted."""

    text: str
    entities: tuple[Entity, ...] = ()


def read_html(raw: str) -> Formatted:
    """Return the visible text and its entities; CannotParse where Telegram would refuse."""
    return _trimmed(_HtmlReader(raw).read())


def read_plain(raw: str) -> Formatted:
    """Return the text as Telegram shows it: no control characters, no space around it."""
    return _trimmed(Formatted(raw.translate(_CLEAN)))


def utf16_length(text: str) -> int:
    """Count UTF-16 units: two for a character beyond the basic plane."""
    return len(text) + sum(ord(character) > _LAST_SINGLE_UNIT for character in text)


def utf16_slice(text: str, entity: Entity) -> str:
    """Return the stretch of a text that an entity is about."""
    units = text.encode("utf-16-le")
    return units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le", "replace")


@dataclass(frozen=True)
class _OpenTag:
    name: str
    offset: int
    order: int
    argument: str = ""


class _HtmlReader:
    """A single pass over the text: open tags are a stack, and each closed tag becomes an entity."""

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._at = 0
        self._text: list[str] = []
        self._length = 0
        self._opened = 0
        self._open: list[_OpenTag] = []
        self._closed: list[tuple[int, Entity]] = []

    def read(self) -> Formatted:
        while self._at < len(self._raw):
            if self._raw.startswith("</", self._at):
                self._read_end_tag()
            elif self._raw[self._at] == "<":
                self._read_start_tag()
            else:
                self._write(self._read_characters(_LITERAL))
        if self._open:
            raise CannotParse(f'Can\'t find end tag corresponding to start tag "{self._open[-1].name}"')
        # Outer before inner where two begin at the same place, and then in the order they were opened.
        entities = sorted(self._closed, key=lambda closed: (closed[1].offset, -closed[1].length, closed[0]))
        return Formatted(self._joined(), _counted([entity for _, entity in entities]))

    def _joined(self) -> str:
        """Join the text; two halves of a surrogate pair, written as numbers, become one character."""
        try:
            return "".join(self._text).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise CannotParse(
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            ) from None

    def _write(self, text: str) -> None:
        cleaned = text.translate(_CLEAN)
        self._text.append(cleaned)
        self._length += utf16_length(cleaned)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._raw, self._at)
        taken = match.group() if match else ""
        self._at += len(taken)
        return taken

    def _next(self) -> str:
        return self._raw[self._at : self._at + 1]

    def _read_characters(self, literal: re.Pattern[str]) -> str:
        """Take a run of literal text, or one reference; an unknown reference stands for itself."""
        if self._next() != "&":
            return self._take(literal)
        match = _REFERENCE.match(self._raw, self._at)
        character = _decoded(match) if match else ""
        self._at += len(match.group()) if match and character else 1
        return character or "&"

    def _read_start_tag(self) -> None:
        begin = self._at
        self._at += 1
        name = self._take(_TAG_NAME).lower()
        if not self._next():
            raise CannotParse(f"Unclosed start tag at byte offset {self._bytes_before(begin)}")
        if name not in KINDS and name not in PLAIN_TAGS:
            raise CannotParse(f'Unsupported start tag "{name}" at byte offset {self._bytes_before(begin)}')
        attributes = self._read_attributes(name, begin)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise CannotParse(
                f'Tag "span" must have class "tg-spoiler" at byte offset {self._bytes_before(begin)}'
            )
        self._at += 1
        self._opened += 1
        self._open.append(_OpenTag(name, self._length, self._opened, _argument(name, attributes)))

    def _read_attributes(self, tag: str, begin: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        self._take(_SPACES)
        while self._next() != ">":
            name = self._take(_ATTRIBUTE_NAME)
            if not name:
                raise CannotParse(
                    f'Empty attribute name in the tag "{tag}" at byte offset {self._bytes_before(begin)}'
                )
            attributes[name] = self._read_attribute_value(tag, begin)
            self._take(_SPACES)
        return attributes

    def _read_attribute_value(self, tag: str, begin: int) -> str:
        self._take(_SPACES)
        if self._next() == "=":
            self._at += 1
            self._take(_SPACES)
            self._refuse_end(f'Unclosed start tag "{tag}"', begin)
            value = self._read_quoted() if self._next() in "\"'" else self._read_name_token()
            self._refuse_end("Unclosed start tag", begin)
            return value
        self._refuse_end(f'Unclosed start tag "{tag}"', begin)
        return ""

    def _read_quoted(self) -> str:
        quote = self._next()
        self._at += 1
        literal = re.compile(rf"[^&{quote}]+")
        value = []
        while self._next() not in ("", quote):
            value.append(self._read_characters(literal))
        self._at += len(self._next())
        return "".join(value)

    def _read_name_token(self) -> str:
        begin = self._at
        token = self._take(_NAME_TOKEN).lower()
        if self._next() not in f"{_SPACE}>":
            raise CannotParse(f"Unexpected end of name token at byte offset {self._bytes_before(begin)}")
        return token

    def _read_end_tag(self) -> None:
        begin = self._at
        if not self._open:
            raise CannotParse(f"Unexpected end tag at byte offset {self._bytes_before(begin)}")
        self._at += 2
        name = self._take(_TAG_NAME).lower()
        self._take(_SPACES)
        if self._next() != ">":
            raise CannotParse(f"Unclosed end tag at byte offset {self._bytes_before(begin)}")
        expected = self._open[-1].name
        if name not in ("", expected):
            raise CannotParse(
                f"Unmatched end tag at byte offset {self._bytes_before(begin)}, "
                f'expected "</{expected}>", found "</{name}>"'
            )
        self._at += 1
        self._close(self._open.pop())

    def _close(self, tag: _OpenTag) -> None:
        around = {outer.name for outer in self._open}
        # `<pre><code class="language-x">` is one entity, whose language is on the inner tag.
        if tag.name == "code" and self._open and self._open[-1].name == "pre":
            self._open[-1] = replace(self._open[-1], argument=tag.argument)
        entity = self._entity(tag)
        if entity and not around & {"code", "pre"} and not (tag.name == "blockquote" and tag.name in around):
            self._closed.append((tag.order, entity))

    def _entity(self, tag: _OpenTag) -> Entity | None:
        """Return what the tag shows; Telegram silently forgets empty tags and links that lead nowhere."""
        length = self._length - tag.offset
        if tag.name in PLAIN_TAGS or length == 0:
            return None
        kind = KINDS[tag.name]
        if kind == "text_link":
            called = _USER_LINK.fullmatch(tag.argument)
            if called:
                return Entity("text_mention", tag.offset, length, user_id=int(called[1]))
            url = _link(tag.argument or self._written_since(tag.offset))
            return Entity(kind, tag.offset, length, url=url) if url else None
        if kind == "blockquote" and tag.argument:
            kind = "expandable_blockquote"
        return Entity(kind, tag.offset, length, language=tag.argument if kind == "pre" else "")

    def _written_since(self, offset: int) -> str:
        written = "".join(self._text).encode("utf-16-le", "surrogatepass")
        return written[2 * offset :].decode("utf-16-le", "replace")

    def _refuse_end(self, reason: str, begin: int) -> None:
        if not self._next():
            raise CannotParse(f"{reason} at byte offset {self._bytes_before(begin)}")

    def _bytes_before(self, position: int) -> int:
        return len(self._raw[:position].encode())


def _argument(tag: str, attributes: dict[str, str]) -> str:
    if tag == "a":
        return attributes.get("href", "")
    if tag == "code":
        language = attributes.get("class", "")
        return language.removeprefix("language-") if language.startswith("language-") else ""
    return "expandable" if tag == "blockquote" and "expandable" in attributes else ""


def _decoded(match: re.Match[str]) -> str:
    """Return the character meant; none for a number out of range or too long to be one."""
    if match["name"]:
        return _NAMED[match["name"]]
    if len(match.group().rstrip(";")) > _MAX_REFERENCE_LENGTH:
        return ""
    code = int(match["hex"], 16) if match["hex"] else int(match["decimal"])
    return chr(code) if 0 < code < _LAST_CODE_POINT else ""


def _link(url: str) -> str:
    if re.match(r"(?:https?|tg|ton)://\S+$", url, re.IGNORECASE):
        return url
    return f"http://{url}" if re.match(r"[^\s:/]+\.[^\s:/]+\S*$", url) else ""


def _counted(entities: list[Entity]) -> tuple[Entity, ...]:
    """Keep the first hundred of those that count; the rest lose their formatting silently."""
    counted = [entity for entity in entities if entity.type not in UNCOUNTED_KINDS]
    forgotten = {id(entity) for entity in counted[MAX_COUNTED_ENTITIES:]}
    return tuple(entity for entity in entities if id(entity) not in forgotten)


def _trimmed(formatted: Formatted) -> Formatted:
    """Cut the space around; in front only as far as the first entity, as Telegram does."""
    text = formatted.text.rstrip(" \n")
    leading = len(text) - len(text.lstrip(" \n"))
    # Space inside an entity stays in front, or its offset would be negative.
    start = min([leading, *(entity.offset for entity in formatted.entities)])
    end = utf16_length(text)
    kept = (
        replace(entity, offset=entity.offset - start, length=min(entity.length, end - entity.offset))
        for entity in formatted.entities
    )
    return Formatted(text[start:], tuple(entity for entity in kept if entity.length > 0))
