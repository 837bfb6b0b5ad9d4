"""Muting: what is held is kept whatever happens, and told once the mute is over, its receipt first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.domain.assets import Address
from bot.domain.chat.audit import AuditAction
from bot.domain.chat.mutes import MuteResult, MuteScope, UnmuteResult
from bot.domain.deliver.alerts import (
    Alert,
    Baseline,
    Blind,
    ChangeAlert,
    MuteOver,
    NoticeAlert,
    StoredNotice,
    UnreadableNotice,
)
from bot.domain.places import Place
from bot.store.chats import audit, mutes
from bot.store.database.door import Database
from bot.store.outbox import muted, withdraw
from bot.store.outbox.queue import ALERTS_READ_AT_ONCE
from tests.builders import BASE, DAI, ETHEREUM, NOON, POLYGON, TREASURY, USDC, VAULT, at, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

HOUR = timedelta(hours=1)
AN_HOUR_LATER = at(3600)


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Let Olga and a group watch two accounts, read once and told of it."""
    for place in (OLGA, OPS):
        await keeper.watch(place=place, label="Till")
        await keeper.watch(VAULT, place=place)
    await keeper.record(reading({USDC: 5}, native=1), reading({USDC: 5}, native=1, account=VAULT))
    await keeper.deliver_all()
    return keeper


async def mute(
    keeper: Keeper, *accounts: Address, place: Place = OLGA, span: timedelta = HOUR, when: float = 0
) -> MuteResult:
    return await keeper.db.run(mutes.mute, place, list(map(MuteScope, accounts)), span, olga(at(when)))


async def unmute(keeper: Keeper, *accounts: Address, place: Place = OLGA, when: float = 60) -> UnmuteResult:
    return await keeper.db.run(mutes.unmute, place, list(map(MuteScope, accounts)), olga(at(when)))


async def change(keeper: Keeper, amount: int, account: Address = TREASURY, *, when: float = 1) -> None:
    await keeper.record(reading({USDC: amount}, native=1, account=account), when=at(when))


async def told(keeper: Keeper, place: Place = OLGA) -> list[int | StoredNotice]:
    """Return what is told in a place now: new amounts and notices, in order."""
    return [
        alert.change.after.amount_raw if isinstance(alert, ChangeAlert) else alert.notice
        for alert in await keeper.alerts(place)
    ]


def over(changes: int, seconds: float, account: Address | None = None, label: str = "") -> MuteOver:
    return MuteOver(account, label, NOON, at(seconds), changes)


# ---------------------------------------------------------------- holding


async def test_what_happens_meanwhile_is_held_and_told_at_the_end_after_its_receipt(watching: Keeper) -> None:
    await mute(watching)
    for amount in (6, 7):
        await change(watching, amount)
    await watching.outbox(at(3599))
    assert await told(watching) == []

    await watching.outbox(AN_HOUR_LATER)

    assert await told(watching) == [over(2, 3600), 6, 7]


async def test_all_steps_of_one_asset_are_in_one_message_however_many(watching: Keeper) -> None:
    await mute(watching)
    for number in range(ALERTS_READ_AT_ONCE + 10):
        await change(watching, 6 + number, VAULT if number % 2 else TREASURY, when=number)
    await watching.outbox(AN_HOUR_LATER)
    composed: list[list[Address]] = []

    def half(_: Database, alerts: Sequence[Alert], __: str, ___: datetime) -> tuple[str, int]:
        taken = [alert.change.account for alert in alerts if isinstance(alert, ChangeAlert)]
        composed.append(taken)
        return "…", len(alerts) - len(taken) // 2 if len(composed) == 1 else len(alerts)

    while (taken := await watching.claim(OLGA.chat_id, AN_HOUR_LATER, compose=half)).delivery:
        await watching.sent(taken.delivery, AN_HOUR_LATER)

    each = ALERTS_READ_AT_ONCE // 2 + 5
    assert composed == [[TREASURY] * each + [VAULT] * each, [VAULT] * each]


async def test_others_are_told_at_once(watching: Keeper) -> None:
    await mute(watching)
    await change(watching, 6)

    assert await told(watching, OPS) == [6]


async def test_what_waited_before_the_mute_is_still_told_and_counted(watching: Keeper) -> None:
    await change(watching, 6)
    await change(watching, 9, VAULT)

    assert (await mute(watching, TREASURY)).still_to_come == 1
    assert (await mute(watching)).still_to_come == 2

    assert await told(watching) == [6, 9]


async def test_a_mute_of_one_account_holds_nothing_of_another(watching: Keeper) -> None:
    await mute(watching, TREASURY)
    await change(watching, 6)
    await change(watching, 9, VAULT)
    assert await told(watching) == [9]

    await watching.outbox(AN_HOUR_LATER)

    assert await told(watching) == [over(1, 3600, TREASURY, "Till"), 6]


async def test_a_mute_of_everything_holds_notices_and_that_of_an_account_those_about_it(
    watching: Keeper,
) -> None:
    await mute(watching, TREASURY)
    await watching.reach(0, {POLYGON: 1}, [])
    await watching.watch(TREASURY, contracts=[DAI])
    await watching.watch(VAULT, contracts=[DAI])
    await watching.record(reading(named={DAI: 1}), reading(named={DAI: 1}, account=VAULT))
    (vaults,) = await told(watching)
    assert isinstance(vaults, Baseline)
    assert vaults.account == VAULT

    await mute(watching)
    await watching.reach(7200, {}, asked=frozenset({POLYGON}))
    assert await told(watching) == []

    await watching.outbox(AN_HOUR_LATER)
    receipt, *others = await told(watching)
    assert receipt == over(0, 3600)
    assert [type(one) for one in others] == [Baseline, Blind]


async def test_a_mute_of_one_chain_holds_nothing_of_another(keeper: Keeper) -> None:
    await keeper.watch(chains=[ETHEREUM], label="Safe ETH")
    await keeper.watch(chains=[BASE], label="Safe Base")
    await on_both(keeper, 5)
    await keeper.deliver_all()

    muted = await keeper.db.run(mutes.mute, OLGA, [MuteScope(TREASURY, frozenset({BASE}))], HOUR, olga())
    await on_both(keeper, 6)

    assert [one.label for one in muted.mutes] == ["Safe Base"]
    assert labels(await keeper.alerts()) == ["Safe ETH"]
    await keeper.outbox(AN_HOUR_LATER)
    receipt, *changes = await keeper.alerts()
    assert isinstance(receipt, NoticeAlert)
    assert receipt.notice == MuteOver(TREASURY, "Safe Base", NOON, AN_HOUR_LATER, 1, (BASE,))
    assert labels(changes) == ["Safe Base"]


async def test_a_mute_of_one_chain_counts_what_is_still_to_come_of_it(keeper: Keeper) -> None:
    await keeper.watch()
    await on_both(keeper, 5)
    await keeper.deliver_all()
    await on_both(keeper, 6)

    muted = await keeper.db.run(mutes.mute, OLGA, [MuteScope(TREASURY, frozenset({BASE}))], HOUR, olga())

    assert muted.still_to_come == 1


async def test_unmuting_one_chain_leaves_the_other_muted(keeper: Keeper) -> None:
    on_base, on_ethereum = (MuteScope(TREASURY, frozenset({chain_id})) for chain_id in (BASE, ETHEREUM))
    await keeper.watch()
    await keeper.db.run(mutes.mute, OLGA, [on_base], HOUR, olga())
    await keeper.db.run(mutes.mute, OLGA, [on_ethereum], HOUR, olga())

    ended = await keeper.db.run(mutes.unmute, OLGA, [on_base], olga())

    assert [one.scope for one in ended.mutes] == [on_base]
    assert [one.scope for one in (await keeper.db.run(mutes.muted_here, OLGA)).mutes] == [on_ethereum]
    assert len((await keeper.db.run(mutes.unmute, OLGA, [MuteScope(TREASURY)], olga())).mutes) == 1


async def test_a_mute_is_not_called_after_some_tokens_of_the_account(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC], chains=[BASE], label="Dollars")
    await keeper.watch(label="Treasury")
    await keeper.watch(VAULT, contracts=[USDC], label="Dollars of the vault")

    muted = await keeper.db.run(
        mutes.mute, OLGA, [MuteScope(TREASURY, frozenset({BASE})), MuteScope(VAULT)], HOUR, olga()
    )

    assert {one.label for one in muted.mutes} == {"Treasury", "Dollars of the vault"}


async def test_where_only_some_tokens_are_watched_a_mute_has_their_name(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC], chains=[BASE], label="Dollars")
    await keeper.watch(chains=[POLYGON], label="Treasury")

    muted = await keeper.db.run(
        mutes.mute, OLGA, [MuteScope(TREASURY, frozenset({BASE})), MuteScope(TREASURY)], HOUR, olga()
    )

    assert {one.chains: one.label for one in muted.mutes} == {
        frozenset({BASE}): "Dollars",
        frozenset(): "Treasury",
    }


async def test_a_first_reading_on_a_muted_chain_is_held(keeper: Keeper) -> None:
    await keeper.watch(chains=[ETHEREUM], label="Safe ETH")
    await keeper.watch(chains=[BASE], label="Safe Base")
    await keeper.db.run(mutes.mute, OLGA, [MuteScope(TREASURY, frozenset({BASE}))], HOUR, olga())

    await on_both(keeper, 5)

    assert [one.label for one in await keeper.baselines()] == ["Safe ETH"]


async def on_both(keeper: Keeper, amount: int) -> None:
    """Let a sweep see so much on two chains."""
    here = (reading({USDC: amount}, native=1, chain_id=chain_id) for chain_id in (ETHEREUM, BASE))
    await keeper.record(*here, when=at(1))


def labels(alerts: Sequence[Alert]) -> list[str]:
    """Return under which labels changes are told."""
    return [one.label for one in alerts if isinstance(one, ChangeAlert)]


async def test_mutes_are_looked_up_once_for_all_alerts_of_a_batch_and_by_their_destination(
    watching: Keeper,
) -> None:
    plan = await watching.plan(f"{muted.COVERED} WHERE m.destination_id IN (?)", 1)

    (step,) = [step for step in plan if " m " in step]
    assert step.startswith("SEARCH m USING INDEX mute_once (")


async def test_who_unmutes_is_not_told_twice_that_nothing_changed(watching: Keeper) -> None:
    await mute(watching)
    await watching.reach(0, {POLYGON: 1}, [])
    await watching.watch(VAULT, contracts=[DAI])
    await watching.record(reading(named={DAI: 1}, account=VAULT))

    await watching.db.run(mutes.unmute, OLGA, (), olga(at(60)))

    assert [type(one) for one in await told(watching)] == [Baseline]


async def test_where_nothing_happened_nothing_is_told(watching: Keeper) -> None:
    await mute(watching)

    await watching.outbox(AN_HOUR_LATER)

    assert await told(watching) == []
    assert not (await watching.db.run(mutes.muted_here, OLGA)).mutes


# ---------------------------------------------------------------- ending


async def test_unmuting_tells_at_once(watching: Keeper) -> None:
    await mute(watching)
    await change(watching, 6)

    unmuted = await unmute(watching, when=60)

    assert (len(unmuted.mutes), unmuted.changes) == (1, 1)
    assert await told(watching) == [over(1, 60), 6]
    assert (await unmute(watching)).mutes == ()
    await change(watching, 7)
    assert await told(watching) == [7]


async def test_the_end_is_due_by_the_database_over_all_restarts(watching: Keeper) -> None:
    await mute(watching)
    await change(watching, 6)
    await watching.reopen()
    assert (await watching.outbox(at(1))).next_at == AN_HOUR_LATER

    await watching.reopen()

    due = (await watching.outbox(AN_HOUR_LATER)).due
    assert {chat.chat_id for chat in due} == {OLGA.chat_id, OPS.chat_id}


async def test_muting_again_ends_it_at_another_time(watching: Keeper) -> None:
    (first,) = (await mute(watching)).mutes
    (again,) = (await mute(watching, span=2 * HOUR, when=600)).mutes
    assert (again.row, again.since, again.until) == (first.row, NOON, at(7800))

    await mute(watching, span=timedelta(minutes=1), when=600)

    await change(watching, 6)
    await watching.outbox(at(660))
    assert await told(watching) == [over(1, 660), 6]


async def test_what_another_mute_still_holds_is_not_told(watching: Keeper) -> None:
    await mute(watching, TREASURY, span=2 * HOUR)
    await mute(watching)
    await change(watching, 6)
    await change(watching, 9, VAULT)

    await watching.outbox(AN_HOUR_LATER)
    assert await told(watching) == [over(1, 3600), 9]

    await watching.outbox(at(7200))
    assert await told(watching) == [over(1, 7200, TREASURY, "Till"), 6]


async def test_a_mute_of_an_account_that_ends_first_leaves_its_changes_to_the_other(watching: Keeper) -> None:
    await mute(watching, TREASURY)
    await mute(watching, span=2 * HOUR)
    await change(watching, 6)

    ended = await unmute(watching, TREASURY)
    assert (ended.changes, ended.until) == (0, at(7200))
    assert await told(watching) == []

    await watching.outbox(at(7200))
    assert await told(watching) == [over(1, 7200), 6]


async def test_each_account_that_ends_at_once_has_its_receipt(watching: Keeper) -> None:
    await mute(watching, TREASURY, VAULT)
    await change(watching, 6)
    await change(watching, 9, VAULT)

    await watching.outbox(AN_HOUR_LATER)

    first, second, *amounts = await told(watching)
    assert {first, second} == {over(1, 3600, TREASURY, "Till"), over(1, 3600, VAULT)}
    assert amounts == [6, 9]


async def test_what_several_mutes_held_is_counted_in_one_receipt(watching: Keeper) -> None:
    await mute(watching, TREASURY)
    await change(watching, 6)
    narrow = [MuteScope(TREASURY, frozenset({POLYGON}))]
    await watching.db.run(mutes.mute, OLGA, narrow, HOUR, olga(at(30)))
    await change(watching, 7, when=40)

    unmuted = await unmute(watching, TREASURY)

    assert unmuted.changes == 2
    assert await told(watching) == [over(2, 60, TREASURY, "Till"), 6, 7]


async def test_a_clock_that_was_set_back_ends_a_mute_rather_than_stretch_it(watching: Keeper) -> None:
    await mute(watching)
    await change(watching, 6)

    await watching.outbox(at(-3600))

    assert await told(watching) == [over(1, 0), 6]


async def test_a_button_ends_the_mute_it_names_and_only_in_its_chat(watching: Keeper) -> None:
    (one,) = (await mute(watching, TREASURY)).mutes
    await mute(watching)
    assert await watching.db.run(mutes.find_mute, one.row, OPS.chat_id) is None
    found = await watching.db.run(mutes.find_mute, one.row, OLGA.chat_id)
    assert found is not None

    assert [mute.account for mute in (await watching.db.run(mutes.end_mute, found, olga())).mutes] == [
        TREASURY
    ]
    assert (await watching.db.run(mutes.end_mute, found, olga())).mutes == ()

    here = await watching.db.run(mutes.muted_here, OLGA)
    assert [mute.account for mute in here.mutes] == [None]


async def test_a_notice_that_cannot_be_read_is_let_go_like_others_and_silences_nobody(
    watching: Keeper,
) -> None:
    await mute(watching, place=OPS)
    await mute(watching, TREASURY, place=OPS, span=2 * HOUR)
    await change(watching, 6)
    await watching.script(
        "INSERT INTO alert (destination_id, notice, label, state, reason, created_at)"
        """ SELECT destination_id, '{"kind": "of tomorrow"}', '', 'held', 'muted', 0 FROM alert"""
        " WHERE state = 'held'"
    )

    assert len((await watching.outbox(AN_HOUR_LATER)).due) == 2

    assert await told(watching) == [6]
    assert await told(watching, OPS) == [over(0, 3600), UnreadableNotice("of tomorrow")]


# ---------------------------------------------------------------- together with the rest


async def test_what_is_held_does_not_expire_and_has_its_whole_time_after_the_end(watching: Keeper) -> None:
    await mute(watching, span=10 * HOUR)
    await change(watching, 6)
    await watching.deliver_all(at(2))
    assert await watching.db.run(withdraw.expire, at(9 * 3600), HOUR) == 0

    await watching.outbox(at(36_000))
    assert await watching.db.run(withdraw.expire, at(36_000 + 3599), HOUR) == 0
    await watching.bind(at(36_000))
    assert await watching.db.run(withdraw.expire, at(36_000 + 3599), HOUR) == 0

    assert await watching.db.run(withdraw.expire, at(36_000 + 3601), HOUR) == 1


async def test_unwatching_while_muted_says_what_will_still_come_and_it_comes(watching: Keeper) -> None:
    await mute(watching)
    await change(watching, 6)

    assert await watching.unsubscribe(OLGA, [1, 2]) == 1

    await watching.outbox(AN_HOUR_LATER)
    assert await told(watching) == [over(1, 3600), 6]


async def test_closing_a_chat_takes_back_what_is_held(watching: Keeper) -> None:
    await mute(watching)
    await change(watching, 6)

    assert await watching.deny(OLGA) == 1

    await watching.outbox(AN_HOUR_LATER)
    await watching.allow(OLGA)
    assert await told(watching) == []


async def test_a_chat_that_is_opened_again_is_not_muted_and_others_stay_so(watching: Keeper) -> None:
    await mute(watching)
    await mute(watching, place=ALERTS_TOPIC)

    await watching.deny(OLGA)
    await watching.allow(OLGA)

    assert (await watching.db.run(mutes.muted_here, OLGA)).mutes == ()
    assert len((await watching.db.run(mutes.muted_here, ALERTS_TOPIC)).mutes) == 1


async def test_status_counts_what_is_held_apart_from_what_is_on_its_way(watching: Keeper) -> None:
    await change(watching, 6)
    await mute(watching)
    await change(watching, 7)

    here = await watching.watched_here(OLGA, frozenset({POLYGON}))

    assert here.alerts == 1
    assert (await watching.db.run(mutes.muted_here, OLGA)).kept_back == 1
    assert (await watching.db.run(mutes.muted_here, ALERTS_TOPIC)).mutes == ()


async def test_a_group_that_moves_stays_muted_and_loses_nothing(keeper: Keeper) -> None:
    group, supergroup = Place(-55, "group", "Ops"), Place(-100_55, "supergroup", "Ops")
    await keeper.watch(place=group)
    await keeper.record(reading({USDC: 5}, native=1))
    await keeper.deliver_all()
    await mute(keeper, place=group)
    await change(keeper, 6)

    await keeper.migrate(group.chat_id, supergroup.chat_id)
    await change(keeper, 7)
    assert await told(keeper, supergroup) == []

    await keeper.outbox(AN_HOUR_LATER)
    assert await told(keeper, supergroup) == [over(2, 3600), 6, 7]


async def test_a_group_that_moves_into_a_closed_chat_comes_back_unmuted(keeper: Keeper) -> None:
    group, supergroup = Place(-55, "group", "Ops"), Place(-100_55, "supergroup", "Ops")
    await keeper.watch(place=group)
    await mute(keeper, place=group)

    await keeper.deny(supergroup)
    await keeper.migrate(group.chat_id, supergroup.chat_id)
    await keeper.allow(supergroup)

    assert (await keeper.db.run(mutes.muted_here, supergroup)).mutes == ()


async def test_a_receipt_stands_first_however_much_follows_in_however_many_messages(watching: Keeper) -> None:
    await mute(watching)
    for amount in range(6, 12):
        await change(watching, amount)
    await unmute(watching)
    texts = []

    def two_at_once(_: Database, alerts: object, __: str, ___: object) -> tuple[str, int]:
        assert isinstance(alerts, list)
        texts.append([type(alert) for alert in alerts[:2]])
        return "…", min(2, len(alerts))

    while (taken := await watching.claim(OLGA.chat_id, at(120), compose=two_at_once)).delivery:
        await watching.sent(taken.delivery, at(120))

    assert texts[0] == [NoticeAlert, ChangeAlert]
    assert [kind for kinds in texts[1:] for kind in kinds] == [ChangeAlert] * 5


async def test_who_muted_and_who_ended_it_is_kept(watching: Keeper) -> None:
    await mute(watching, TREASURY)
    await unmute(watching)

    entries, _ = await watching.db.run(audit.audit_page, 1, 2)
    assert [(one.action, one.subject) for one in entries] == [
        (AuditAction.UNMUTE, TREASURY),
        (AuditAction.MUTE, TREASURY),
    ]
