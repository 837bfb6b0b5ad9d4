"""Notices in the database: those of today, and those that former versions wrote."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import (
    AlarmEnded,
    AlarmRang,
    AlarmRepeated,
    AlarmSubject,
    BackupFails,
    BackupWorks,
    Baseline,
    Blind,
    ChainBack,
    ChainGone,
    Digest,
    DigestWorth,
    DoubtEnd,
    Dropped,
    Gap,
    HeldBack,
    MassLoss,
    MuteKind,
    MuteOver,
    Notice,
    ReplicaAway,
    ReplicaBack,
    Restored,
    Sample,
    SeenAgain,
    SourceRefuses,
    Undelivered,
    UnreadableNotice,
)
from bot.domain.rules.alarms import Side
from bot.store.outbox.notice_codec import notice_to_json, to_notice
from tests.builders import NOON, POLYGON, address

ROWS: Mapping[str, object] = json.loads((Path(__file__).parent / "notice_rows.json").read_text())
"""What was written of `NOTICES`; of those named former, by a version whose shape had a field less."""

TREASURY, PAYROLL = Address("0x" + "ab" * 20), Address("0x" + "0c" * 20)
USDC = Address("0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
ETHEREUM, BASE = ChainId(1), ChainId(8453)
LATER = NOON + timedelta(milliseconds=123)
EVENING = NOON + timedelta(hours=8)

RELAYER = AlarmSubject(
    number=2,
    account=TREASURY,
    label="Relayer",
    chains=(BASE,),
    side=Side.BELOW,
    level=Decimal("0.5"),
    contract=Address(""),
    symbol="ETH",
)
WORTH = AlarmSubject(
    number=3,
    account=PAYROLL,
    label="",
    chains=(ETHEREUM, POLYGON),
    side=Side.ABOVE,
    level=Decimal(1000),
    contract=None,
    is_sum=True,
    is_in_dollars=True,
)

NOTICES: Mapping[str, Notice] = {
    "baseline": Baseline(TREASURY, "Treasury", 12, (ETHEREUM, POLYGON), (BASE,)),
    "baseline of two tokens": Baseline(TREASURY, "", 2, (POLYGON,), (), (USDC, PAYROLL)),
    "baseline of nothing": Baseline(TREASURY, 'Ünï "quoted" \\ \u2028 🏦 \ud800', 0, (), ()),
    "blind, a chain": Blind((Gap(POLYGON, None, "", LATER),), is_everything=False),
    "blind, accounts": Blind(
        (Gap(POLYGON, TREASURY, "Treasury", NOON), Gap(ETHEREUM, PAYROLL, "", LATER)), is_everything=False
    ),
    "blind, a chain held back": Blind(
        (
            Gap(POLYGON, None, "", NOON, HeldBack(0, 0)),
            Gap(ETHEREUM, None, "", NOON, HeldBack(12, 14)),
        ),
        is_everything=True,
    ),
    "blind, nothing left": Blind((), is_everything=True),
    "seen again": SeenAgain((Gap(POLYGON, TREASURY, "Treasury", NOON),), 3),
    "seen again, back": SeenAgain((Gap(POLYGON, None, "", NOON, HeldBack(12, 14, DoubtEnd.BACK)),), 0),
    "seen again, believed": SeenAgain(
        (Gap(POLYGON, None, "", NOON, HeldBack(12, 14, DoubtEnd.BELIEVED)),), 0
    ),
    "seen again, settled": SeenAgain((Gap(POLYGON, None, "", NOON, HeldBack(12, 14, DoubtEnd.SETTLED)),), 0),
    "chain gone": ChainGone(POLYGON),
    "chain back": ChainBack(ChainId(2**53)),
    "mass loss": MassLoss(POLYGON, 12, 14),
    "source refuses": SourceRefuses("the quota is used up"),
    "dropped": Dropped(3, NOON, LATER + timedelta(hours=1)),
    "undelivered here": Undelivered("K3", 2, "Bad Request: message is too long"),
    "undelivered elsewhere": Undelivered("K3", 1, "Forbidden", -1001234567890, "Ops <1>"),
    "backup fails": BackupFails("No space left on device"),
    "backup works": BackupWorks(),
    "replica away": ReplicaAway("gamma", LATER, 2),
    "replica back": ReplicaBack("gamma"),
    "restored": Restored(LATER),
    "restored, long ago": Restored(datetime(1969, 12, 31, tzinfo=UTC)),
    "mute over, everything": MuteOver(None, "", NOON, EVENING, 0),
    "mute over, an account on chains": MuteOver(TREASURY, "Treasury", NOON, LATER, 5, (ETHEREUM, POLYGON)),
    "mute over, quiet hours": MuteOver(None, "", NOON, EVENING, 2, ended=MuteKind.QUIET),
    "mute over, a budget": MuteOver(None, "", NOON, LATER, 900, ended=MuteKind.BUDGET, budget=10),
    "former: mute over before mutes had kinds": MuteOver(
        TREASURY, "Treasury", NOON, LATER, 5, (ETHEREUM, POLYGON)
    ),
    "former: baseline before its tokens were named": Baseline(
        TREASURY, "Treasury", 12, (ETHEREUM, POLYGON), (BASE,)
    ),
    "former: blind before chains were held back": Blind(
        (Gap(POLYGON, None, "", NOON), Gap(POLYGON, TREASURY, "Treasury", NOON)), is_everything=False
    ),
    "former: seen again before chains were held back": SeenAgain((Gap(POLYGON, None, "", NOON),), 3),
    "former: mute over before mutes had chains": MuteOver(TREASURY, "Treasury", NOON, EVENING, 5),
    "sample": Sample(),
    "alarm rang": AlarmRang(RELAYER, 7, Decimal("0.493000000000000001")),
    "alarm rang, by price": AlarmRang(WORTH, 8, Decimal("1000.01"), is_by_price=True, unpriced=2),
    "alarm repeated": AlarmRepeated(RELAYER, 7, LATER, Decimal(0), acknowledged_by="Olga"),
    "alarm repeated, unknown": AlarmRepeated(RELAYER, 7, LATER, None, EVENING),
    "alarm ended": AlarmEnded(RELAYER, 7, LATER, Decimal("1.2")),
    "digest": Digest(
        due_at=NOON,
        begins_at=NOON - timedelta(days=1),
        ends_at=LATER,
        after_alert=12,
        last_alert=99,
        is_weekly=False,
        follow=2,
        chains=5,
        unread=1,
        oldest_at=NOON,
        worth=DigestWorth(
            usd=Decimal("12.345"), priced=3, unpriced=2, ignored=1, unknown=(POLYGON,), last_known=(BASE,)
        ),
        former_worth=None,
    ),
    "digest, nothing read": Digest(
        due_at=NOON,
        begins_at=NOON,
        ends_at=LATER,
        after_alert=0,
        last_alert=0,
        is_weekly=True,
        follow=0,
        chains=0,
        unread=0,
        oldest_at=None,
        worth=None,
        former_worth=DigestWorth(usd=Decimal(0), priced=0, unpriced=0, ignored=0, unknown=(), last_known=()),
    ),
}

numbers = st.integers(0, 10**6)
chain_ids = st.integers(1, 2**53).map(ChainId)
addresses = st.integers(0, 2**160 - 1).map(address)
moments = st.integers(0, 10**13).map(lambda ms: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms))
held_back = st.builds(HeldBack, numbers, numbers, st.none() | st.sampled_from(DoubtEnd))
worths = st.builds(
    DigestWorth,
    usd=st.decimals(allow_nan=False, allow_infinity=False),
    priced=numbers,
    unpriced=numbers,
    ignored=numbers,
    unknown=st.lists(chain_ids).map(tuple),
    last_known=st.lists(chain_ids).map(tuple),
)
gaps = st.builds(Gap, chain_ids, st.none() | addresses, st.text(), moments, st.none() | held_back)
VALUES: Mapping[object, st.SearchStrategy[object]] = {
    str: st.text(),
    int: numbers,
    bool: st.booleans(),
    datetime: moments,
    ChainId: chain_ids,
    Address: addresses,
    int | None: st.none() | st.integers(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    Decimal | None: st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    datetime | None: st.none() | moments,
    AlarmSubject: st.builds(
        AlarmSubject,
        number=numbers,
        account=addresses,
        label=st.text(),
        chains=st.lists(chain_ids).map(tuple),
        side=st.sampled_from(Side),
        level=st.decimals(allow_nan=False, allow_infinity=False),
        contract=st.none() | addresses,
        symbol=st.text(),
        is_sum=st.booleans(),
        is_in_dollars=st.booleans(),
    ),
    MuteKind: st.sampled_from(MuteKind),
    Address | None: st.none() | addresses,
    DigestWorth | None: st.none() | worths,
    tuple[ChainId, ...]: st.lists(chain_ids).map(tuple),
    tuple[Address, ...]: st.lists(addresses).map(tuple),
    tuple[Gap, ...]: st.lists(gaps).map(tuple),
}


def notices_of(kind: type[Notice]) -> st.SearchStrategy[Notice]:
    return st.builds(kind, **{field.name: VALUES[field.type] for field in fields(kind)})


def test_there_is_a_row_of_every_kind() -> None:
    assert ROWS.keys() == NOTICES.keys()
    assert {type(notice) for notice in NOTICES.values()} == set(get_args(Notice))


@pytest.mark.parametrize("name", NOTICES)
def test_what_was_ever_written_is_still_understood(name: str) -> None:
    assert to_notice(json.dumps(ROWS[name])) == NOTICES[name]


@pytest.mark.parametrize("name", [name for name in NOTICES if not name.startswith("former")])
def test_a_notice_is_written_as_ever_so_that_the_version_before_understands_it(name: str) -> None:
    assert json.loads(notice_to_json(NOTICES[name])) == ROWS[name]


@given(st.sampled_from(get_args(Notice)).flatmap(notices_of))
def test_a_notice_of_any_kind_comes_back_whatever_its_values(notice: Notice) -> None:
    assert to_notice(notice_to_json(notice)) == notice


@pytest.mark.parametrize("notice", NOTICES.values(), ids=NOTICES)
def test_a_row_begins_with_its_kind_for_statements_look_for_that(notice: Notice) -> None:
    text = notice_to_json(notice)

    assert text.startswith(f'{{"kind": "{json.loads(text)["kind"]}"')


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
