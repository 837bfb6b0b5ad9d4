"""Long answers, cut between lines into messages that Telegram takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.chat.text.html import EMPTY, Html, join

_ENDING = "\n\n… and 1,000,000 more lines.\n\n999/999"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together; a page that goes on with them repeats the heading."""

    heading: Html | str
    lines: Sequence[Html]


def paged(sections: Sequence[Section], closing: Html = EMPTY, *, most: int = 100) -> tuple[Html, ...]:
    """Return the sections as at most that many messages, numbered `1/3` if there are several.

    What finds no place is counted in the last one, which also carries `closing`.
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
