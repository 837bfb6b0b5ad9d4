"""Contracts that a destination ignores: not told, not counted, not shown, unless it names them."""

from collections.abc import Collection

from bot.domain.assets import Address, ChainId, Description
from bot.domain.chat.audit import AuditAction
from bot.domain.chat.ignore_list import IGNORED_MOST, IgnoreResult
from bot.domain.places import Place
from bot.store.chats import audit, ignore_list
from tests.builders import BASE, DAI, ETHEREUM, NOON, POLYGON, TREASURY, USDC, address, asset, reading
from tests.store.conftest import ALERTS_TOPIC, CHAINS, OLGA, OPS, Keeper, olga


async def ignore(
    keeper: Keeper, *contracts: Address, place: Place = OLGA, on: Collection[ChainId] = ()
) -> IgnoreResult:
    return await keeper.db.run(ignore_list.ignore, place, contracts or (USDC,), on, olga())


async def watched(keeper: Keeper, place: Place = OLGA) -> tuple[int, int, int]:
    """Return how many balances /status counts, and how many /balance shows on Polygon and leaves out."""
    here = await keeper.watched_here(place, CHAINS)
    holdings = await keeper.holdings_of(place, TREASURY, CHAINS)
    (polygon,) = (one for one in holdings if one.chain_id == POLYGON)
    return here.balances, len(polygon.held), polygon.left_out


# ---------------------------------------------------------------- what is told and shown


async def test_changes_of_an_ignored_contract_are_told_to_others_only(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5, DAI: 3}, native=100))
    await keeper.deliver_all()
    await ignore(keeper)

    await keeper.record(reading({USDC: 6, DAI: 4}, native=100))

    assert await keeper.changes() == [(DAI, 3, 4)]
    assert len(await keeper.changes(OPS)) == 2


async def test_what_was_seen_before_is_still_told_and_counted(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5, DAI: 3}, native=100))
    await keeper.deliver_all()
    await keeper.record(reading({USDC: 6, DAI: 4}, native=100))
    await keeper.bind()
    await keeper.record(reading({USDC: 7, DAI: 4}, native=100))

    assert (await ignore(keeper)).still_to_come == 2
    assert (await ignore(keeper, DAI, on=[BASE])).still_to_come == 0

    told = " ".join(delivery.text for delivery in await keeper.deliver_all(NOON))
    assert "5>6" in told
    assert "6>7" in told


async def test_baselines_status_and_balance_leave_out_what_is_ignored(keeper: Keeper) -> None:
    await ignore(keeper)
    await keeper.watch()
    await keeper.watch(place=OPS)

    await keeper.record(reading({USDC: 5, DAI: 3}, native=100))

    (mine,), (theirs,) = await keeper.baselines(), await keeper.baselines(OPS)
    assert (mine.balances, theirs.balances) == (2, 3)
    assert await watched(keeper) == (2, 2, 1)
    assert await watched(keeper, OPS) == (3, 3, 0)
    again = await keeper.watch(chains=[POLYGON])
    assert again.known is not None
    assert again.known.balances == 2


async def test_what_is_named_is_told_counted_and_shown_all_the_same(keeper: Keeper) -> None:
    await ignore(keeper)
    await keeper.watch()
    await keeper.watch(contracts=[USDC])

    await keeper.record(reading({USDC: 5}, named={USDC: 5}, native=100))

    assert sum(one.balances for one in await keeper.baselines()) == 2
    assert await watched(keeper) == (2, 2, 0)
    await keeper.record(reading({USDC: 6}, named={USDC: 6}, native=100))
    assert await keeper.changes() == [(USDC, 5, 6)]


async def test_a_topic_ignores_for_itself_alone(keeper: Keeper) -> None:
    await keeper.watch(place=OPS)
    await keeper.watch(place=ALERTS_TOPIC)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await ignore(keeper, place=ALERTS_TOPIC)

    await keeper.record(reading({USDC: 6}, native=100))

    assert await keeper.changes(OPS) == [(USDC, 5, 6)]
    assert await keeper.changes(ALERTS_TOPIC) == []


# ---------------------------------------------------------------- keeping and taking back


async def test_what_is_taken_back_is_told_from_then_on_and_nothing_of_the_meantime(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await ignore(keeper)
    await keeper.record(reading({USDC: 6}, native=100))

    assert await keeper.db.run(ignore_list.unignore, OLGA, [USDC, DAI], olga()) == {USDC}
    assert await keeper.db.run(ignore_list.unignore, OLGA, [USDC], olga()) == set()

    await keeper.record(reading({USDC: 7}, native=100))
    assert await keeper.changes() == [(USDC, 6, 7)]


async def test_ignoring_twice_is_ignoring_once(keeper: Keeper) -> None:
    (first,) = (await ignore(keeper)).new

    again = await ignore(keeper)

    assert (again.new, again.already) == ((), (first,))


async def test_each_rule_is_taken_back_by_itself_and_only_in_its_chat(keeper: Keeper) -> None:
    (on_polygon,) = (await ignore(keeper, on=[POLYGON])).new
    (everywhere,) = (await ignore(keeper)).new
    assert await keeper.db.run(ignore_list.find_rule, everywhere.row, OPS.chat_id) is None
    found = await keeper.db.run(ignore_list.find_rule, everywhere.row, OLGA.chat_id)
    assert found is not None

    assert await keeper.db.run(ignore_list.delete_rule, found, olga())
    assert not await keeper.db.run(ignore_list.delete_rule, found, olga())

    here = await keeper.db.run(ignore_list.ignored_here, OLGA, 1, 10)
    assert here.tokens == (on_polygon,)


async def test_a_rule_for_every_chain_counts_whatever_others_name(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await ignore(keeper, on=[BASE])
    await ignore(keeper)
    await ignore(keeper, on=[BASE, ETHEREUM])

    await keeper.record(reading({USDC: 6}, native=100))

    assert await keeper.changes() == []


async def test_a_token_is_called_by_its_symbol_where_all_its_chains_agree(keeper: Keeper) -> None:
    await keeper.watch()
    said = {asset(USDC): Description("ERC20", "USDC", 6), asset(USDC, BASE): Description("ERC20", "USDbC", 6)}
    await keeper.record(reading({USDC: 5}), reading({USDC: 5}, chain_id=BASE), descriptions=said)

    (on_polygon,) = (await ignore(keeper, on=[POLYGON])).new
    (everywhere, unknown) = (await ignore(keeper, USDC, DAI)).new

    assert [one.symbol for one in (on_polygon, everywhere, unknown)] == ["USDC", "", ""]


async def test_pages_end_where_the_rules_do(keeper: Keeper) -> None:
    await ignore(keeper, *map(address, range(1, 6)))

    first, beyond = [await keeper.db.run(ignore_list.ignored_here, OLGA, page, 2) for page in (1, 99)]

    assert [token.contract for token in first.tokens] == [address(1), address(2)]
    assert ([token.contract for token in beyond.tokens], beyond.page) == ([address(5)], 3)


async def test_a_chat_ignores_so_many_and_no_more(keeper: Keeper) -> None:
    await ignore(keeper, *map(address, range(1, IGNORED_MOST)))

    last = await ignore(keeper, address(1), address(998), address(999))

    assert (len(last.new), len(last.already), last.over_limit) == (1, 1, 1)


async def test_who_ignored_and_who_took_it_back_is_kept(keeper: Keeper) -> None:
    (token,) = (await ignore(keeper, on=[POLYGON])).new
    found = await keeper.db.run(ignore_list.find_rule, token.row, OLGA.chat_id)
    assert found is not None
    await keeper.db.run(ignore_list.delete_rule, found, olga())

    entries, _ = await keeper.db.run(audit.audit_page, 1, 2)
    assert [(one.action, one.subject) for one in entries] == [
        (AuditAction.UNIGNORE_CONTRACT, f"{USDC} on 137"),
        (AuditAction.IGNORE_CONTRACT, f"{USDC} on 137"),
    ]


async def test_a_group_that_moves_goes_on_ignoring(keeper: Keeper) -> None:
    await keeper.allow(Place(-55, "group", "Ops"))
    await ignore(keeper, place=Place(-55, "group", "Ops"))
    await ignore(keeper, USDC, DAI, place=Place(-100_55, "supergroup", "Ops"))

    await keeper.migrate(-55, -100_55)

    here = await keeper.db.run(ignore_list.ignored_here, Place(-100_55, "supergroup", "Ops"), 1, 10)
    assert {token.contract for token in here.tokens} == {USDC, DAI}
