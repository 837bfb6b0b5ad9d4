"""When two token symbols look alike: whoever deploys a token chooses its symbol.

A symbol is *plain* if it is printable ASCII. Symbols are compared by a key that folds what a
reader can't tell apart: compatibility forms, marks and characters that show nothing, letters
of other scripts with the shape of a Latin one, case, and the digits that pass for letters.
The table of shapes holds what Unicode's `confusables.txt` (UTS #39) maps to single Latin letters in
the scripts that tokens borrow from; it leaves out pairs that a reader does tell apart.
"""

# ruff: noqa: RUF001 - ambiguous letters are what these tables are about

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

from bot.domain.assets import Asset, ChainId

BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are invisible although Unicode does not class them as format characters."""

_READ_MOST = 1_000
_COMPARED_MOST = 31
"""Messages show this many characters of a symbol, so later ones cannot tell two symbols apart."""

_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zl", "Zp", "Zs"})


def is_plain(symbol: str) -> bool:
    """Whether a symbol is nothing but printable ASCII."""
    return symbol.isascii() and symbol.isprintable()


def symbol_key(symbol: str | None) -> str:
    """Return a key that is equal for symbols that look the same; "" for an invisible symbol.

    The store keeps these keys: whoever changes this function must add a migration that recomputes them.
    """
    return _key((symbol or "")[:_READ_MOST])


@lru_cache(maxsize=4_096)  # asked for with every balance that is stored
def _key(shapes: str) -> str:
    for table in (_CAPITALS, _CAPITALS, _SMALL_LETTERS, _DIGITS):  # case folds Cherokee to its capitals
        shapes = _without_marks(unicodedata.normalize("NFKD", shapes)).translate(table).casefold()
    return shapes[:_COMPARED_MOST]


def find_look_alikes(symbols: Iterable[tuple[Asset, str | None]]) -> frozenset[Asset]:
    """Return the assets whose symbol looks like that of another one among them.

    The same symbol on two chains is mostly the same token, so across chains only a different spelling counts.
    """
    by_key: dict[str, dict[Asset, str]] = defaultdict(dict)
    for asset, symbol in symbols:
        by_key[symbol_key(symbol)][asset] = symbol or ""
    by_key.pop("", None)
    found: set[Asset] = set()
    for spelled in by_key.values():
        on_chain: dict[ChainId, int] = defaultdict(int)
        for asset in spelled:
            on_chain[asset.chain_id] += 1
        is_one_spelling = len(set(spelled.values())) == 1
        found.update(asset for asset in spelled if on_chain[asset.chain_id] > 1 or not is_one_spelling)
    return frozenset(found)


def _without_marks(text: str) -> str:
    return "".join(
        character
        for character in text
        if unicodedata.category(character) not in _UNSEEN and character not in BLANKS
    )


def _table(*pairs: str) -> Mapping[int, str]:
    """Return a table from `look-alikes|letters`, character by character."""
    table: dict[int, str] = {}
    for pair in pairs:
        shapes, letters = pair.split(" ")
        table |= {ord(shape): letter for shape, letter in zip(shapes, letters, strict=True)}
    return table


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_CAPITALS: Mapping[int, str] = {
    **_table(
        "АВЕЅІЈКМНОРСТУХҮԚԜԌҒӀԀԂƖԐ ABESIJKMHOPCTYXYQWGFIDDIE",  # Cyrillic
        "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿϜϒ ABEZHIKMNOPTYXCJFY",  # Greek
        "ՕՍՏԼՀ OUSLH",  # Armenian
        "ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏃᏔᏚᏞᏟᏢᏦᏒᏙᏕᏴᏻᏋ DRTIYAJEWMHYGZWSLCPKRVSBGE",  # Cherokee
        "ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ BPDTGKJCZFMNLSRVHWXYAEIOU",  # Lisu
        "ⲀⲂⲈⲎⲒⲔⲘⲚⲞⲢⲤⲦⲨⲬⲜ ABEHIKMNOPCTYXE",  # Coptic
        "ᗅᗷᑕᗞᗪᖴᕼᒍᒪᗰᑭᖇᔕᑌᐯ᙭ᗩ ABCDDFHJLMPRSUVXA",  # Canadian syllabics
        "ƁƇĐÐƊƑƓĦƗŁƝØƟƤŦƮƲƳȤɃɆɈɌɎ BCDDDFGHILNOOPTTVYZBEJRY",  # Latin with a stroke or a hook
        "₮₿€£¥₳₵₴₩₦₲₭₱₽ TBELYACSWNGKPP",  # currencies: `USD₮`
    ),
    **{0x1F1E6 + place: letter for place, letter in enumerate(_ALPHABET)},  # regional indicators
    **{0x1F150 + place: letter for place, letter in enumerate(_ALPHABET)},  # white on a disc
    **{0x1F170 + place: letter for place, letter in enumerate(_ALPHABET)},  # white on a square
}

_SMALL_LETTERS: Mapping[int, str] = _table(
    "авеѕіјкмноргстухүԛԝԁһӏпьґ abesijkmhoprctyxyqwdhlnbr",  # Cyrillic
    "αβγεηικνορςστυχωϲϳ abyeniknopcotuxwcj",  # Greek
    "օսհոցյզղքւ ouhngjqnpl",  # Armenian
    "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ abcdefghijklmnoprstuvwyz",  # small capitals
    "ıɩɑɡɪƙʋ iiagiku",  # Latin
    "¢ƒ cf",  # currencies
)

_DIGITS: Mapping[int, str] = _table("015$i|!ǀ olssllll")
"""After case: `U5DC`, `USDl`, `$OL`; i and l are one, since a capital I is."""
