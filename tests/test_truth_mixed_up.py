"""It never lies, end to end: answers about somebody else, and answers that contradict themselves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.gateway.faults.kinds import (
    ContradictRows,
    Fault,
    ManyChains,
    RepeatKeys,
    ReplaceFields,
    StrayRows,
)
from bot.sandbox.gateway.world import Contract, Kind
from tests.chat.reading import moves
from tests.stack import ACCOUNT, CHECKSUMMED, ETHEREUM, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

ANOTHER = "0x" + "57" * 20
SOMEBODY = "0x" + "ab" * 20
POOL, SHARES = "0x" + "90" * 20, "0x" + "91" * 20

MIXED_UP: dict[str, Fault] = {
    "all rows are about another account": StrayRows(account=ANOTHER),
    "some rows are about another account": StrayRows(account=ANOTHER, share=0.5),
    "all rows are of another chain": StrayRows(chain_id=10),
    "some rows are of another chain that is asked": StrayRows(chain_id=ETHEREUM, share=0.3),
    "rows contradict each other": ContradictRows(chain_id=POLYGON, by=-3_399),
    "rows contradict each other though one is newer": ContradictRows(chain_id=POLYGON, by=5, newer=True),
    "an amount stands twice, with nothing behind it": RepeatKeys(key="balance", value="0"),
    "an amount stands twice, with nothing before it": RepeatKeys(key="balance", value="0", is_last=False),
    "an account stands twice": RepeatKeys(key="accountAddress", value=ACCOUNT),
}


def changes(stack: Stack) -> int:
    return sum(text.count("→") for text in stack.said())


@pytest.mark.parametrize("fault", MIXED_UP.values(), ids=MIXED_UP.keys())
async def test_a_mixed_up_answer_is_no_change_and_hides_none(stack: Stack, fault: Fault) -> None:
    await stack.watches()
    stack.gateway.faults.add(fault)
    await stack.asked(5)
    assert changes(stack) == 0
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    stack.gateway.faults.heal()

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)
    await stack.asked(3)
    assert changes(stack) == 1


async def test_an_index_that_moves_on_between_two_pages_is_told_once(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(ContradictRows(chain_id=POLYGON, place="later_page", by=1_000_000))
    await stack.asked(6)
    assert changes(stack) == 0

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)
    await stack.asked(4)
    assert changes(stack) == 1


# ---------------------------------------------------------------- what people are shown


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a whole bot that takes a silence of a moment for blindness."""
    async with open_stack(tmp_path, indexer=["stale_after_seconds = 0.3"]) as one:
        one.start()
        yield one


async def test_rows_about_somebody_else_make_it_blind_and_it_sees_again(impatient: Stack) -> None:
    stack = impatient
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    stack.gateway.faults.add(StrayRows(account=ANOTHER))

    await stack.hears("can't read")
    stack.say("/balance treasury")
    assert "50 USDC" in (await stack.hears("Worth")).text
    stack.gateway.faults.heal()

    assert "Nothing changed meanwhile" in (await stack.hears("✅")).text


async def test_rows_that_looked_sound_until_they_were_read_leave_no_blindness_behind(
    impatient: Stack,
) -> None:
    stack = impatient
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    stack.gateway.faults.add(RepeatKeys(key="accountAddress", value=ACCOUNT))
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("can't read")
    stack.gateway.faults.heal()

    assert "USDC" in (await stack.hears("✅")).text


async def test_some_rows_about_somebody_else_make_their_side_unknown(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    stack.gateway.faults.add(
        ReplaceFields(where={"contractAddress": USDC_POLYGON}, fields={"accountAddress": ANOTHER})
    )
    await stack.asked(3)

    told = ""
    while "tokens unknown since" not in told:
        stack.say("/balance treasury")
        told = (await stack.hears("12.5 POL")).text

    assert "last known" in told
    assert "50 USDC" in told


async def test_a_first_reading_about_somebody_else_is_none(stack: Stack) -> None:
    stack.gateway.faults.add(StrayRows(account=ANOTHER))
    stack.say(f"/watch {CHECKSUMMED} on polygon as Treasury")
    await stack.hears("Watching")
    await stack.asked(3)
    stack.say("/balance treasury")
    assert "No reading yet" in (await stack.hears("Treasury")).text

    stack.gateway.faults.heal()

    assert "balances" in (await stack.hears("Watching")).text


@pytest.mark.parametrize("fault", [StrayRows(account=ANOTHER), ContradictRows(chain_id=POLYGON)])
async def test_a_live_look_at_a_mixed_up_answer_shows_nothing_for_certain(stack: Stack, fault: Fault) -> None:
    stack.world.set_token(POLYGON, USDC_POLYGON, SOMEBODY, 7_000_000)
    await stack.watches()
    stack.gateway.faults.add(fault)

    stack.say(f"/balance {SOMEBODY}")
    told = (await stack.hears("asked just now")).text

    assert "7 USDC" not in told
    assert "unknown" in told
    assert ("nothing held" in told) is isinstance(
        fault, ContradictRows
    )  # on chains that are not contradicted


async def test_a_live_look_at_a_sound_answer_shows_what_is_held(stack: Stack) -> None:
    stack.world.set_token(POLYGON, USDC_POLYGON, SOMEBODY, 7_000_000)
    await stack.watches()

    stack.say(f"/balance {SOMEBODY}")

    assert "7 USDC" in (await stack.hears("asked just now")).text


async def test_the_log_says_once_that_something_is_unknown_and_once_that_it_is_known(stack: Stack) -> None:
    await stack.stop()
    bot = await stack.start_process()
    await stack.watches()
    stack.gateway.faults.add(ContradictRows(chain_id=POLYGON))
    await stack.asked(6)
    stack.gateway.faults.heal()
    await until(lambda: "answer_whole" in stack.log)

    assert stack.log.count("answer_partial") == stack.log.count("answer_whole") == 1
    assert "rows that contradict each other" in stack.log
    await stack.kill(bot)


# ---------------------------------------------------------------- contract types with ids


def add_contract(stack: Stack, address: str, kind: Kind, shown: dict[str, object]) -> None:
    """Make a contract known, whose rows then show something else."""
    stack.world.add_contract(
        Contract(chain_id=POLYGON, address=address, kind=kind, symbol="LP", name="Pool", decimals=0)
    )
    stack.gateway.faults.add(ReplaceFields(where={"contractAddress": address}, fields=shown))


async def test_two_ids_of_a_contract_are_one_collection_and_hide_nothing(stack: Stack) -> None:
    add_contract(stack, POOL, "ERC20", {"contractType": "ERC6909", "tokenID": "1"})
    add_contract(stack, SHARES, "ERC20", {"contractType": "ERC6909", "tokenID": "2", "contractAddress": POOL})
    await stack.watches()

    stack.world.set_token(POLYGON, POOL, ACCOUNT, 100)
    assert "+100 LP" in (await stack.hears("LP")).text
    stack.world.set_token(POLYGON, SHARES, ACCOUNT, 7)
    assert "100 → 107" in (await stack.hears("LP")).text
    stack.say("/balance treasury")
    assert "107 LP" in (await stack.hears("As of")).text
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    assert "50 → 49" in (await stack.hears("USDC")).text


async def test_a_type_nobody_knows_that_comes_with_ids_is_a_collection_like_any(stack: Stack) -> None:
    add_contract(stack, POOL, "ERC1155", {"contractType": "ERC9999"})
    stack.world.set_token(POLYGON, POOL, ACCOUNT, 100, 1)
    await stack.watches()
    await stack.asked(4)

    stack.world.set_token(POLYGON, POOL, ACCOUNT, 7, 2)
    gained = (await stack.hears("LP")).text
    stack.say("/balance treasury")
    held = (await stack.hears("As of")).text

    assert "+7 LP" in gained
    assert "#2" in gained
    assert "107 LP · 2 ids" in held


async def test_a_list_of_chains_beyond_belief_changes_nothing(stack: Stack) -> None:
    await stack.watches()
    await stack.stop()
    stack.gateway.faults.add(ManyChains())
    stack.start()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "50 → 49" in (await stack.hears("USDC")).text
    stack.say("/status")
    assert "1 account on 5 chains" in (await stack.hears("Watched here")).text
