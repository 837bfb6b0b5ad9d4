"""What the sandbox's gateway writes, however it is set, is read as the transfers that its world made."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.assets import NATIVE, Address, Asset
from bot.domain.explain.questions import HistoryAnswer, HistoryQuestion
from bot.domain.explain.transfers import Moved, TransactionHash, Transfer
from bot.indexer.client import IndexerClient
from bot.indexer.extras.history import PAGE_SIZE, PAGES_MOST
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.transfers import NOBODY, Sending, WorldTransfer
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld, Kind
from tests.examples import examples
from tests.indexer.extras.transfers import ANN, BOB, CARDS, EVE, POLYGON, USDC
from tests.indexer.gateway import KEY

APES = Address("0x" + "ae" * 20)
FAKE = Address("0x" + "fa" * 20)
KINDS: Final[dict[Address, Kind]] = {USDC: "ERC20", FAKE: "ERC20", CARDS: "ERC1155", APES: "ERC721"}
PEOPLE = (ANN, BOB, EVE)
IDS = {CARDS: (0, 1, 2, 3), APES: (0, 7, 2**255)}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS_OF_ONE = 4
"""A transfer of a coin between two accounts that are asked for may have two rows, and two more as logs."""


def random_world(seed: int, transactions: int) -> GatewayWorld:
    """Return a world in which people sent each other things, a minute between any two transactions."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    moment = [NOON - timedelta(minutes=transactions + 2)]
    world = GatewayWorld(lambda: moment[0])
    world.add_chain(
        GatewayChain(chain_id=POLYGON, name="polygon", native_name="POL", native_symbol="POL"), block=500
    )
    for contract, kind in KINDS.items():
        world.add_contract(Contract(chain_id=POLYGON, address=contract, kind=kind, symbol="X", name="X"))
    gifts = [
        Sending(contract, NOBODY, one, dict.fromkeys(IDS.get(contract or NATIVE, (0,)), 2**200))
        for contract in (None, *KINDS)
        for one in PEOPLE
    ]
    world.transact(POLYGON, *gifts)
    for _ in range(transactions):
        moment[0] += timedelta(minutes=1)
        world.transact(POLYGON, *(random_sending(chance) for _ in range(chance.choice([1, 1, 1, 2, 4]))))
        if chance.random() < 0.1:
            world.rename_transaction(POLYGON, chance.choice(world.transfers(POLYGON)).transaction)
    return world


def random_sending(chance: random.Random) -> Sending:
    contract = chance.choice([None, *KINDS])
    ids = IDS.get(contract or NATIVE, (0,))
    some = chance.sample(ids, chance.choice([1, len(ids)]))
    amounts = {token_id: chance.choice([0, 1, 25, 2**180]) for token_id in some}
    return Sending(contract, chance.choice([*PEOPLE, NOBODY]), chance.choice([*PEOPLE, NOBODY]), amounts)


def ask(world: GatewayWorld, knobs: Knobs, question: HistoryQuestion) -> HistoryAnswer:
    async def answer() -> HistoryAnswer:
        gateway = Gateway(world, knobs, clock=lambda: NOON)
        async with gateway.serve(), IndexerClient(gateway.url, KEY) as client:
            return await client.history(question, on_demand=True)

    return asyncio.run(answer())


def true_transfers(world: GatewayWorld, knobs: Knobs, question: HistoryQuestion) -> list[Transfer]:
    """Return what the world knows, as far as such a gateway says it."""
    if not knobs.transfers_listed:
        return []
    return [
        true_transfer(one, knobs)
        for one in world.transfers(POLYGON)
        if {one.sender, one.receiver} & set(question.accounts)
        and (one.contract or NATIVE) in (question.contracts or (one.contract or NATIVE,))
        and (one.contract or knobs.native_transfers != "missing")
        and one.block >= (question.from_block or 0)
    ]


def true_transfer(one: WorldTransfer, knobs: Knobs) -> Transfer:
    has_ids = one.contract in IDS and knobs.transfer_ids != "absent"
    return Transfer(
        asset=Asset(POLYGON, Address(one.contract or NATIVE)),
        sender=Address(one.sender),
        receiver=Address(one.receiver),
        moved=tuple(Moved(amount, token_id if has_ids else None) for token_id, amount in one.amounts),
        transaction=TransactionHash(one.transaction),
        log_index=one.log_index,
        block=one.block,
        at=one.at if knobs.transaction_timestamps == "seconds" else None,
    )


KNOBS = st.builds(
    Knobs,
    chains_without_rows=st.sampled_from(["empty", "null"]),
    history_order=st.sampled_from(["newest_first", "oldest_first", "shuffled"]),
    history_page_counts=st.sampled_from(["rows", "transactions"]),
    history_cursor_type=st.sampled_from(["string", "object"]),
    history_end=st.sampled_from(["end", "end", "end", "never", "repeated"]),
    history_block_range=st.sampled_from(["obeyed", "ignored", "exclusive"]),
    history_of_pairs=st.sampled_from(["one_row", "two_rows"]),
    native_transfers=st.sampled_from(["listed", "missing", "twice"]),
    transfer_types=st.sampled_from(["right", "unknown", "of_the_other"]),
    transfer_ids=st.sampled_from(["tokenIds", "tokenIDs", "absent"]),
    transfers_listed=st.sampled_from([True, True, True, False]),
    transaction_timestamps=st.sampled_from(["seconds", "null", "date"]),
)
QUESTIONS = st.builds(
    HistoryQuestion,
    chain_id=st.just(POLYGON),
    accounts=st.sampled_from([(ANN,), (ANN, BOB), PEOPLE]),
    contracts=st.sampled_from([(), (USDC,), (NATIVE,), (USDC, NATIVE, CARDS), (APES,)]),
    from_block=st.none() | st.integers(480, 620),
)


@settings(max_examples=examples(40))
@given(st.integers(0, 2**32), st.sampled_from([0, 4, 20, 90]), KNOBS, QUESTIONS)
def test_a_complete_answer_is_the_truth_and_any_other_is_a_part_of_it(
    seed: int, transactions: int, knobs: Knobs, question: HistoryQuestion
) -> None:
    world = random_world(seed, transactions)
    truth = true_transfers(world, knobs, question)

    answer = ask(world, knobs, question)

    if answer.is_complete:
        assert list(answer.transfers) == truth
    # Of a coin that is listed twice, a page that is missing may have shown the other row.
    assert {one._replace(log_index=None) for one in answer.transfers} <= {
        one._replace(log_index=None) for one in truth
    }
    # It is complete wherever it can be.
    all_of_it = true_transfers(
        world, replace(knobs, transfers_listed=True), replace(question, from_block=None)
    )
    batches = any(len(one.moved) > 1 for one in all_of_it)
    if (
        knobs.history_end == "end"
        and ROWS_OF_ONE * len(all_of_it) <= PAGES_MOST * PAGE_SIZE
        and not (knobs.transfers_listed and batches and knobs.transfer_ids == "absent")
    ):
        assert answer.is_complete


@settings(max_examples=examples(10))
@given(st.integers(0, 2**32))
def test_a_range_that_is_ignored_costs_no_more_pages_where_rows_are_sorted(seed: int) -> None:
    world = random_world(seed, 120)
    recent = HistoryQuestion(chain_id=POLYGON, accounts=PEOPLE, from_block=world.block(POLYGON) - 8)

    answer = ask(world, Knobs(history_block_range="ignored"), recent)

    assert answer.is_complete
    assert list(answer.transfers) == true_transfers(world, Knobs(), recent)
