"""Message HTML, read as Telegram reads it."""

from datetime import UTC, datetime
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.telegram.world.html import CannotParse, Entity, read_html, read_plain

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("plain", "plain", ()),
        ("1 &lt; 2 &gt; 0 &amp; &quot;x&quot; &#39; &#x27;", "1 < 2 > 0 & \"x\" ' '", ()),
        ("&nbsp; &copy; AT&T", "&nbsp; &copy; AT&T", ()),
        ("😀<b>x</b>", "😀x", (Entity("bold", 2, 1),)),
        ("&#x1F600;<i>x</i>", "😀x", (Entity("italic", 2, 1),)),
        ("<b>a<i>b</i></b>", "ab", (Entity("bold", 0, 2), Entity("italic", 1, 1))),
        ("<STRONG>x</strong >", "x", (Entity("bold", 0, 1),)),
        ("<u>x</u><ins>y</ins>", "xy", (Entity("underline", 0, 1), Entity("underline", 1, 1))),
        ("<tg-spoiler>x</tg-spoiler>", "x", (Entity("spoiler", 0, 1),)),
        ('<span class="tg-spoiler">x</span>', "x", (Entity("spoiler", 0, 1),)),
        (
            '<a href="https://e.org/?a=1&amp;b">x</a>',
            "x",
            (Entity("text_link", 0, 1, "https://e.org/?a=1&b"),),
        ),
        ('<a href="tg://user?id=7001">@ol</a>', "@ol", (Entity("text_mention", 0, 3, user_id=7001),)),
        ('<a href="tg://user?id=x">ol</a>', "ol", (Entity("text_link", 0, 2, "tg://user?id=x"),)),
        ("<a href='e.org'>x</a>", "x", (Entity("text_link", 0, 1, "http://e.org"),)),
        ("<a>https://e.org</a>", "https://e.org", (Entity("text_link", 0, 13, "https://e.org"),)),
        ('<a href="javascript:1">x</a>', "x", ()),
        ("<code>a &lt; b</code>", "a < b", (Entity("code", 0, 5),)),
        ("<code>a<b>c</b></code>", "ac", (Entity("code", 0, 2),)),
        (
            '<pre><code class="language-py">x</code></pre>',
            "x",
            (Entity("pre", 0, 1, language="py"),),
        ),
        ("<blockquote>a<b>c</b></blockquote>", "ac", (Entity("blockquote", 0, 2), Entity("bold", 1, 1))),
        ("<blockquote expandable>x</blockquote>", "x", (Entity("expandable_blockquote", 0, 1),)),
        (
            "<blockquote>a<blockquote>b</blockquote></blockquote>",
            "ab",
            (Entity("blockquote", 0, 2),),
        ),
        ('<tg-emoji emoji-id="1">👍</tg-emoji>', "👍", ()),
        ("<b></b>x", "x", ()),
        ("  <b>x</b> \n", "x", (Entity("bold", 0, 1),)),
        ("<b> x \n</b>", " x", (Entity("bold", 0, 2),)),
        ("a\tb\r\n\u202ec", "a b\nc", ()),
    ],
)
def test_html_is_shown_as_telegram_shows_it(html: str, text: str, entities: tuple[Entity, ...]) -> None:
    formatted = read_html(html)

    assert formatted.text == text
    assert formatted.entities == entities


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("é<p>x</p>", 'Unsupported start tag "p" at byte offset 2'),
        ("x<br/>", 'Unsupported start tag "br/" at byte offset 1'),
        ("<$100>", 'Unsupported start tag "$100" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<a ="x">', 'Empty attribute name in the tag "a" at byte offset 0'),
        ('<a href="x', "Unclosed start tag at byte offset 0"),
        ("<a href", 'Unclosed start tag "a" at byte offset 0'),
        ("<a href=ä>", "Unexpected end of name token at byte offset 8"),
        (
            "&#xD800;",
            (
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            ),
        ),
    ],
)
def test_html_is_refused_as_telegram_refuses_it(html: str, reason: str) -> None:
    with pytest.raises(CannotParse) as refused:
        read_html(html)

    assert str(refused.value) == reason


def test_beyond_a_hundred_links_and_code_spans_formatting_is_lost_silently() -> None:
    formatted = read_html("<b>x</b>" + "<code>x</code>" * 101)

    assert len(formatted.text) == 102
    assert [entity.type for entity in formatted.entities] == ["bold", *["code"] * 100]


@given(st.text())
def test_escaped_text_reads_as_the_plain_text_it_was(text: str) -> None:
    assert read_html(escape(text)) == read_plain(text)


def test_plain_text_keeps_its_marks() -> None:
    assert read_plain(" <b>1 & 2</b> ").text == "<b>1 & 2</b>"
