"""Takes one page of a reply apart: whole at once where all of it is well-formed, else row by row.

A bad row is set aside and the others stand; a bad chain entry is named; only a
page that cannot even be sorted by chain is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from bot.indexer.bodies import decoded, mended
from bot.indexer.errors import ReplyMalformed
from bot.indexer.rows import NativeRow, TokenRow

Row = TypeVar("Row", NativeRow, TokenRow)


class PageMark(NamedTuple):
    """Where a page stands among the pages of one answer."""

    page: bytes
    """The page object, byte for byte as it came: asks for the next page."""
    more: bool
    new_rows: bool
    """Whether it held a row that no earlier page held."""


class BrokenRow(NamedTuple):
    """A row that has not the shape of one."""

    account: str | None
    """The account as spelled in it; None where not even that can be read."""
    fingerprint: int
    """Tells one broken row from another."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[Row]):
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
    natives: tuple[Entry[NativeRow], ...]
    tokens: tuple[Entry[TokenRow], ...]


def read_page(body: bytes) -> Page:
    """Return what a page says, or raise ReplyMalformed."""
    whole = decoded(_WHOLE, body)
    if whole is not None:
        return _page_of(whole.page, _entries(whole.native_balances), _entries(whole.balances))
    loose = decoded(_LOOSE, body) or decoded(_LOOSE, mended(body))
    if loose is None:
        raise ReplyMalformed("no page of balances", status=200)
    natives = tuple(_loose_entry(entry, _NATIVE_ROW) for entry in loose.native_balances or ())
    return _page_of(loose.page, natives, _loose_tokens(loose.balances))


def read_tokens(body: bytes) -> Page:
    """Return what a page says of tokens, or raise ReplyMalformed; its natives are passed over unread."""
    whole = decoded(_WHOLE_TOKENS, body)
    if whole is not None:
        return _page_of(whole.page, (), _entries(whole.balances))
    loose = decoded(_LOOSE_TOKENS, body) or decoded(_LOOSE_TOKENS, mended(body))
    if loose is None:
        raise ReplyMalformed("no page of balances", status=200)
    return _page_of(loose.page, (), _loose_tokens(loose.balances))


def _page_of(page: Raw, natives: tuple[Entry[NativeRow], ...], tokens: tuple[Entry[TokenRow], ...]) -> Page:
    raw = bytes(page)
    if raw in (b"", b"null"):
        return Page(b"", more=False, natives=natives, tokens=tokens)
    mark = decoded(_MARK, raw)
    if mark is None:
        raise ReplyMalformed("no page object", status=200)
    return Page(raw, more=mark.more is True, natives=natives, tokens=tokens)


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


class _Chain(Struct, rename="camel"):
    chain_id: int


class _Account(Struct, rename="camel"):
    account_address: str = ""


class _Mark(Struct):
    more: bool | None = None


_WHOLE = Decoder(_Whole)
_WHOLE_TOKENS = Decoder(_WholeTokens)
_LOOSE = Decoder(_Loose)
_LOOSE_TOKENS = Decoder(_LooseTokens)
_LOOSE_ENTRY = Decoder(_LooseEntry)
_NATIVE_ROW = Decoder(NativeRow)
_TOKEN_ROW = Decoder(TokenRow)
_CHAIN = Decoder(_Chain)
_ACCOUNT = Decoder(_Account)
_MARK = Decoder(_Mark)


def _entries(entries: list[_WholeEntry[Row]] | None) -> tuple[Entry[Row], ...]:
    return tuple(
        Entry(entry.chain_id, entry.error_reason or "", entry.results or ()) for entry in entries or ()
    )


def _loose_tokens(entries: list[Raw] | None) -> tuple[Entry[TokenRow], ...]:
    return tuple(_loose_entry(entry, _TOKEN_ROW) for entry in entries or ())


def _loose_entry(raw: Raw, decoder: Decoder[Row]) -> Entry[Row]:
    chain = decoded(_CHAIN, raw)
    if chain is None:
        raise ReplyMalformed("an entry names no chain", status=200)
    entry = decoded(_LOOSE_ENTRY, raw)
    if entry is None:
        return Entry(chain.chain_id, "malformed entry", ())
    rows: list[Row] = []
    broken: list[BrokenRow] = []
    for result in entry.results or ():
        row = decoded(decoder, result)
        if row is None:
            broken.append(_broken_row(result))
        else:
            rows.append(row)
    return Entry(chain.chain_id, entry.error_reason or "", rows, tuple(broken))


def _broken_row(raw: Raw) -> BrokenRow:
    account = decoded(_ACCOUNT, raw)
    return BrokenRow(None if account is None else account.account_address, hash(bytes(raw)))
