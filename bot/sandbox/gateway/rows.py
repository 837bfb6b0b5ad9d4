"""The JSON rows of the gateway's answers: balances, prices, descriptions of contracts and items.

Their members and spelling are the vendor's (docs/indexer-gateway.md, "Native rows", "Token rows").
"""

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal

from bot.sandbox.gateway.knobs import Knobs, Metadata
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld, HeldAmount

Row = dict[str, object]

_NATIVE_DECIMALS = 18
_CENT = Decimal("0.01")
# A balance has up to 78 digits; the default precision of 28 would round its worth.
_EXACT = Context(prec=160)


def entry(chain_id: int, results: list[Row]) -> Row:
    """Return the entry of a chain that answered."""
    return {"chainId": chain_id, "results": results}


def failed_entry(chain_id: int, reason: str) -> Row:
    """Return the entry of a chain that did not (docs/indexer-gateway.md, "Answers")."""
    return {"chainId": chain_id, "errorReason": reason, "results": None}


def with_empty(entries: Iterable[Row], knobs: Knobs) -> list[Row]:
    """Return the chains' entries, those without rows as the knob says."""
    kept = list(entries)
    match knobs.chains_without_rows:
        case "missing":
            return [each for each in kept if each["results"] != []]
        case "null":
            return [{**each, "results": each["results"] or None} for each in kept]
        case "empty":
            return kept


def native_row(chain: GatewayChain, account: str, amount: int) -> Row:
    """Return one account's native balance, without its price."""
    return {
        "accountAddress": account,
        "chainId": chain.chain_id,
        "name": chain.native_name,
        "symbol": chain.native_symbol,
        "balance": str(amount),
    }


def native_prices(world: GatewayWorld, chain: GatewayChain, amount: int) -> Row:
    """Return what prices add to a native row."""
    return _prices(world, amount, _NATIVE_DECIMALS, chain.native_price)


def failed_native_row(chain: GatewayChain, account: str, reason: str) -> Row:
    """Return the row of an account whose balance could not be read: a zero that means nothing."""
    return {**native_row(chain, account, 0), "errorReason": reason}


def token_row(world: GatewayWorld, contract: Contract, account: str, held: Mapping[int, HeldAmount]) -> Row:
    """Return one account's balance of an ERC-20, or of the one token id held of a collection.

    Price and description are left to others; an ERC-20 has the token id 0.
    """
    (token_id,) = held
    return {**_row(world, contract, account, held), "tokenID": str(token_id)}


def collection_row(
    world: GatewayWorld, contract: Contract, account: str, held: Mapping[int, HeldAmount]
) -> Row:
    """Return one account's token ids of a collection, added up and counted."""
    # Items that are gone keep an entry with the amount 0, and do not count.
    unique = sum(holding.amount > 0 for holding in held.values())
    row = _row(world, contract, account, held)
    return {**row, "uniqueCollectibles": str(unique), "isSummary": True}


def total(held: Mapping[int, HeldAmount]) -> int:
    """Return the sum of one contract's token ids."""
    return sum(holding.amount for holding in held.values())


def token_prices(world: GatewayWorld, contract: Contract, held: Mapping[int, HeldAmount]) -> Row:
    """Return what prices add to a token row; what has no decimals has no price."""
    return {} if contract.decimals is None else _prices(world, total(held), contract.decimals, contract.price)


def _row(world: GatewayWorld, contract: Contract, account: str, held: Mapping[int, HeldAmount]) -> Row:
    block = max(holding.block for holding in held.values())
    return {
        "contractType": contract.kind,
        "contractAddress": contract.address,
        "accountAddress": account,
        "balance": str(total(held)),
        "blockHash": world.block_hash(contract.chain_id, block),
        "blockNumber": block,
        "chainId": contract.chain_id,
    }


def _prices(world: GatewayWorld, amount: int, decimals: int, price: Decimal | None) -> Row:
    if price is None:
        return {}
    # Rounded to cents only at the end, in the same wide context.
    worth = _EXACT.multiply(_EXACT.scaleb(Decimal(amount), -decimals), price)
    return {
        "balanceUSD": f"{worth.quantize(_CENT, context=_EXACT):f}",
        "priceUSD": f"{price:f}",
        "priceUpdatedAt": world.priced_at(),
    }


# Markup, entities, a character that turns text around, one that is invisible, line breaks, a link, length.
HOSTILE_NAME = (
    "<b>You won</b> &lt;i&gt; \u202eCDSU\u200b\n\n@everyone https://claim.example/?a=1&b=2 " + "W" * 300
)

_DESCRIBED_AT = "2026-05-01T08:09:10.123456789Z"
_STATUS: Row = {"updatedAt": _DESCRIBED_AT, "queuedAt": None, "status": "AVAILABLE"}


def descriptions(contract: Contract, token_id: int | None, metadata: Metadata) -> Row:
    """Return what describes a token row: its contract and, with a token id, its item."""
    row: Row = {}
    if metadata != "no_contract_info":
        row["contractInfo"] = contract_info(contract, metadata)
    if token_id is not None:
        row["tokenMetadata"] = token_metadata(contract, token_id, metadata)
    return row


def contract_info(contract: Contract, metadata: Metadata = "full") -> Row:
    """Return a contract's description; members that are unknown are left out."""
    row: Row = {
        "chainId": contract.chain_id,
        "address": contract.address,
        "source": "",
        "name": _named(contract.name, metadata),
        "type": contract.kind,
        "symbol": _named(contract.symbol, metadata),
        "deployed": True,
        "bytecodeHash": "0x" + hashlib.sha256(contract.address.encode()).hexdigest(),
        "extensions": None if metadata == "null_extensions" else _extensions(contract),
        **_STATUS,
        **_decimals(contract, metadata),
    }
    if contract.logo_uri:
        row["logoURI"] = contract.logo_uri
    return row


def token_metadata(contract: Contract, token_id: int, metadata: Metadata = "full") -> Row:
    """Return the description of one item of a collection; whoever made the collection wrote it."""
    return {
        "chainId": contract.chain_id,
        "contractAddress": contract.address,
        "tokenId": str(token_id),
        "source": "",
        "name": _named(f"{contract.name} #{token_id}", metadata),
        "description": _named("", metadata),
        "image": f"https://items.example/{contract.chain_id}/{contract.address}/{token_id}.png",
        "properties": None,
        "attributes": None,
        **_STATUS,
        **_decimals(contract, metadata),
    }


def _named(name: str, metadata: Metadata) -> str:
    return HOSTILE_NAME if metadata == "hostile_names" else name


def _decimals(contract: Contract, metadata: Metadata) -> Row:
    known = contract.decimals is not None and metadata != "no_decimals"
    return {"decimals": contract.decimals} if known else {}


def _extensions(contract: Contract) -> Row | None:
    """Return what a directory adds: members that are false are left out, nothing at all is null."""
    verified: Row = {"verified": True, "verifiedBy": "token-directory"} if contract.verified else {}
    rebasing: Row = {"indexingInfo": {"useOnChainBalance": True}} if contract.rebasing else {}
    return {**verified, **rebasing} or None
