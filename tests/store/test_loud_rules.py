"""Where there is a loud rule, what it means rings and all other changes are silent, on every attempt."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

from bot.domain.assets import Address, Description
from bot.domain.chat.audit import AuditAction
from bot.domain.deliver.outcomes import Offline, RetryLater, SendRefused
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Direction, Level, Unit
from bot.domain.rules.loud import AS_EVER, Loudness, LoudRule, Mention, Sound
from bot.domain.subscriptions import Scope, SubscriptionId, WatchSpec
from bot.store.chats import migrate, mutes, unsubscribe
from bot.store.chats.rules import filters, loud_rules
from bot.store.chats.subscriptions import subscriptions_here
from tests.builders import DAI, TREASURY, USDC, VAULT, asset, at, held, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

PETR = Mention("@petr", 7002)
OUT = LoudRule(Condition(Direction.OUT), (PETR,))
IN = LoudRule(Condition(Direction.IN))
THOUSAND = LoudRule(Condition(levels=(Level(Decimal(1_000), Unit.DOLLARS),)))
RING, SILENT = Loudness(Sound.RING), Loudness(Sound.SILENT)
TO_PETR = Loudness(Sound.RING, (PETR,))
BLOCKS = count(1)
USD_COIN = Description("ERC20", "USDC", 0, price_usd="1")


async def watching(keeper: Keeper, place: Place = OLGA, amount: int = 10_000) -> None:
    await keeper.subscribe(WatchSpec(TREASURY, label="Treasury"), place=place)
    await see(keeper, amount)
    await keeper.deliver_all()


async def see(
    keeper: Keeper,
    amount: int,
    *,
    account: Address = TREASURY,
    minute: int = 0,
    description: Description = USD_COIN,
) -> None:
    seen = reading({USDC: held(amount, block=next(BLOCKS))}, native=1, account=account)
    poll = await keeper.judged(seen, when=at(60 * minute), descriptions={asset(USDC): description})
    await keeper.record_poll(replace(poll, described={asset(USDC): description}))


async def be_loud(
    keeper: Keeper, rule: LoudRule | None, ids: Collection[int] = (1,), place: Place = OLGA
) -> tuple[LoudRule | None, ...]:
    numbers = list(map(SubscriptionId, ids))
    return await keeper.db.run(loud_rules.set_loud_rule, place, numbers, rule, olga())


async def loudness(keeper: Keeper, place: Place = OLGA) -> list[Loudness]:
    return [alert.loudness for alert in await keeper.alerts(place)]


async def sounds(keeper: Keeper) -> list[bool]:
    """Return of each message that is delivered whether it is silent."""
    return [delivery.is_silent for delivery in await keeper.deliver_all(at(10_000))]


async def test_without_a_rule_a_change_rings_as_ever(keeper: Keeper) -> None:
    await watching(keeper)
    await see(keeper, 9_999)

    assert await keeper.rows("SELECT sound, mentions FROM alert WHERE state = 'waiting'") == [(None, "")]
    assert await sounds(keeper) == [False]


async def test_what_a_rule_means_rings_and_calls_its_people(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await see(keeper, 9_999)

    assert await loudness(keeper) == [TO_PETR]


async def test_what_no_rule_means_is_silent(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await see(keeper, 10_001)

    assert await sounds(keeper) == [True]


async def test_a_change_of_unknown_worth_rings(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, THOUSAND)

    # The price of an hour ago counts no more.
    await see(keeper, 9_999, minute=61, description=USD_COIN._replace(price_usd=None))

    assert await loudness(keeper) == [RING]


async def test_a_change_known_to_be_worth_less_is_silent(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, THOUSAND)

    await see(keeper, 9_001)

    assert await loudness(keeper) == [SILENT]


async def test_a_rule_makes_everything_else_of_its_place_silent_and_nothing_of_another(
    keeper: Keeper,
) -> None:
    for place in (OLGA, OPS):
        await keeper.subscribe(WatchSpec(TREASURY), WatchSpec(VAULT), place=place)
    for account in (TREASURY, VAULT):
        await see(keeper, 10_000, account=account)
    await keeper.deliver_all()
    await be_loud(keeper, OUT, [1])

    await see(keeper, 9_999, account=VAULT)

    assert await loudness(keeper) == [SILENT]
    assert await loudness(keeper, OPS) == [AS_EVER]


async def test_the_rule_of_the_place_counts_beside_those_of_its_subscriptions(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, IN, [1])
    await be_loud(keeper, OUT, [])
    await see(keeper, 9_999)
    assert await loudness(keeper) == [TO_PETR]
    await see(keeper, 10_001, minute=1)
    assert (await loudness(keeper))[-1] == RING


async def test_a_rule_of_one_token_leaves_others_silent(keeper: Keeper) -> None:
    await keeper.subscribe(
        WatchSpec(TREASURY), WatchSpec(TREASURY, Scope(contracts=frozenset({USDC}))), place=OLGA
    )
    await keeper.record(reading({USDC: 5, DAI: 5}, native=1, named={USDC: 5}))
    await keeper.deliver_all()
    await be_loud(keeper, LoudRule(), [2])

    await keeper.record(reading({USDC: 6, DAI: 6}, native=1, named={USDC: 6}))

    by_token = {one.change.asset.contract: one.loudness for one in await keeper.alerts()}  # type: ignore[union-attr]
    assert by_token == {USDC: RING, DAI: SILENT}


async def test_a_message_rings_if_any_alert_in_it_does_and_a_dissolved_one_falls_into_their_own_sounds(
    keeper: Keeper,
) -> None:
    await keeper.subscribe(WatchSpec(TREASURY), WatchSpec(VAULT))
    for account in (TREASURY, VAULT):
        await see(keeper, 10_000, account=account)
    await keeper.deliver_all()
    await be_loud(keeper, OUT, [1])
    await see(keeper, 9_999)
    await see(keeper, 9_999, account=VAULT)

    (both,) = await keeper.due()
    assert (both.alerts, both.is_silent) == (2, False)

    await keeper.came_back(both, SendRefused("too long", is_final=True))
    assert await sounds(keeper) == [False, True]


async def test_every_attempt_sounds_like_the_first_whatever_becomes_of_the_rules(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await see(keeper, 10_001)
    (first,) = await keeper.due()
    await keeper.came_back(first, RetryLater("busy"))

    await be_loud(keeper, None)
    await keeper.reopen()

    assert await sounds(keeper) == [True]


async def test_a_notice_keeps_its_sound_where_there_are_rules(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await keeper.subscribe(WatchSpec(VAULT))
    await see(keeper, 1, account=VAULT)

    assert await sounds(keeper) == [False]


async def test_without_any_rule_left_what_waits_rings_again(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await be_loud(keeper, IN, [])
    await keeper.db.run(mutes.mute, OLGA, [], timedelta(hours=1), olga())
    await be_loud(keeper, None, [])
    await see(keeper, 10_001)

    assert await keeper.db.run(loud_rules.end_loud_rules, OLGA, olga()) == 1
    assert await keeper.rows("SELECT sound, mentions FROM alert WHERE state = 'held'") == [(None, "")]
    assert await keeper.db.run(loud_rules.end_loud_rules, OLGA, olga()) == 0


async def test_while_a_rule_is_left_what_waits_stays_as_it_was_judged(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await be_loud(keeper, OUT, [])
    await see(keeper, 10_001)
    await be_loud(keeper, None)

    assert await loudness(keeper) == [SILENT]


async def test_what_an_ended_mute_releases_rings_if_any_of_it_does(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    for minute, last, is_silent in ((1, 10_002, True), (3, 9_000, False)):
        await keeper.db.run(mutes.mute, OLGA, [], timedelta(hours=1), olga())
        await see(keeper, 10_001, minute=minute)
        await see(keeper, last, minute=minute + 1)
        await keeper.db.run(mutes.unmute, OLGA, [], olga(at(10_000)))

        assert await sounds(keeper) == [is_silent]


async def test_what_a_filter_held_back_is_judged_by_all_that_its_alert_tells(keeper: Keeper) -> None:
    await watching(keeper)
    least = Condition(levels=(Level(Decimal(1_500)),))
    await keeper.db.run(filters.set_filter, OLGA, [SubscriptionId(1)], least, olga())
    await be_loud(keeper, replace(THOUSAND, mentions=(PETR,)))

    await see(keeper, 9_100, minute=1)
    await see(keeper, 8_200, minute=2)
    assert await loudness(keeper) == [TO_PETR]
    await see(keeper, 8_000, minute=3)
    await keeper.db.run(filters.set_filter, OLGA, [SubscriptionId(1)], None, olga())

    assert (await loudness(keeper))[-1] == SILENT
    await keeper.db.run(filters.set_filter, OLGA, [SubscriptionId(1)], least, olga())
    await see(keeper, 7_400, minute=4)
    await see(keeper, 6_800, minute=5)
    await keeper.db.run(filters.set_filter, OLGA, [SubscriptionId(1)], None, olga())
    assert (await loudness(keeper))[-1] == TO_PETR, "neither step is that loud by itself"


async def test_a_rule_goes_along_when_its_group_becomes_a_supergroup(keeper: Keeper) -> None:
    group = Place(-77, "group", "Team")
    await watching(keeper, group)
    await be_loud(keeper, OUT, [1], group)
    await be_loud(keeper, IN, [], group)
    await keeper.migrate(group.chat_id, -100_77)

    there = Place(-100_77, "supergroup", "Team")
    (moved,) = await keeper.db.run(subscriptions_here, there)
    assert (moved.subscription.loud, moved.subscription.place_loud) == (OUT, IN)


async def test_what_is_watched_may_come_with_a_rule_and_a_later_one_takes_its_place(keeper: Keeper) -> None:
    for rule, expected in ((OUT, OUT), (None, OUT), (IN, IN)):
        await keeper.subscribe(WatchSpec(TREASURY, label="Treasury", loud=rule))

        (one,) = await keeper.db.run(subscriptions_here, OLGA)
        assert one.subscription.loud == expected


async def test_a_rule_comes_back_with_an_unwatch_that_is_undone(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    ended = await keeper.db.run(unsubscribe.unsubscribe, OLGA, [1], olga(), keeper.status)
    assert ended.row is not None

    undo = unsubscribe.undo_unsubscribe
    await keeper.db.run(undo, ended.row, OLGA, olga(), limit=5, status=keeper.status)

    (back,) = await keeper.db.run(subscriptions_here, OLGA)
    assert back.subscription.loud == OUT


async def test_a_rule_is_there_again_when_its_chat_is_opened_again(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await be_loud(keeper, IN, [])
    await keeper.deny(OLGA)
    await keeper.allow(OLGA)

    (back,) = await keeper.db.run(subscriptions_here, OLGA)
    assert (back.subscription.loud, back.subscription.place_loud) == (OUT, IN)


async def test_a_change_in_other_units_rings_whatever_the_amount(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, THOUSAND)

    await see(keeper, 9_999, description=USD_COIN._replace(decimals=2))

    assert await loudness(keeper) == [RING]


async def test_an_unwatch_takes_its_rule_along_and_the_rest_of_the_place_rings_again(keeper: Keeper) -> None:
    await keeper.subscribe(WatchSpec(TREASURY), WatchSpec(VAULT))
    await see(keeper, 10_000, account=VAULT)
    await keeper.deliver_all()
    await be_loud(keeper, OUT, [1])
    await see(keeper, 10_001, account=VAULT)
    await keeper.unsubscribe(OLGA, [1])

    await see(keeper, 10_002, account=VAULT)

    assert await loudness(keeper) == [AS_EVER, AS_EVER]


async def test_the_rule_of_a_lost_topic_does_not_silence_where_its_alerts_go(keeper: Keeper) -> None:
    await watching(keeper, ALERTS_TOPIC)
    await be_loud(keeper, OUT, [], ALERTS_TOPIC)
    await see(keeper, 10_001)
    await keeper.script("UPDATE destination SET lost = 'deleted' WHERE thread_id = 5")

    await keeper.db.run(migrate.take_over_lost_topics, OPS, olga())

    assert await loudness(keeper, OPS) == [AS_EVER]


async def test_a_topic_and_its_chat_have_rules_of_their_own(keeper: Keeper) -> None:
    await be_loud(keeper, OUT, [], ALERTS_TOPIC)

    assert await keeper.db.run(loud_rules.place_loud_rule, ALERTS_TOPIC) == OUT
    assert await keeper.db.run(loud_rules.place_loud_rule, OPS) is None
    assert await keeper.db.run(loud_rules.place_loud_rule, OLGA) is None


async def test_only_what_changes_is_audited(keeper: Keeper) -> None:
    await watching(keeper)
    assert await be_loud(keeper, OUT) == (None,)
    assert await be_loud(keeper, OUT) == (OUT,)
    assert await be_loud(keeper, None) == (OUT,)
    assert await be_loud(keeper, None, []) == (None,)

    actions = await keeper.rows("SELECT deed FROM audit WHERE deed LIKE '%loud' ORDER BY id")
    assert actions == [(AuditAction.LOUD,), (AuditAction.UNLOUD,)]


async def test_people_are_known_by_their_username_and_groups_are_nobody(keeper: Keeper) -> None:
    await keeper.allow(replace(OLGA, username="Olga_T"))
    await keeper.allow(replace(OPS, username="ops"))

    assert await keeper.db.run(loud_rules.known_people, ["olga_t", "ops", "petr"]) == {"olga_t": 7001}


async def test_a_message_that_never_left_keeps_its_sound(keeper: Keeper) -> None:
    await watching(keeper)
    await be_loud(keeper, OUT)
    await see(keeper, 10_001)
    (first,) = await keeper.due()
    await keeper.came_back(first, Offline("no connection"))

    assert await sounds(keeper) == [True]
