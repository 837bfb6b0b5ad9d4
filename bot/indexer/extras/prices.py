"""Encodes the question for prices of tokens, and reads the answer.

A price counts for the very chain and contract that were asked; anything else that an answer says is left out.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from msgspec import Raw, Struct, field, json
from msgspec.json import Decoder

from bot.domain.assets import Asset, ChainId, Quote
from bot.indexer.errors import ReplyMalformed
from bot.indexer.loose_json import repeated_keys, try_decode
from bot.indexer.rows import parse_address, parse_moment, parse_price

METHOD: Final = "GetTokenPrices"

_NO_ID = frozenset({b"", b"null", b'""', b'"0"'})
"""How a row says that it is about a token as a whole."""


def encode_prices_question(assets: Collection[Asset]) -> bytes:
    """Return the body of a request for the prices of tokens.

    Raises ValueError for none, or for a native coin, whose address is not documented.
    """
    if not assets or not all(asset.contract for asset in assets):
        raise ValueError("prices are asked of tokens")
    by_chain: dict[ChainId, list[dict[str, str]]] = defaultdict(list)
    for asset in assets:
        by_chain[asset.chain_id].append({"contractAddress": asset.contract})
    return json.encode(
        {"q": [{"chainID": chain_id, "queries": queries} for chain_id, queries in by_chain.items()]}
    )


def decode_prices(body: bytes, asked: Collection[Asset]) -> dict[Asset, Quote | None]:
    """Return what an answer says of the assets that were asked; None: it has no price that can be believed.

    Of what is missing nothing is known: its chain has no entry or a faulty one, or it came with two prices.
    Raises ReplyMalformed for what is no answer at all.
    """
    reply = try_decode(_REPLY, body)
    if reply is None:
        raise ReplyMalformed("no list of prices", status=200)
    said: dict[Asset, set[Quote | None]] = defaultdict(set)
    whole: set[ChainId] = set()
    faulty: set[ChainId] = set()
    for raw in reply.prices or ():
        entry = try_decode(_ENTRY, raw)
        if entry is None:
            raise ReplyMalformed("an entry names no chain", status=200)
        chain_id = ChainId(entry.chain_id)
        rows = [_read(row) for row in entry.results or ()]
        is_faulty = bool(entry.error_reason) or None in rows or bool(repeated_keys(raw))
        (faulty if is_faulty else whole).add(chain_id)
        for row in rows:
            contract = row and bytes(row.token_id) in _NO_ID and parse_address(row.contract_address)
            if row and contract:
                said[Asset(chain_id, contract)].add(_quote(row))
    result: dict[Asset, Quote | None] = {}
    for asset in asked:
        # Of what a sound entry leaves out, the source knows no price.
        quotes = said.get(asset, {None} if asset.chain_id in whole - faulty else set())
        if len(quotes) == 1:
            (result[asset],) = quotes
    return result


def _read(raw: Raw) -> "_Row | None":
    """Return a row; None for one that can't be read, or in which a key stands twice."""
    return None if repeated_keys(raw) else try_decode(_ROW, raw)


def _quote(row: "_Row") -> Quote | None:
    price = parse_price(row.price_usd)
    return None if price is None else Quote(price, parse_moment(row.updated_at))


class _Row(Struct, rename="camel", kw_only=True):
    contract_address: str
    token_id: Raw = field(default=Raw(), name="tokenID")
    price_usd: Raw = field(default=Raw(), name="priceUSD")
    updated_at: Raw = Raw()


class _Entry(Struct, rename="camel", kw_only=True):
    chain_id: int = field(name="chainID")
    error_reason: str | None = None
    results: list[Raw] | None = None


class _Reply(Struct):
    prices: list[Raw] | None


_ROW = Decoder(_Row)
_ENTRY = Decoder(_Entry)
_REPLY = Decoder(_Reply)
