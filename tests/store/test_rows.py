from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from bot.domain.assets import AMOUNT_MAX, NATIVE, NATIVE_PART, Address, Amount, Asset, ChainId, Part
from bot.domain.observations import Balance, ItemMove, Standing
from bot.domain.rules.conditions import Condition, Direction
from bot.domain.rules.loud import AS_EVER, Loudness, LoudRule, Mention, Sound
from bot.domain.subscriptions import EVERYTHING, DestinationId, Scope, Subscription, SubscriptionId
from bot.store import rows
from bot.store.database.schema import migrations

amounts = st.integers(0, AMOUNT_MAX) | st.sampled_from([0, 2**63 - 1, 2**63, 2**64, 10**18, AMOUNT_MAX])
blocks = st.none() | st.integers(1, 2**63 - 1)
addresses = st.binary(min_size=20, max_size=20).map(lambda blob: Address("0x" + blob.hex()))
parts = st.sampled_from([NATIVE_PART, Part("VERIFIED"), Part("ALL")]) | addresses.map(Part)
chain_ids = st.integers(1, 2**63 - 1).map(ChainId)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
holdings = st.builds(Amount, amounts, st.none() | amounts, blocks)

_DB = Database(memory=True, execute_plugins=False, strict=True)
migrations.apply(_DB)


def stored(table: str, columns: str, *values: object) -> tuple[object, ...]:
    """Return what a real table makes of a row."""
    marks = ", ".join("?" * len(values))
    _DB.execute("BEGIN")
    _DB.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)
    row = _DB.execute(f"SELECT {columns} FROM {table}").fetchone()
    _DB.rollback()
    return tuple(row)


@given(st.builds(Balance, holdings, st.sampled_from(Standing), st.none() | amounts))
def test_every_balance_comes_back_from_its_table(balance: Balance) -> None:
    columns = "account_id, asset_id, amount, uniques, block, standing, told"

    row = stored("balance", columns, 1, 2, *rows.balance_to_row(balance))

    assert rows.to_balance(*row[2:]) == balance  # type: ignore[arg-type]


@given(st.lists(st.builds(ItemMove, amounts, amounts, amounts)).map(tuple))
def test_ids_that_came_and_went_come_back_exactly(items: tuple[ItemMove, ...]) -> None:
    assert rows.to_item_moves(rows.items_to_json(items)) == items


@given(holdings, holdings)
def test_every_change_comes_back_from_its_table(before: Amount, after: Amount) -> None:
    columns = (
        "account_id, asset_id, kind, before, uniques_before, after, uniques_after, block, observed_at, sweep"
    )
    old, old_uniques, _ = rows.holding_to_row(before)
    new, new_uniques, block = rows.holding_to_row(after)

    row = stored("change", columns, 1, 2, "moved", old, old_uniques, new, new_uniques, block, 0, 1)

    assert rows.to_holding(row[3], row[4], None) == before._replace(block=None)  # type: ignore[arg-type]
    assert rows.to_holding(row[5], row[6], row[7]) == after  # type: ignore[arg-type]


@given(parts)
def test_every_part_comes_back_from_its_table(part: Part) -> None:
    row = stored("coverage", "account_id, chain_id, part", 1, 1, rows.part_to_blob(part))

    assert rows.to_part(row[2]) == part  # type: ignore[arg-type]


@given(parts, parts)
def test_no_two_parts_are_stored_alike(one: Part, other: Part) -> None:
    assert (rows.part_to_blob(one) == rows.part_to_blob(other)) == (one == other)


@given(addresses)
def test_an_address_is_twenty_bytes_and_comes_back(address: Address) -> None:
    blob = rows.to_blob(address)

    assert len(blob) == 20
    assert rows.to_address(blob) == address


def test_the_native_coin_is_no_bytes_at_all() -> None:
    assert rows.to_blob(NATIVE) == b""
    assert rows.to_asset(137, b"") == Asset(ChainId(137), NATIVE)


@given(moments)
def test_a_moment_comes_back_to_the_millisecond_and_never_later(moment: datetime) -> None:
    back = rows.to_moment(rows.to_milliseconds(moment))

    assert timedelta() <= moment - back < timedelta(milliseconds=1)
    assert back.tzinfo is UTC


@given(moments, st.integers(-12, 12))
def test_a_moment_is_the_same_in_every_time_zone(moment: datetime, hours: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))

    assert rows.to_milliseconds(elsewhere) == rows.to_milliseconds(moment)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        rows.to_milliseconds(datetime(2026, 1, 1))  # noqa: DTZ001


def test_nothing_is_no_moment() -> None:
    assert rows.to_moment_or_none(None) is None
    assert rows.to_moment_or_none(0) == datetime(1970, 1, 1, tzinfo=UTC)


@given(
    st.builds(
        Subscription,
        st.integers(1).map(SubscriptionId),
        st.integers(1).map(DestinationId),
        st.none() | addresses,
        st.builds(Scope, st.frozensets(addresses), st.frozensets(chain_ids)),
        st.text(),
    ),
    st.integers(1),
)
def test_a_subscription_comes_back(subscription: Subscription, number: int) -> None:
    row = (
        subscription.id,
        subscription.destination_id,
        number,
        rows.to_blob(subscription.account) if subscription.account else None,
        subscription.label,
        rows.condition_to_json(subscription.filter),
        rows.condition_to_json(subscription.place_filter),
        rows.loud_rule_to_json(subscription.loud),
        rows.loud_rule_to_json(subscription.place_loud),
        *rows.scope_to_columns(subscription.scope).values(),
    )

    assert rows.to_subscription(row) == subscription
    assert rows.to_listed(row).number == number


mentions = st.lists(st.builds(Mention, st.text(), st.none() | st.integers(1, 2**52))).map(tuple)
conditions = st.builds(Condition, st.none() | st.sampled_from(Direction), chains=st.frozensets(chain_ids))


@given(st.none() | st.builds(LoudRule, conditions, mentions))
def test_a_loud_rule_comes_back(rule: LoudRule | None) -> None:
    assert rows.to_loud_rule(rows.loud_rule_to_json(rule)) == rule


@given(st.just(AS_EVER) | st.builds(Loudness, st.sampled_from(Sound), mentions))
def test_how_an_alert_arrives_comes_back(loudness: Loudness) -> None:
    assert rows.to_loudness(*rows.loudness_to_row(loudness)) == loudness


def test_a_scope_stored_before_any_of_its_columns_existed_means_everything() -> None:
    assert rows.to_scope({}) == EVERYTHING


@given(st.lists(chain_ids, unique=True))
def test_equal_sets_are_equal_texts_in_whatever_order_they_come(chains: list[ChainId]) -> None:
    assert rows.words_of(chains) == rows.words_of(reversed(chains))


def test_unknown_decimals_are_not_zero() -> None:
    assert rows.to_description("ERC20", None, None, 0).decimals is None
    assert rows.to_description("ERC20", None, 0, 0).decimals == 0


@pytest.mark.parametrize(
    ("page", "total", "shown"),
    [(1, 0, (1, 1)), (0, 21, (1, 3)), (3, 21, (3, 3)), (4, 21, (3, 3)), (2, 20, (2, 2)), (3, 20, (2, 2))],
)
def test_a_page_that_is_not_there_is_the_nearest_one(page: int, total: int, shown: tuple[int, int]) -> None:
    assert rows.within_pages(page, total, 10) == shown
