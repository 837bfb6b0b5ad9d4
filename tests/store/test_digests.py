"""Digests: what is in each, and where it goes."""

from dataclasses import replace
from datetime import time

import pytest

from bot.domain.deliver.alerts import (
    BlindSpan,
)
from bot.domain.places import Place
from bot.store.chats import audit, ignore_list, migrate
from bot.store.chats.rules import digests
from bot.store.maintenance import retention
from tests.builders import BASE, DAI, NOON, POLYGON, TREASURY, USDC, asset, at
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga
from tests.store.digest_reader import (
    DAY,
    EIGHT,
    EVENING,
    HOUR,
    ONLY,
    SUPER,
    WEEK,
    Reader,
    amounts_of,
    digests_in,
    ms,
    one_digest,
)
from tests.store.test_filters import THOUSAND


async def test_a_digest_of_nothing_says_how_fresh_it_is(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await keeper.reach(60, {POLYGON: None, BASE: None})
    await reader.look(EIGHT)

    digest, content = one_digest(await reader.told())

    assert (content.nets, content.more, content.is_cut) == ((), 0, False)
    assert (digest.chains, digest.unread, digest.oldest_at) == (2, 1, at(60))


async def test_the_changes_of_a_balance_are_one_net_whatever_was_told_meanwhile(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(9_000, 9_500)
    assert len(await reader.told()) == 2
    await reader.see(9_200)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert amounts_of(content.nets) == [(10_000, 9_200, 3)]


async def test_the_nets_of_most_worth_come_first_and_the_rest_is_counted(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(9_999, dai=500)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert [one.change.asset.contract for one in content.nets] == [DAI, USDC]


async def test_a_net_shows_the_days_up_to_the_end_of_its_digest(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    for day, amount in ((1, 12_000), (3, 8_000), (5, 11_000)):
        await reader.look(NOON + day * DAY)
        await reader.see(amount)
    await reader.look(EIGHT + 7 * DAY)
    await reader.see(1)

    *_, (_, content) = digests_in(await reader.told())

    assert [one.sparkline for one in content.nets] == ["▇▇▁▁▅▅▅"]
    await reader.look(EIGHT + 8 * DAY)
    _, content = one_digest(await reader.told())
    assert [one.sparkline for one in content.nets] == ["▇▄▄▆▆▆▁"]


async def test_what_is_told_in_one_digest_is_not_in_the_next(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(9_000)
    await reader.look(EIGHT)
    await reader.see(8_000)
    await reader.look(EIGHT + DAY)

    nets = [amounts_of(content.nets) for _, content in digests_in(await reader.told())]

    assert nets == [[(10_000, 9_000, 1)], [(9_000, 8_000, 1)]]


async def test_worth_is_added_up_at_both_ends(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.look(NOON)
    reader.now = EIGHT
    await reader.see(9_000)
    await keeper.rows("UPDATE asset SET price_usd = '1', priced_at = ?", 10**15)
    await reader.look(EIGHT)

    first, _ = one_digest(await reader.told())
    (second,) = await reader.digests(EIGHT + DAY)

    assert first.worth is not None
    assert int(first.worth.usd) == 9_000
    assert second.former_worth == first.worth


@pytest.mark.parametrize(("most", "is_added_up"), [(1, True), (0, False)])
async def test_the_worth_of_too_many_accounts_is_not_added_up(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, most: int, *, is_added_up: bool
) -> None:
    monkeypatch.setattr("bot.store.polling.digests.ADDED_UP_MOST", most)
    reader = await Reader(keeper).begin()

    (digest,) = await reader.digests(EIGHT)

    assert (digest.worth is not None) is (digest.former_worth is not None) is is_added_up


async def test_what_filters_hold_back_is_listed_and_stays_held_back(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin(condition=THOUSAND)
    await reader.see(9_400, 9_500, dai=600)
    await reader.look(EIGHT)

    alerts = await reader.told()

    digest, content = one_digest(alerts)
    assert (digest.follow, content.nets) == (0, ())
    assert amounts_of(content.held_back) == [(0, 600, 1), (10_000, 9_500, 2)], "the largest first"
    assert amounts_of(alerts) == []
    await reader.see(9_000, dai=600)
    assert amounts_of(await reader.told()) == [(10_000, 9_000, 3)]


async def test_of_much_that_is_held_back_the_largest_is_listed_and_the_rest_counted(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.polling.digest_content.NETS_MOST", 1)
    reader = await Reader(keeper).begin(condition=THOUSAND)
    await reader.see(9_500, dai=600)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert amounts_of(content.held_back) == [(0, 600, 1)]
    assert content.more_held_back == 1


async def test_what_is_kept_for_the_next_digest_is_not_said_to_be_held_back_by_filters(
    keeper: Keeper,
) -> None:
    reader = await Reader(keeper).begin(ONLY)
    await reader.see(9_000)
    await reader.look(EIGHT)
    await reader.see(8_000)

    alerts = await reader.told()

    assert one_digest(alerts)[1].held_back == ()
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]


async def test_a_token_without_a_price_is_new_the_first_time_only(keeper: Keeper) -> None:
    reader = await Reader(keeper, price=None).begin()
    new = []
    for days, dai in enumerate((5, 0, 7)):
        await reader.see(10_000, 10_000, dai=dai)  # what is gone counts when it is read again
        await reader.look(EIGHT + days * DAY)
        _, content = one_digest(await reader.told())
        new.append([one.change.asset.contract for one in content.new_tokens])

    assert new == [[DAI], [], []]


async def test_a_token_with_a_price_is_no_unknown_one(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await reader.see(10_000, dai=5)
    await reader.look(EIGHT)

    assert one_digest(await reader.told())[1].new_tokens == ()


@pytest.mark.parametrize(("place", "expected"), [(OLGA, 1), (OPS, 0)])
async def test_a_digest_has_what_could_not_be_read_of_what_is_watched_there(
    keeper: Keeper, place: Place, expected: int
) -> None:
    await keeper.watch(place=OPS, account=TREASURY, chains=[BASE])
    reader = await Reader(keeper, place=OLGA).begin()
    await Reader(keeper, place=place).set(EVENING)
    await keeper.rows("INSERT INTO gap VALUES (0, 137, ?, ?)", *ms(NOON + HOUR, NOON + 2 * HOUR))
    # Over before it begins, and too short to speak of.
    await keeper.rows("INSERT INTO gap VALUES (0, 137, ?, ?)", *ms(NOON - 2 * HOUR, NOON - HOUR))
    await keeper.rows("INSERT INTO gap VALUES (0, 137, ?, ?)", *ms(NOON + 3 * HOUR, NOON + 3.005 * HOUR))
    await reader.look(EIGHT)

    _, content = one_digest(await Reader(keeper, EIGHT, place).told())

    span = BlindSpan(POLYGON, None, "", NOON + HOUR, NOON + 2 * HOUR)
    assert content.spans == ((span,) if expected else ())


async def test_too_many_changes_are_cut_and_that_is_said(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.polling.digest_content.READ_MOST", 2)
    reader = await Reader(keeper).begin()
    await reader.see(9_000, 8_000, 7_000)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert content.is_cut
    assert amounts_of(content.nets) == [(9_000, 7_000, 2)]


async def test_ignored_tokens_are_in_no_digest(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    await keeper.db.run(ignore_list.ignore, OLGA, [asset(DAI).contract], frozenset(), olga())
    await reader.see(10_000, dai=500)
    await reader.look(EIGHT)

    _, content = one_digest(await reader.told())

    assert content.nets == ()


# ---------------------------------------------------------------- where


async def test_a_group_takes_its_digests_along(keeper: Keeper) -> None:
    reader = await Reader(keeper, place=OPS).begin(ONLY)
    await reader.see(9_000)
    await keeper.migrate(OPS.chat_id, SUPER)
    reader.place = OPS.moved_to(SUPER)

    await reader.look(EIGHT)

    alerts = await reader.told()
    assert len(digests_in(alerts)) == 1
    assert amounts_of(alerts) == [(10_000, 9_000, 1)]


async def test_the_digests_of_the_supergroup_count_and_tell_what_either_kept(keeper: Keeper) -> None:
    there = OPS.moved_to(SUPER)
    await Reader(keeper, place=there).set(replace(EVENING, at=time(21)))
    reader = await Reader(keeper, place=OPS).begin(ONLY)
    await reader.see(9_000)
    await keeper.migrate(OPS.chat_id, SUPER)
    reader.place = there

    assert await keeper.db.run(digests.digest_here, there) == replace(ONLY, at=time(21))
    assert await reader.look(EIGHT) == EIGHT + HOUR
    await reader.look(EIGHT + HOUR)
    assert amounts_of(await reader.told()) == [(10_000, 9_000, 1)]


async def test_a_closed_chat_gets_no_digest_and_one_that_opens_gets_the_next(keeper: Keeper) -> None:
    reader = await Reader(keeper, place=OPS).begin()
    await reader.see(9_000)
    await keeper.deny(OPS)
    assert await reader.look(EIGHT) == EIGHT + DAY
    await keeper.allow(OPS)
    assert await reader.told() == []

    await reader.look(EIGHT + DAY)

    _, content = one_digest(await reader.told())
    assert content.nets == (), "what was withdrawn was not told"


async def test_the_digests_of_a_lost_topic_end_and_tell_what_they_kept(keeper: Keeper) -> None:
    reader = await Reader(keeper, place=ALERTS_TOPIC).begin(ONLY)
    await reader.see(9_000)
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OPS, olga())

    assert await keeper.rows("SELECT * FROM digest_schedule") == []
    assert amounts_of(await reader.told()) == [(10_000, 9_000, 1)]


async def test_who_set_digests_is_kept_and_setting_the_same_is_not(keeper: Keeper) -> None:
    reader = Reader(keeper)
    for schedule in (EVENING, EVENING, None):
        await reader.set(schedule)

    entries, _ = await keeper.db.run(audit.audit_page, 1, 10)
    assert [(entry.action, entry.subject) for entry in entries] == [("digest", "as a test says")] * 2


async def test_digests_that_were_made_long_ago_are_forgotten_but_for_the_newest(keeper: Keeper) -> None:
    reader = await Reader(keeper).begin()
    for days in range(3):
        await reader.look(EIGHT + days * DAY)

    await keeper.db.run(retention.delete_old_rows, EIGHT + WEEK)

    assert await keeper.value("SELECT count(*) FROM digest") == 1
