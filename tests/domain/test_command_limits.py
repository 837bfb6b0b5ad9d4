"""How many commands are answered, as a rule and as laws."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import command_limits
from bot.domain.chat.command_limits import (
    CHANGES_PER_MINUTE,
    GROUP_PER_MINUTE,
    MEMBER_PER_MINUTE,
    PRIVATE_PER_MINUTE,
    PRIVATE_WARNING_SECONDS,
    WINDOW_SECONDS,
    CommandLimiter,
    LimitAction,
    LimitResult,
)

ALICE, BOB, OPS = 1, 2, -3


def look(one: CommandLimiter, now: float = 0.0, *, chat: int = ALICE, user: int = ALICE) -> LimitResult:
    return one.check_look(chat, user, now, is_group=chat < 0)


def actions(
    one: CommandLimiter, times: int, now: float = 0.0, *, chat: int = ALICE, user: int = ALICE
) -> list[LimitAction]:
    return [look(one, now, chat=chat, user=user).action for _ in range(times)]


def test_what_a_person_can_type_is_carried_out() -> None:
    assert set(actions(CommandLimiter(), PRIVATE_PER_MINUTE)) == {LimitAction.ALLOW}


def test_the_first_one_too_many_is_told_and_the_others_are_ignored() -> None:
    one = CommandLimiter()
    actions(one, PRIVATE_PER_MINUTE)

    assert actions(one, 3, 1.0) == [LimitAction.WARN, LimitAction.IGNORE, LimitAction.IGNORE]


def test_when_it_gets_calmer_commands_are_carried_out_and_the_next_flood_is_told_again() -> None:
    one = CommandLimiter()
    actions(one, PRIVATE_PER_MINUTE + 5)

    assert actions(one, PRIVATE_PER_MINUTE, WINDOW_SECONDS) == [LimitAction.ALLOW] * PRIVATE_PER_MINUTE
    assert actions(one, 2, WINDOW_SECONDS + 1) == [LimitAction.WARN, LimitAction.IGNORE]


def test_a_flood_in_a_group_is_answered_as_often_as_before_and_told_once_a_minute() -> None:
    one = CommandLimiter()
    heard = [look(one, float(second), chat=OPS).action for second in range(600)]

    assert heard.count(LimitAction.ALLOW) == 10 * MEMBER_PER_MINUTE
    assert heard.count(LimitAction.WARN) == 10


@given(st.lists(st.floats(0.0, 20.0), min_size=1, max_size=60))
def test_nobody_waits_for_a_word_in_a_private_chat_longer_than_the_pause_between_two(
    pauses: list[float],
) -> None:
    one, now, heard_at = CommandLimiter(), 0.0, 0.0
    actions(one, PRIVATE_PER_MINUTE)
    warned: list[float] = []
    for pause in pauses:
        now += pause
        action = look(one, now).action
        if action is LimitAction.IGNORE:
            assert now - heard_at < PRIVATE_WARNING_SECONDS
            continue
        heard_at = now
        warned += [now] if action is LimitAction.WARN else []

    assert all(after - before >= PRIVATE_WARNING_SECONDS for before, after in pairwise(warned))


def test_changes_beyond_what_anybody_types_are_answered_now_and_then_in_a_private_chat_too() -> None:
    private, group = CommandLimiter(), CommandLimiter()
    for _ in range(CHANGES_PER_MINUTE + 1):
        private.check_change(ALICE, ALICE, 0.0, is_group=False)
        group.check_change(OPS, ALICE, 0.0, is_group=True)

    later = PRIVATE_WARNING_SECONDS
    assert private.check_change(ALICE, ALICE, later, is_group=False) == (LimitAction.WARN, 50)
    assert group.check_change(OPS, ALICE, later, is_group=True) == (LimitAction.IGNORE, 50)


def test_it_goes_on_in_as_many_seconds_as_was_said() -> None:
    one = CommandLimiter()
    for second in range(PRIVATE_PER_MINUTE):
        look(one, float(second))

    assert look(one, 39.5) == (LimitAction.WARN, 21)
    assert look(one, 49.4) == (LimitAction.IGNORE, 11)
    assert look(one, 59.9) == (LimitAction.WARN, 1)
    assert look(one, 60.0) == (LimitAction.ALLOW, 0)


def test_changes_are_not_refused_where_looks_are() -> None:
    one = CommandLimiter()
    actions(one, 100, chat=OPS)

    changes = [one.check_change(OPS, ALICE, 1.0, is_group=True).action for _ in range(CHANGES_PER_MINUTE + 2)]
    assert changes == [LimitAction.ALLOW] * CHANGES_PER_MINUTE + [
        LimitAction.WARN,
        LimitAction.IGNORE,
    ]
    assert one.check_change(OPS, BOB, 1.0, is_group=True).action is LimitAction.ALLOW


def test_changes_leave_looks_their_own() -> None:
    one = CommandLimiter()
    for _ in range(CHANGES_PER_MINUTE):
        one.check_change(ALICE, ALICE, 0.0, is_group=False)

    assert set(actions(one, PRIVATE_PER_MINUTE)) == {LimitAction.ALLOW}


def test_one_member_of_a_group_does_not_silence_the_others() -> None:
    one = CommandLimiter()
    alices = actions(one, 100, chat=OPS, user=ALICE)

    assert alices.count(LimitAction.ALLOW) == MEMBER_PER_MINUTE
    assert actions(one, GROUP_PER_MINUTE - MEMBER_PER_MINUTE, chat=OPS, user=BOB)[-1] is LimitAction.ALLOW


def test_all_members_together_leave_room_for_alerts() -> None:
    one = CommandLimiter()
    heard = [look(one, chat=OPS, user=user).action for user in range(100)]

    assert heard.count(LimitAction.ALLOW) == GROUP_PER_MINUTE
    assert heard.count(LimitAction.WARN) == 1


def test_chats_do_not_count_for_each_other() -> None:
    one = CommandLimiter()
    actions(one, 100)

    assert actions(one, 1, chat=BOB, user=BOB) == [LimitAction.ALLOW]


def test_a_long_answer_is_worth_as_many_commands_as_it_has_messages() -> None:
    one = CommandLimiter()
    actions(one, 1)
    one.count_answer(ALICE, PRIVATE_PER_MINUTE, 0.0, is_group=False)

    assert actions(one, 1) == [LimitAction.WARN]


def test_an_answer_of_one_message_or_none_is_the_command_itself() -> None:
    one = CommandLimiter()
    for messages in (0, 1):
        one.count_answer(ALICE, messages, 0.0, is_group=False)

    assert set(actions(one, PRIVATE_PER_MINUTE)) == {LimitAction.ALLOW}


@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.sampled_from([ALICE, BOB, OPS]), st.sampled_from([ALICE, BOB])),
        max_size=200,
    )
)
def test_no_minute_has_more_than_its_limit_whatever_arrives(steps: list[tuple[float, int, int]]) -> None:
    one, now = CommandLimiter(), 0.0
    carried_out: list[tuple[float, int]] = []
    for pause, chat, user in steps:
        now += pause
        if look(one, now, chat=chat, user=user).action is LimitAction.ALLOW:
            carried_out.append((now, chat))

    for start, chat in carried_out:
        within = [at for at, where in carried_out if where == chat and 0 <= at - start < WINDOW_SECONDS]
        assert len(within) <= (GROUP_PER_MINUTE if chat < 0 else PRIVATE_PER_MINUTE)


def test_whoever_was_quiet_for_longest_is_forgotten_first() -> None:
    one = CommandLimiter()
    for number in range(command_limits.REMEMBERED + 500):
        look(one)
        look(one, chat=number + 10, user=number + 10)

    assert len(one._recent) == command_limits.REMEMBERED
    assert all(len(recent.at) <= PRIVATE_PER_MINUTE for recent in one._recent.values())
    assert actions(one, 1) == [LimitAction.IGNORE], "who goes on is remembered"
