"""Decodes one page of a reply: all at once where it is well-formed, else row by row.

A malformed row is set aside and the others stand; a malformed chain entry is named; only
a page that cannot even be sorted by chain is refused.

Where a key stands twice in one row, the decoder keeps the last without a word. Looking through each row
costs more than all the rest, so keys are counted in the bytes of the page: if there are more than rows,
rows are looked through (docs/decisions/0018-mixed-up-answers.md).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from bot.indexer.errors import ReplyMalformed
from bot.indexer.loose_json import mend_surrogates, repeated_keys, try_decode
from bot.indexer.rows import NativeRow, TokenRow

Row = TypeVar("Row", NativeRow, TokenRow)
Loose = TypeVar("Loose", bound="_LooseTokens")


class PageMark(NamedTuple):
    """What there is to know of one page to ask for the next."""

    page: bytes
    """The page object, byte for byte as it came: asks for the next page."""
    more: bool
    new_rows: bool
    """Whether it held a row that no earlier page held."""
    rows: int
    """How many it held, refused ones included."""
    kept_bytes: int
    """How much of its body is kept."""


class BrokenRow(NamedTuple):
    """A row that cannot be decoded."""

    account: str | None
    """The account as spelled in it; None where not even that can be read."""
    chain_id: int | None
    """The chain that it names; None where that can't be read."""
    fingerprint: int
    """A hash of its bytes, to notice a row that is repeated."""


@dataclass(frozen=True, slots=True)
class ChainEntry(Generic[Row]):
    """What one page says of one chain."""

    chain_id: int
    trouble: str
    """Why this chain is unknown, "" if it is not."""
    rows: Sequence[Row]
    broken: tuple[BrokenRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page, sorted by chain."""

    raw: bytes
    """The page object as it came, b"" if none came; it is sent back to get the next page."""
    more: bool
    natives: tuple[ChainEntry[NativeRow], ...]
    tokens: tuple[ChainEntry[TokenRow], ...]
    body: bytes
    """All of its bytes, but natives equal to those of an earlier page."""
    is_whole: bool
    """Whether it was decoded at once, and not row by row."""

    @property
    def row_count(self) -> int:
        """How many rows it holds, malformed ones included."""
        natives = sum(len(entry.rows) + len(entry.broken) for entry in self.natives)
        return natives + sum(len(entry.rows) + len(entry.broken) for entry in self.tokens)


class PageReader:
    """Reads the pages of one answer, one after the other."""

    def __init__(self, *, natives: bool, strict: bool = False) -> None:
        """Skip natives where they are not asked for; `strict` decodes row by row and finds repeated keys."""
        self._natives = natives
        self._is_strict = strict
        self._seen_natives = b""
        """The native entries of the last page that had some, as they came."""

    def read(self, body: bytes) -> Page:
        """Decode a page, or raise ReplyMalformed.

        Services repeat the natives on each page: those that are equal to the last byte are skipped.
        """
        if not self._natives:
            return _read_tokens(body, strict=self._is_strict)
        start = body.find(_NATIVES_BEGIN) + len(_NATIVES_BEGIN)
        if self._seen_natives and body.startswith(self._seen_natives, start):
            rest = memoryview(body)[start + len(self._seen_natives) :]
            return _read_tokens(b"".join((body[:start], b"null,", rest)), strict=self._is_strict)
        page = _read_page(body, strict=self._is_strict)
        if page.more and page.natives:
            self._seen_natives = _up_to_the_tokens(body, start)
        return page


def read_tokens(body: bytes) -> Page:
    """Decode the tokens of a page, with repeated keys found, or raise ReplyMalformed; natives are skipped."""
    page = _read_tokens(body, strict=False)
    return _read_tokens(body, strict=True) if repeats_keys(page) else page


def read_page_object(page: Raw) -> tuple[bytes, bool]:
    """Return a page object as it came, b"" if none came, and whether pages follow, or ReplyMalformed."""
    raw = bytes(page)
    if raw in (b"", b"null"):
        return b"", False
    # With `more` twice in it, nobody knows whether pages follow.
    mark = try_decode(_MARK, raw)
    if mark is None or repeated_keys(raw):
        raise ReplyMalformed("no page object", status=200)
    return raw, mark.more is True


def repeats_keys(page: Page) -> bool:
    """Whether a key may stand twice in some row of a page that was decoded at once.

    True is no proof: unexpected spellings look alike, and so do rows without an account.
    """
    if not page.is_whole:
        return False
    tokens = [row for entry in page.tokens for row in entry.rows]
    natives = [row for entry in page.natives for row in entry.rows]
    if "" in {row.account_address for row in tokens} | {row.account_address for row in natives}:
        return True
    if b"\\" in page.body and _ESCAPED_LETTER.search(page.body):
        return True
    wanted = _keys_of(tokens) + _keys_of_natives(natives)
    wanted[b'"chainId"'] += len(page.tokens) + len(page.natives)
    wanted[b'"errorReason"'] += sum(bool(entry.trouble) for entry in page.tokens)
    wanted[b'"errorReason"'] += sum(bool(entry.trouble) for entry in page.natives)
    # What is surplus may stand in the metadata of contracts, which is kept undecoded and uses some of
    # the same keys; joining it costs more than counting, and is mostly spared.
    surplus = {key: page.body.count(key) - wanted[key] for key in _KEYS}
    surplus[_PAGE_KEY] = page.body.count(_PAGE_KEY) - page.raw.count(_PAGE_KEY) - bool(page.raw)
    infos = b"".join(bytes(row.contract_info) for row in tokens) if any(surplus.values()) else b""
    return any(more and infos.count(key) != more for key, more in surplus.items())


def _keys_of(rows: Sequence[TokenRow]) -> Counter[bytes]:
    """Return how often each key stands in these rows, if none repeats one."""
    return Counter(
        {
            b'"chainId"': len(rows),
            b'"accountAddress"': len(rows),
            b'"contract': sum(1 + bool(row.contract_type) + bool(row.contract_info) for row in rows),
            b'"tokenID"': sum(row.token_id is not None for row in rows),
            b'"blockNumber"': sum(row.block_number is not None for row in rows),
            b'"uniqueCollectibles"': sum(bool(row.unique_collectibles) for row in rows),
        }
    )


def _keys_of_natives(rows: Sequence[NativeRow]) -> Counter[bytes]:
    return Counter(
        {
            b'"chainId"': len(rows),
            b'"accountAddress"': len(rows),
            b'"errorReason"': sum(row.error_reason is not None for row in rows),
        }
    )


def _repeats_amounts(body: bytes, page: "_WholeTokens") -> bool:
    """Whether an amount may stand twice in some row. This is quick, and done with each page."""
    natives = page.native_balances if isinstance(page, _Whole) else None
    rows = sum(len(entry.results or ()) for entry in page.balances or ())
    rows += sum(len(entry.results or ()) for entry in natives or ())
    return body.count(_BALANCE_KEY) != rows


def _up_to_the_tokens(body: bytes, start: int) -> bytes:
    """Return the bytes of a page's native entries and the comma behind them; b"" to not skip them next time.

    That is where they stand anywhere but before the tokens, and where the page object stands between: skipped
    with them, the next page would seem to be the last one.
    """
    natives = body[start : body.find(_TOKENS_BEGIN, start)]
    return natives if natives.rstrip().endswith(b",") and _PAGE_KEY not in natives else b""


def _read_page(body: bytes, *, strict: bool) -> Page:
    whole = None if strict else try_decode(_WHOLE, body)
    if whole is not None and not _repeats_amounts(body, whole):
        return _page_of(
            body, whole.page, _entries(whole.native_balances), _entries(whole.balances), is_whole=True
        )
    # Decoded well, but an amount stands twice somewhere: the rows themselves have to be looked through.
    strict |= whole is not None
    loose = _loosely_read(_LOOSE, body, strict=strict)
    natives = _loose_entries(loose.native_balances, _NATIVE_ROW, strict=strict)
    tokens = _loose_entries(loose.balances, _TOKEN_ROW, strict=strict)
    return _page_of(body, loose.page, natives, tokens, is_whole=False)


def _read_tokens(body: bytes, *, strict: bool) -> Page:
    whole = None if strict else try_decode(_WHOLE_TOKENS, body)
    if whole is not None and _repeats_amounts(body, whole):  # or natives came that nobody asked for
        # Natives have amounts, too, and are not decoded here.
        with_natives = try_decode(_WHOLE, body)
        strict = with_natives is None or _repeats_amounts(body, with_natives)
    if whole is not None and not strict:
        return _page_of(body, whole.page, (), _entries(whole.balances), is_whole=True)
    loose = _loosely_read(_LOOSE_TOKENS, body, strict=strict)
    tokens = _loose_entries(loose.balances, _TOKEN_ROW, strict=strict)
    return _page_of(body, loose.page, (), tokens, is_whole=False)


def _loosely_read(decoder: Decoder[Loose], body: bytes, *, strict: bool) -> Loose:
    # A half of a surrogate pair is valid JSON, but no text: msgspec refuses the whole page for one name.
    loose = try_decode(decoder, body) or try_decode(decoder, mend_surrogates(body))
    if loose is None:
        raise ReplyMalformed("no page of balances", status=200)
    if strict and repeated_keys(body):
        raise ReplyMalformed("a key twice", status=200)
    return loose


def _page_of(
    body: bytes,
    page: Raw,
    natives: tuple[ChainEntry[NativeRow], ...],
    tokens: tuple[ChainEntry[TokenRow], ...],
    *,
    is_whole: bool,
) -> Page:
    raw, more = read_page_object(page)
    return Page(raw, more=more, natives=natives, tokens=tokens, body=body, is_whole=is_whole)


class _WholeEntry(Struct, Generic[Row], rename="camel", kw_only=True):
    chain_id: int
    error_reason: str | None = None
    results: list[Row] | None = None


class _WholeTokens(Struct, rename="camel"):
    page: Raw = Raw()
    balances: list[_WholeEntry[TokenRow]] | None = None


class _Whole(_WholeTokens, rename="camel"):
    native_balances: list[_WholeEntry[NativeRow]] | None = None


class _LooseTokens(Struct, rename="camel"):
    page: Raw = Raw()
    balances: list[Raw] | None = None


class _Loose(_LooseTokens, rename="camel"):
    native_balances: list[Raw] | None = None


class _LooseEntry(Struct, rename="camel"):
    error_reason: str | None = None
    results: list[Raw] | None = None


class _ChainIdOnly(Struct, rename="camel"):
    chain_id: int


class _AccountOnly(Struct, rename="camel"):
    account_address: str = ""


class _Mark(Struct):
    more: bool | None = None


_BALANCE_KEY = b'"balance"'
_KEYS = (
    b'"accountAddress"',
    b'"contract',  # Address, Type and Info
    b'"chainId"',
    b'"tokenID"',
    b'"blockNumber"',
    b'"uniqueCollectibles"',
    b'"errorReason"',
)
"""The keys that decide what a row says beside its amount; names and prices decide nothing."""
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")
"""A letter spelled as an escape: a key spelled so is not counted, and no usual program writes it."""
_NATIVES_BEGIN = b'"nativeBalances":'
_TOKENS_BEGIN = b'"balances":'
_PAGE_KEY = b'"page"'

_WHOLE = Decoder(_Whole)
_WHOLE_TOKENS = Decoder(_WholeTokens)
_LOOSE = Decoder(_Loose)
_LOOSE_TOKENS = Decoder(_LooseTokens)
_LOOSE_ENTRY = Decoder(_LooseEntry)
_NATIVE_ROW = Decoder(NativeRow)
_TOKEN_ROW = Decoder(TokenRow)
_CHAIN = Decoder(_ChainIdOnly)
_ACCOUNT = Decoder(_AccountOnly)
_MARK = Decoder(_Mark)


def _entries(entries: list[_WholeEntry[Row]] | None) -> tuple[ChainEntry[Row], ...]:
    return tuple(
        ChainEntry(entry.chain_id, entry.error_reason or "", entry.results or ()) for entry in entries or ()
    )


def _loose_entries(
    entries: list[Raw] | None, decoder: Decoder[Row], *, strict: bool
) -> tuple[ChainEntry[Row], ...]:
    return tuple(_loose_entry(entry, decoder, strict=strict) for entry in entries or ())


def _loose_entry(raw: Raw, decoder: Decoder[Row], *, strict: bool) -> ChainEntry[Row]:
    of_chain = try_decode(_CHAIN, raw)
    if of_chain is None:
        raise ReplyMalformed("an entry names no chain", status=200)
    entry = try_decode(_LOOSE_ENTRY, raw)
    if entry is None or (strict and repeated_keys(raw)):
        return ChainEntry(of_chain.chain_id, "malformed entry", ())
    rows: list[Row] = []
    broken: list[BrokenRow] = []
    for result in entry.results or ():
        row = try_decode(decoder, result)
        if row is None or (strict and repeated_keys(result)):
            broken.append(_broken_row(result))
        else:
            rows.append(row)
    return ChainEntry(of_chain.chain_id, entry.error_reason or "", rows, tuple(broken))


def _broken_row(raw: Raw) -> BrokenRow:
    account = None if "accountAddress" in repeated_keys(raw) else try_decode(_ACCOUNT, raw)
    of_chain = try_decode(_CHAIN, raw)
    return BrokenRow(
        None if account is None else account.account_address,
        None if of_chain is None else of_chain.chain_id,
        hash(bytes(raw)),
    )
