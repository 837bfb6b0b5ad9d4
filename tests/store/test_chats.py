from datetime import timedelta

import pytest

from bot.domain.assets import Part
from bot.domain.deliver.delivery import Parking
from bot.domain.places import Place
from bot.store.chats import access_requests, chats, mutes, subscriptions
from bot.store.database.signals import SignalName
from bot.store.polling import sweeps
from tests.builders import NOON, POLYGON, TREASURY, USDC, VAULT, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

KICKED = Parking("kicked", None)


@pytest.fixture
async def waiting(keeper: Keeper) -> Keeper:
    """Olga and the group both watch the treasury; each has one change bound and one that waits."""
    await keeper.watch()
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.record(reading({USDC: 6}, native=100))
    await keeper.bind()
    await keeper.record(reading({USDC: 7}, native=100))
    return keeper


async def states(keeper: Keeper, place: Place) -> list[str]:
    rows = await keeper.rows(
        "SELECT a.state FROM alert a JOIN destination d ON d.id = a.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE c.telegram_id = ? AND a.change_id IS NOT NULL ORDER BY a.id",
        place.chat_id,
    )
    return [state for (state,) in rows]


async def chats_due(keeper: Keeper) -> set[int]:
    return {chat.chat_id for chat in (await keeper.outbox()).due}


# ---------------------------------------------------------------- by command


async def test_of_a_chat_nobody_decided_on_nothing_is_known(keeper: Keeper) -> None:
    assert await keeper.db.run(chats.decision_on, OPS.chat_id) is None
    await keeper.watch(place=OPS)
    assert await keeper.db.run(chats.decision_on, OPS.chat_id) is None


async def test_the_last_decision_stands(keeper: Keeper) -> None:
    await keeper.allow(OPS)
    assert await keeper.db.run(chats.decision_on, OPS.chat_id) is True
    await keeper.deny(OPS)
    assert await keeper.db.run(chats.decision_on, OPS.chat_id) is False
    await keeper.allow(OPS)
    assert await keeper.db.run(chats.decision_on, OPS.chat_id) is True


async def test_open_are_those_that_were_opened_as_themselves_or_as_what_they_became(keeper: Keeper) -> None:
    group = Place(-55, "group", "Old")
    await keeper.allow(OPS)
    await keeper.allow(group)
    await keeper.migrate(group.chat_id, -100_55)
    await keeper.deny(Place(7, "private", "Mallory"))

    found = await keeper.db.run(chats.open_among, {OPS.chat_id, group.chat_id, -100_55, 7, 8})

    assert found == {OPS.chat_id, group.chat_id, -100_55}


async def test_closing_a_chat_withdraws_what_waits_for_it_and_counts_it(waiting: Keeper) -> None:
    assert await waiting.deny(OPS) == 2

    assert await states(waiting, OPS) == ["withdrawn", "withdrawn"]
    assert await chats_due(waiting) == {OLGA.chat_id}
    assert await waiting.deliver_all()
    assert await states(waiting, OLGA) == ["told", "told"]
    assert await states(waiting, OPS) == ["withdrawn", "withdrawn"]


async def test_closing_a_chat_withdraws_from_its_topics_too(keeper: Keeper) -> None:
    await keeper.watch(place=ALERTS_TOPIC)
    await keeper.record(reading({USDC: 5}, native=100))

    assert await keeper.deny(OPS) == 1
    assert await keeper.due() == ()


async def test_closing_a_chat_twice_withdraws_nothing_more(waiting: Keeper) -> None:
    await waiting.deny(OPS)

    assert await waiting.deny(OPS) == 0


async def test_closing_a_chat_that_was_never_seen_is_kept_for_later(keeper: Keeper) -> None:
    assert await keeper.deny(OPS) == 0
    assert await keeper.db.run(chats.decision_on, OPS.chat_id) is False


async def test_a_closed_chat_is_no_longer_asked_for(waiting: Keeper) -> None:
    await waiting.deny(OLGA)
    assert await waiting.balances() != {}
    await waiting.deny(OPS)

    assert await waiting.balances() == {}
    assert await waiting.rows("SELECT * FROM coverage") == []


async def test_an_opened_chat_has_its_subscriptions_back_with_a_fresh_baseline(waiting: Keeper) -> None:
    for place in (OLGA, OPS):
        await waiting.deny(place)
    await waiting.allow(OPS)

    assert len(await waiting.db.run(subscriptions.subscriptions_here, OPS)) == 1
    await waiting.record(reading({USDC: 50}, native=1))

    assert [notice.balances for notice in await waiting.baselines(OPS)] == [2]
    assert await waiting.alerts(OLGA) == []


async def test_what_was_withdrawn_stays_so_when_the_chat_is_opened_again(waiting: Keeper) -> None:
    await waiting.deny(OPS)
    await waiting.allow(OPS)

    assert await chats_due(waiting) == {OLGA.chat_id}


async def test_a_chat_named_by_its_number_alone_keeps_the_title_it_had(keeper: Keeper) -> None:
    await keeper.allow(OPS)
    await keeper.deny(Place(OPS.chat_id, "supergroup", ""))

    assert await keeper.rows("SELECT title, kind FROM chat") == [("Ops", "supergroup")]


async def test_a_chat_that_changed_its_title_is_known_by_the_new_one(keeper: Keeper) -> None:
    await keeper.allow(OPS)
    await keeper.allow(Place(OPS.chat_id, "supergroup", "Operations"))

    assert await keeper.rows("SELECT title FROM chat") == [("Operations",)]


# ---------------------------------------------------------------- by configuration


async def test_a_chat_that_left_the_configuration_is_closed_and_told_nothing_more(waiting: Keeper) -> None:
    await waiting.apply_configuration({OLGA.chat_id}, ())

    assert await states(waiting, OPS) == ["withdrawn", "withdrawn"]
    assert await chats_due(waiting) == {OLGA.chat_id}
    await waiting.record(reading({USDC: 8}, native=100))
    assert await states(waiting, OPS) == ["withdrawn", "withdrawn"]


async def test_a_chat_that_came_back_into_the_configuration_hears_again(waiting: Keeper) -> None:
    await waiting.apply_configuration({OLGA.chat_id}, ())
    await waiting.apply_configuration({OLGA.chat_id, OPS.chat_id}, ())

    await waiting.record(reading({USDC: 8}, native=100))

    assert await waiting.changes(OPS) == [(USDC, 7, 8)]


async def test_a_chat_that_the_configuration_opens_is_open_before_it_speaks(keeper: Keeper) -> None:
    await keeper.apply_configuration({OPS.chat_id}, ())

    await keeper.db.run(mutes.mute, OPS, (), timedelta(hours=1), olga())
    await keeper.db.run(mutes.mute, OLGA, (), timedelta(hours=1), olga())

    assert await keeper.rows("SELECT telegram_id, title, open FROM chat ORDER BY telegram_id") == [
        (OPS.chat_id, "Ops", 1),
        (OLGA.chat_id, "Olga", 0),
    ]


async def test_a_configured_group_that_became_another_is_not_there_twice(keeper: Keeper) -> None:
    await keeper.apply_configuration({-5}, ())
    await keeper.migrate(-5, OPS.chat_id)

    await keeper.apply_configuration({-5}, ())

    page = await keeper.db.run(access_requests.known_chats, 1, 10)
    assert [(chat.place.chat_id, chat.is_open) for chat in page.chats] == [(OPS.chat_id, True)]


async def test_the_same_configuration_again_changes_nothing(waiting: Keeper) -> None:
    await waiting.apply_configuration({OLGA.chat_id, OPS.chat_id}, ())
    before = await waiting.written()

    await waiting.apply_configuration({OLGA.chat_id, OPS.chat_id}, ())

    assert await waiting.written() == before


async def test_what_was_decided_by_command_beats_the_configuration(waiting: Keeper) -> None:
    await waiting.allow(OPS)
    await waiting.deny(OLGA)

    await waiting.apply_configuration({OLGA.chat_id}, ())

    assert await chats_due(waiting) == {OPS.chat_id}
    assert [one.account for one in (await waiting.db.run(sweeps.sweep_input, NOON)).subscriptions] == [
        TREASURY
    ]


async def test_another_contract_status_starts_anew(waiting: Keeper) -> None:
    await waiting.watch(VAULT, contracts=[USDC])
    await waiting.record(reading(named={USDC: 4}, account=VAULT))
    await waiting.deliver_all()
    await waiting.reopen()
    waiting.status = Part("ALL")

    await waiting.apply_configuration({OLGA.chat_id, OPS.chat_id}, ())

    covered = {part for (part,) in await waiting.rows("SELECT part FROM coverage")}
    assert covered == {b"N", bytes.fromhex(USDC[2:])}
    assert (await waiting.balances()).keys() == {(POLYGON, "")}
    poll = await waiting.judged(reading({USDC: 9}, native=100), status=Part("ALL"))
    await waiting.record_poll(poll)
    assert [notice.balances for notice in await waiting.baselines()] == [1]


# ---------------------------------------------------------------- within reach


async def test_a_chat_that_cannot_be_reached_waits_and_others_do_not(waiting: Keeper) -> None:
    await waiting.db.run(chats.mark_unreachable, OPS.chat_id, KICKED)

    assert await chats_due(waiting) == {OLGA.chat_id}
    await waiting.deliver_all()
    assert await states(waiting, OLGA) == ["told", "told"]
    assert await states(waiting, OPS) == ["bound", "waiting"]


async def test_a_chat_that_speaks_again_is_told_everything_it_missed(waiting: Keeper) -> None:
    await waiting.db.run(chats.mark_unreachable, OPS.chat_id, KICKED)
    await waiting.deliver_all()
    waiting.db.signal(SignalName.OUTBOX).clear()

    await waiting.db.run_if_possible(chats.mark_reachable, OPS.chat_id)

    assert waiting.db.signal(SignalName.OUTBOX).is_set
    assert len(await waiting.deliver_all()) == 2
    assert await states(waiting, OPS) == ["told", "told"]


async def test_what_a_lost_chat_misses_becomes_few_messages(waiting: Keeper) -> None:
    await waiting.db.run(chats.mark_unreachable, OPS.chat_id, KICKED)
    for amount in range(10, 30):
        await waiting.record(reading({USDC: amount}, native=100))
        await waiting.deliver_all()

    await waiting.db.run_if_possible(chats.mark_reachable, OPS.chat_id)

    assert len(await waiting.deliver_all()) == 2
    assert set(await states(waiting, OPS)) == {"told"}


async def test_hearing_from_or_losing_a_chat_that_was_never_seen_is_no_error(keeper: Keeper) -> None:
    await keeper.db.run_if_possible(chats.mark_reachable, 99)
    await keeper.db.run(chats.mark_unreachable, 99, KICKED)

    assert await keeper.rows("SELECT * FROM chat") == []
