"""Of each change, every destination that watches it has exactly one trace: an alert, or why there is none."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain.assets import Address, Description
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Direction, Unit
from bot.domain.rules.digests import DigestSchedule
from bot.domain.subscriptions import Scope, WatchSpec
from bot.store.chats import ignore_list, mutes
from bot.store.chats.rules import digests, filters
from bot.store.maintenance import retention
from bot.store.rows import to_trace
from tests.builders import DAI, TREASURY, USDC, VAULT, asset, at
from tests.examples import examples
from tests.store.conftest import OLGA, OPS, Keeper, olga, open_new_keeper
from tests.store.test_filters import OUT, THOUSAND, least, seen

GROUP, SUPER = Place(-55, "group", "Ops"), Place(-100_55, "supergroup", "Ops")
ALONE = Place(7002, "private", "Paul")
"""Watches another account."""
KNOWN = Description("ERC20", "USDC", 0, price_usd="1")


def dollars(number: int) -> Condition:
    return least(number, Unit.DOLLARS)


ONLY = DigestSchedule(time(20), is_only=True)


class World:
    """Three chats that watch an account or a token of it, and what a change there should leave in each."""

    def __init__(self, keeper: Keeper, price: str | None = "1") -> None:
        self.keeper = keeper
        self._price = price
        self.watching: dict[Place, set[Address]] = {OLGA: {USDC, DAI}, OPS: {USDC}, GROUP: {USDC, DAI}}
        self.closed: set[Place] = set()
        self.group = GROUP
        self.expected: dict[int, set[Place]] = {}
        self._amounts = {USDC: 10_000, DAI: 10_000}
        self._minutes = 0

    async def begin(self) -> "World":
        await self.keeper.subscribe(WatchSpec(TREASURY, label="Treasury"))
        await self.keeper.subscribe(WatchSpec(TREASURY, Scope(contracts=frozenset({USDC}))), place=OPS)
        await self.keeper.subscribe(WatchSpec(TREASURY, label="Ours", filter=THOUSAND), place=GROUP)
        await self.keeper.subscribe(WatchSpec(VAULT), place=ALONE)
        await self.see()
        return self

    @property
    def now(self) -> timedelta:
        return timedelta(minutes=self._minutes)

    async def see(self) -> None:
        self._minutes += 1
        known = {asset(one): KNOWN._replace(price_usd=self._price) for one in (USDC, DAI)}
        poll = await self.keeper.judged(
            seen(self._amounts, self._minutes), when=at(60 * self._minutes), descriptions=known
        )
        await self.keeper.record_poll(replace(poll, described=known))

    async def move(self, contract: Address, by: int) -> None:
        """Let an amount change, and note who watches it."""
        self._amounts[contract] += by
        newest = await self.keeper.value("SELECT coalesce(max(id), 0) FROM change")
        await self.see()
        watching = {
            place
            for place, contracts in self.watching.items()
            if contract in contracts and place not in self.closed
        }
        for (change_id,) in await self.keeper.rows("SELECT id FROM change WHERE id > ?", newest):
            self.expected[change_id] = watching

    async def set_filter(self, condition: Condition | None) -> None:
        await self.keeper.db.run(filters.set_filter, OLGA, [], condition, olga(at(60 * self._minutes)))

    async def set_digest(self, schedule: DigestSchedule | None) -> None:
        await self.keeper.db.run(digests.set_digest, OPS, schedule, olga(at(60 * self._minutes)), "")

    async def ignore(self) -> None:
        await self.keeper.db.run(ignore_list.ignore, OLGA, [USDC], [], olga())

    async def unignore(self) -> None:
        await self.keeper.db.run(ignore_list.unignore, OLGA, [USDC], olga())

    async def mute(self) -> None:
        await self.keeper.db.run(mutes.mute, OLGA, [], timedelta(days=1), olga())

    async def unmute(self) -> None:
        await self.keeper.db.run(mutes.unmute, OLGA, [], olga())

    async def close(self) -> None:
        self.closed.add(OPS)
        await self.keeper.deny(OPS)

    async def open(self) -> None:
        self.closed.discard(OPS)
        await self.keeper.allow(OPS)
        # What is watched by name is read anew first: that is no change.
        await self.see()

    async def deliver(self) -> None:
        await self.keeper.deliver_all(at(60 * self._minutes))

    async def become_supergroup(self) -> None:
        """Let the group become another chat, which may watch the same itself by now."""
        if self.group == GROUP:
            self.watching[SUPER] = self.watching.pop(GROUP)
            for places in self.expected.values():
                if GROUP in places:
                    places.remove(GROUP)
                    places.add(SUPER)
            self.group = SUPER
            await self.keeper.migrate(GROUP.chat_id, SUPER.chat_id)

    async def watch_in_supergroup(self) -> None:
        if self.group == GROUP:
            await self.keeper.subscribe(WatchSpec(TREASURY, Scope(contracts=frozenset({USDC}))), place=SUPER)
            self.watching[SUPER] = {USDC}
            await self.see()

    async def traces(self) -> dict[int, list[Place]]:
        """Return of each change where it has a trace, each as often as it has one."""
        rows = await self.keeper.rows(
            "SELECT t.change_id, c.telegram_id FROM"
            " (SELECT change_id, destination_id FROM alert WHERE change_id IS NOT NULL"
            "  UNION ALL SELECT change_id, destination_id FROM unalerted) t"
            " JOIN destination d ON d.id = t.destination_id JOIN chat c ON c.id = d.chat_id"
        )
        places = {place.chat_id: place for place in (OLGA, OPS, GROUP, SUPER, ALONE)}
        found: dict[int, list[Place]] = {change_id: [] for change_id in self.expected}
        for change_id, chat_id in rows:
            found[change_id].append(places[chat_id])
        return found


STEPS: dict[str, Callable[[World], Awaitable[None]]] = {
    "usdc +": lambda world: world.move(USDC, 400),
    "usdc -": lambda world: world.move(USDC, -400),
    "usdc much": lambda world: world.move(USDC, 5_000),
    "dai -": lambda world: world.move(DAI, -100),
    "dai much": lambda world: world.move(DAI, 2_000),
    "only out": lambda world: world.set_filter(OUT),
    "only much": lambda world: world.set_filter(THOUSAND),
    "everything": lambda world: world.set_filter(None),
    "digest only": lambda world: world.set_digest(ONLY),
    "no digest": lambda world: world.set_digest(None),
    "ignore": World.ignore,
    "unignore": World.unignore,
    "mute": World.mute,
    "unmute": World.unmute,
    "close": World.close,
    "open": World.open,
    "deliver": World.deliver,
    "watch there": World.watch_in_supergroup,
    "supergroup": World.become_supergroup,
}


@pytest.mark.both_engines
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=25))
@example(["only much", "usdc -", "usdc -", "everything", "usdc +"])
@example(["digest only", "usdc +", "usdc -", "usdc +", "no digest", "usdc +"])
@example(["ignore", "usdc much", "dai -", "unignore", "usdc much"])
@example(["watch there", "usdc -", "usdc much", "supergroup", "usdc -"])
async def test_a_change_has_one_trace_wherever_it_is_watched_and_none_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[str]
) -> None:
    keeper = await open_new_keeper(tmp_path_factory.mktemp("traces") / "bot.sqlite3")
    try:
        world = await World(keeper).begin()
        for step in steps:
            await STEPS[step](world)
        for change_id, places in (await world.traces()).items():
            assert sorted(places, key=str) == sorted(world.expected[change_id], key=str), change_id
    finally:
        await keeper.db.close()


# ---------------------------------------------------------------- which one it is

Told = tuple[int, str, list[int], tuple[Condition, ...]]
"""The amount after a change, why there was an alert or none, who wanted it, and by which filters."""


async def silent(keeper: Keeper, place: Place = OLGA) -> list[Told]:
    """Return the changes without an alert in a place, oldest first."""
    traces = "SELECT change_id, destination_id, reason, wanted_by, filters FROM unalerted"
    return await _told(keeper, place, traces)


async def _told(keeper: Keeper, place: Place, traces: str) -> list[Told]:
    rows = await keeper.rows(
        f"SELECT c.after, t.reason, t.wanted_by, t.filters FROM ({traces}) t"
        " JOIN change c ON c.id = t.change_id JOIN destination d ON d.id = t.destination_id"
        " JOIN chat h ON h.id = d.chat_id"
        " WHERE h.telegram_id = ? ORDER BY c.id",
        place.chat_id,
    )
    found = [(int(after), reason, to_trace(*trace)) for after, reason, *trace in rows]
    return [(after, reason, list(trace.wanted_by), trace.filters) for after, reason, trace in found]


async def alerted(keeper: Keeper, place: Place = OLGA) -> list[Told]:
    """Return the changes with an alert in a place, oldest first."""
    traces = "SELECT change_id, destination_id, cause AS reason, wanted_by, filters FROM alert"
    return await _told(keeper, place, traces)


async def test_without_a_filter_it_says_who_wanted_it(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await keeper.subscribe(WatchSpec(TREASURY, Scope(contracts=frozenset({USDC}))))

    await world.move(USDC, 1)
    await world.move(DAI, 1)

    assert await alerted(keeper) == [(10_001, "", [1, 2], ()), (10_001, "", [1], ())]
    assert await silent(keeper) == []


async def test_a_token_of_any_account_is_wanted_by_the_line_that_names_it(keeper: Keeper) -> None:
    await keeper.subscribe(WatchSpec(TREASURY, Scope(contracts=frozenset({DAI}))))
    await keeper.subscribe(WatchSpec(None, Scope(contracts=frozenset({USDC}))))
    world = World(keeper)
    await world.see()

    await world.move(USDC, 1)
    await world.move(DAI, 1)

    assert [wanted for _, _, wanted, _ in await alerted(keeper)] == [[2], [1]]


async def test_what_a_filter_holds_back_says_by_which_and_the_last_step_gets_the_alert(
    keeper: Keeper,
) -> None:
    world = await World(keeper).begin()
    await world.set_filter(THOUSAND)

    await world.move(USDC, -400)
    await world.move(USDC, -400)
    assert await silent(keeper) == [(amount, "filter", [1], (THOUSAND,)) for amount in (9_600, 9_200)]
    await world.move(USDC, -400)

    assert await alerted(keeper) == [(8_800, "met", [1], (THOUSAND,))]
    assert len(await silent(keeper)) == 2, "the steps before it are summed up by it"


async def test_what_was_held_back_is_known_by_the_filter_of_then(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await world.set_filter(THOUSAND)
    await world.move(USDC, -400)
    await world.set_filter(OUT)

    await world.move(USDC, 5)

    # The first was reported when its filter ended.
    assert await alerted(keeper) == [(9_600, "ended", [1], (THOUSAND,))]
    assert await silent(keeper) == [(9_605, "filter", [1], (OUT,))]


async def test_what_comes_back_is_settled_and_a_later_step_is_held_back_anew(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await world.set_filter(THOUSAND)

    await world.move(USDC, -400)
    await world.move(USDC, 400)
    await world.move(USDC, 1)

    assert [(after, why) for after, why, *_ in await silent(keeper)] == [
        (9_600, "filter"),
        (10_000, "settled"),
        (10_001, "filter"),
    ]
    assert await alerted(keeper) == []


@pytest.mark.parametrize(("price", "expected"), [(None, ("no_price", [])), ("1", ("met", ["filter"]))])
async def test_without_a_price_a_filter_says_that_it_could_not_judge(
    keeper: Keeper, price: str | None, expected: tuple[str, list[str]]
) -> None:
    world = World(keeper, price)
    await world.begin()
    await world.set_filter(dollars(10))

    await world.move(USDC, 9)
    await world.move(USDC, 1)

    alerts = await alerted(keeper)
    assert {by for *_, by in alerts} == {(dollars(10),)}
    assert (alerts[0][1], [why for _, why, *_ in await silent(keeper)]) == expected


async def test_only_the_filters_that_let_a_change_pass_are_its_own(keeper: Keeper) -> None:
    inward = Condition(Direction.IN)
    world = World(keeper)
    await keeper.subscribe(WatchSpec(TREASURY, filter=OUT))
    await keeper.subscribe(WatchSpec(TREASURY, Scope(contracts=frozenset({USDC})), filter=inward))
    await world.see()

    await world.move(USDC, 1)
    await world.move(USDC, -1)
    await world.move(DAI, 1)

    assert await alerted(keeper) == [(10_001, "met", [1, 2], (inward,)), (10_000, "met", [1, 2], (OUT,))]
    assert await silent(keeper) == [(10_001, "filter", [1], (OUT,))]


async def test_where_only_digests_are_wanted_it_waits_for_one(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await world.set_digest(ONLY)

    await world.move(USDC, 5)
    assert await silent(keeper, OPS) == [(10_005, "digest", [1], ())]
    await world.set_digest(None)

    assert await silent(keeper, OPS) == []
    assert await alerted(keeper, OPS) == [(10_005, "ended", [1], ())]


async def test_an_ignored_token_says_so_unless_a_line_names_it(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await world.ignore()
    await keeper.db.run(ignore_list.ignore, OPS, [USDC], [], olga())

    await world.move(USDC, 5)
    await world.move(DAI, 5)

    assert await silent(keeper) == [(10_005, "ignored", [1], ())]
    assert len(await alerted(keeper)) == 1
    assert (await silent(keeper, OPS), len(await alerted(keeper, OPS))) == ([], 1)


async def test_who_ignored_a_token_is_kept_with_it(keeper: Keeper) -> None:
    await keeper.db.run(ignore_list.ignore, OLGA, [USDC], [], olga())

    assert await keeper.rows("SELECT created_by, created_by_name FROM ignored") == [(OLGA.chat_id, "Olga")]


async def test_what_kept_an_alert_back_is_known_after_its_release(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await world.mute()
    await world.move(USDC, 5)
    await world.unmute()
    await world.move(USDC, 5)

    rows = await keeper.rows(
        "SELECT reason, released_at IS NOT NULL FROM alert WHERE change_id IS NOT NULL AND destination_id = 1"
        " ORDER BY id"
    )
    assert rows == [("mute", 1), (None, 0)]


async def test_a_message_says_when_it_was_first_tried_and_when_it_was_sent(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await world.deliver()
    await world.move(DAI, 5)

    (delivery,) = [one for one in await keeper.due(at(500)) if one.chat_id == OLGA.chat_id]
    await keeper.sent(delivery, at(502))

    (row,) = await keeper.rows("SELECT not_before - tried_at FROM delivery WHERE id = ?", delivery.id)
    assert row == (2_000,)


# ---------------------------------------------------------------- for how long


async def test_a_change_whose_trace_cannot_be_written_is_not_recorded(keeper: Keeper) -> None:
    world = await World(keeper).begin()
    await world.ignore()
    await keeper.refuse_inserts("unalerted")
    with pytest.raises(Exception, match="disk on fire"):
        await world.move(USDC, 5)
    assert await keeper.value("SELECT count(*) FROM change") == 0

    await keeper.take_inserts()
    await world.see()

    assert [why for _, why, *_ in await silent(keeper)] == ["ignored"]


async def test_a_trace_is_forgotten_with_its_change_and_not_before(keeper: Keeper) -> None:
    await keeper.subscribe(WatchSpec(TREASURY))
    world = World(keeper)
    await world.see()
    await world.ignore()
    for contract in (USDC, USDC, DAI):
        await world.move(contract, 5)
    await world.deliver()

    await keeper.db.run(retention.delete_old_rows, at(60 * 2))
    assert [after for after, *_ in await silent(keeper)] == [10_005, 10_010]

    await keeper.db.run(retention.delete_old_rows, at(60 * 2 + 1))
    assert [after for after, *_ in await silent(keeper)] == [10_010]
