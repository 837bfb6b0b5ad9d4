"""Message ids: short, never twice, and not alike."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.deliver.delivery import DeliveryId
from bot.domain.deliver.message_ids import delivery_of, message_id

numbers = st.integers(1, 2**50 - 1).map(DeliveryId)


@given(numbers)
def test_a_message_id_is_four_to_ten_capitals_and_digits_and_always_the_same(number: DeliveryId) -> None:
    assert re.fullmatch(r"[A-Z0-9]{4,10}", message_id(number))
    assert message_id(number) == message_id(number)


@given(numbers, numbers)
def test_two_deliveries_never_share_a_message_id(one: DeliveryId, other: DeliveryId) -> None:
    assert (message_id(one) == message_id(other)) == (one == other)


@given(numbers, st.integers(0, 49))
def test_deliveries_a_power_of_two_apart_never_share_a_message_id(number: DeliveryId, power: int) -> None:
    assert message_id(number) != message_id(DeliveryId(number + 2**power))


@pytest.mark.parametrize("start", [1, 2**25 - 50_000, 2**30 - 50_000])
def test_neighbours_never_share_a_message_id(start: int) -> None:
    ids = {message_id(DeliveryId(number)) for number in range(start, start + 100_000)}

    assert len(ids) == 100_000


def test_message_ids_of_neighbours_look_different() -> None:
    one, other = message_id(DeliveryId(1)), message_id(DeliveryId(2))

    assert sum(a != b for a, b in zip(one, other, strict=True)) >= 3


def test_a_message_id_stays_what_it_is_from_release_to_release() -> None:
    assert [message_id(DeliveryId(number)) for number in (1, 2, 1_000_000)] == ["MMZ0N", "99Y1A", "XEVT0"]


@given(st.integers(1, 2**40))
def test_an_id_leads_back_to_its_delivery(number: int) -> None:
    assert delivery_of(message_id(DeliveryId(number))) == number
