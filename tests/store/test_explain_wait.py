"""An alert waits for the explanation of its change: never longer than it may, and holding changes alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.domain.deliver.alerts import Alert, ChainGone, ChangeAlert
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, WhyUnknown
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.explain.explanations import SUMMED_MOST, explanations_of, save_explanations
from bot.store.outbox import queue
from bot.store.outbox.alerts import NewAlert, enqueue_alert, enqueue_alerts
from bot.store.outbox.queue import Outbox
from bot.store.polling import record
from bot.store.rows import to_milliseconds
from tests.builders import NOON, POLYGON, REGISTRY, USDC, at, reading
from tests.store.conftest import OLGA, Keeper, words
from tests.store.test_explanations import explained, leg

WAIT = 2.0
ALARM = ChainGone(POLYGON)
"""A notice: whatever it is about, it waits for no explanation."""


@pytest.fixture
async def keeper_of_one(keeper: Keeper) -> Keeper:
    """Olga watches the treasury, which was read once."""
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    return keeper


async def changes(keeper: Keeper, amount: int, seconds: float = 0, *, wait: float = WAIT) -> None:
    """Let a change be recorded so long after noon, whose alert waits."""
    poll = await keeper.judged(reading({USDC: amount}, native=100), when=at(seconds))
    until = at(seconds + wait) if wait else None
    await keeper.db.run(record.record_poll, poll, keeper.status, REGISTRY, until)


async def look(keeper: Keeper, now: datetime, *, window: float = 0, wait: float = WAIT) -> Outbox:
    return await keeper.db.run(queue.outbox, now, window, (), wait)


async def claimed(keeper: Keeper, now: datetime, *, window: float = 0) -> str:
    """Return the next message, once it arrived, "" for none: each alert as it is in words."""
    found = await keeper.db.run(
        queue.claim_next,
        OLGA.chat_id,
        now,
        window,
        words,
        epoch=keeper.epoch,
        explain_wait_seconds=WAIT,
    )
    if found.delivery is None:
        return ""
    await keeper.sent(found.delivery, now)
    return " ".join(word.partition(":")[2] for word in found.delivery.text.split()[1:])


async def explain(keeper: Keeper, *change_ids: int) -> None:
    await keeper.db.run(save_explanations, {one: explained(leg(number=one)) for one in change_ids}, NOON)


async def say_something(keeper: Keeper, seconds: float = 0) -> None:
    await keeper.db.run(enqueue_alert, DestinationId(1), to_milliseconds(at(seconds)), notice=ALARM)


async def test_it_leaves_when_the_wait_is_over_and_not_before(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)

    early = await look(keeper_of_one, at(1.999))
    assert (early.due, early.next_at) == ((), at(2))
    assert await claimed(keeper_of_one, at(1.999)) == ""

    assert len((await look(keeper_of_one, at(2))).due) == 1
    assert await claimed(keeper_of_one, at(2)) == "5>6"


async def test_it_leaves_as_soon_as_its_explanation_is_there(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)

    await explain(keeper_of_one, 1)

    assert len((await look(keeper_of_one, at(0.1))).due) == 1
    assert await claimed(keeper_of_one, at(0.1)) == "5>6"


async def test_where_none_is_to_be_had_it_leaves_at_once(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6, wait=0)

    assert len((await look(keeper_of_one, at(0))).due) == 1


async def test_nothing_waits_once_the_configuration_says_so(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)

    assert len((await look(keeper_of_one, at(0.1), wait=0)).due) == 1


@pytest.mark.parametrize("set_back", [5, 61, 3600])
async def test_a_clock_that_was_set_back_by_seconds_or_hours_holds_no_alert(
    keeper_of_one: Keeper, set_back: float
) -> None:
    await changes(keeper_of_one, 6)

    assert await claimed(keeper_of_one, at(-set_back), window=1) == "5>6"


async def test_both_waits_run_side_by_side(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    assert (await look(keeper_of_one, at(1), window=1)).next_at == at(2)
    assert (await look(keeper_of_one, at(1), window=3)).next_at == at(3)

    await explain(keeper_of_one, 1)

    assert (await look(keeper_of_one, at(0.5), window=1)).next_at == at(1)
    assert await claimed(keeper_of_one, at(0.5), window=1) == ""
    assert await claimed(keeper_of_one, at(1), window=1) == "5>6"


async def test_a_change_that_waits_does_not_keep_the_one_before_it_open(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    await changes(keeper_of_one, 7, seconds=1.9)

    outbox = await look(keeper_of_one, at(2), window=1)
    assert len(outbox.due) == 1
    assert await claimed(keeper_of_one, at(2), window=1) == "5>6"

    assert (await look(keeper_of_one, at(2), window=1)).next_at == at(3.9)
    assert await claimed(keeper_of_one, at(3.9), window=1) == "6>7"


async def test_no_change_overtakes_one_that_waits(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    await changes(keeper_of_one, 7, seconds=0.1)

    await explain(keeper_of_one, 2)
    assert await claimed(keeper_of_one, at(0.2)) == ""

    await explain(keeper_of_one, 1)
    assert await claimed(keeper_of_one, at(0.2)) == "5>6 6>7"


async def test_a_notice_overtakes_changes_that_wait(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    await say_something(keeper_of_one)

    assert len((await look(keeper_of_one, at(0))).due) == 1
    assert await claimed(keeper_of_one, at(0)) == "ChainGone"
    assert await claimed(keeper_of_one, at(0)) == ""
    assert await claimed(keeper_of_one, at(2)) == "5>6"


async def test_a_notice_that_overtakes_takes_no_later_change_along(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    await changes(keeper_of_one, 7)
    await explain(keeper_of_one, 2)
    await say_something(keeper_of_one)

    assert await claimed(keeper_of_one, at(0)) == "ChainGone"
    assert await claimed(keeper_of_one, at(2)) == "5>6 6>7"


async def test_what_came_before_a_change_that_waits_leaves_with_the_notice(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6, wait=0)
    await changes(keeper_of_one, 7)
    await say_something(keeper_of_one)

    assert await claimed(keeper_of_one, at(0)) == "5>6 ChainGone"


async def test_a_destination_is_not_held_by_another_one(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    await keeper_of_one.allow(OLGA)
    await keeper_of_one.script(
        "INSERT INTO chat (id, telegram_id, kind, title, open) VALUES (9, 9, 'private', 'Nina', 1);"
        "INSERT INTO destination (id, chat_id, thread_id) VALUES (9, 9, 0)"
    )
    await keeper_of_one.db.run(enqueue_alert, DestinationId(9), to_milliseconds(NOON), notice=ALARM)

    assert [chat.chat_id for chat in (await look(keeper_of_one, at(0))).due] == [9]


async def test_a_restart_waits_no_longer(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)

    await keeper_of_one.reopen()

    assert await claimed(keeper_of_one, at(1)) == ""
    assert await claimed(keeper_of_one, at(2)) == "5>6"


# ---------------------------------------------------------------- what waits, and what does not


async def test_a_change_whose_transfers_are_asked_for_waits_and_is_asked_about(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)

    assert await keeper_of_one.value("SELECT ask_at FROM change") == to_milliseconds(at(0))
    waits = await keeper_of_one.value("SELECT explain_until FROM alert WHERE change_id = 1")
    assert waits == to_milliseconds(at(2))


async def test_a_change_of_what_changes_by_itself_is_not_asked_about(keeper_of_one: Keeper) -> None:
    await keeper_of_one.script("UPDATE asset SET rebasing = 1")

    await changes(keeper_of_one, 600)

    assert await keeper_of_one.value("SELECT ask_at FROM change") is None
    assert await keeper_of_one.value("SELECT explain_until FROM alert WHERE change_id = 1") == 0
    assert await keeper_of_one.db.run(explanations_of, [1]) == {
        1: Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=WhyUnknown.REBASING)
    }


async def test_a_token_that_was_held_and_is_listed_only_now_is_not_asked_about(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC])
    await keeper.record(reading({}, named={USDC: 5}))
    await keeper.record(reading({USDC: 5}), when=at(60))

    assert await keeper.rows("SELECT kind, ask_at FROM change") == [("listed", None)]


async def test_an_alert_about_another_change_of_the_same_batch_does_not_wait(keeper_of_one: Keeper) -> None:
    for amount in (6, 7):
        await changes(keeper_of_one, amount)
    await keeper_of_one.script("DELETE FROM alert WHERE change_id IN (1, 2)")
    both = [NewAlert(DestinationId(1), frozenset(), change_id=number) for number in (1, 2)]

    await keeper_of_one.db.run(enqueue_alerts, both, to_milliseconds(NOON), {2: 5})

    waits = await keeper_of_one.rows(
        "SELECT change_id, explain_until FROM alert WHERE change_id > 0 ORDER BY id"
    )
    assert waits == [(1, 0), (2, 5)]


# ---------------------------------------------------------------- what an alert knows


async def told(keeper: Keeper) -> list[Explanation | None]:
    """Return the explanations of the changes that wait."""
    return [alert.explanation for alert in await keeper.alerts() if isinstance(alert, ChangeAlert)]


async def test_an_alert_knows_the_explanation_of_its_change(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    await changes(keeper_of_one, 7)
    await say_something(keeper_of_one)
    await explain(keeper_of_one, 2)

    assert await told(keeper_of_one) == [None, explained(leg(number=2))]


async def test_an_alert_of_several_changes_knows_those_of_all_of_them(keeper_of_one: Keeper) -> None:
    for amount in (6, 7, 8):
        await changes(keeper_of_one, amount)
    await keeper_of_one.script(
        "DELETE FROM alert WHERE change_id IN (1, 2); UPDATE alert SET first_change_id = 1, steps = 3"
    )
    await explain(keeper_of_one, 1, 2, 3)

    assert await told(keeper_of_one) == [explained(leg(number=1), leg(number=2), leg(number=3))]


async def test_of_very_many_changes_in_one_it_knows_none(keeper_of_one: Keeper) -> None:
    for amount in range(6, 6 + SUMMED_MOST + 1):
        await changes(keeper_of_one, amount)
    last = SUMMED_MOST + 1
    await keeper_of_one.script(
        f"DELETE FROM alert WHERE change_id < {last}; UPDATE alert SET first_change_id = 1"
    )
    await explain(keeper_of_one, last)

    assert await told(keeper_of_one) == [None]


async def test_the_message_is_made_of_the_explanations_that_are_there_by_then(keeper_of_one: Keeper) -> None:
    await changes(keeper_of_one, 6)
    seen: list[Alert] = []

    def listen(_: Database, alerts: Sequence[Alert], __: str, ___: datetime) -> tuple[str, int]:
        seen.extend(alerts)
        return "…", len(alerts)

    await keeper_of_one.claim(OLGA.chat_id, NOON + timedelta(seconds=9), compose=listen)
    await explain(keeper_of_one, 1)

    assert [alert.explanation for alert in seen if isinstance(alert, ChangeAlert)] == [None]
    assert await keeper_of_one.value("SELECT text FROM delivery ORDER BY id DESC LIMIT 1") == "…"
