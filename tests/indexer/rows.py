"""Rows, pages and whole replies as they come on the wire, named by what matters in them."""

import json
from dataclasses import replace
from typing import Any

from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import Address, ChainId
from bot.indexer.replies.collector import ReplyCollector

ANN = Address("0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9")
BOB = Address("0x" + "b0" * 20)
EVE = Address("0x" + "ee" * 20)
USDC = Address("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
DAI = Address("0x6b175474e89094c44da98b954eedeac495271d0f")
FOX = Address("0xc770eefad204b5180df6a14ee197d99d808ee52d")
POLYGON_USDC = Address("0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
SKYWEAVER = Address("0x631998e91476da5b870d741192fc5cbc55f5a52e")

MAINNET = ChainId(1)
POLYGON = ChainId(137)
ARBITRUM = ChainId(42161)

ABSENT = object()

OF_ANN = Question(accounts=(ANN,), chain_ids=(MAINNET,))
OF_BOTH = Question(accounts=(ANN, BOB), chain_ids=(MAINNET,))


def token(
    contract: object = USDC, balance: object = "5", account: object = ANN, **fields: object
) -> dict[str, Any]:
    row = {
        "contractType": "ERC20",
        "contractAddress": contract,
        "accountAddress": account,
        "balance": balance,
        "chainId": 1,
        **fields,
    }
    return {name: value for name, value in row.items() if value is not ABSENT}


def native(balance: object = "7", account: object = ANN, **fields: object) -> dict[str, Any]:
    row = {
        "accountAddress": account,
        "chainId": 1,
        "name": "Ether",
        "symbol": "ETH",
        "balance": balance,
        **fields,
    }
    return {name: value for name, value in row.items() if value is not ABSENT}


def entry(*rows: object, chain: object = 1, **fields: object) -> dict[str, Any]:
    return {"chainId": chain, "results": list(rows), **fields}


def body(tokens: object = (), natives: object = (), page: object = ABSENT) -> bytes:
    reply = {"page": page, "nativeBalances": natives, "balances": tokens}
    return json.dumps({name: value for name, value in reply.items() if value is not ABSENT}).encode()


def answer(question: Question, *bodies: bytes) -> Answer:
    collected = ReplyCollector(question)
    for each in bodies:
        collected.add(each)
    reply = collected.reply()
    descriptions = reply.descriptions(question.accounts)
    return replace(reply.about(question.accounts), descriptions=descriptions)


def tokens_of(*rows: object, question: Question = OF_ANN) -> Answer:
    return answer(question, body([entry(*rows)]))


def natives_of(*rows: object, question: Question = OF_ANN) -> Answer:
    return answer(question, body(natives=[entry(*rows)]))


# ---------------------------------------------------------------- bodies of the gateway, as documented


def info(chain: int, address: str, symbol: str, **fields: object) -> dict[str, Any]:
    return {
        "chainId": chain,
        "address": address,
        "source": "",
        "name": symbol,
        "type": "ERC20",
        "symbol": symbol,
        "deployed": True,
        "bytecodeHash": "0x",
        "extensions": {
            "verified": True,
            "verifiedBy": "token-directory",
            "featured": True,
            "featureIndex": 2,
        },
        "updatedAt": "2026-05-01T08:09:10.123456789Z",
        "queuedAt": None,
        "status": "AVAILABLE",
        **fields,
    }


def listed(chain: int, address: str, balance: str, block: int, **fields: object) -> dict[str, Any]:
    return token(
        address,
        balance,
        tokenID="0",
        blockHash="0x5f1c2a7b",
        blockNumber=block,
        chainId=chain,
        **fields,
    )


PRICED = {"balanceUSD": "50.00", "priceUSD": "1.00", "priceUpdatedAt": "2026-05-20T10:00:00Z"}

SUMMARY: dict[str, Any] = {
    "page": {"page": 0, "pageSize": 40, "more": False},
    "nativeBalances": [
        entry(
            native(
                "12500000000000000000",
                chainId=137,
                name="POL",
                symbol="POL",
                balanceUSD="2.75",
                priceUSD="0.22",
            ),
            chain=137,
        ),
        entry(native("158495082541645504", balanceUSD="396.24", priceUSD="2500.00")),
    ],
    "balances": [
        entry(
            listed(
                137,
                POLYGON_USDC,
                "50000000",
                71_000_123,
                **PRICED,
                contractInfo=info(137, POLYGON_USDC, "USDC", decimals=6),
            ),
            listed(
                137,
                SKYWEAVER,
                "1700",
                70_880_011,
                contractType="ERC1155",
                uniqueCollectibles="12",
                isSummary=True,
                contractInfo=info(
                    137,
                    SKYWEAVER,
                    "SKYWVR",
                    extensions={
                        "originChainId": 137,
                        "originAddress": "0x631998e91476DA5B870D741192fc5Cbc55F5a52E",
                    },
                ),
            ),
            chain=137,
        ),
        entry(
            listed(
                1, USDC, "221887067", 22_500_001, **PRICED, contractInfo=info(1, USDC, "USDC", decimals=6)
            ),
            listed(1, DAI, "5021334051688125324", 19_400_002, contractInfo=info(1, DAI, "DAI", decimals=18)),
            listed(1, FOX, "58899592885266406938", 18_800_003, contractInfo=info(1, FOX, "FOX", decimals=18)),
        ),
    ],
}

FAILING: dict[str, Any] = {
    "page": {"page": 0, "pageSize": 40, "more": False},
    "nativeBalances": [
        entry(native("0", chainId=42161, errorReason="node unavailable"), chain=42161),
        entry(native("12500000000000000000", chainId=137, name="POL", symbol="POL"), chain=137),
        entry(native("158495082541645504")),
    ],
    "balances": [
        {"chainId": 42161, "errorReason": "backend timeout", "results": None},
        entry(
            listed(
                137,
                POLYGON_USDC,
                "50000000",
                71_000_123,
                contractInfo=info(137, POLYGON_USDC, "USDC", decimals=6, extensions=None),
            ),
            chain=137,
        ),
        entry(listed(1, USDC, "221887067", 22_500_001)),
    ],
}
