"""The load gateway answers as the small gateway does, only for more accounts than that could."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from bot.domain.ask.questions import Question
from bot.domain.assets import Address, ChainId
from bot.indexer.client import IndexerClient
from bot.indexer.errors import QuestionRefused
from bot.sandbox.gateway.errors import CallRefused
from bot.sandbox.gateway.request import read_fields
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld
from tests.benchmarks.load_gateway import LoadGateway
from tests.benchmarks.load_rows import CONTRACTS_PER_CHAIN, FIRST_CHAIN_ID, LoadWorld, account_address

ACCOUNTS, TOKENS, CHAINS = 5, 7, 3
CHAIN_IDS = [FIRST_CHAIN_ID + number for number in range(CHAINS)]
EVERYBODY = [account_address(number) for number in range(ACCOUNTS)]
STRANGER = "0x00000000000000000000000000000000000a11ce"

QUESTION = Question(
    accounts=tuple(map(Address, EVERYBODY)), chain_ids=tuple(map(ChainId, CHAIN_IDS)), metadata=True
)


def body(*, page: object = None, omit_metadata: bool = True, **filters: object) -> bytes:
    asked = {"accountAddresses": EVERYBODY, "contractStatus": "VERIFIED", **filters}
    page = page or {"pageSize": 1000}
    return json.dumps(
        {"chainIds": CHAIN_IDS, "filter": asked, "omitMetadata": omit_metadata, "page": page}
    ).encode()


def gateway(*, max_page_size: int = 1000, natives_on_every_page: bool = True) -> LoadGateway:
    return LoadGateway(
        LoadWorld(accounts=ACCOUNTS, tokens=TOKENS, chains=CHAINS),
        latency_seconds=0,
        max_page_size=max_page_size,
        natives_on_every_page=natives_on_every_page,
    )


def answer(asked: LoadGateway, request: bytes) -> Any:  # noqa: ANN401 - it is JSON
    return json.loads(asked.summary(read_fields(request)))


def pages(asked: LoadGateway, size: int) -> Iterator[Any]:
    """Yield all pages, each asked for with the page object of the one before."""
    page: object = {"pageSize": size}
    while page:
        one = answer(asked, body(page=page))
        yield one
        page = one["page"] if one["page"]["more"] else None


def rows(one: Any, part: str = "balances") -> list[Any]:  # noqa: ANN401 - it is JSON
    return [row for entry in one[part] or () for row in entry["results"]]


def balances(one: Any) -> dict[tuple[int, str, str], str]:  # noqa: ANN401 - it is JSON
    return {
        (row["chainId"], row["accountAddress"], row["contractAddress"]): row["balance"] for row in rows(one)
    }


def shape(row: dict[str, object]) -> dict[str, type]:
    return {name: type(value) for name, value in row.items()}


@pytest.fixture
async def client() -> AsyncIterator[IndexerClient]:
    async with gateway(max_page_size=10).serve() as served, IndexerClient(served.url, page_size=10) as one:
        yield one


def small_world(chain: GatewayChain, contract: Contract) -> GatewayWorld:
    """Return a world in which account 0 holds one token and some of the coin."""
    world = GatewayWorld()
    world.add_chain(chain, block=20_000_000)
    world.add_contract(contract)
    world.set_native(chain.chain_id, EVERYBODY[0], 10**21)
    world.set_token(chain.chain_id, contract.address, EVERYBODY[0], 10**21)
    return world


async def said_by(world: GatewayWorld, request: bytes) -> Any:  # noqa: ANN401 - it is JSON
    async with Gateway(world).serve() as small, aiohttp.ClientSession() as session:
        headers = {"Content-Type": "application/json", "X-Access-Key": "any"}
        url = f"{small.url}/GetTokenBalancesSummary"
        async with session.post(url, data=request, headers=headers) as response:
            return await response.json()


# What it says


@pytest.mark.parametrize("omit_metadata", [True, False])
@pytest.mark.parametrize("omit_prices", [True, False])
async def test_its_rows_have_the_shape_of_the_small_gateways(
    *, omit_metadata: bool, omit_prices: bool
) -> None:
    large = gateway()
    request = body(omit_metadata=omit_metadata, omitPrices=omit_prices)
    (chain, *_), contract = large.world.chains, large.world.contract(0, 0)
    small = await said_by(small_world(chain, contract), request)

    said = answer(large, request)

    for part in ("nativeBalances", "balances"):
        wanted, *_ = rows(small, part)
        assert shape(wanted) == shape(rows(said, part)[0])
    if not omit_metadata:
        assert {row["contractAddress"]: row["contractInfo"] for row in rows(said)}[contract.address] == rows(
            small
        )[0]["contractInfo"]


def test_every_account_holds_its_tokens_and_every_coin() -> None:
    said = answer(gateway(), body())

    assert [entry["chainId"] for entry in said["balances"]] == CHAIN_IDS
    assert [entry["chainId"] for entry in said["nativeBalances"]] == CHAIN_IDS
    assert len(balances(said)) == ACCOUNTS * TOKENS
    assert len(rows(said, "nativeBalances")) == ACCOUNTS * CHAINS
    assert all(int(row["balance"]) > 0 for row in (*rows(said), *rows(said, "nativeBalances")))


def test_a_stranger_holds_nothing() -> None:
    said = answer(gateway(), body(accountAddresses=[STRANGER]))

    assert rows(said) == []
    assert {row["balance"] for row in rows(said, "nativeBalances")} == {"0"}


def test_two_gateways_of_one_size_are_alike() -> None:
    assert answer(gateway(), body()) == answer(gateway(), body())


def test_only_chains_asked_for_answer() -> None:
    asked = json.loads(body())
    said = answer(gateway(), json.dumps({**asked, "chainIds": CHAIN_IDS[1:2]}).encode())

    assert [entry["chainId"] for entry in said["balances"]] == CHAIN_IDS[1:2]


def test_a_whitelist_narrows() -> None:
    wanted = rows(answer(gateway(), body()))[0]["contractAddress"]

    said = answer(gateway(), body(contractWhitelist=[wanted], omitNativeBalances=True))

    assert {row["contractAddress"] for row in rows(said)} == {wanted}
    assert said["nativeBalances"] is None


def test_more_tokens_than_contracts_are_refused() -> None:
    with pytest.raises(ValueError, match="contracts"):
        LoadWorld(accounts=1, tokens=CONTRACTS_PER_CHAIN + 1, chains=1)


# Pages


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_pages_together_show_every_row_once(size: int) -> None:
    whole = list(pages(gateway(), size))

    keys = [key for one in whole for key in balances(one)]
    assert len(keys) == len(set(keys)) == ACCOUNTS * TOKENS
    assert all(len(rows(one)) == size for one in whole[:-1])
    assert [one["page"]["more"] for one in whole] == [True] * (len(whole) - 1) + [False]


def test_natives_stand_on_every_page() -> None:
    assert {len(rows(one, "nativeBalances")) for one in pages(gateway(), 4)} == {ACCOUNTS * CHAINS}


def test_natives_may_stand_on_the_first_page_only() -> None:
    first, *others = pages(gateway(natives_on_every_page=False), 4)

    assert rows(first, "nativeBalances")
    assert others
    assert all(one["nativeBalances"] is None for one in others)


@pytest.mark.parametrize("page", [{"pageSize": 1001}, {"pageSize": 4, "after": "row 4"}])
def test_a_page_that_cannot_be_is_refused(page: object) -> None:
    with pytest.raises(CallRefused):
        answer(gateway(), body(page=page))


def test_a_question_about_nobody_is_refused() -> None:
    with pytest.raises(CallRefused):
        answer(gateway(), body(accountAddresses=[]))


# What moves


@pytest.mark.parametrize("count", [0, 1, 3, ACCOUNTS * TOKENS])
def test_as_many_balances_move_as_asked(count: int) -> None:
    moving = gateway()
    before = balances(answer(moving, body()))

    moving.world.move(count)

    after = balances(answer(moving, body()))
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == count


def test_what_moved_has_a_block_above_all_others() -> None:
    moving = gateway()
    highest = max(row["blockNumber"] for row in rows(answer(moving, body())))

    moving.world.move(1)

    assert [row["blockNumber"] > highest for row in rows(answer(moving, body()))].count(True) == 1


def test_more_than_there_is_cannot_move() -> None:
    with pytest.raises(ValueError, match="can't move"):
        gateway().world.move(ACCOUNTS * TOKENS + 1)


# Over HTTP


async def test_the_bots_client_understands_every_row(client: IndexerClient) -> None:
    said = await client.balances(QUESTION)

    assert (said.refused_rows, said.troubles, said.doubtful) == (0, (), frozenset())
    assert (
        sum(len(held) for accounts in said.tokens.values() for held in accounts.values()) == ACCOUNTS * TOKENS
    )
    assert sum(map(len, said.natives.values())) == ACCOUNTS * CHAINS


async def test_it_lists_its_chains_and_is_well(client: IndexerClient) -> None:
    await client.ping()

    assert [chain_id for chain_id, _ in await client.chains()] == CHAIN_IDS
    assert await client.chains("TESTNETS") == ()


async def test_a_refusal_comes_as_the_gateways_do() -> None:
    async with gateway(max_page_size=10).serve() as served, IndexerClient(served.url, page_size=11) as client:
        with pytest.raises(QuestionRefused, match="Invalid argument"):
            await client.balances(QUESTION)


async def test_balances_move_by_the_back_door() -> None:
    async with gateway().serve() as served, aiohttp.ClientSession() as session:
        before = balances(answer(served, body()))

        for count, status in ((2, 200), (1_000, 400)):
            async with session.post(f"{served.control_url}/move", json={"balances": count}) as response:
                assert response.status == status

        after = balances(answer(served, body()))
        assert sum(before[key] != after[key] for key in before) == 2


async def test_zipped_answers_say_the_same_and_follow_what_moves() -> None:
    zipping = LoadGateway(
        LoadWorld(accounts=ACCOUNTS, tokens=TOKENS, chains=CHAINS), latency_seconds=0, zips=True
    )
    async with zipping.serve(), aiohttp.ClientSession() as session:
        asked = f"{zipping.url}/GetTokenBalancesSummary"
        before = json.dumps(answer(gateway(), body()))
        for _ in range(2):
            async with session.post(asked, data=body()) as reply:
                assert reply.headers["Content-Encoding"] == "gzip"
                assert json.dumps(await reply.json()) == before
        await session.post(f"{zipping.control_url}/move", json={"balances": 1})
        async with session.post(asked, data=body()) as reply:
            assert json.dumps(await reply.json()) != before
