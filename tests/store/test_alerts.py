"""Notices as they are kept, and who gets them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import (
    BackupFails,
    BackupWorks,
    Baseline,
    Blind,
    ChainBack,
    ChainGone,
    ChangeAlert,
    Gap,
    HeldBack,
    HoldEnd,
    MassLoss,
    MuteOver,
    Notice,
    NoticeAlert,
    Restored,
    SeenAgain,
    SourceRefuses,
    UnreadableNotice,
)
from bot.store.alerts import notice_to_json, to_notice
from tests.builders import NOON, POLYGON, USDC, address, reading
from tests.store.conftest import OLGA, OPS, Keeper

chain_ids = st.integers(1, 2**53).map(ChainId)
addresses = st.integers(0, 2**160 - 1).map(address)
numbers = st.integers(0, 10**6)
moments = st.integers(0, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
holds = st.builds(HeldBack, numbers, numbers, st.none() | st.sampled_from(HoldEnd))
gaps = st.lists(st.builds(Gap, chain_ids, st.none() | addresses, st.text(), moments, st.none() | holds)).map(
    tuple
)
notices = st.one_of(
    st.builds(
        Baseline,
        addresses,
        st.text(),
        numbers,
        st.lists(chain_ids).map(tuple),
        st.lists(chain_ids).map(tuple),
    ),
    st.builds(Blind, gaps, st.booleans()),
    st.builds(SeenAgain, gaps, numbers),
    st.builds(ChainGone, chain_ids),
    st.builds(ChainBack, chain_ids),
    st.builds(MassLoss, chain_ids, numbers, numbers),
    st.builds(SourceRefuses, st.text()),
    st.builds(BackupFails, st.text()),
    st.builds(BackupWorks),
    st.builds(Restored, moments),
    st.builds(MuteOver, st.none() | addresses, st.text(), moments, moments, numbers),
)


@given(notices)
def test_a_notice_comes_back_whatever_its_words(notice: Notice) -> None:
    assert to_notice(notice_to_json(notice)) == notice


def test_a_gap_of_an_earlier_version_is_one_without_an_answer() -> None:
    old = '{"kind": "blind", "gaps": [[137, null, "", 1772366400000]], "everything": false}'

    assert to_notice(old) == Blind((Gap(POLYGON, None, "", NOON),), is_everything=False)


async def test_owners_are_told_in_their_private_chats_and_nobody_else_is(keeper: Keeper) -> None:
    await keeper.store.apply_configuration([OPS.chat_id], [OLGA.chat_id])

    await keeper.store.enqueue_owner_alerts(MassLoss(POLYGON, 12, 14), NOON)

    assert await keeper.notices(OPS) == []
    assert await keeper.notices(OLGA) == [MassLoss(POLYGON, 12, 14)]


async def test_an_owner_of_yesterday_is_told_nothing(keeper: Keeper) -> None:
    await keeper.store.apply_configuration([], [OLGA.chat_id])
    await keeper.store.apply_configuration([OLGA.chat_id], [])

    await keeper.store.enqueue_owner_alerts(ChainGone(POLYGON), NOON)

    assert await keeper.notices(OLGA) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"kind": "of tomorrow", "much": [1]}', "of tomorrow"),
        ('{"kind": "of tomorrow", "mu', "of tomorrow"),
        ('{"kind": "chain gone"}', "chain gone"),
        ('{"kind": "restored", "copied_at": "noon"}', "restored"),
        ('{"kind": "restored", "copied_at": 1e99}', "restored"),
        ('{"kind": "mute over", "account": [], "label": "", "moments": [0, 0], "changes": 1}', "mute over"),
        ('{"kind": ["chain gone"], "chain": 137}', ""),
        ("{}", ""),
        ("[]", ""),
        ("", ""),
        pytest.param("[" * 100_000, "", id="deep"),
    ],
)
def test_what_cannot_be_read_says_so_with_the_name_that_it_has(text: str, kind: str) -> None:
    assert to_notice(text) == UnreadableNotice(kind)


async def test_a_notice_that_cannot_be_read_keeps_nothing_behind_it_waiting(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=1))
    await keeper.deliver_all()
    await keeper.run(
        "INSERT INTO alert (destination_id, notice, label, state, created_at)"
        """ VALUES (1, '{"kind": "of tomorrow"}', '', 'waiting', 0)"""
    )

    await keeper.record(reading({USDC: 6}, native=1))

    notice, change = await keeper.alerts()
    assert isinstance(notice, NoticeAlert)
    assert notice.notice == UnreadableNotice("of tomorrow")
    assert isinstance(change, ChangeAlert)


@pytest.mark.parametrize("account", [None, Address("0x" + "ab" * 20)])
def test_an_old_row_is_understood(account: Address | None) -> None:
    shown = "null" if account is None else f'"{account}"'
    text = f'{{"kind": "blind", "gaps": [[137, {shown}, "Treasury", 1772366400000]], "everything": false}}'

    assert to_notice(text) == Blind((Gap(POLYGON, account, "Treasury", NOON),), is_everything=False)
