from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.assets import AMOUNT_MAX, NATIVE, WITH_IDS, Description
from bot.domain.chat.mutes import MuteScope
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import MoveKind, Standing, SweepNumber
from bot.domain.subscriptions import SubscriptionId
from bot.store.balances import snapshots
from bot.store.balances.assets import ASSETS_READ_AT_ONCE, lookup
from bot.store.chats import mutes
from bot.store.database.signals import SignalName
from bot.store.polling import sweeps
from bot.store.rows import to_blob
from tests.builders import BASE, DAI, POLYGON, TREASURY, USDC, VAULT, address, asset, at, coin, held, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

TABLES = ("balance", "coverage", "change", "alert", "chain", "asset")


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga watches the treasury, which was read once: 5 USDC and 100 of the coin."""
    await keeper.watch(label="Treasury")
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    return keeper


async def everything(keeper: Keeper) -> dict[str, list[tuple[object, ...]]]:
    return {table: await keeper.rows(f"SELECT * FROM {table}") for table in TABLES}


# ---------------------------------------------------------------- changes


async def test_a_first_reading_alerts_nobody_of_a_change(keeper: Keeper) -> None:
    await keeper.watch()

    assert await keeper.record(reading({USDC: 5}, native=100)) == 1

    assert await keeper.changes() == []
    assert await keeper.balances() == {(POLYGON, USDC): 5, (POLYGON, NATIVE): 100}


async def test_a_second_reading_that_differs_alerts(watching: Keeper) -> None:
    assert await watching.record(reading({USDC: 7}, native=100)) == 1

    assert await watching.changes() == [(USDC, 5, 7)]
    assert await watching.balances() == {(POLYGON, USDC): 7, (POLYGON, NATIVE): 100}


async def test_a_second_reading_that_is_the_same_alerts_nobody(watching: Keeper) -> None:
    assert await watching.record(reading({USDC: 5}, native=100)) == 0

    assert await watching.changes() == []


async def test_a_change_keeps_the_blocks_of_both_amounts_and_the_price(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: held(5, block=80)}))
    described = {asset(): Description("ERC20", "USDC", 6, price_usd="1.01")}

    await keeper.record(reading({USDC: held(7, block=90)}), when=at(60), descriptions=described)

    stored = "SELECT block_before, block, price_usd, priced_at FROM change"
    assert await keeper.rows(stored) == [(80, 90, "1.01", None)]


async def test_a_change_has_no_block_before_where_none_was_said(watching: Keeper) -> None:
    await watching.record(reading({USDC: held(7, block=90)}, native=100), when=at(60))

    assert await watching.rows("SELECT block_before, block FROM change") == [(None, 90)]


async def test_an_alert_carries_the_change_the_label_and_what_the_asset_is(watching: Keeper) -> None:
    described = {asset(): Description("ERC20", "USDC", 6, price_usd="1.01")}
    poll = await watching.judged(
        reading({USDC: held(7, block=90)}, native=100), when=at(60), descriptions=described
    )

    await watching.record_poll(replace(poll, described=described))

    (alert,) = await watching.alerts()
    assert isinstance(alert, ChangeAlert)
    assert alert.label == "Treasury"
    assert alert.description == Description("ERC20", "USDC", 6)
    assert alert.change.asset == asset()
    assert alert.change.before == held(5)
    assert alert.change.after == held(7, block=90)
    assert alert.change.kind is MoveKind.MOVED
    assert alert.change.observed_at == at(60)
    assert alert.change.price_usd == "1.01"


async def test_amounts_of_any_size_are_exact_to_the_last_unit(watching: Keeper) -> None:
    await watching.record(reading({USDC: AMOUNT_MAX}, native=AMOUNT_MAX - 1))

    assert sorted(await watching.changes()) == [(NATIVE, 100, AMOUNT_MAX - 1), (USDC, 5, AMOUNT_MAX)]
    assert await watching.balances() == {(POLYGON, USDC): AMOUNT_MAX, (POLYGON, NATIVE): AMOUNT_MAX - 1}


async def test_what_went_to_zero_is_told_and_no_longer_stored(watching: Keeper) -> None:
    await watching.record(reading({}, native=0, named={USDC: 0}))

    assert sorted(await watching.changes()) == [(NATIVE, 100, 0), (USDC, 5, 0)]
    assert await watching.balances() == {}


async def test_what_is_missing_from_a_list_is_neither_told_nor_zero(watching: Keeper) -> None:
    assert await watching.record(reading({}, native=100)) == 0

    assert await watching.balances() == {(POLYGON, USDC): 5, (POLYGON, NATIVE): 100}


async def test_what_could_not_be_read_stays_as_it_was(watching: Keeper) -> None:
    assert await watching.record(reading(None, native=None)) == 0

    assert await watching.balances() == {(POLYGON, USDC): 5, (POLYGON, NATIVE): 100}


async def test_a_change_knows_when_the_amount_before_was_last_seen(watching: Keeper) -> None:
    sweep = await watching.db.run(sweeps.begin_sweep)
    await watching.reach(60, {POLYGON: None}, sweep=sweep)

    await watching.record(reading({USDC: 7}, native=100), when=at(120))

    assert await watching.value("SELECT previous_at FROM change") == 1000 * int(at(60).timestamp())


# ---------------------------------------------------------------- all or nothing


@pytest.mark.parametrize("table", ["balance", "change", "alert"])
async def test_a_poll_that_fails_midway_writes_nothing_and_the_next_one_tells(
    watching: Keeper, table: str
) -> None:
    before = await everything(watching)
    poll = await watching.judged(reading({USDC: 7, DAI: held(3, block=9)}, native=90))
    await watching.refuse_inserts(table)

    with pytest.raises(Exception, match="disk on fire"):
        await watching.record_poll(poll)
    assert await everything(watching) == before

    await watching.take_inserts()
    assert await watching.record(reading({USDC: 7, DAI: held(3, block=9)}, native=90)) == 3
    assert sorted(await watching.changes()) == [(NATIVE, 100, 90), (USDC, 5, 7), (DAI, 0, 3)]


async def test_a_baseline_that_fails_midway_leaves_nothing_covered(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.refuse_inserts("alert")

    with pytest.raises(Exception, match="disk on fire"):
        await keeper.record(reading({USDC: 5}, native=100))
    await keeper.take_inserts()

    assert not any((await everything(keeper)).values())
    await keeper.record(reading({USDC: 6}, native=100))
    assert [notice.balances for notice in await keeper.baselines()] == [2]


# ---------------------------------------------------------------- who is told


async def test_every_destination_that_wishes_is_told_once(watching: Keeper) -> None:
    for place in (OPS, ALERTS_TOPIC):
        await watching.watch(place=place)
    await watching.watch(chains=[POLYGON])
    await watching.watch(contracts=[USDC])

    await watching.record(reading({USDC: 7}, native=100, named={USDC: 7}))

    for place in (OLGA, OPS, ALERTS_TOPIC):
        assert (USDC, 5, 7) in await watching.changes(place)
    assert await watching.value("SELECT count(*) FROM change") == 1
    assert await watching.value("SELECT count(*) FROM alert WHERE change_id IS NOT NULL") == 3


async def test_nobody_else_is_told(watching: Keeper) -> None:
    await watching.watch(VAULT, place=OPS)
    await watching.watch(chains=[BASE], place=ALERTS_TOPIC)

    await watching.record(reading({USDC: 7}, native=100))

    assert await watching.changes(OPS) == []
    assert await watching.changes(ALERTS_TOPIC) == []
    assert await watching.changes(OLGA) == [(USDC, 5, 7)]


async def test_a_contract_alone_is_told_for_accounts_watched_in_the_same_place_only(watching: Keeper) -> None:
    await watching.watch(contracts=[DAI], place=OPS)
    await watching.watch(None, contracts=[USDC], place=OPS)
    await watching.watch(None, contracts=[USDC], place=ALERTS_TOPIC)
    await watching.record(reading({USDC: 5}, native=100, named={USDC: 5, DAI: 0}))
    await watching.deliver_all()

    await watching.record(reading({USDC: 7}, native=100, named={USDC: 7, DAI: 0}))

    assert await watching.changes(OPS) == [(USDC, 5, 7)]
    assert await watching.changes(ALERTS_TOPIC) == []


async def test_each_destination_reads_its_own_label(watching: Keeper) -> None:
    await watching.watch(place=OPS, label="Cold wallet")

    await watching.record(reading({USDC: 7}, native=100))

    assert [alert.label for alert in await watching.alerts(OPS) if isinstance(alert, ChangeAlert)] == [
        "Cold wallet"
    ]
    assert [alert.label for alert in await watching.alerts(OLGA) if isinstance(alert, ChangeAlert)] == [
        "Treasury"
    ]


async def test_a_chat_that_unsubscribed_during_the_poll_is_not_told(watching: Keeper) -> None:
    await watching.watch(place=OPS)
    poll = await watching.judged(reading({USDC: 7}, native=100))
    await watching.unsubscribe(OLGA, [1])

    await watching.record_poll(poll)

    assert await watching.changes(OLGA) == []
    assert await watching.changes(OPS) == [(USDC, 5, 7)]


async def test_a_chat_that_subscribed_during_the_poll_to_what_was_covered_is_told(watching: Keeper) -> None:
    poll = await watching.judged(reading({USDC: 7}, native=100))
    await watching.watch(place=OPS)

    await watching.record_poll(poll)

    assert await watching.changes(OPS) == [(USDC, 5, 7)]


async def test_the_subscriptions_of_a_closed_chat_do_not_count(watching: Keeper) -> None:
    await watching.watch(place=OPS)
    await watching.deny(OPS)

    await watching.record(reading({USDC: 7}, native=100))

    assert await watching.value("SELECT count(*) FROM alert WHERE state = 'waiting'") == 1
    assert await watching.changes(OLGA) == [(USDC, 5, 7)]


# ---------------------------------------------------------------- late readings


async def test_a_poll_of_an_older_sweep_is_refused(watching: Keeper) -> None:
    before = await everything(watching)
    late = await watching.judged(reading({USDC: 7}, native=100))
    await watching.db.run(sweeps.begin_sweep)

    assert await watching.record_poll(late) == 0
    assert await everything(watching) == before


async def test_a_poll_of_the_newest_sweep_is_taken(watching: Keeper) -> None:
    await watching.db.run(sweeps.begin_sweep)
    poll = await watching.judged(reading({USDC: 7}, native=100))

    assert await watching.record_poll(poll) == 1


async def test_a_reading_that_nobody_wants_any_more_is_dropped(watching: Keeper) -> None:
    poll = await watching.judged(reading({USDC: 7, DAI: 1}, native=99))
    await watching.unsubscribe(OLGA, [1])

    assert await watching.record_poll(poll) == 0

    assert await watching.balances() == {}
    assert await watching.rows("SELECT * FROM coverage") == []
    assert await watching.rows("SELECT * FROM change") == []


async def test_a_first_reading_that_nobody_wants_any_more_is_dropped(keeper: Keeper) -> None:
    await keeper.watch()
    poll = await keeper.judged(reading({USDC: 7}, native=99))
    await keeper.unsubscribe(OLGA, [1])

    assert await keeper.record_poll(poll) == 0
    assert await keeper.rows("SELECT * FROM coverage") == []
    assert await keeper.balances() == {}


async def test_who_left_and_came_back_during_the_poll_gets_a_fresh_baseline_and_no_alert(
    watching: Keeper,
) -> None:
    poll = await watching.judged(reading({USDC: 7}, native=100))
    await watching.unsubscribe(OLGA, [1])
    await watching.watch()

    assert await watching.record_poll(poll) == 0
    assert await watching.balances() == {}

    await watching.record(reading({USDC: 8}, native=100))
    assert [notice.balances for notice in await watching.baselines()] == [2]


async def test_who_left_and_came_back_hears_on_what_another_chat_kept_covered(watching: Keeper) -> None:
    await watching.watch(place=OPS)
    poll = await watching.judged(reading({USDC: 7}, native=100))
    await watching.unsubscribe(OLGA, [1])
    await watching.watch()

    await watching.record_poll(poll)

    assert await watching.changes(OLGA) == [(USDC, 5, 7)]
    assert await watching.changes(OPS) == [(USDC, 5, 7)]


async def test_who_came_back_is_not_told_through_what_only_another_wish_kept_covered(
    watching: Keeper,
) -> None:
    await watching.watch(contracts=[USDC], place=OPS)
    await watching.record(reading({USDC: 5}, native=100, named={USDC: 5}))
    await watching.deliver_all()
    poll = await watching.judged(reading({USDC: 7}, native=99, named={USDC: 7}))
    await watching.unsubscribe(OLGA, [1])
    await watching.watch()

    await watching.record_poll(poll)

    assert await watching.changes(OPS) == [(USDC, 5, 7)]
    assert await watching.changes(OLGA) == []
    assert await watching.balances() == {(POLYGON, USDC): 7}


async def test_a_chat_closed_and_opened_during_the_poll_gets_a_fresh_baseline_and_no_alert(
    watching: Keeper,
) -> None:
    poll = await watching.judged(reading({USDC: 7}, native=99))
    await watching.deny(OLGA)
    await watching.allow(OLGA)

    assert await watching.record_poll(poll) == 0
    assert await watching.balances() == {}

    await watching.record(reading({USDC: 8}, native=99))
    assert [notice.balances for notice in await watching.baselines()] == [2]


async def test_what_only_newer_subscriptions_ask_for_is_not_taken_from_an_older_question(
    keeper: Keeper,
) -> None:
    await keeper.watch()
    poll = await keeper.judged(reading({USDC: 7}, native=99))

    old = replace(poll, asked_under=SubscriptionId(0))

    assert await keeper.record_poll(old) == 0
    assert await keeper.balances() == {}


# ---------------------------------------------------------------- quiet


async def test_a_quiet_poll_writes_nothing(watching: Keeper) -> None:
    poll = await watching.judged(reading({USDC: held(5, block=77)}, native=100))
    assert poll.says_nothing_new
    before = await watching.written()

    await watching.record_poll(poll)

    assert await watching.written() == before


async def test_a_poll_of_nothing_writes_nothing(watching: Keeper) -> None:
    poll = await watching.judged()
    before = await watching.written()

    assert await watching.record_poll(poll) == 0
    assert await watching.written() == before


async def test_new_alerts_wake_who_tells_them_and_a_quiet_poll_does_not(watching: Keeper) -> None:
    watching.db.signal(SignalName.OUTBOX).clear()
    await watching.record(reading({USDC: 5}, native=100))
    assert not watching.db.signal(SignalName.OUTBOX).is_set

    await watching.record(reading({USDC: 7}, native=100))
    assert watching.db.signal(SignalName.OUTBOX).is_set


# ---------------------------------------------------------------- what an asset is


async def test_what_the_source_said_when_asked_stands_over_what_rows_say(watching: Keeper) -> None:
    poll = await watching.judged(descriptions={coin(): Description("NATIVE", "POL")})
    await watching.record_poll(replace(poll, described={asset(): Description("ERC20", "USDC", 6)}))

    await watching.record(reading({USDC: 7}, native=100), descriptions={asset(): Description("ERC20")})

    (alert,) = await watching.alerts()
    assert isinstance(alert, ChangeAlert)
    assert alert.description == Description("ERC20", "USDC", 6)


async def test_a_later_silence_about_symbol_and_decimals_does_not_forget_them(watching: Keeper) -> None:
    for said in (Description("ERC20", "USDC", 6), Description("ERC20")):
        poll = await watching.judged()
        await watching.record_poll(replace(poll, described={asset(): said}))

    assert await watching.rows("SELECT symbol, decimals FROM asset WHERE length(contract) > 0") == [
        ("USDC", 6)
    ]


async def test_what_lost_its_listing_stays_stored_as_unlisted(watching: Keeper) -> None:
    assert await watching.record(reading({}, native=100, named={USDC: 5})) == 0

    standing = await watching.value(
        "SELECT standing FROM balance b JOIN asset x ON x.id = b.asset_id WHERE length(x.contract) > 0"
    )
    assert standing == Standing.UNLISTED
    assert await watching.balances() == {(POLYGON, USDC): 5, (POLYGON, NATIVE): 100}


async def test_sweeps_are_numbered_one_after_the_other(keeper: Keeper) -> None:
    numbers = [await keeper.db.run(sweeps.begin_sweep) for _ in range(3)]
    await keeper.reopen()

    assert [*numbers, await keeper.db.run(sweeps.begin_sweep)] == [
        SweepNumber(number) for number in (1, 2, 3, 4)
    ]


# ---------------------------------------------------------------- types that nobody knows


async def test_what_came_with_ids_once_stays_a_collection_until_its_type_is_known(watching: Keeper) -> None:
    async def said(kind: str, amount: int, *, described: bool = False) -> tuple[object, bool]:
        about = {asset(): Description(kind)}
        poll = await watching.judged(reading({USDC: amount}, native=100), descriptions=about)
        await watching.record_poll(replace(poll, described=about if described else {}))
        stored = (await watching.db.run(snapshots.views, [TREASURY]))[TREASURY, POLYGON]
        return await watching.value(
            "SELECT kind FROM asset WHERE length(contract) > 0"
        ), asset() in stored.collections

    await watching.script("UPDATE asset SET kind = 'ERC9999' WHERE length(contract) > 0")
    numbered = "ERC9999" + WITH_IDS

    assert await said("ERC9999", 6, described=True) == ("ERC9999", False)
    assert await said("ERC20" + WITH_IDS, 7) == ("ERC9999", False)
    assert await said(numbered, 8) == (numbered, True)
    assert (TREASURY, asset()) in await watching.db.run(snapshots.collections_without_items)
    assert await said("ERC9999", 9) == (numbered, True)
    assert await said("ERC9999", 10, described=True) == (numbered, True)
    assert await said("UNKNOWN", 11, described=True) == (numbered, True)
    assert await said("ERC20", 12, described=True) == ("ERC20", False)


# ---------------------------------------------------------------- many accounts at once


async def test_each_alert_of_a_batch_tells_its_own_change_under_its_own_label(keeper: Keeper) -> None:
    accounts = [address(number) for number in range(1, 6)]
    for place, some in ((OLGA, accounts[:3]), (OPS, accounts[2:])):
        for account in some:
            await keeper.watch(account, place=place, label=f"{place.title} {account[-1]}")
    await keeper.record(*(reading({USDC: 10, DAI: 20}, account=account) for account in accounts))
    await keeper.deliver_all()

    await keeper.record(
        *(
            reading({USDC: 10 + number, DAI: 20 + number}, account=account)
            for number, account in enumerate(accounts, start=1)
        )
    )

    for place, numbers in ((OLGA, (1, 2, 3)), (OPS, (3, 4, 5))):
        told = [
            (one.label, one.change.account, one.change.asset.contract, one.change.after.amount_raw)
            for one in await keeper.alerts(place)
            if isinstance(one, ChangeAlert)
        ]
        assert sorted(told) == sorted(
            (f"{place.title} {number}", address(number), contract, before + number)
            for number in numbers
            for contract, before in ((USDC, 10), (DAI, 20))
        )


async def test_a_mute_of_one_account_keeps_back_its_changes_alone(keeper: Keeper) -> None:
    for account in (TREASURY, VAULT):
        await keeper.watch(account)
    await keeper.record(*(reading({USDC: 5}, account=account) for account in (TREASURY, VAULT)))
    await keeper.deliver_all()
    await keeper.db.run(mutes.mute, OLGA, [MuteScope(VAULT)], timedelta(hours=1), olga())

    await keeper.record(*(reading({USDC: 7}, account=account) for account in (TREASURY, VAULT)))

    assert await keeper.rows(
        "SELECT a.address, l.state FROM alert l JOIN change c ON c.id = l.change_id"
        " JOIN account a ON a.id = c.account_id ORDER BY l.id"
    ) == [(to_blob(TREASURY), "waiting"), (to_blob(VAULT), "held")]


async def test_what_others_brought_before_counts_in_a_first_reading_beside_what_is_new(
    keeper: Keeper,
) -> None:
    await keeper.watch(contracts=[DAI], place=OPS)
    await keeper.record(reading(None, native=None, named={DAI: 3}))
    await keeper.watch(VAULT)
    await keeper.watch(TREASURY)

    await keeper.record(
        reading({USDC: 5, DAI: 3}, native=1, named={DAI: 3}), reading({USDC: 5}, native=None, account=VAULT)
    )

    assert [(one.account, one.balances) for one in await keeper.baselines(OLGA)] == [
        (TREASURY, 3),
        (VAULT, 1),
    ]


async def test_assets_are_looked_up_by_their_key_however_many_there_are(watching: Keeper) -> None:
    plan = await watching.plan(lookup(2), 1, b"", 2, b"")

    (step,) = [step for step in plan if " x " in step]
    assert step.startswith("SEARCH x USING INDEX")
    assert "chain_id" in step
    assert "contract" in step


async def test_a_batch_of_more_assets_than_one_statement_reads_finds_each(keeper: Keeper) -> None:
    many = {address(number): number for number in range(1, ASSETS_READ_AT_ONCE + 500)}
    await keeper.watch()
    await keeper.record(reading(many, native=1))
    await keeper.deliver_all()

    await keeper.record(reading({contract: amount + 1 for contract, amount in many.items()}, native=1))

    assert await keeper.value("SELECT count(*) FROM asset") == len(many) + 1
    assert sorted(await keeper.changes()) == [
        (contract, amount, amount + 1) for contract, amount in sorted(many.items())
    ]
