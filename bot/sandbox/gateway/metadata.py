"""How the simulated Indexer Gateway describes contracts and their items (indexer-gateway.md 2.4, 2.5)."""

import hashlib

from bot.sandbox.gateway.knobs import Metadata
from bot.sandbox.gateway.rows import Row
from bot.sandbox.gateway.world import Contract

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
    """Return the description of one item of a collection, which others than its maker should not trust."""
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
