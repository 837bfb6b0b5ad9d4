"""What was shown of a watchlist: kept for a while, added once, and moved with its group."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.chat.audit import AuditAction
from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.chat.watchlist import Fit, IgnoredContract, WatchedAlarm, Watchlist, WatchlistName
from bot.domain.places import Place
from bot.domain.rules.alarms import AlarmTerms, Side
from bot.domain.rules.conditions import Condition, Direction, Level, Unit
from bot.domain.rules.loud import LoudRule, Mention
from bot.domain.subscriptions import Scope, WatchSpec
from bot.store.chats import names
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.chains import choose_chains
from bot.store.watchlists import imports
from bot.store.watchlists.content import watchlist_here
from bot.store.watchlists.imports import ImportResult, PendingImport
from tests.builders import DAI, NOON, POLYGON, REGISTRY, TREASURY, USDC, VAULT, address, asset, coin
from tests.store.conftest import OLGA, OPS, Keeper, olga

PAYROLL = address(0x91C4)
OUT = Condition(Direction.OUT)
FIVE_DOLLARS = Level(Decimal(5), Unit.DOLLARS)
BELOW_FIVE = AlarmTerms(Side.BELOW, FIVE_DOLLARS)
WHOLE = Watchlist(
    specs=(
        WatchSpec(TREASURY, label="Treasury", filter=OUT, loud=LoudRule()),
        WatchSpec(VAULT, label="Vault"),
    ),
    alarms=(WatchedAlarm(TREASURY, BELOW_FIVE),),
    filter=OUT,
    loud=LoudRule(OUT),
    ignored=(IgnoredContract(DAI, frozenset({POLYGON})),),
    names=(WatchlistName(PAYROLL, "Payroll"),),
)


@pytest.fixture(autouse=True)
async def _reading(keeper: Keeper) -> None:
    """Let the bot know which chains it reads, or no alarm could be about any."""
    await keeper.db.run(choose_chains, [POLYGON], [])


async def pending(keeper: Keeper, place: Place = OLGA) -> PendingImport:
    row = await keeper.db.run(imports.save_import, place, "lines", NOON)
    found = await keeper.db.run(imports.find_import, row, place.chat_id)
    assert found is not None
    return found


async def carry_out(keeper: Keeper, one: PendingImport, wanted: Watchlist = WHOLE) -> ImportResult:
    return await keeper.db.run(
        imports.carry_out_import,
        one,
        wanted,
        olga(),
        limit=keeper.limit,
        status=keeper.status,
        by=ValueTerms(keeper.status, REGISTRY),
    )


async def test_all_of_it_is_added_at_once_and_noted(keeper: Keeper) -> None:
    one = await pending(keeper)

    await carry_out(keeper, one)

    assert await keeper.db.run(watchlist_here, OLGA) == WHOLE
    done = await keeper.db.run(imports.find_import, one.row, OLGA.chat_id)
    assert done is not None
    assert (done.is_done, done.content, len(done.added)) == (True, "", 2)
    actions = [action for (action,) in await keeper.rows("SELECT deed FROM audit ORDER BY id")]
    assert sorted(actions) == sorted(
        [
            AuditAction.FILTER,
            AuditAction.LOUD,
            AuditAction.IGNORE_CONTRACT,
            AuditAction.WATCH,
            AuditAction.WATCH,
            AuditAction.ALARM,
            AuditAction.NAME,
        ]
    )


async def test_a_second_press_at_the_same_moment_adds_nothing(keeper: Keeper) -> None:
    one = await pending(keeper)
    await carry_out(keeper, one)
    await keeper.unsubscribe(OLGA, [1, 2])

    again = await carry_out(keeper, one)

    assert again.is_repeated
    assert await keeper.db.run(subscriptions_here, OLGA) == []


async def test_nothing_is_added_if_any_of_it_fails(keeper: Keeper) -> None:
    one = await pending(keeper)
    await keeper.refuse_inserts("alarm")

    with pytest.raises(Exception, match="disk on fire"):
        await carry_out(keeper, one)

    assert await keeper.db.run(watchlist_here, OLGA) == Watchlist()
    found = await keeper.db.run(imports.find_import, one.row, OLGA.chat_id)
    assert found == one


async def test_an_alarm_on_nothing_that_is_watched_is_left_out_alone(keeper: Keeper) -> None:
    only_dai = WatchSpec(TREASURY, Scope(contracts=frozenset({DAI})))
    on_usdc = replace(BELOW_FIVE, level=Level(Decimal(5), assets=frozenset({asset(USDC)})))

    result = await carry_out(
        keeper, await pending(keeper), Watchlist((only_dai,), (WatchedAlarm(TREASURY, on_usdc),))
    )

    assert result.uncompared == 1
    assert await keeper.db.run(watchlist_here, OLGA) == Watchlist((only_dai,))


async def test_what_stands_is_changed_in_nothing(keeper: Keeper) -> None:
    await keeper.subscribe(WatchSpec(TREASURY, label="Safe"))
    before = await keeper.db.run(watchlist_here, OLGA)

    result = await carry_out(keeper, await pending(keeper))

    after = await keeper.db.run(watchlist_here, OLGA)
    assert after == replace(
        before,
        specs=(*before.specs, WatchSpec(VAULT, label="Vault")),
        alarms=WHOLE.alarms,
        names=WHOLE.names,
    )
    outcomes = [one.outcome for one in result.plan.results]
    assert outcomes == [SubscribeOutcome.KEPT, SubscribeOutcome.CREATED]
    assert (result.plan.filter, result.plan.loud, result.plan.own_loud_rules) == (Fit.IN_USE,) * 3
    assert result.plan.ignored == (Fit.IN_USE,)


async def test_where_something_is_loud_already_others_may_be_too(keeper: Keeper) -> None:
    await keeper.subscribe(WatchSpec(USDC, label="Loud", loud=LoudRule(OUT)))

    result = await carry_out(keeper, await pending(keeper))

    assert result.plan.own_loud_rules is Fit.NEW
    assert (await keeper.db.run(watchlist_here, OLGA)).specs[1:] == WHOLE.specs


async def test_a_rule_is_known_whatever_its_tokens_and_people_are_called(keeper: Keeper) -> None:
    level = Level(Decimal(5), assets=frozenset({coin()}), symbol="POL")
    rule = LoudRule(Condition(levels=(level,)), (Mention("@olga", 7001),))
    await carry_out(keeper, await pending(keeper), replace(WHOLE, loud=rule, filter=rule.condition))

    anew = LoudRule(Condition(levels=(replace(level, symbol=""),)), (Mention("@olga"),))
    plan = await keeper.db.run(
        imports.plan_import, OLGA, replace(WHOLE, loud=anew, filter=anew.condition), limit=5
    )

    assert (plan.filter, plan.loud) == (Fit.KNOWN, Fit.KNOWN)


async def test_what_was_dropped_is_gone_and_what_was_added_is_not_dropped(keeper: Keeper) -> None:
    dropped, added = await pending(keeper), await pending(keeper)
    await carry_out(keeper, added)

    assert await keeper.db.run(imports.drop_import, dropped.row)
    assert not await keeper.db.run(imports.drop_import, dropped.row)
    assert not await keeper.db.run(imports.drop_import, added.row)

    assert await keeper.db.run(imports.find_import, dropped.row, OLGA.chat_id) is None
    assert (await carry_out(keeper, dropped)).is_repeated


async def test_a_button_finds_nothing_of_another_chat(keeper: Keeper) -> None:
    one = await pending(keeper)

    assert await keeper.db.run(imports.find_import, one.row, OPS.chat_id) is None


async def test_it_can_be_added_for_a_day_and_is_forgotten_after_a_week(keeper: Keeper) -> None:
    one = await pending(keeper)

    assert not one.is_over(NOON + timedelta(hours=24))
    assert one.is_over(NOON + timedelta(hours=24, seconds=1))
    await keeper.db.run(imports.save_import, OLGA, "", NOON + timedelta(days=8))
    assert await keeper.db.run(imports.find_import, one.row, OLGA.chat_id) is None


async def test_it_moves_with_a_group_that_becomes_a_supergroup(keeper: Keeper) -> None:
    group, supergroup = Place(-55, "group", "Ops"), Place(-10055, "supergroup", "Ops")
    await keeper.allow(group)
    one = await pending(keeper, group)

    await keeper.migrate(group.chat_id, supergroup.chat_id)

    moved = await keeper.db.run(imports.find_import, one.row, supergroup.chat_id)
    assert moved is not None
    assert (moved.place.chat_id, moved.content) == (supergroup.chat_id, "lines")


async def test_a_name_that_is_taken_and_an_address_with_another_one_are_left_as_they_are(
    keeper: Keeper,
) -> None:
    await keeper.watch(label="Treasury")
    await keeper.db.run(names.give_name, OLGA, PAYROLL, "Salaries", olga())
    wanted = Watchlist(
        (WatchSpec(VAULT, label="Vault"),),
        names=(
            WatchlistName(PAYROLL, "Payroll"),
            WatchlistName(address(1), "TREASURY"),
            WatchlistName(address(2), "vault"),
            WatchlistName(address(3), "salaries"),
            WatchlistName(VAULT, "Safe"),
            WatchlistName(address(4), "Rent"),
            WatchlistName(address(5), "rent"),
        ),
    )

    result = await carry_out(keeper, await pending(keeper), wanted)

    assert result.plan.names == (*[Fit.IN_USE] * 5, Fit.NEW, Fit.IN_USE)
    here = await keeper.db.run(watchlist_here, OLGA)
    assert here.names == (WatchlistName(PAYROLL, "Salaries"), WatchlistName(address(4), "Rent"))
