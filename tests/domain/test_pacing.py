"""The pace of all sends, against a clock that only the test moves."""

from collections import defaultdict
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.deliver.pacing import Pacer
from tests.examples import examples

ANYWHERE = 1e-6
"""Floats of seconds add up to a little less than they should."""


def pacer(*, overall: float = 25, private: float = 1, group: int = 18) -> Pacer:
    return Pacer(
        messages_per_second=overall, private_messages_per_second=private, group_messages_per_minute=group
    )


def take(pace: Pacer, chat: int, now: float, *, is_group: bool = False) -> float:
    """Let a message leave if it may, and return how long it has to wait otherwise."""
    wait = max(pace.chat_wait(chat, now, is_group=is_group), pace.bot_wait(now))
    if not wait:
        pace.depart(chat, now, is_group=is_group)
    return wait


def departures(
    pace: Pacer, arrivals: Iterable[tuple[int, float]], *, groups: Iterable[int] = ()
) -> dict[int, list[float]]:
    """Send what arrives for each chat, each as soon as the pacer lets it, and return when it left."""
    are_groups = frozenset(groups)
    waiting: dict[int, list[float]] = defaultdict(list)
    for chat, arrived_at in arrivals:
        waiting[chat].append(arrived_at)
    asks_at = {chat: min(arrived) for chat, arrived in waiting.items()}
    left: dict[int, list[float]] = defaultdict(list)
    asks_left = 1000 + 200 * sum(map(len, waiting.values()))
    while asks_at:
        asks_left -= 1
        assert asks_left, "somebody asks for ever"
        chat = min(asks_at, key=lambda one: (asks_at[one], one))
        now = asks_at[chat]
        wait = take(pace, chat, now, is_group=chat in are_groups)
        if wait:
            asks_at[chat] = now + max(wait, ANYWHERE / 1000)
            continue
        left[chat].append(now)
        queue = sorted(waiting[chat])[len(left[chat]) :]
        if queue:
            asks_at[chat] = max(now, queue[0])
        else:
            del asks_at[chat]
    return left


def most_within(moments: list[float], seconds: float) -> int:
    """Return the most moments that fall into any window of this length, its end left out."""
    ordered = sorted(moments)
    return max(
        (sum(start <= moment < start + seconds - ANYWHERE for moment in ordered) for start in ordered),
        default=0,
    )


def takes(pace: Pacer, chat: int, now: float, *, is_group: bool = False) -> bool:
    return take(pace, chat, now, is_group=is_group) == 0


# ---------------------------------------------------------------- private chats


def test_a_private_chat_takes_a_burst_of_three_and_then_one_a_second() -> None:
    left = departures(pacer(overall=1000), [(1, 0.0)] * 6)

    assert left[1] == pytest.approx([0, 0, 0.001, 1, 2, 3], abs=0.01)


def test_a_private_chat_has_its_burst_back_after_a_pause() -> None:
    left = departures(pacer(overall=1000), [(1, 0.0)] * 4 + [(1, 10.0)] * 4)

    assert left[1][4:] == pytest.approx([10, 10, 10.001, 11], abs=0.01)


def test_a_private_chat_that_never_pauses_has_no_more_bursts() -> None:
    left = departures(pacer(overall=1000), [(1, float(second)) for second in range(20)] + [(1, 5.0)] * 3)

    assert most_within(left[1], 1.0) <= 3
    assert most_within(left[1], 10.0) <= 12


# ---------------------------------------------------------------- groups


def test_a_group_takes_one_a_second_and_its_limit_in_a_sliding_minute() -> None:
    left = departures(pacer(), [(1, 0.0)] * 20, groups=[1])

    assert left[1] == pytest.approx([*range(18), 60, 61], abs=0.01)


def test_a_group_with_more_than_one_a_second_takes_all_of_them() -> None:
    left = departures(pacer(overall=1000, group=600), [(1, 0.0)] * 700, groups=[1])

    assert left[1][:600] == pytest.approx([place / 10 for place in range(600)], abs=0.01)
    assert left[1][600] == pytest.approx(60, abs=0.01)


def test_a_group_that_was_quiet_has_its_whole_minute_back() -> None:
    left = departures(pacer(), [(1, 0.0)] * 18 + [(1, 90.0)] * 2, groups=[1])

    assert left[1][18:] == pytest.approx([90, 91], abs=0.01)


# ---------------------------------------------------------------- the whole bot


def test_the_whole_bot_keeps_its_pace_over_many_chats() -> None:
    left = departures(pacer(overall=10), [(chat, 0.0) for chat in range(30)])

    moments = sorted(moment for some in left.values() for moment in some)
    assert most_within(moments, 1.0) <= 11
    assert moments[-1] == pytest.approx(2.8, abs=0.01)


def test_the_wait_that_is_named_is_long_enough_and_not_too_long() -> None:
    pace = pacer(overall=10)
    assert takes(pace, 1, 100.0)
    assert takes(pace, 2, 100.0)

    wait = take(pace, 3, 100.0, is_group=False)

    assert wait == pytest.approx(0.1)
    assert not takes(pace, 3, 100.0 + wait / 2)
    assert takes(pace, 3, 100.0 + wait + ANYWHERE)


def test_a_slow_chat_does_not_delay_another() -> None:
    pace = pacer(overall=1000)
    for moment in range(18):
        assert takes(pace, 1, float(moment), is_group=True)

    assert take(pace, 1, 18.0, is_group=True) == pytest.approx(42)
    assert takes(pace, 2, 18.0, is_group=True)
    assert takes(pace, 3, 18.01)


def test_asking_in_vain_costs_nothing() -> None:
    pace = pacer(overall=1000)
    assert takes(pace, 1, 0.0, is_group=True)

    for hundredth in range(1, 100):
        assert not takes(pace, 1, hundredth / 100, is_group=True)

    assert takes(pace, 1, 1.0, is_group=True)


def test_chats_that_fell_silent_are_forgotten_and_others_are_not() -> None:
    pace = pacer(overall=1e9, private=1e6)
    for chat in range(10_001):
        assert takes(pace, chat, chat / 1000)
    for moment in range(18):
        assert takes(pace, -1, 20.0 + moment, is_group=True)
    for chat in range(10_001):
        assert takes(pace, chat, 40 + chat / 1000)

    assert take(pace, -1, 51.0, is_group=True) == pytest.approx(29)


# ---------------------------------------------------------------- the law

arrivals = st.lists(st.tuples(st.integers(1, 6), st.floats(0, 120)), max_size=80)


@settings(max_examples=examples(60))
@given(arrivals, st.integers(1, 30), st.integers(1, 25), st.floats(0.5, 3))
def test_whatever_arrives_the_limits_hold_and_nothing_is_kept_for_ever(
    arriving: list[tuple[int, float]], overall: int, per_minute: int, private: float
) -> None:
    groups = {1, 2, 3}

    left = departures(pacer(overall=overall, private=private, group=per_minute), arriving, groups=groups)

    assert sum(map(len, left.values())) == len(arriving)
    assert most_within([moment for some in left.values() for moment in some], 1.0) <= overall + 1
    for chat, moments in left.items():
        if chat in groups:
            assert most_within(moments, 60.0) <= per_minute
            assert most_within(moments, 1.0) <= 1
        else:
            assert most_within(moments, 1 / private) <= 3
            assert most_within(moments, 10 / private) <= 3 + 10


# ---------------------------------------------------------------- where it was too much all the same


def test_a_throttled_chat_is_left_alone_as_long_as_telegram_wants() -> None:
    pace = pacer(overall=1000)

    pace.throttled(1, 30, now=100.0)

    assert pace.chat_wait(1, 100.0, is_group=False) == pytest.approx(30)
    assert not takes(pace, 1, 129.9)
    assert takes(pace, 1, 130.0)


def test_a_throttled_chat_delays_no_other() -> None:
    pace = pacer(overall=1000)

    pace.throttled(1, 30, now=100.0)

    assert takes(pace, 2, 100.0)
    assert takes(pace, 3, 100.1, is_group=True)


def test_two_throttled_chats_together_hold_the_whole_bot_for_the_longer_time() -> None:
    pace = pacer(overall=1000)

    pace.throttled(1, 30, now=100.0)
    pace.throttled(2, 10, now=104.0)

    assert pace.bot_wait(104.0) == pytest.approx(26)
    assert not takes(pace, 3, 129.0)
    assert takes(pace, 3, 130.0)


@pytest.mark.parametrize(("second", "later"), [(1, 1.0), (2, 6.0)], ids=["one chat twice", "two chats apart"])
def test_neither_one_chat_nor_two_apart_hold_the_whole_bot(second: int, later: float) -> None:
    pace = pacer(overall=1000)

    pace.throttled(1, 30, now=100.0)
    pace.throttled(second, 10, now=100.0 + later)

    assert takes(pace, 3, 100.0 + later)


def test_a_throttled_private_chat_has_half_its_pace_and_no_burst() -> None:
    pace = pacer(overall=1000)
    pace.throttled(1, 10, now=0.0)

    left = departures(pace, [(1, 10.0)] * 4)

    assert left[1] == pytest.approx([10, 12, 14, 16], abs=0.01)


def test_a_throttled_group_has_half_its_minute() -> None:
    pace = pacer(overall=1000)
    pace.throttled(1, 10, now=0.0)

    left = departures(pace, [(1, 10.0)] * 12, groups=[1])

    assert most_within(left[1], 30.0) == 9


def test_each_quiet_minute_gives_a_tenth_of_the_pace_back() -> None:
    pace = pacer(overall=1000, private=1)
    pace.throttled(1, 0, now=0.0)

    after_two_minutes = departures(pace, [(1, 120.0)] * 2)[1]
    after_five = departures(pace, [(1, 300.0)] * 3)[1]

    assert after_two_minutes == pytest.approx([120, 120 + 1 / 0.7], abs=0.01)
    assert after_five == pytest.approx([300, 300, 300], abs=0.01)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40))
def test_a_chat_throttled_ever_again_still_gets_its_turn(holds: list[float]) -> None:
    pace, now = pacer(overall=1000), 0.0
    for hold in holds:
        pace.throttled(1, hold, now)
        now += hold

    assert pace.chat_wait(1, now, is_group=False) <= 1e-6
    pace.depart(1, now, is_group=False)
    assert pace.chat_wait(1, now, is_group=False) <= 16 + 1e-6


def test_the_whole_bot_waits_a_minute_at_most_for_two_chats_that_wait_for_hours() -> None:
    pace = pacer()

    pace.throttled(1, 3600, 0.0)
    pace.throttled(2, 3600, 1.0)

    assert pace.bot_wait(1.0) == pytest.approx(60)
    assert pace.chat_wait(1, 1.0, is_group=False) == pytest.approx(3599)
