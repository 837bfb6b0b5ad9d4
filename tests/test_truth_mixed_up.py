"""It never lies, end to end: answers about somebody else, and answers that contradict themselves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.gateway_faults import (
    ContradictRows,
    Fault,
    ManyChains,
    RepeatKeys,
    ReplaceFields,
    StrayRows,
)
from bot.sandbox.world import Contract, Kind
from tests.house import ACCOUNT, CHECKSUMMED, ETHEREUM, POLYGON, USDC_POLYGON, House, open_house, until

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


def changes(house: House) -> int:
    return sum(text.count("→") for text in house.said())


@pytest.mark.parametrize("fault", MIXED_UP.values(), ids=MIXED_UP.keys())
async def test_a_mixed_up_answer_is_no_change_and_hides_none(house: House, fault: Fault) -> None:
    await house.watches()
    house.gateway.faults.add(fault)
    await house.asked(5)
    assert changes(house) == 0
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    house.gateway.faults.heal()

    assert "▼ −1 USDC     50 → 49" in (await house.hears("USDC")).text
    await house.asked(3)
    assert changes(house) == 1


async def test_an_index_that_moves_on_between_two_pages_is_told_once(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(ContradictRows(chain_id=POLYGON, place="later_page", by=1_000_000))
    await house.asked(6)
    assert changes(house) == 0

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "▼ −1 USDC     50 → 49" in (await house.hears("USDC")).text
    await house.asked(4)
    assert changes(house) == 1


# ---------------------------------------------------------------- what people are shown


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[House]:
    """Run a whole bot that takes a silence of a moment for blindness."""
    async with open_house(tmp_path, indexer=["stale_after_seconds = 0.3"]) as one:
        one.start()
        yield one


async def test_rows_about_somebody_else_make_it_blind_and_it_sees_again(impatient: House) -> None:
    house = impatient
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    house.gateway.faults.add(StrayRows(account=ANOTHER))

    await house.hears("no answer")
    house.say("/balance treasury")
    assert "50 USDC" in (await house.hears("Worth")).text
    house.gateway.faults.heal()

    assert "Nothing changed meanwhile" in (await house.hears("Seen again")).text


async def test_rows_that_looked_sound_until_they_were_read_leave_no_blindness_behind(
    impatient: House,
) -> None:
    house = impatient
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    house.gateway.faults.add(RepeatKeys(key="accountAddress", value=ACCOUNT))
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.hears("No answer")
    house.gateway.faults.heal()

    assert "USDC" in (await house.hears("Seen again")).text


async def test_some_rows_about_somebody_else_make_their_side_unknown(house: House) -> None:
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    house.gateway.faults.add(
        ReplaceFields(where={"contractAddress": USDC_POLYGON}, fields={"accountAddress": ANOTHER})
    )
    await house.asked(3)

    told = ""
    while "tokens unknown since" not in told:
        house.say("/balance treasury")
        told = (await house.hears("12.5 POL")).text

    assert "last known" in told
    assert "50 USDC" in told


async def test_a_first_reading_about_somebody_else_is_none(house: House) -> None:
    house.gateway.faults.add(StrayRows(account=ANOTHER))
    house.say(f"/watch {CHECKSUMMED} on polygon as Treasury")
    await house.hears("Watching")
    await house.asked(3)
    house.say("/balance treasury")
    assert "No reading yet" in (await house.hears("Treasury")).text

    house.gateway.faults.heal()

    assert "balances" in (await house.hears("Watching")).text


@pytest.mark.parametrize("fault", [StrayRows(account=ANOTHER), ContradictRows(chain_id=POLYGON)])
async def test_a_live_look_at_a_mixed_up_answer_shows_nothing_for_certain(house: House, fault: Fault) -> None:
    house.world.set_token(POLYGON, USDC_POLYGON, SOMEBODY, 7_000_000)
    await house.watches()
    house.gateway.faults.add(fault)

    house.say(f"/balance {SOMEBODY}")
    told = (await house.hears("asked just now")).text

    assert "7 USDC" not in told
    assert "unknown" in told
    assert ("nothing held" in told) is isinstance(
        fault, ContradictRows
    )  # on chains that are not contradicted


async def test_a_live_look_at_a_sound_answer_shows_what_is_held(house: House) -> None:
    house.world.set_token(POLYGON, USDC_POLYGON, SOMEBODY, 7_000_000)
    await house.watches()

    house.say(f"/balance {SOMEBODY}")

    assert "7 USDC" in (await house.hears("asked just now")).text


async def test_the_log_says_once_that_something_is_unknown_and_once_that_it_is_known(house: House) -> None:
    await house.stop()
    bot = await house.start_process()
    await house.watches()
    house.gateway.faults.add(ContradictRows(chain_id=POLYGON))
    await house.asked(6)
    house.gateway.faults.heal()
    await until(lambda: "answer_whole" in house.log)

    assert house.log.count("answer_partial") == house.log.count("answer_whole") == 1
    assert "rows that contradict each other" in house.log
    await house.kill(bot)


# ---------------------------------------------------------------- contract types with ids


def add_contract(house: House, address: str, kind: Kind, shown: dict[str, object]) -> None:
    """Make a contract known, whose rows then show something else."""
    house.world.add_contract(
        Contract(chain_id=POLYGON, address=address, kind=kind, symbol="LP", name="Pool", decimals=0)
    )
    house.gateway.faults.add(ReplaceFields(where={"contractAddress": address}, fields=shown))


async def test_two_ids_of_a_contract_are_one_collection_and_hide_nothing(house: House) -> None:
    add_contract(house, POOL, "ERC20", {"contractType": "ERC6909", "tokenID": "1"})
    add_contract(house, SHARES, "ERC20", {"contractType": "ERC6909", "tokenID": "2", "contractAddress": POOL})
    await house.watches()

    house.world.set_token(POLYGON, POOL, ACCOUNT, 100)
    assert "+100 LP" in (await house.hears("LP")).text
    house.world.set_token(POLYGON, SHARES, ACCOUNT, 7)
    assert "100 → 107" in (await house.hears("LP")).text
    house.say("/balance treasury")
    assert "107 LP" in (await house.hears("as of")).text
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    assert "50 → 49" in (await house.hears("USDC")).text


async def test_a_type_nobody_knows_that_comes_with_ids_is_a_collection_like_any(house: House) -> None:
    add_contract(house, POOL, "ERC1155", {"contractType": "ERC9999"})
    house.world.set_token(POLYGON, POOL, ACCOUNT, 100, 1)
    await house.watches()
    await house.asked(4)

    house.world.set_token(POLYGON, POOL, ACCOUNT, 7, 2)
    gained = (await house.hears("LP")).text
    house.say("/balance treasury")
    held = (await house.hears("as of")).text

    assert "+7 LP" in gained
    assert "#2" in gained
    assert "107 LP · 2 ids" in held


async def test_a_list_of_chains_beyond_belief_changes_nothing(house: House) -> None:
    await house.watches()
    await house.stop()
    house.gateway.faults.add(ManyChains())
    house.start()
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "50 → 49" in (await house.hears("USDC")).text
    house.say("/status")
    assert "1 account on 5 chains" in (await house.hears("Watched here")).text
