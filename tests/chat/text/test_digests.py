"""What people read in a digest: first what all is worth, then each balance, at last how much was read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.text.alerts import compose
from bot.chat.text.html import VISIBLE_UNITS_MOST
from bot.domain.assets import AMOUNT_MAX, Amount, Asset, Description
from bot.domain.deliver.alerts import (
    Alert,
    AlertId,
    BlindSpan,
    ChangeAlert,
    Digest,
    DigestContent,
    DigestWorth,
    MovedWithin,
    NoticeAlert,
    Within,
)
from bot.domain.observations import Change, MoveKind
from bot.domain.zones import local
from tests.builders import BASE, ETHEREUM, NOON, POLYGON, REGISTRY, TREASURY, USDC, VAULT, address
from tests.chat.reading import HOSTILE_NAMES, read
from tests.chat.text.test_alarms import RANG, RELAYER

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WORTH = DigestWorth(usd=Decimal("12345.67"), priced=5, unpriced=2, ignored=0, unknown=(), last_known=())
DIGEST = Digest(
    due_at=NOON,
    begins_at=NOON - DAY,
    ends_at=NOON,
    after_alert=1,
    last_alert=9,
    is_weekly=False,
    follow=0,
    chains=5,
    unread=0,
    oldest_at=NOON - timedelta(seconds=40),
    worth=WORTH,
    former_worth=WORTH._replace(usd=Decimal(12_000), unpriced=0),
)
NOTHING = DigestContent(
    nets=(), more=0, is_cut=False, held_back=(), more_held_back=0, alarms=(), spans=(), new_tokens=()
)


def net(
    number: int = 1,
    *,
    before: int = 1_000,
    after: int = 2_250,
    symbol: str = "USDC",
    price: str | None = "1",
    steps: int = 3,
) -> ChangeAlert:
    change = Change(
        account=TREASURY if number % 2 else VAULT,
        asset=Asset(POLYGON, USDC if number == 1 else address(number)),
        kind=MoveKind.MOVED,
        before=Amount(before),
        after=Amount(after),
        observed_at=NOON - HOUR,
        price_usd=price,
    )
    return ChangeAlert(
        id=AlertId(number),
        change=change,
        label="Treasury" if number % 2 else "Vault",
        description=Description("ERC20", symbol, 0),
        steps=steps,
    )


def text_of(
    digest: Digest, content: DigestContent = NOTHING, *others: Alert, now: datetime = NOON
) -> list[str]:
    alert = NoticeAlert(AlertId(1), digest, digest.ends_at, digest=content)
    return read(compose([alert, *others], "K3", REGISTRY, now).html).visible.split("\n")


def test_a_digest_of_nothing_is_sent_all_the_same() -> None:
    assert text_of(DIGEST) == [
        "🗞 Daily digest, 2026-02-28 12:00 to 12:00 UTC",
        "Worth $12,345.67 by prices of 12:00, not counting 2 balances without a price",
        "Before $12,000.00 by prices of 2026-02-28 12:00",
        "",
        "Nothing changed. 5 chains read, the oldest view is 40 s old.",
        "12:00:00 UTC · K3",
    ]


def test_each_balance_is_the_line_of_an_alert() -> None:
    content = replace(NOTHING, nets=(net(), net(3, symbol="FOO", price=None, before=0)))

    assert text_of(DIGEST, content)[3:-1] == [
        "",
        "Treasury · 6 changes · +$1,250.00, 1 without a price",
        "🟢 +1,250 USDC (+$1,250.00) · Polygon",
        "    1,000 → 2,250 in 3 steps",
        "✨ +2,250 FOO · Polygon",
        "    0 → 2,250 in 3 steps",
        "",
        "5 chains read, the oldest view is 40 s old.",
    ]


def test_the_days_of_a_balance_stand_behind_its_amounts_where_they_are_known() -> None:
    content = replace(NOTHING, nets=(replace(net(), sparkline="··▁▁▁▁▇"),))

    assert text_of(DIGEST, content)[5] == "    1,000 → 2,250 in 3 steps ··▁▁▁▁▇"


def test_what_changed_pockets_is_left_out_of_the_sums_and_said_in_one_line() -> None:
    usdc, ether = net(before=3_400, after=2_150), net(3, symbol="ETH", price="2000", before=5, after=5)
    content = replace(
        NOTHING,
        nets=(
            replace(usdc, within=Within(-1_000, is_all=False)),
            replace(ether, within=Within(0, is_all=False)),
            # What came and what went elsewhere is nothing, and that is news.
            replace(net(5, symbol="DAI", before=9, after=3), within=Within(-6, is_all=False)),
        ),
        within=(
            MovedWithin(usdc.change.asset, usdc.description, 1_000),
            MovedWithin(ether.change.asset, ether.description, 2),
        ),
    )

    assert text_of(DIGEST, content)[4:-1] == [
        "Treasury · 9 changes · −$250.00",
        "🔴 −250 USDC (−$250.00) · Polygon",
        "    3,400 → 2,150 in 3 steps · −1,000 within your accounts",
        "⇄ ±0 DAI · Polygon",
        "    9 → 3 in 3 steps · −6 within your accounts",
        "⇄ ±0 ETH · Polygon",
        "    5 → 5 in 3 steps",
        "",
        "⇄ Within your accounts, left out above: 1,000 USDC on Polygon and 2 ETH on Polygon",
        "",
        "5 chains read, the oldest view is 40 s old.",
    ]


def test_a_day_in_which_all_changed_pockets_is_not_one_without_changes() -> None:
    usdc = net()
    content = replace(NOTHING, within=(MovedWithin(usdc.change.asset, usdc.description, 1_000),))

    assert text_of(DIGEST, content)[4:-1] == [
        "⇄ Within your accounts, left out above: 1,000 USDC on Polygon",
        "",
        "5 chains read, the oldest view is 40 s old.",
    ]


def test_all_else_stands_below() -> None:
    rang = NoticeAlert(AlertId(2), replace(RANG, subject=RELAYER), NOON - 2 * HOUR)
    content = replace(
        NOTHING,
        held_back=(net(before=1_250, after=1_000), net(5, symbol="BAR", after=1_100)),
        alarms=(rang,),
        spans=(
            BlindSpan(POLYGON, None, "", NOON - 3 * HOUR, NOON - HOUR),
            BlindSpan(ETHEREUM, None, "", NOON - 3 * HOUR + timedelta(seconds=1), NOON - HOUR),
            BlindSpan(BASE, TREASURY, "Treasury", NOON - HOUR, None),
        ),
        new_tokens=(net(3, symbol="FOO"),),
    )

    assert text_of(replace(DIGEST, worth=None, unread=2), content)[1:-1] == [
        "There are too many accounts to add up what they are worth.",
        "",
        "New here, without a price: FOO",
        "",
        "Held back by filters: 2 balances",
        "Treasury · 6 changes · −$150.00",
        "🔴 −250 USDC (−$250.00) · Polygon",
        "    1,250 → 1,000 in 3 steps",
        "🟢 +100 BAR (+$100.00) · Polygon",
        "    1,000 → 1,100 in 3 steps",
        "",
        "⏰ Relayer · Base: 0.493000… ETH, below 0.5, at 10:00",
        "",
        "⚠️ I couldn't read Polygon and Ethereum from 09:00 to 11:00 UTC (2 h).",
        "⚠️ I can't read Treasury on Base since 11:00 UTC (1 h).",
        "",
        "5 chains read, 2 not yet, the oldest view is 40 s old.",
    ]


def test_a_digest_that_comes_late_says_so_and_one_in_time_does_not() -> None:
    assert text_of(DIGEST, now=NOON + timedelta(minutes=1))[0].endswith("12:00 UTC")
    assert text_of(DIGEST, now=NOON + 3 * HOUR)[0].endswith("12:00 UTC, 3 h late")


def test_a_message_with_a_digest_says_once_how_late_it_is() -> None:
    made = replace(DIGEST, ends_at=NOON + HOUR, follow=1)

    lines = text_of(made, NOTHING, net(), now=NOON + 3 * HOUR)

    assert lines[0].endswith("13:00 UTC, 3 h late")
    assert lines[-1] == "11:00:00–13:00:00 UTC · K3"
    assert [line for line in lines if "late" in line] == lines[:1]


def test_what_goes_on_from_a_digest_in_a_message_of_its_own_says_how_late_it_is() -> None:
    lines = read(compose([net()], "K3", REGISTRY, NOON + 3 * HOUR).html).visible.split("\n")

    assert lines[-1] == "11:00:00 UTC, sent 4 h later · K3"


def test_moments_are_on_the_clock_of_the_reader() -> None:
    lines = text_of(replace(DIGEST, is_weekly=True), now=local(NOON, "Asia/Kathmandu"))

    assert lines[0] == "🗞 Weekly digest, 2026-02-28 17:45 to 17:45 +05:45"


def test_since_when_steps_were_held_back_is_on_the_clock_of_the_reader() -> None:
    since = replace(net(), since=NOON - 2 * HOUR)

    lines = text_of(
        DIGEST, replace(NOTHING, nets=(since,), held_back=(since,)), now=local(NOON, "Asia/Kathmandu")
    )

    assert lines.count("    1,000 → 2,250 in 3 steps since 15:45") == 2


def test_what_had_no_alerts_of_its_own_follows() -> None:
    lines = text_of(replace(DIGEST, follow=1), NOTHING, net())

    assert lines[4:-1] == [
        "5 chains read, the oldest view is 40 s old. 1 balance changed:",
        "",
        "🟢 Treasury +1,250 USDC (+$1,250.00) · Polygon",
        "    1,000 → 2,250 in 3 steps",
    ]


@pytest.mark.parametrize(
    ("digest", "last"),
    [
        (replace(DIGEST, chains=0, oldest_at=None), "Nothing is watched here."),
        (replace(DIGEST, chains=0, unread=1, oldest_at=None), "No chain was read yet."),
        (
            replace(DIGEST, unread=1),
            "No change was seen. 5 chains read, 1 not yet, the oldest view is 40 s old.",
        ),
        (
            replace(DIGEST, oldest_at=NOON + HOUR),
            "Nothing changed. 5 chains read, the oldest view is 0 s old.",
        ),
    ],
)
def test_how_much_was_read_is_never_left_out(digest: Digest, last: str) -> None:
    assert text_of(digest)[-2] == last


@pytest.mark.parametrize("until", [None, NOON - HOUR])
def test_what_could_not_be_read_may_have_changed(until: datetime | None) -> None:
    spans = (BlindSpan(POLYGON, None, "", NOON - 3 * HOUR, until),)

    lines = text_of(DIGEST, replace(NOTHING, spans=spans))

    # What changed while nobody saw it is seen afterwards.
    seen = "No change was seen" if until is None else "Nothing changed"
    assert lines[-2] == f"{seen}. 5 chains read, the oldest view is 40 s old."


def test_what_has_no_price_at_all_is_of_unknown_worth() -> None:
    unpriced = WORTH._replace(priced=0, usd=Decimal(0))

    assert text_of(replace(DIGEST, worth=unpriced, former_worth=unpriced))[1:3] == [
        "Worth unknown: no price of it is known.",
        "Before unknown: no price of it is known.",
    ]


def test_changes_that_were_not_read_are_no_nothing() -> None:
    lines = text_of(DIGEST, replace(NOTHING, is_cut=True))

    assert (
        "There were too many changes to add up: the first of them are left out. /history 2d shows all."
        in lines
    )


@pytest.mark.parametrize(
    ("begins_at", "now", "expected"),
    [
        (NOON - DAY, NOON + 3 * HOUR, "/history 2d"),
        (NOON - 7 * DAY, NOON, "/history 8d"),
        (NOON - 3 * DAY, NOON + 30 * HOUR, "/history 5d"),
    ],
)
def test_what_shows_all_of_a_digest_begins_before_it(
    begins_at: datetime, now: datetime, expected: str
) -> None:
    lines = text_of(replace(DIGEST, begins_at=begins_at), replace(NOTHING, is_cut=True), now=now)

    assert any(f". {expected} shows all." in line for line in lines)
    assert lines[-2].startswith("5 chains read")


amounts = st.sampled_from([0, 1, 10**6, AMOUNT_MAX])
nets = st.builds(
    net,
    st.integers(1, 5),
    before=amounts,
    after=amounts,
    symbol=st.sampled_from(HOSTILE_NAMES),
    price=st.sampled_from([None, "1", "1e30"]),
    steps=st.integers(1, 10**6),
)


@given(st.lists(nets, max_size=60), st.integers(0, 10**6))
def test_a_digest_fits_into_a_message_whatever_is_in_it(some: Sequence[ChangeAlert], more: int) -> None:
    alert = NoticeAlert(
        AlertId(1),
        DIGEST,
        NOON,
        digest=replace(NOTHING, nets=tuple(some), more=more, held_back=tuple(some), new_tokens=tuple(some)),
    )

    composed = compose([alert], "K3", REGISTRY, NOON)

    assert composed.trouble is None
    assert len(read(composed.html).visible.encode("utf-16-le")) // 2 <= VISIBLE_UNITS_MOST


@pytest.mark.parametrize("letters", range(1, 20))
def test_what_finds_no_place_is_counted(letters: int) -> None:
    some = tuple(net(number, symbol="A" * letters) for number in range(2, 62))

    lines = text_of(DIGEST, replace(NOTHING, nets=some, more=40), now=NOON + 3 * HOUR)

    assert len("\n".join(lines).encode("utf-16-le")) // 2 <= VISIBLE_UNITS_MOST

    shown = sum(line.startswith("🟢") for line in lines)
    assert 20 < shown < 60
    assert f"… and {100 - shown} more balances, told as they happened. /history 2d shows all." in lines


def test_what_filters_hold_back_finds_its_place_beside_what_was_told_or_is_counted() -> None:
    some = tuple(net(number, symbol="ABCDE") for number in range(2, 62))

    lines = text_of(DIGEST, replace(NOTHING, nets=some[:2], held_back=some, more_held_back=1_000))

    shown = sum(line.startswith("🟢") for line in lines) - 2
    assert 20 < shown < 60
    assert "Held back by filters: 1,060 balances" in lines
    assert f"… and {1_060 - shown:,} more balances, held back." in lines


@pytest.mark.parametrize("follow", [False, True])
def test_ten_balances_are_shown_openly_and_the_others_folded(*, follow: bool) -> None:
    some = tuple(net(number) for number in range(1, 31, 2))
    told = NOTHING if follow else replace(NOTHING, nets=some)
    digest = NoticeAlert(AlertId(1), replace(DIGEST, follow=15 * follow), NOON, digest=told)

    composed = compose([digest, *(some if follow else ())], "K3", REGISTRY, NOON)
    openly, others = composed.html.split("<blockquote expandable>")

    assert openly.count("🟢") == 10
    assert others.split("</blockquote>")[0].count("🟢") == 5
