"""Pages of transfers to read in tests, as the source writes them."""

import json

from bot.domain.assets import Address, ChainId
from bot.domain.explain.questions import HistoryQuestion
from bot.domain.explain.transfers import NOBODY

ANN = Address("0x" + "a0" * 20)
BOB = Address("0x" + "b0" * 20)
EVE = Address("0x" + "e0" * 20)
USDC = Address("0x" + "c0" * 20)
CARDS = Address("0x" + "ca" * 20)
POLYGON = ChainId(137)
QUESTION = HistoryQuestion(chain_id=POLYGON, accounts=(ANN,))

Json = dict[str, object]


def hash_of(number: int) -> str:
    return f"0x{number:064x}"


def transfer(amount: object = "25", **fields: object) -> Json:
    """Return a transfer from Bob to Ann."""
    return {
        "transferType": "RECEIVE",
        "contractAddress": USDC,
        "contractType": "ERC20",
        "from": BOB,
        "to": ANN,
        "tokenIds": ["0"],
        "amounts": [amount],
        "logIndex": 12,
        **fields,
    }


def coin(amount: str = "25", **fields: object) -> Json:
    return transfer(amount, contractAddress=NOBODY, contractType="NATIVE", **fields)


def row(number: int = 1, *transfers: object, block: object = 500, **fields: object) -> Json:
    """Return a transaction, with one transfer where none is named."""
    return {
        "txnHash": hash_of(number),
        "blockNumber": block,
        "blockHash": hash_of(7000 + number),
        "chainId": POLYGON,
        "metaTxnID": None,
        "transfers": list(transfers) or [transfer()],
        "timestamp": "2026-11-20T10:11:12Z",
        **fields,
    }


def entry(*rows: object, **fields: object) -> Json:
    return {"chainId": POLYGON, "results": list(rows), **fields}


def body(*entries: object, mark: object = None) -> bytes:
    return json.dumps({"page": mark, "transactions": list(entries)}).encode()


def page(*rows: object, mark: object = None) -> bytes:
    return body(entry(*rows), mark=mark)
