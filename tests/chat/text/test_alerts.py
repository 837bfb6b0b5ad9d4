"""Alerts as people read them: the layout of a message, its order, its times and its notices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.chat.text.alerts import Composed
from bot.domain.assets import Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import (
    Alert,
    ChangeAlert,
    FirstWorth,
    PricedBalance,
)
from bot.domain.zones import local
from tests.amounts import read_amount
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    moves,
    read,
    seen,
)
from tests.chat.text.alert_builders import (
    NOON,
    POL,
    alert,
    change_line,
    collection,
    composed,
    footer,
    lines,
    notice,
    token,
)
from tests.examples import examples

# ---------------------------------------------------------------- the layout


def test_an_alert_looks_like_this() -> None:
    message = composed(
        alert(3_400_000_000, 2_150_000_000, decimals=6, price="1.0"),
        alert(12_080_000_000, 12_500_000_000, symbol="POL", decimals=9, kind="NATIVE", asset=POL),
        alert(0, 500, symbol="DEGEN", asset=Asset(BASE, OTHER)),
    )

    page = "/address/0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9"
    on_polygon, on_base = (f'<a href="{CHAINS.get(one).explorer_url}{page}">' for one in (POLYGON, BASE))
    assert message == Composed(
        f"{on_polygon}<b>Treasury</b></a> · 3 changes · −$1,250.00, 2 without a price\n"
        f"🔴 −1,250 USDC (−$1,250.00) · {on_polygon}Polygon</a>\n"
        "    3,400 → 2,150\n"
        f"🟢 +0.42 POL · {on_polygon}Polygon</a>\n"
        "    12.08 → 12.5\n"
        f"✨ +500 DEGEN · {on_base}Base</a>\n"
        "    0 → 500\n"
        "14:03:22 UTC · 7KQ2F",
        alerts=3,
    )


def test_an_alert_about_one_change_says_the_news_in_its_first_line() -> None:
    message = composed(alert(3_400_000_000, 2_150_000_000, decimals=6, price="1.0"))

    page = f"{CHAINS.get(POLYGON).explorer_url}/address/0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9"
    assert message == Composed(
        f'🔴 <a href="{page}"><b>Treasury</b></a> −1,250 USDC (−$1,250.00) · Polygon\n'
        "    3,400 → 2,150\n"
        "14:03:22 UTC · 7KQ2F",
        alerts=1,
    )


def test_an_account_without_a_label_is_its_short_address() -> None:
    assert lines(alert(label=""))[0] == "✨ 0x8e3E…d8B9 +5 USDC · Polygon"
    assert lines(alert(label=""), alert(label=""))[0] == "0x8e3E…d8B9 · 2 changes"


def test_the_newest_label_counts() -> None:
    assert lines(alert(label="Old"), alert(label="New"), alert(label=""))[0] == "New · 3 changes"


def test_an_account_with_a_name_for_each_chain_has_a_heading_for_each() -> None:
    on_base = Asset(BASE, USDC)

    shown = lines(
        alert(1, 2, label="Safe Polygon"),
        alert(3, 4, label="Safe Base", asset=on_base),
        alert(5, 6, label="Safe Polygon"),
        alert(7, 8, label="", asset=Asset(ARBITRUM, USDC)),
    )

    assert shown[:-1] == [
        "Safe Polygon · 2 changes",
        "🟢 +1 USDC · Polygon",
        "    1 → 2",
        "🟢 +1 USDC · Polygon",
        "    5 → 6",
        "",
        "Safe Base · 1 change",
        "🟢 +1 USDC · Base",
        "    3 → 4",
        "",
        "0x8e3E…d8B9 · 1 change",
        "🟢 +1 USDC · Arbitrum One",
        "    7 → 8",
    ]


def test_a_chain_without_an_explorer_is_no_link() -> None:
    message = composed(alert(asset=Asset(ChainId(424242), USDC)))

    assert read(message.html).urls == []
    assert seen(message.html).split("\n")[0] == "✨ Treasury +5 USDC · chain 424242"


def test_each_chain_of_an_account_on_several_links_to_its_explorer() -> None:
    one, two = (alert(asset=Asset(chain_id, USDC)) for chain_id in (POLYGON, BASE))

    assert len(read(composed(one, two).html).urls) == 3
    assert len(read(composed(one, one).html).urls) == 1


def test_accounts_keep_the_order_in_which_they_were_first_seen() -> None:
    on_base = Asset(BASE, USDC)

    assert lines(
        alert(1, 2, account=VAULT, label="Vault"),
        alert(3, 4, asset=on_base),
        alert(5, 6, account=VAULT, label="Vault", asset=on_base),
        alert(7, 8, account=VAULT, label="Vault"),
    )[:-1] == [
        "Vault · 3 changes",
        "🟢 +1 USDC · Polygon",
        "    1 → 2",
        "🟢 +1 USDC · Polygon",
        "    7 → 8",
        "🟢 +1 USDC · Base",
        "    5 → 6",
        "",
        "Treasury · 1 change",
        "🟢 +1 USDC · Base",
        "    3 → 4",
    ]


# ---------------------------------------------------------------- many changes


def symbols(source: str) -> list[str]:
    return [line.split()[2] for line in moves(seen(source)).split("\n")]


def test_up_to_eight_changes_are_shown_openly_the_weightiest_first() -> None:
    eight = composed(
        *(alert(1, number, symbol=f"T{number}", asset=token(number), price="1") for number in range(2, 10))
    )

    assert "blockquote" not in eight.html
    assert symbols(eight.html) == [f"T{n}" for n in range(9, 1, -1)]


def test_changes_that_weigh_the_same_keep_their_order() -> None:
    eight = composed(*(alert(1, number, symbol=f"T{number}", asset=token(number)) for number in range(2, 10)))

    assert symbols(eight.html) == [f"T{n}" for n in range(2, 10)]


def test_of_more_the_eight_weightiest_come_first_and_the_others_follow_complete_in_a_quotation() -> None:
    many = [
        alert(10, 10 + number, symbol=f"T{number}", price="1", asset=token(number)) for number in range(1, 9)
    ]
    dust = alert(10, 11, symbol="DUST", price="0.01", asset=token(90))
    gift, loss = alert(0, 5, symbol="GIFT", asset=token(91)), alert(5, 0, symbol="LOST", asset=token(92))
    message = composed(dust, gift, loss, *many)

    assert seen(message.html).split("\n")[0] == "Treasury · 11 changes · +$36.01, 2 without a price"
    openly, _, folded = message.html.partition("<blockquote expandable>")
    weightiest = ["T8", "T7", "T6", "T5", "T4", "T3", "T2", "LOST"]
    assert symbols(openly) == weightiest
    quoted, _, footer_ = folded.partition("</blockquote>")
    assert moves(seen(quoted)).split("\n") == [
        "🟢 +1 DUST | 10 → 11 | +$0.01",
        "✨ +5 GIFT | 0 → 5",
        "🟢 +1 T1 | 10 → 11 | +$1.00",
    ]
    assert footer_ == "\n14:03:22 UTC · 7KQ2F"


@settings(max_examples=examples(50))
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1_000)), min_size=2, max_size=30),
    st.lists(st.sampled_from([None, "0.01", "1"]), min_size=3, max_size=3),
)
def test_the_steps_of_one_balance_follow_each_other(
    steps: list[tuple[int, int]], prices: list[str | None]
) -> None:
    amounts = {number: [2_000] for number in range(3)}
    alerts = []
    for number, amount in steps:
        before = amounts[number][-1]
        if amount == before:
            continue
        amounts[number].append(amount)
        named = alert(before, amount, symbol=f"T{number}", asset=token(number), price=prices[number])
        alerts.append(named)
    assume(len(alerts) > 1)

    said = moves(seen(composed(*alerts).html)).split("\n")
    for number, had in amounts.items():
        shown = [line.split(" | ")[1] for line in said if line.split()[2] == f"T{number}"]
        steps_taken = [
            f"{before:,} → {after:,}" + (", all of it" if not after else "")
            for before, after in pairwise(had)
        ]
        assert shown == steps_taken


def test_many_changes_of_several_accounts_are_summed_up_above_them() -> None:
    named = (("Vault", VAULT), ("Treasury", TREASURY))
    many = [alert(10, 11, price="1", label=name, account=one) for name, one in named for _ in range(5)]
    message = composed(*many)

    shown = seen(message.html).split("\n")
    assert shown[0] == "10 changes · +$10.00 · 2 accounts"
    assert [line for line in shown if "5 changes" in line] == [
        "Vault · 5 changes · +$5.00",
        "Treasury · 5 changes · +$5.00",
    ]
    assert read(message.html).tags.count("blockquote") == 1


# ---------------------------------------------------------------- what was held back


def muted(before: int, after: int, **named: object) -> ChangeAlert:
    return replace(alert(before, after, **named), was_muted=True)  # type: ignore[arg-type]


def test_what_a_mute_kept_back_is_one_line_for_each_asset_with_its_steps() -> None:
    steps = [muted(51 + number, 52 + number, price="1") for number in range(36)]

    assert lines(*steps) == [
        "🟢 Treasury +36 USDC (+$36.00) · Polygon",
        "    51 → 87 in 36 steps",
        "14:03:22 UTC · 7KQ2F",
    ]


def test_what_waited_for_long_is_summed_and_what_is_fresh_is_not() -> None:
    steps = [alert(1, 2), alert(2, 4)]

    assert seen(composed(*steps, at=NOON + timedelta(minutes=2)).html).startswith("🟢 Treasury +3 USDC")
    assert change_line(*steps).split("\n") == ["🟢 +1 USDC | 1 → 2", "🟢 +2 USDC | 2 → 4"]


def test_the_heading_counts_every_step() -> None:
    other = replace(alert(5, 7, symbol="DAI", asset=token(7)), was_muted=True)

    assert lines(muted(1, 2), other, muted(2, 3))[0] == "Treasury · 3 changes"


def test_what_came_and_went_again_is_still_there_to_be_read() -> None:
    assert lines(muted(51, 60), muted(60, 51))[:2] == [
        "⇄ Treasury ±0 USDC · Polygon",
        "    51 → 51 in 2 steps",
    ]


def test_steps_that_do_not_go_on_from_each_other_are_told_apart() -> None:
    assert change_line(muted(1, 2), muted(5, 6)).split("\n") == ["🟢 +1 USDC | 1 → 2", "🟢 +1 USDC | 5 → 6"]
    in_other_units = muted(2, 3, then=6)
    assert len(change_line(muted(1, 2), in_other_units).split("\n")) == 2


def test_the_ids_of_all_steps_are_added_up() -> None:
    came = collection(Amount(1, 1), Amount(2, 2), items=[(7, 0, 1)])
    went = collection(Amount(2, 2), Amount(1, 1), items=[(5, 1, 0)])
    back = collection(Amount(1, 1), Amount(2, 2), items=[(5, 0, 1)])
    unknown = collection(Amount(2, 2), Amount(3, 3))
    steps = [replace(one, was_muted=True) for one in (came, went, back, unknown)]

    assert change_line(*steps[:2]) == "⇄ SKYWVR exchanged | 1 item in 2 steps · 1 id · gone: #5 · new: #7"
    assert change_line(*steps[:3]) == "🟢 +1 SKYWVR #7 | 1 → 2 in 3 steps · 1 → 2 ids"
    assert change_line(*steps) == "🟢 +2 SKYWVR | 1 → 3 in 4 steps · 1 → 3 ids"


STEPS = st.lists(st.integers(0, 10**30), min_size=2, max_size=60)


@given(STEPS, st.integers(0, 20))
def test_a_sum_is_what_happened_to_the_last_unit(amounts: list[int], decimals: int) -> None:
    steps = [muted(one, two, decimals=decimals) for one, two in pairwise(amounts) if one != two]
    assume(len(steps) > 1)

    first = seen(composed(*steps).html).split("\n")[0]

    amount = first.split(" ")[2]
    assert read_amount(amount.lstrip("+±")) * 10**decimals == amounts[-1] - amounts[0]


# ---------------------------------------------------------------- when


def test_a_message_of_today_has_no_date() -> None:
    assert footer(alert()) == "14:03:22 UTC · 7KQ2F"


def test_a_message_of_another_day_has_one() -> None:
    assert footer(alert(), at=NOON + timedelta(days=1)) == (
        "2026-11-22 14:03:22 UTC, sent 24 h later · 7KQ2F"
    )


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("", "14:03:22 UTC"),
        ("Europe/Berlin", "15:03:22 CET"),
        ("Asia/Kathmandu", "19:48:22 +05:45"),
        ("Pacific/Kiritimati", "04:03:22 +14:00"),
    ],
)
def test_times_are_those_of_the_zone_of_who_reads_wherever_they_come_from(zone: str, said: str) -> None:
    elsewhere = timezone(timedelta(hours=13))

    assert footer(alert(observed_at=NOON.astimezone(elsewhere)), at=local(NOON, zone)) == f"{said} · 7KQ2F"


def test_a_message_of_another_day_there_has_the_date_of_the_zone() -> None:
    tomorrow = local(NOON + timedelta(hours=10), "Europe/Berlin")

    assert footer(alert(), at=tomorrow) == "2026-11-22 15:03:22 CET, sent 10 h later · 7KQ2F"
    assert footer(alert(), at=NOON + timedelta(hours=9)) == "14:03:22 UTC, sent 9 h later · 7KQ2F"


def test_a_range_in_which_the_clock_is_set_back_names_both_zones() -> None:
    before = datetime(2026, 10, 25, 0, 59, 50, tzinfo=UTC)
    both = alert(observed_at=before), alert(observed_at=before + timedelta(seconds=20))

    assert footer(*both, at=local(before, "Europe/Berlin")) == "02:59:50 CEST–02:00:10 CET · 7KQ2F"


def test_a_message_that_comes_late_says_how_late() -> None:
    assert footer(alert(), at=NOON + timedelta(seconds=119)) == "14:03:22 UTC · 7KQ2F"
    assert footer(alert(), at=NOON + timedelta(seconds=120)) == "14:03:22 UTC, sent 2 min later · 7KQ2F"


def test_alerts_a_second_apart_make_a_range() -> None:
    later = alert(observed_at=NOON + timedelta(seconds=108))

    assert footer(later, alert()) == "14:03:22–14:05:10 UTC · 7KQ2F"
    assert footer(later, alert(), at=NOON + timedelta(days=1)) == (
        "2026-11-22 14:03:22–14:05:10 UTC, sent 24 h later · 7KQ2F"
    )


def test_alerts_less_than_a_second_apart_make_none() -> None:
    assert footer(alert(), alert(observed_at=NOON + timedelta(seconds=0.9))) == "14:03:22 UTC · 7KQ2F"


def test_a_range_over_midnight_has_both_dates() -> None:
    assert footer(alert(), alert(observed_at=NOON + timedelta(hours=10))) == (
        "2026-11-22 14:03:22 – 2026-11-23 00:03:22 UTC · 7KQ2F"
    )


# ---------------------------------------------------------------- notices

ALL_CHAINS = CHAINS.mainnets()


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (
            notice(),
            "👁 Watching Treasury · 0x8e3E…d8B9: 14 balances on 3 chains (Ethereum, Polygon, Base)",
        ),
        (notice(1, [BASE]), "👁 Watching Treasury · 0x8e3E…d8B9: 1 balance on 1 chain (Base)"),
        (notice(label=""), "👁 Watching 0x8e3E…d8B9: 14 balances on 3 chains (Ethereum, Polygon, Base)"),
        (notice(0, ALL_CHAINS[:20]), "👁 Watching Treasury · 0x8e3E…d8B9: nothing held yet on 20 chains"),
        (
            notice(700, ALL_CHAINS[:20]),
            (
                "👁 Watching Treasury · 0x8e3E…d8B9: "
                "700 balances on 20 chains (Ethereum, Polygon, BNB Smart Chain and 17 more)"
            ),
        ),
        (
            notice(1, [BASE], contracts=[USDC]),
            "👁 Watching token 0xA0b8…eB48 in Treasury · 0x8e3E…d8B9: 1 balance on 1 chain (Base)",
        ),
        (
            notice(2, [BASE], [ARBITRUM]),
            (
                "👁 Watching Treasury · 0x8e3E…d8B9: 2 balances on 1 chain (Base). "
                "No answer yet from Arbitrum One; it joins when it answers."
            ),
        ),
        (
            notice(0, [], [ARBITRUM, POLYGON]),
            (
                "👁 Watching Treasury · 0x8e3E…d8B9. "
                "No answer yet from Arbitrum One and Polygon; they join when they answer."
            ),
        ),
    ],
)
def test_a_first_reading_is_told_in_one_line(told: Alert, line: str) -> None:
    assert lines(told) == [line, "14:03:22 UTC · 7KQ2F"]


def test_a_first_reading_says_what_the_account_is_worth_and_its_largest_balances() -> None:
    usdc = PricedBalance(
        Asset(POLYGON, USDC),
        Description("ERC20", "USDC", 6),
        Amount(40_000_500_000),
        Decimal("40000.5"),
    )
    coins = PricedBalance(POL, Description("NATIVE"), Amount(10**18), Decimal("0.22"))
    told = replace(notice(), worth=FirstWorth(Decimal("40000.72"), 12, (usdc, coins)))

    assert lines(told)[1:] == [
        "Worth $40,000.72, not counting 12 balances without a price",
        "    40,000.5 USDC · $40,000.50 · Polygon",
        "    1 POL · $0.22 · Polygon",
        "14:03:22 UTC · 7KQ2F",
    ]
    alike = replace(told, worth=FirstWorth(Decimal(1), 0, (usdc._replace(is_look_alike=True),)))
    assert lines(alike)[2] == "    40,000.5 USDC 0xA0b8…eB48 · $40,000.50 · Polygon"


def test_a_first_reading_of_what_has_no_price_says_so_and_one_of_nothing_says_no_more() -> None:
    unpriced = replace(notice(), worth=FirstWorth(Decimal(0), 14, ()))
    nothing = replace(notice(0), worth=FirstWorth(Decimal(0), 0, ()))

    assert lines(unpriced)[1:-1] == ["Worth unknown: no price of it is known."]
    assert lines(nothing)[1:-1] == []


def test_five_first_readings_are_told_singly() -> None:
    assert len(lines(*[notice()] * 5)) == 6


def test_six_first_readings_fold_into_one_line() -> None:
    told = [notice(10, [BASE], [ARBITRUM], account=Address(f"0x{number:040x}")) for number in range(5)]
    message = composed(*told, notice(3, [POLYGON]))

    assert message.alerts == 6
    assert seen(message.html).split("\n")[0] == (
        "👁 Watching 6 accounts: 53 balances on 2 chains. "
        "No answer yet from Arbitrum One; it joins when it answers."
    )


def test_six_first_readings_of_one_token_say_so_and_mixed_ones_do_not() -> None:
    of_token = [notice(1, [BASE], contracts=[USDC], account=Address(f"0x{n:040x}")) for n in range(6)]

    assert lines(*of_token)[0] == "👁 Watching token 0xA0b8…eB48 in 6 accounts: 6 balances on 1 chain"
    assert lines(*of_token, notice(1, [BASE]))[0].startswith("👁 Watching 7 accounts: 7 balances")


def test_thousands_of_first_readings_are_one_message() -> None:
    assert composed(*[notice()] * 3_000).alerts == 3_000


def test_notices_stand_above_changes() -> None:
    assert [line[:1] for line in lines(alert(), notice())] == ["👁", "", "✨", " ", "1"]
