import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.chat.text.alerts import Composed, compose
from bot.chat.text.html import VISIBLE_UNITS_MOST
from bot.domain.assets import AMOUNT_MAX, NATIVE, Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import (
    Alert,
    AlertId,
    Baseline,
    ChangeAlert,
    FirstWorth,
    NoticeAlert,
    PricedBalance,
)
from bot.domain.observations import Change, ItemMove, MoveKind
from bot.domain.rules.loud import MENTIONS_MOST, Loudness, Mention, Sound
from bot.domain.zones import local
from tests.amounts import read_amount
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    HOSTILE_NAMES,
    MARKS,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    moves,
    read,
    seen,
    spoken,
)
from tests.examples import examples

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
POL = Asset(POLYGON, NATIVE)
SKYWVR = Description("ERC1155", "SKYWVR")


def alert(
    before: int = 0,
    after: int = 5,
    *,
    symbol: str | None = "USDC",
    decimals: int | None = 0,
    kind: str = "ERC20",
    asset: Asset = Asset(POLYGON, USDC),  # noqa: B008 - a value
    account: Address = TREASURY,
    label: str = "Treasury",
    price: str | None = None,
    observed_at: datetime = NOON,
    move: MoveKind = MoveKind.MOVED,
    block: int | None = None,
    then: int | None = None,
    former: int | None = None,
) -> ChangeAlert:
    holdings = (Amount(before), Amount(after, block=block))
    change = Change(
        account, asset, move, *holdings, observed_at, price, decimals=then, former_decimals=former
    )
    return ChangeAlert(AlertId(1), change, label, Description(kind, symbol, decimals))


def collection(
    before: Amount,
    after: Amount,
    move: MoveKind = MoveKind.MOVED,
    items: Sequence[tuple[int, int, int]] = (),
    *,
    decimals: int | None = None,
) -> ChangeAlert:
    moves = tuple(ItemMove(*item) for item in items)
    change = Change(TREASURY, Asset(POLYGON, USDC), move, before, after, NOON, items=moves)
    return ChangeAlert(AlertId(1), change, "Treasury", SKYWVR._replace(decimals=decimals))


def notice(
    balances: int = 14,
    seen_on: Sequence[ChainId] = (ETHEREUM, POLYGON, BASE),
    unanswered: Sequence[ChainId] = (),
    *,
    account: Address = TREASURY,
    label: str = "Treasury",
    contracts: Sequence[Address] = (),
) -> NoticeAlert:
    return NoticeAlert(
        AlertId(1),
        Baseline(account, label, balances, tuple(seen_on), tuple(unanswered), tuple(contracts)),
        NOON,
    )


def composed(*alerts: Alert, at: datetime = NOON) -> Composed:
    return compose(alerts, "7KQ2F", CHAINS, at)


def lines(*alerts: Alert) -> list[str]:
    return seen(composed(*alerts).html).split("\n")


def change_line(*alerts: Alert) -> str:
    return moves(seen(composed(*alerts).html))


def footer(*alerts: Alert, at: datetime = NOON) -> str:
    return seen(composed(*alerts, at=at).html).split("\n")[-1]


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


def token(number: int) -> Asset:
    return Asset(POLYGON, Address(f"0x{number:040x}"))


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


# ---------------------------------------------------------------- one change


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (alert(5, 2), "🔴 −3 USDC | 5 → 2"),
        (alert(5, 0), "🔴 −5 USDC | 5 → 0, all of it"),
        (alert(2, 5), "🟢 +3 USDC | 2 → 5"),
        (alert(0, 5), "✨ +5 USDC | 0 → 5"),
        (alert(1, 12_345_678, decimals=7), "🟢 +1.2345677 USDC | 0.000000… → 1.234567…"),
    ],
)
def test_less_more_and_new_have_their_marks(told: Alert, line: str) -> None:
    assert change_line(told) == line


def test_without_decimals_raw_units_are_told() -> None:
    assert change_line(alert(0, 1_500, decimals=None)) == "✨ +1,500 USDC (raw units) | 0 → 1,500"


def test_without_decimals_nothing_is_priced() -> None:
    assert "$" not in change_line(alert(0, 1_500, decimals=None, price="2"))


@pytest.mark.parametrize(
    ("before", "after", "former", "line"),
    [
        (10**18, 2 * 10**6, 18, "🟢 +1 USDC | 1 → 2 | +$2.00"),
        (3 * 10**18, 10**6, 18, "🔴 −2 USDC | 3 → 1 | −$4.00"),
        (10, 2 * 10**6, 1, "🟢 +1 USDC | 1 → 2 | +$2.00"),
        (10**18 + 1, 2 * 10**6, 18, "🟢 +0.999999999999999999 USDC | 1.000000… → 2 | +$2.00"),
        (10**6, 2 * 10**6, 18, "🟢 +1 USDC | 1 → 2 | +$2.00"),
    ],
    ids=["gain", "loss", "more decimals", "exact", "corrected"],
)
def test_each_amount_is_told_in_the_units_of_its_time(
    before: int, after: int, former: int, line: str
) -> None:
    assert change_line(alert(before, after, decimals=9, then=6, former=former, price="2")) == line


def test_where_nobody_can_tell_the_units_raw_ones_are_told_and_not_priced() -> None:
    told = alert(10**18, 0, decimals=6, then=6, former=18, price="2")

    assert change_line(told) == (
        "🔴 −1,000,000,000,000,000,000 USDC (raw units) | 1,000,000,000,000,000,000 → 0, all of it"
    )


def test_a_change_is_told_by_the_decimals_that_were_known_when_it_was_observed() -> None:
    assert change_line(alert(1_000, 2_000, decimals=6, then=3)) == "🟢 +1 USDC | 1 → 2"
    assert change_line(alert(1_000, 2_000, decimals=3)) == "🟢 +1 USDC | 1 → 2"


def test_a_native_coin_without_decimals_has_those_of_its_chain() -> None:
    told = alert(0, 5 * 10**17, symbol=None, decimals=None, kind="NATIVE", asset=POL)

    assert change_line(told) == "✨ +0.5 POL | 0 → 0.5"


def test_a_token_without_a_symbol_is_its_short_contract() -> None:
    for symbol in (None, "", "\u200b"):
        assert change_line(alert(symbol=symbol)) == "✨ +5 0xA0b8…eB48 | 0 → 5"


def test_two_contracts_with_one_symbol_are_told_apart() -> None:
    fake = Asset(POLYGON, OTHER)

    shown = change_line(alert(), alert(symbol="us\u200bdc", asset=fake)).split("\n")

    assert shown == ["✨ +5 USDC 0xA0b8…eB48 | 0 → 5", "✨ +5 usdc 0x0D0D…0d0d | 0 → 5"]


def test_a_lone_token_whose_symbol_another_one_is_known_by_shows_its_contract() -> None:
    assert change_line(replace(alert(), is_look_alike=True)) == "✨ +5 USDC 0xA0b8…eB48 | 0 → 5"


@pytest.mark.parametrize(
    "symbol",
    [
        "\uff35\uff33\uff24\uff23",
        "US\u200bDC",
        "USDC\ufe0f",
        "U\u0405DC",
        "\U0001d414\U0001d412\U0001d403\U0001d402",
        "USDC\u3164",
        "日本",
    ],
)
def test_a_symbol_that_is_not_plain_shows_its_contract_though_it_is_alone(symbol: str) -> None:
    assert " 0xA0b8…eB48 | 0 → 5" in change_line(alert(symbol=symbol))


@pytest.mark.parametrize(
    "symbol",
    ["0xA0b8...eB49", "USDC 0xA0b8...eB49", "OXA0B8_EB49", "USDC ", "A long name of more than 32 letters"],
)
def test_a_symbol_that_is_not_shown_whole_or_reads_like_an_address_shows_its_contract(symbol: str) -> None:
    assert " 0xA0b8…eB48 | 0 → 5" in change_line(alert(symbol=symbol))


@pytest.mark.parametrize("symbol", ["USDC.e", "0xBTC", "A name of just 32 letters or so."])
def test_a_symbol_of_plain_letters_that_is_shown_whole_stands_alone(symbol: str) -> None:
    assert f" {symbol} | 0 → 5" in change_line(alert(symbol=symbol))


SPEECH = (
    "1,000",
    " ",
    "USDC",
    "0",
    "→",
    "5",
    "M",
    "k",
    "e18",
    "x10",
    "UTC",
    "·",
    "AAAAA",
    "7KQ2F",
    "🟢",
    "🔻",
)
MORE_SPEECH = (
    "+",
    "−",
    "-",
    "$",
    ":",
    "04:10:00",
    "\u200b",
    "\n",
    ".",
    "<code>",
    "</code>",
    "&",
    "l",
    "0x8e3E…d8B9",
)


@given(
    symbol=st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from(SPEECH + MORE_SPEECH), max_size=6).map("".join),
        st.sampled_from(HOSTILE_NAMES),
    ),
    move=st.sampled_from(MoveKind),
    alike=st.booleans(),
)
@example(symbol="K/A", move=MoveKind.MOVED, alike=False)
@example(symbol="utc-x", move=MoveKind.MOVED, alike=False)
def test_no_symbol_is_read_as_an_amount_a_time_or_an_id(*, symbol: str, move: MoveKind, alike: bool) -> None:
    harmless, hostile = (
        composed(replace(alert(1, 4, symbol=one, move=move, price="2"), is_look_alike=alike)).html
        for one in ("Name", symbol)
    )

    assert spoken(hostile) == spoken(harmless)


def test_one_symbol_on_two_chains_needs_no_contract() -> None:
    assert "0xA0b8" not in "".join(lines(alert(), alert(asset=Asset(BASE, OTHER))))


def test_one_contract_in_two_accounts_needs_no_contract() -> None:
    assert "0xA0b8" not in "".join(lines(alert(), alert(account=VAULT)))


def test_a_token_that_borrows_the_native_symbol_shows_its_contract() -> None:
    assert change_line(alert(symbol="pol")) == "✨ +5 pol 0xA0b8…eB48 | 0 → 5"


@pytest.mark.parametrize("kind", ["ERC721", "ERC721_BRIDGE"])
def test_unique_items_are_counted_whatever_their_decimals(kind: str) -> None:
    told = alert(1, 3, kind=kind, decimals=18, symbol="SKYWVR")

    assert change_line(told) == "🟢 +2 SKYWVR | 1 → 3"


@pytest.mark.parametrize("kind", ["ERC1155", "ERC6909", "ERC1155_BRIDGE"])
def test_items_have_decimals_where_the_source_says_so(kind: str) -> None:
    told = alert(0, 1_500_000_000_000_000_000, kind=kind, decimals=18, symbol="GOLD")

    assert change_line(told) == "✨ +1.5 GOLD | 1.5 held"


@pytest.mark.parametrize("kind", ["ERC1155", "ERC6909", "ERC1155_BRIDGE"])
def test_items_count_whole_where_nobody_says_what_their_decimals_are(kind: str) -> None:
    assert change_line(alert(1, 3, kind=kind, decimals=None, symbol="SKYWVR")) == "🟢 +2 SKYWVR | 1 → 3"


def test_the_ids_of_a_collection_have_its_decimals() -> None:
    less = collection(Amount(1_700, 12), Amount(1_650, 12), items=[(5, 99, 49)], decimals=2)
    exchange = collection(Amount(150, 1), Amount(150, 1), items=[(5, 150, 0), (6, 0, 150)], decimals=2)

    assert change_line(less) == "🔴 −0.5 SKYWVR | 17 → 16.5 · 12 ids · fewer: #5 (0.99 → 0.49)"
    assert change_line(exchange) == "⇄ SKYWVR exchanged | 1.5 items · 1 id · gone: #5 ×1.5 · new: #6 ×1.5"  # noqa: RUF001 - times


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (Amount(1_700, 12), Amount(1_701, 13), "🟢 +1 SKYWVR | 1,700 → 1,701 · 12 → 13 ids"),
        (Amount(1_700, 12), Amount(1_701, 12), "🟢 +1 SKYWVR | 1,700 → 1,701 · 12 ids"),
        (Amount(1_700), Amount(1_701, 13), "🟢 +1 SKYWVR | 1,700 → 1,701 · 13 ids"),
        (Amount(1_700, 12), Amount(1_701), "🟢 +1 SKYWVR | 1,700 → 1,701"),
        (Amount(0), Amount(1, 1), "✨ +1 SKYWVR | 1 held"),
        (Amount(1, 1), Amount(0), "🔴 −1 SKYWVR | 1 → 0, all of it"),
        (Amount(1_700, 12), Amount(1_700, 13), "⇄ SKYWVR exchanged | 1,700 items · 12 → 13 ids"),
        (Amount(1, 1), Amount(1, 1), "⇄ SKYWVR exchanged | 1 item · 1 id"),
    ],
)
def test_a_collection_tells_its_ids_where_they_are_known(before: Amount, after: Amount, line: str) -> None:
    assert change_line(collection(before, after)) == line


def test_a_collection_tells_on_the_same_line_which_ids_came_and_went() -> None:
    less = collection(Amount(1_700, 12), Amount(1_698, 11), items=[(65538, 1, 0), (65540, 99, 98)])
    exchange = collection(Amount(13, 12), Amount(13, 12), items=[(12, 1, 0), (77, 0, 1)])

    assert change_line(less) == (
        "🔴 −2 SKYWVR | 1,700 → 1,698 · 12 → 11 ids · gone: #65538 · fewer: #65540 (99 → 98)"
    )
    assert change_line(exchange) == "⇄ SKYWVR exchanged | 13 items · 12 ids · gone: #12 · new: #77"


def test_what_is_only_now_listed_has_no_sign() -> None:
    listed = collection(Amount(0), Amount(1_700, 12, 70_880_011), MoveKind.LISTED)

    assert change_line(listed) == "◦ 1,700 SKYWVR now listed | held since block 70,880,011"


def test_what_is_only_now_listed_without_a_block_was_held_before() -> None:
    assert change_line(alert(0, 5, move=MoveKind.LISTED)) == "◦ 5 USDC now listed | held before"


def test_what_is_only_now_listed_without_decimals_says_so() -> None:
    told = alert(0, 5, move=MoveKind.LISTED, decimals=None)

    assert change_line(told) == "◦ 5 USDC (raw units) now listed | held before"


@pytest.mark.parametrize(
    ("before", "after", "price", "worth"),
    [
        (0, 2, "1.5", " | +$3.00"),
        (2, 0, "1.5", " | −$3.00"),
        (0, 1, "0.001", " | <$0.01"),
        (0, 1, None, ""),
        (0, 1, "", ""),
        (0, 1, "0", ""),
        (0, 1, "-1", ""),
        (0, 1, "NaN", ""),
        (0, 1, "1e999999", ""),
        (0, AMOUNT_MAX, "1e999999", ""),
        (0, 1, "1e350", ""),
        (0, 1, "1e-999999", " | <$0.01"),
    ],
)
def test_a_price_decorates_or_is_left_out(before: int, after: int, price: str | None, worth: str) -> None:
    assert change_line(alert(before, after, price=price)) == (f"{change_line(alert(before, after))}{worth}")


@pytest.mark.parametrize(
    ("old", "worth"),
    [
        (timedelta(0), " | −$10.00"),
        (timedelta(hours=1), " | −$10.00"),
        (timedelta(hours=-1), " | −$10.00"),
        (timedelta(minutes=61), " | −$10.00, price 61 min old"),
        (timedelta(hours=3), " | −$10.00, price 3 h old"),
        (timedelta(days=9), " | −$10.00, price 9 days old"),
    ],
)
def test_a_price_of_more_than_an_hour_ago_says_its_age(old: timedelta, worth: str) -> None:
    told = alert(5, 0, price="2")
    told = replace(told, change=replace(told.change, priced_at=NOON - old))

    assert change_line(told) == f"🔴 −5 USDC | 5 → 0, all of it{worth}"


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


# ---------------------------------------------------------------- laws

NAMES = st.one_of(st.none(), st.sampled_from(HOSTILE_NAMES), st.text(), st.just("USDC"))
AMOUNTS = st.one_of(st.integers(0, AMOUNT_MAX), st.integers(0, 10), st.just(AMOUNT_MAX))
HOLDINGS = st.builds(
    Amount, AMOUNTS, st.one_of(st.none(), AMOUNTS), st.one_of(st.none(), st.integers(0, 2**64))
)
CHAIN_IDS = st.sampled_from([ETHEREUM, POLYGON, BASE, ChainId(2**53)])
ACCOUNTS = st.sampled_from([TREASURY, VAULT])
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=3)).map(lambda later: NOON + later)
CHANGE_ALERTS = st.builds(
    ChangeAlert,
    st.just(AlertId(1)),
    st.builds(
        Change,
        ACCOUNTS,
        st.builds(Asset, CHAIN_IDS, st.sampled_from([NATIVE, USDC, OTHER])),
        st.sampled_from(MoveKind),
        HOLDINGS,
        HOLDINGS,
        MOMENTS,
        st.one_of(st.none(), st.text(), st.decimals().map(str), st.sampled_from(["1", "1e99999"])),
        st.lists(st.builds(ItemMove, AMOUNTS, AMOUNTS, AMOUNTS), max_size=9).map(tuple),
    ),
    NAMES.map(lambda name: name or ""),
    st.builds(
        Description,
        st.sampled_from(["NATIVE", "ERC20", "ERC721", "ERC1155", "UNKNOWN"]),
        NAMES,
        st.one_of(st.none(), st.integers(0, 255)),
    ),
)
NOTICE_ALERTS = st.builds(
    NoticeAlert,
    st.just(AlertId(1)),
    st.builds(
        Baseline,
        ACCOUNTS,
        NAMES.map(lambda name: name or ""),
        st.integers(0, 10**9),
        st.lists(CHAIN_IDS, unique=True).map(tuple),
        st.lists(CHAIN_IDS, unique=True).map(tuple),
    ),
    MOMENTS,
)
ALERTS = st.lists(st.one_of(CHANGE_ALERTS, CHANGE_ALERTS, NOTICE_ALERTS), min_size=1, max_size=12).flatmap(
    lambda alerts: st.integers(1, 12).map(lambda times: alerts * times)
)
A_SIGNED_NUMBER = re.compile(r"(?<!\w)[+\u2212]\s*\d")


@settings(max_examples=examples(60))
@given(ALERTS)
def test_every_message_is_one_that_telegram_takes(alerts: list[Alert]) -> None:
    message = compose(alerts, "7KQ2F", CHAINS, NOON)

    reader = read(message.html)
    assert 1 <= message.alerts <= len(alerts)
    assert len(reader.visible.encode("utf-16-le")) // 2 <= 3_900
    assert len(message.html.encode()) <= 16_000
    assert len(reader.tags) - reader.tags.count("b") <= 90
    assert reader.visible.endswith(" UTC · 7KQ2F")
    assert set(reader.urls) <= {
        f"{CHAINS.get(chain).explorer_url}/address/{account}"
        for chain in (ETHEREUM, POLYGON, BASE)
        for account in (TREASURY, VAULT)
    }


@settings(max_examples=examples(30))
@given(ALERTS)
def test_composing_again_and_again_tells_everything(alerts: list[Alert]) -> None:
    left, told = alerts, 0
    while left:
        message = compose(left, "7KQ2F", CHAINS, NOON)
        told += message.alerts
        left = left[message.alerts :]

    assert told == len(alerts)


@settings(max_examples=examples(60))
@given(ALERTS)
def test_each_change_told_is_one_line_and_no_other_line_has_a_mark(alerts: list[Alert]) -> None:
    message = compose(alerts, "7KQ2F", CHAINS, NOON)

    shown = seen(message.html).split("\n")
    changes = sum(isinstance(alert, ChangeAlert) for alert in alerts[: message.alerts])
    assert sum(line.startswith(MARKS) for line in shown) == changes


@settings(max_examples=examples(60))
@given(ALERTS)
def test_each_step_that_was_held_back_is_counted_in_one_line(alerts: list[Alert]) -> None:
    kept = [replace(one, was_muted=True) for one in alerts if isinstance(one, ChangeAlert)] or [alert()]
    message = compose(kept, "7KQ2F", CHAINS, NOON)

    shown = seen(message.html).split("\n")
    steps = [
        int(found[1].replace(",", "")) if (found := re.search(r" in ([\d,]+) steps", below)) else 1
        for line, below in pairwise(shown)
        if line.startswith(MARKS)
    ]
    assert sum(steps) == message.alerts


BROKEN = replace(alert(7, 9), description=None)  # type: ignore[arg-type] # as by a bug


def test_an_alert_that_has_no_words_is_told_alone_in_bare_numbers() -> None:
    message = composed(BROKEN, alert())

    assert message.alerts == 1
    assert message.trouble is not None
    shown = seen(message.html)
    assert "7 → 9" in shown
    assert TREASURY in shown
    assert "chain 137" in shown
    assert USDC in shown
    assert shown.endswith(" UTC · 7KQ2F")


def test_an_alert_that_has_no_words_silences_none_before_or_behind_it() -> None:
    left: list[Alert] = [alert(after=number) for number in range(1, 31)]
    left[20] = BROKEN
    told = []
    while left:
        message = composed(*left)
        told.append(message.alerts)
        left = left[message.alerts :]

    assert told == [20, 1, 9]


def test_a_notice_that_has_no_words_is_told_to_be_there() -> None:
    broken = NoticeAlert(AlertId(1), None, NOON)  # type: ignore[arg-type]

    assert "could not be put into words" in seen(composed(broken).html)


@given(CHANGE_ALERTS)
def test_any_single_alert_fits(told: ChangeAlert) -> None:
    long = replace(
        told, label="👁\u0301\u0301\u0301\u0301&" * 90, description=Description("ERC20", "&" * 900, 255)
    )

    assert composed(long).alerts == 1
    assert len(seen(composed(long).html)) < 2_000


LONGEST_NAMES = tuple(Mention("@" + f"{number:_>32}", 10**12 + number) for number in range(MENTIONS_MOST))


@given(CHANGE_ALERTS)
def test_any_single_alert_fits_with_all_whom_it_may_call(told: ChangeAlert) -> None:
    calling = replace(told, label="&" * 90, loudness=Loudness(Sound.RING, LONGEST_NAMES))

    message = composed(calling)

    assert len(seen(message.html)) < VISIBLE_UNITS_MOST
    assert read(message.html).urls[-MENTIONS_MOST:] == [
        f"tg://user?id={one.user_id}" for one in LONGEST_NAMES
    ]


def test_a_message_does_not_outgrow_its_limit_by_those_whom_it_calls() -> None:
    many = [alert(1, number, symbol=f"T{number}", asset=token(number)) for number in range(2, 200)]
    calling = [
        replace(one, loudness=Loudness(Sound.RING, (Mention(f"@{number:_>32}", number + 1),)))
        for number, one in enumerate(many)
    ]

    message = composed(*calling)

    assert 1 < message.alerts < composed(*many).alerts
    assert len(seen(message.html)) <= VISIBLE_UNITS_MOST
    assert message.html.count("tg://user?id=") == message.alerts


def test_an_alert_calls_people_in_a_line_above_its_moment_each_once() -> None:
    olga, petr = Mention("@olga<b>", 7001), Mention("@petr")
    calling = [replace(alert(1, 2), loudness=Loudness(Sound.RING, some)) for some in ((olga,), (petr, olga))]

    message = composed(*calling)

    assert seen(message.html).split("\n")[-2] == "🔔 @olga<b> @petr"
    assert message.html.count("tg://user?id=7001") == 1
    assert '<a href="tg://user?id=7001">@olga&lt;b&gt;</a> @petr' in message.html


def test_an_alert_that_calls_nobody_has_no_such_line() -> None:
    assert "🔔" not in composed(replace(alert(1, 2), loudness=Loudness(Sound.RING))).html


def test_an_alert_without_words_still_calls_its_people() -> None:
    calling = replace(BROKEN, loudness=Loudness(Sound.RING, (Mention("@petr"),)))

    assert "🔔 @petr" in composed(calling).html


@given(AMOUNTS, AMOUNTS, st.integers(0, 36))
def test_the_signed_amount_is_the_difference_to_the_last_unit(before: int, after: int, decimals: int) -> None:
    if before == after:
        return
    line = change_line(alert(before, after, decimals=decimals))

    _, amount, symbol = line.split(" ")[:3]
    assert symbol == "USDC"
    assert amount[0] == ("+" if after > before else "−")
    assert read_amount(amount.removeprefix("+")) * 10**decimals == after - before


@settings(max_examples=examples(60))
@given(ALERTS)
def test_only_change_lines_pair_a_symbol_with_a_signed_number(alerts: list[Alert]) -> None:
    html = compose(alerts, "7KQ2F", CHAINS, NOON).html
    for line in seen(re.sub(r"<code>.*?</code>", "¤", html)).split("\n"):
        assert len(A_SIGNED_NUMBER.findall(line)) == (line[:2] in MARKS[:3])


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_stays_in_its_place(name: str) -> None:
    message = composed(alert(symbol=name, label=name), notice(label=name))

    assert "<" not in re.sub(r"</?(b|code)>|<a href=\"[^\"<]*\">|</a>", "", message.html)
    assert "\u202e" not in message.html
    assert [line[:1] for line in seen(message.html).split("\n")[-3:]] == ["✨", " ", "1"]
    assert len(seen(message.html).split("\n")) == 5


@pytest.mark.parametrize(
    "name", ["@mention", "evil.example", "/command", "+1,000,000 USDC", "U\u0405D\u0421"]
)
def test_a_name_that_could_become_a_link_is_code(name: str) -> None:
    assert name in read(composed(alert(symbol=name)).html).code


def test_as_many_alerts_as_fit_are_told() -> None:
    alerts = [alert(number, number + 1) for number in range(500)]

    told = composed(*alerts).alerts

    assert 100 < told < 500
    assert not _would_fit(alerts[: told + 1])


def test_each_contract_shown_counts_against_the_formats_of_a_message() -> None:
    alerts = [
        alert(symbol=None, asset=Asset(POLYGON, Address(f"0x{number:040x}"))) for number in range(1, 200)
    ]

    message = composed(*alerts)

    assert message.alerts == 88
    assert sum(tag != "b" for tag in read(message.html).tags) == 90


def _would_fit(alerts: Sequence[Alert]) -> bool:
    return compose(alerts, "7KQ2F", CHAINS, NOON).alerts == len(alerts)
