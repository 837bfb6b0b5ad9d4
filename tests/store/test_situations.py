"""How things stand with an asset is read from the rows of its destination, and of no other."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from bot.domain.assets import NATIVE, Address, Amount, Asset
from bot.domain.deliver.alerts import MuteKind
from bot.domain.deliver.message_ids import message_id
from bot.domain.history.changes import Span
from bot.domain.history.reasons import (
    Doubted,
    Ignored,
    Muted,
    NotListed,
    NotRead,
    NotWatched,
    OnItsWay,
    Reason,
    Situation,
    Unchanged,
    Unseen,
    Unsettled,
    reason_of,
)
from bot.domain.observe.filters import HeldBack
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition
from bot.domain.rules.digests import DigestSchedule
from bot.store.chats import ignore_list, mutes
from bot.store.chats.rules import digests, filters
from bot.store.database.connection import DatabaseThread
from bot.store.history import situations, ways
from bot.store.history.changes import CHANGES_AT_ONCE
from bot.store.history.situations import ToldBefore
from tests.builders import (
    BASE,
    DAI,
    ETHEREUM,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    asset,
    at,
    held,
    reading,
)
from tests.store.conftest import ALERTS_TOPIC, CHAINS, EVERYONE, OLGA, OPS, Keeper, change, olga
from tests.store.test_filters import OUT

PAUL = Place(7002, "private", "Paul")
UNCHANGED = Unchanged(at(0), Amount(5))


async def situation(keeper: Keeper, what: Asset | None = None, place: Place = OLGA) -> Situation:
    (of,) = await situations_of(keeper, what or asset(), place)
    return of


async def situations_of(keeper: Keeper, what: Asset, place: Place) -> list[Situation]:
    return await keeper.db.run(
        situations.situations, place, TREASURY, [what], chains=CHAINS - {ETHEREUM}, status=VERIFIED
    )


async def reason(keeper: Keeper, what: Asset | None = None, place: Place = OLGA) -> Reason:
    return reason_of(await situation(keeper, what, place))


async def test_what_is_watched_and_read_did_not_change(watching: Keeper) -> None:
    assert await reason(watching) == UNCHANGED
    assert await reason(watching, asset(NATIVE)) == Unchanged(at(0), Amount(100))


async def test_what_is_not_watched_on_a_chain_or_at_all_says_so(keeper: Keeper) -> None:
    await keeper.watch(chains=[POLYGON])
    await keeper.watch(VAULT, place=PAUL)
    await keeper.record(reading({USDC: 5}, native=100))

    assert await reason(keeper, asset(chain_id=BASE)) == NotWatched(is_account_watched=True)
    assert await reason(keeper, place=PAUL) == NotWatched(is_account_watched=False)
    assert await reason(keeper) == UNCHANGED


async def test_a_chain_that_nobody_asks_is_not_watched_unless_it_is_named(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(place=OPS, chains=[ETHEREUM])

    assert await reason(keeper, asset(USDC, ETHEREUM)) == NotWatched(is_account_watched=True)
    assert await reason(keeper, asset(USDC, ETHEREUM), OPS) == NotRead()


async def test_a_token_that_another_place_names_is_not_listed_here(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(place=OPS, contracts=[DAI])
    await keeper.record(reading({USDC: 5}, native=100, named={DAI: held(7)}))

    assert await reason(keeper, asset(DAI)) == NotListed()
    assert await reason(keeper, asset(DAI), OPS) == Unchanged(at(0), Amount(7))
    assert await reason(keeper, asset(USDC), OPS) == NotWatched(is_account_watched=True)


async def test_an_ignored_token_says_since_when_and_by_whom(watching: Keeper) -> None:
    await watching.db.run(ignore_list.ignore, OLGA, [USDC], [BASE], olga(at(5)))
    assert await reason(watching) == UNCHANGED

    await watching.db.run(ignore_list.ignore, OLGA, [USDC], [], olga(at(9)))

    assert await reason(watching) == Ignored(at(9), "Olga")
    assert await reason(watching, place=OPS) == UNCHANGED
    assert await reason(watching, asset(NATIVE)) == Unchanged(at(0), Amount(100))


async def test_a_mute_says_until_when_and_the_later_one_counts(watching: Keeper) -> None:
    await watching.db.run(mutes.mute, OLGA, [], timedelta(hours=1), olga(at(0)))
    assert await reason(watching) == Muted(MuteKind.MUTE, at(3_600))

    await watching.script(
        "INSERT INTO mute (destination_id, account_id, chains, since, until, kind)"
        " SELECT destination_id, NULL, '', since, until + 1000, 'quiet' FROM mute"
    )

    assert await reason(watching) == Muted(MuteKind.QUIET, at(3_601))
    assert await reason(watching, place=ALERTS_TOPIC) == UNCHANGED


@pytest.mark.parametrize("by", ["filter", "digest"])
async def test_what_is_held_back_says_how_much_since_when_and_by_which_filter(
    watching: Keeper, by: str
) -> None:
    is_for_digest = by == "digest"
    if is_for_digest:
        schedule = DigestSchedule(time(20), is_only=True)
        await watching.db.run(digests.set_digest, OLGA, schedule, olga(), "")
    else:
        await watching.db.run(filters.set_filter, OLGA, [], OUT, olga())
    await change(watching, 6, 10)
    await change(watching, 7, 20)

    conditions: tuple[Condition, ...] = () if is_for_digest else (OUT,)
    held_back = HeldBack(Amount(5), Amount(7))
    assert await reason(watching) == Unsettled(held_back, 2, at(10), conditions, is_for_digest=is_for_digest)
    assert isinstance(await reason(watching, place=OPS), OnItsWay)


async def test_the_filter_is_the_one_of_then(watching: Keeper) -> None:
    await watching.db.run(filters.set_filter, OLGA, [], OUT, olga())
    await change(watching, 6, 10)
    await watching.script("UPDATE destination SET filter = ''")

    found = await reason(watching)

    assert isinstance(found, Unsettled)
    assert found.filters == (OUT,)


async def test_an_alert_that_is_not_sent_yet_is_on_its_way(watching: Keeper) -> None:
    await change(watching, 6, 10)
    assert await reason(watching) == OnItsWay(None, at(10))
    assert await reason(watching, asset(NATIVE)) == Unchanged(at(0), Amount(100))

    (delivery, *_) = [one for one in await watching.due(at(20)) if one.chat_id == OLGA.chat_id]
    assert await reason(watching) == OnItsWay(message_id(delivery.id), at(10))

    await watching.sent(delivery)
    assert await reason(watching) == Unchanged(at(0), Amount(6))


async def test_what_is_watched_anew_was_not_read_yet(keeper: Keeper) -> None:
    await keeper.watch()
    assert await reason(keeper) == NotRead()

    await keeper.record(reading({USDC: 5}, native=100))

    assert await reason(keeper) == UNCHANGED
    assert await reason(keeper, asset(USDC, BASE)) == NotRead()


async def test_what_cannot_be_read_says_since_when(watching: Keeper) -> None:
    await watching.reach(60, {POLYGON: None}, [(TREASURY, POLYGON, frozenset({VERIFIED}))])
    assert await reason(watching) == Unseen(at(0), is_chain_doubted=False)
    assert await reason(watching, asset(NATIVE)) == Unchanged(at(60), Amount(100))

    await watching.script("UPDATE chain SET lost_since = 1772366460000")
    assert await reason(watching) == Unseen(at(60), is_chain_doubted=True)


async def test_a_reading_that_waits_for_others_says_so(watching: Keeper) -> None:
    await watching.script(
        "INSERT INTO held (account_id, asset_id, amount, block, times)"
        " SELECT b.account_id, b.asset_id, '4', 1, 2 FROM balance b JOIN asset x ON x.id = b.asset_id"
        " WHERE length(x.contract) > 0"
    )

    assert await reason(watching) == Doubted(Amount(4, None, 1), 2)
    assert await reason(watching, asset(NATIVE)) == Unchanged(at(0), Amount(100))


async def test_a_token_that_nobody_ever_saw_has_no_amount(watching: Keeper) -> None:
    of = await situation(watching, asset(DAI))

    assert (of.amount, of.was_held, of.is_listed, of.description.kind) == (None, False, False, "UNKNOWN")
    assert (await situation(watching)).was_held


async def test_where_nobody_ever_watched_nothing_is_known(watching: Keeper) -> None:
    assert await situations_of(watching, asset(), PAUL) == []


# ---------------------------------------------------------------- of an account


async def test_an_account_says_what_is_read_what_is_not_and_what_is_kept(watching: Keeper) -> None:
    await watching.db.run(filters.set_filter, OLGA, [], OUT, olga())
    await change(watching, 6, 10)
    await watching.reach(60, {POLYGON: None}, [(TREASURY, POLYGON, frozenset({VERIFIED}))])

    of = await watching.db.run(situations.account_situation, OLGA, TREASURY, CHAINS, VERIFIED)

    assert of.is_watched
    assert of.unseen == {POLYGON: at(0)}
    assert set(of.unread) == CHAINS - {POLYGON}
    assert [one.unsettled.steps for one in of.held_back] == [1]
    assert of.seen == frozenset()
    elsewhere = await watching.db.run(situations.account_situation, OPS, TREASURY, CHAINS, VERIFIED)
    assert elsewhere.held_back == ()
    former = await watching.db.run(situations.account_situation, OLGA, VAULT, CHAINS, VERIFIED)
    assert not former.is_watched


async def test_an_account_has_a_change_on_its_way_until_that_is_sent(watching: Keeper) -> None:
    async def on_its_way(account: Address = TREASURY) -> OnItsWay | None:
        of = await watching.db.run(situations.account_situation, OLGA, account, CHAINS, VERIFIED)
        return of.on_its_way

    await watching.watch(VAULT)
    await change(watching, 6, 10)
    assert await on_its_way() == OnItsWay(None, at(10))
    assert await on_its_way(VAULT) is None

    (delivery, *_) = [one for one in await watching.due(at(20)) if one.chat_id == OLGA.chat_id]
    assert await on_its_way() == OnItsWay(message_id(delivery.id), at(10))
    assert await on_its_way(VAULT) is None

    await watching.sent(delivery)
    assert await on_its_way() is None


async def test_of_an_account_a_chain_where_too_much_vanished_is_not_said_to_be_read(watching: Keeper) -> None:
    await watching.script("UPDATE chain SET lost_since = 1772366460000")

    of = await watching.db.run(situations.account_situation, OLGA, TREASURY, CHAINS, VERIFIED)

    assert of.doubted == {POLYGON: at(60)}
    assert POLYGON not in of.seen


# ---------------------------------------------------------------- what came last


async def told(keeper: Keeper, *assets: Asset, place: Place = OLGA, newest: int = 1_000_000) -> ToldBefore:
    destination_id = await keeper.value(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        place.chat_id,
        place.thread_id or 0,
    )
    return await keeper.db.run(situations.told_in, destination_id, TREASURY, assets, Span(1, newest))


async def test_the_last_message_about_an_asset_is_that_of_its_place(watching: Keeper) -> None:
    await change(watching, 6, 10)
    sent = {one.chat_id: one for one in await watching.due(at(20))}
    assert await told(watching, newest=5) == ToldBefore(None, None, None)
    await watching.sent(sent[OLGA.chat_id], at(21))

    here = ToldBefore(message_id(sent[OLGA.chat_id].id), at(21), None)
    assert await told(watching, newest=5) == await told(watching, asset(), newest=5) == here
    assert await told(watching, asset(DAI), newest=5) == ToldBefore(None, None, None)
    assert await told(watching, place=OPS, newest=5) == ToldBefore(None, None, None)


async def test_a_long_past_is_looked_through_in_slices(watching: Keeper) -> None:
    rest = (await told(watching)).rest

    assert rest == Span(1, 1_000_000 - CHANGES_AT_ONCE)


async def test_since_when_reasons_are_kept_is_known_while_older_changes_are(watching: Keeper) -> None:
    assert await watching.db.run(situations.traced_since) is None
    await change(watching, 6, 10)
    await change(watching, 7, 20)
    await watching.script("INSERT INTO setting (name, value) VALUES ('first traced change', '2')")
    assert await watching.db.run(situations.traced_since) == at(20)

    await watching.script("DELETE FROM alert; DELETE FROM change WHERE id = 1")

    assert await watching.db.run(situations.traced_since) is None


async def test_a_restored_copy_answers_the_same(watching: Keeper, tmp_path: Path) -> None:
    await watching.db.run(filters.set_filter, OPS, [], OUT, olga())
    await change(watching, 6, 10)
    (delivery,) = [one for one in await watching.due(at(20)) if one.chat_id == OLGA.chat_id]
    copy = await watching.copied(tmp_path / "copy.sqlite3")

    restored = Keeper(await DatabaseThread.open(copy), copy)
    try:
        for place in EVERYONE:
            assert await situation(restored, place=place) == await situation(watching, place=place)
            ways_of = [
                await one.db.run(ways.find_message, place, delivery.id, at(30))
                for one in (restored, watching)
            ]
            assert ways_of[0] == ways_of[1]
    finally:
        await restored.db.close()
