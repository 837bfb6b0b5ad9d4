"""A plain client of the simulated Indexer Gateway, and what its tests read from answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT

CHECKSUMMED = "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
STRANGER = "0x00000000000000000000000000000000000a11ce"

FOX = "0xc770eefad204b5180df6a14ee197d99d808ee52d"
DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
USDC_POLYGON = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
USDC_ARBITRUM = "0xaf88d065e77c8cc2239327c5edb3a432268e5831"
SKYWEAVER = "0x631998e91476da5b870d741192fc5cbc55f5a52e"
SPAM = "0x5ba3000000000000000000000000000000005ba3"

VERIFIED = {FOX, DAI, USDC, USDC_POLYGON, SKYWEAVER}

SUMMARY = "GetTokenBalancesSummary"
DETAILS = "GetTokenBalancesDetails"
BY_CONTRACT = "GetTokenBalancesByContract"
HISTORY = "GetTransactionHistory"
NATIVE = "GetNativeTokenBalance"
PRICES = "GetTokenPrices"
PRICE = "GetTokenPrice"
OF_BALANCES_OR_PRICES = (SUMMARY, DETAILS, BY_CONTRACT, NATIVE, HISTORY, PRICES, PRICE)
ALL_METHODS = (*OF_BALANCES_OR_PRICES, "GetChains", "Ping", "Version", "RuntimeStatus")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Client:
    session: aiohttp.ClientSession
    gateway: Gateway

    async def call(
        self, method: str, body: object, *, verb: str = "POST", key: str | None = "any", **headers: str
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "Content-Type": "application/json",
            **headers,
            **({"X-Access-Key": key} if key is not None else {}),
        }
        url = f"{self.gateway.url}/{method}"
        async with self.session.request(verb, url, data=raw, headers=sent) as response:
            return Answer(response.status, response.headers, await _body(response))

    async def balances(self, method: str, **request: object) -> Answer:
        """Ask for balances, of the example account unless the filter says otherwise."""
        wanted = {"accountAddresses": [EXAMPLE_ACCOUNT], **_dict(request.pop("filter", {}))}
        return await self.call(method, {"filter": wanted, **request})

    async def summary(self, **request: object) -> Answer:
        return await self.balances(SUMMARY, **request)

    async def details(self, **request: object) -> Answer:
        return await self.balances(DETAILS, **request)

    async def history(self, *chain_ids: int, page: object = None, **wanted: object) -> Answer:
        """Ask for transfers, of the example account unless the filter says otherwise."""
        whose = {"accountAddresses": [EXAMPLE_ACCOUNT], **wanted}
        return await self.call(HISTORY, {"chainIds": chain_ids, "filter": whose, "page": page})

    async def control(self, verb: str, path: str, body: object = None) -> Answer:
        url = f"{self.gateway.control_url}/{path}"
        async with self.session.request(verb, url, json=body) as response:
            return Answer(response.status, response.headers, await response.json())


async def _body(response: aiohttp.ClientResponse) -> object:
    return await (response.json() if response.content_type == "application/json" else response.text())


def _dict(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def entries(part: list[dict[str, Any]]) -> dict[int, Any]:
    """Return a part's results by chain, with each chain once."""
    by_chain = {entry["chainId"]: entry["results"] for entry in part}
    assert len(by_chain) == len(part)
    return by_chain


def token_rows(answer: Answer) -> dict[str, dict[str, Any]]:
    """Return the token rows by contract, with each contract once."""
    rows = [row for entry in answer.body["balances"] for row in entry["results"] or []]
    by_contract = {row["contractAddress"]: row for row in rows}
    assert len(by_contract) == len(rows)
    return by_contract


def native_rows(answer: Answer, chain_id: int) -> dict[str, dict[str, Any]]:
    return {row["accountAddress"]: row for row in entries(answer.body["nativeBalances"])[chain_id]}


async def all_pages(
    client: Client, page: dict[str, object], method: str = SUMMARY, **request: object
) -> list[Answer]:
    """Follow the pages to the end, as clients do: each page object is sent back as it came."""
    answers = [await client.balances(method, **request, page=page)]
    while answers[-1].body["page"]["more"]:
        assert len(answers) < 30
        answers.append(await client.balances(method, **request, page=answers[-1].body["page"]))
    return answers
