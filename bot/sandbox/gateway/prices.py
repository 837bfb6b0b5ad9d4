"""The answers that hold prices: GetTokenPrices and GetTokenPrice (docs/indexer-gateway.md, "Prices")."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from bot.sandbox.gateway.errors import INVALID_ARGUMENT, CallRefused
from bot.sandbox.gateway.faults.active import CallFaults
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.request import Fields, Selectors, select_chains
from bot.sandbox.gateway.rows import Row
from bot.sandbox.gateway.transfers import NOBODY
from bot.sandbox.gateway.world import GatewayWorld


@dataclass(frozen=True, slots=True)
class AskedPrice:
    """One price asked for; the address as it came, without a token id where none was given."""

    address: str
    token_id: int | None


@dataclass(frozen=True, slots=True)
class AskedPrices:
    """Prices asked for on one chain."""

    chain_id: int
    prices: tuple[AskedPrice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesQuery:
    """A request for prices and all that its answer depends on."""

    world: GatewayWorld
    knobs: Knobs
    faults: CallFaults
    chains: tuple[AskedPrices, ...]


def read_prices_request(fields: Fields) -> tuple[AskedPrices, ...]:
    """Read the list of chains and contracts."""
    return tuple(_read_chain(each) for each in fields.objects("q"))


def read_price_request(fields: Fields) -> tuple[AskedPrices, ...]:
    """Read one chain with its contracts."""
    return (_read_chain(fields.nested("q")),)


def _read_chain(fields: Fields) -> AskedPrices:
    # The name is chainID here and chainId elsewhere; the server reads either.
    prices = (
        AskedPrice(each.text("contractAddress"), each.big_integer("tokenID"))
        for each in fields.objects("queries")
    )
    return AskedPrices(fields.number("chainID"), tuple(prices))


def token_prices(query: PricesQuery) -> Row:
    """Answer GetTokenPrices; raises CallRefused for chains that cannot be."""
    return {"prices": list(_entries(query))}


def token_price(query: PricesQuery) -> Row:
    """Answer GetTokenPrice, whose one chain is no list; null where there is no such chain."""
    return {"price": next(_entries(query), None)}


def _entries(query: PricesQuery) -> Iterator[Row]:
    for asked in query.chains:
        if refused := next((each for each in asked.prices if query.faults.refuses_price(each.address)), None):
            raise CallRefused(INVALID_ARGUMENT.because(f"no price of {refused.address}"))
        selectors = Selectors(chain_ids=frozenset({asked.chain_id}), networks=frozenset(), network_type="")
        chosen = select_chains(query.world.chains(), selectors, query.knobs)
        for entry in chosen.unknown:
            yield _entry(query, asked.chain_id, None, str(entry["errorReason"]))
        if chosen.chains:
            reason = query.faults.price_failure(asked.chain_id)
            yield _entry(query, asked.chain_id, None if reason else _rows(query, asked), reason)


def _entry(query: PricesQuery, chain_id: int, rows: Iterable[Row] | None, reason: str | None) -> Row:
    return {
        "chainID": query.faults.chain_of_prices(chain_id),
        **({"errorReason": reason} if reason else {}),
        "results": None if rows is None else query.faults.altered_prices(rows),
    }


def _rows(query: PricesQuery, asked: AskedPrices) -> Iterator[Row]:
    for each in asked.prices:
        price = _price(query, asked.chain_id, each.address.lower())
        if price is not None or query.knobs.without_price == "row":
            yield {
                "contractAddress": each.address.lower(),
                **({} if each.token_id is None else {"tokenID": str(each.token_id)}),
                **({} if price is None else {"priceUSD": f"{price:f}", "updatedAt": query.world.priced_at()}),
            }


def _price(query: PricesQuery, chain_id: int, address: str) -> Decimal | None:
    if address == NOBODY:
        (chain,) = (chain for chain in query.world.chains() if chain.chain_id == chain_id)
        return chain.native_price if query.knobs.natives_priced else None
    try:
        return query.world.contract(chain_id, address).price
    except ValueError:
        return None
