"""How the tests of this room read a text: as a person sees it, and strictly."""

import re
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files

from bot.domain.addresses import parse_address
from bot.domain.assets import ChainId
from bot.domain.chains import read_registry

CHAINS = read_registry(files("bot").joinpath("chains.json").read_text(encoding="utf-8"))
ETHEREUM, POLYGON, BASE, ARBITRUM = ChainId(1), ChainId(137), ChainId(8453), ChainId(42161)

TREASURY = parse_address("0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9")
VAULT = parse_address("0x" + "ab" * 20)
USDC = parse_address("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
OTHER = parse_address("0x" + "0d" * 20)

HOSTILE_NAMES = (
    "<b>bold</b>",
    "<a href='https://evil.example'>gift</a>",
    "</code><i>",
    "&lt;b&gt;",
    "\"&'<>",
    "\u202eCDSU",
    "\u2066USDC\u2069\u200f",
    "U\u200bS\u200cD\u200dC\ufeff",
    "@mention",
    "#tag",
    "/command",
    "$CASH",
    "https://evil.example",
    "Claim at evil.example",
    "me@evil.example",
    "+1 (415) 555-1234",
    "+1,000,000 USDC",
    "A" * 5_000,
    "a" + "\u0301" * 5_000,
    "\u0301\u0301",
    "🏴‍☠️",
    "🇩🇪🇫🇷🇺🇦",
    "👩‍👩‍👧‍👦",
    "USDC\n🟢 +500 ETH",
    "🔴 −500 ETH",
    "🔴",
    "👁",
    "\x00\x01\x02",
    "\ud800",
    " \u00a0\u3000 ",
    "\u3164\u2800",
    "U\u0405D\u0421",
    "",
)


_ATTRIBUTES = {"b": [], "i": [], "code": [], "a": ["href"], "blockquote": ["expandable"]}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.visible = ""
        self.tags: list[str] = []
        self.open: list[str] = []
        self.code: list[str] = []
        self.urls: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _ATTRIBUTES, tag
        assert "code" not in self.open, "Telegram takes nothing inside code"
        assert tag != "code" or "a" not in self.open, "Telegram takes no code inside a link"
        assert tag != "blockquote" or not self.open, "a quotation stands by itself"
        assert [name for name, _ in attrs] == _ATTRIBUTES[tag]
        self.urls += [value for name, value in attrs if name == "href"]
        self.open.append(tag)
        self.tags.append(tag)
        if tag == "code":
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.visible += data
        if "code" in self.open:
            self.code[-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


_CODE = re.compile(r"<code>.*?</code>", re.DOTALL)
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_/-])[-+\u2212\u2013]?\s?[$€£]?\d[\d,.:]*(?:\s?(?:[kmbtx]|e\d+|million|UTC))?(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[⇄◦🔴🟢✨🔻🔺→·:,;=<>$+\u2212\u2013]")


def spoken(source: str) -> list[list[str]]:
    """Return, line by line, what a program would take for amounts, times, arrows and marks outside code."""
    outside = unescape(re.sub(r"<[^>]*>", "", _CODE.sub("¤", source)))
    return [[*_NUMBER.findall(line), *_SIGNS.findall(line)] for line in outside.split("\n")]


def read(source: str) -> _Reader:
    """Return what a person sees and which formats it has; fails for tags that do not match."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    assert not reader.open
    return reader


def seen(source: str) -> str:
    """Return what a person sees."""
    return read(source).visible


MARKS = ("🔴 ", "🟢 ", "✨ ", "⇄ ", "◦ ")
"""What the first line of a change begins with."""

_MOVED = re.compile(
    r"^(?P<mark>[🔴🟢✨⇄◦]) (?:.*? )??(?P<what>[+\u2212±][\d,.]+ .*?|[\d,.…]+ .*? now listed|\S+ exchanged)"
    r"(?P<worth> \([^()]*\$[^()]*\))? · [^·\n]+\n {4}(?P<below>.*)$",
    re.MULTILINE,
)


def moves(text: str) -> str:
    """Return the changes of a message one in a line, `🔴 −1 USDC | 50 → 49`, and ` | −$1.00` with a worth.

    The account and the chain are left out: not every test is about the form.
    """
    return "\n".join(
        f"{found['mark']} {found['what']} | {found['below']}"
        + (f" | {found['worth'][2:-1]}" if found["worth"] else "")
        for found in _MOVED.finditer(text)
    )
