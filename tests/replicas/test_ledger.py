"""The ledger finds each thing that may be wrong, and nothing where all is well."""

from collections.abc import Sequence

from tests.replicas.ledger import Held, Told, Verdict, is_all_told, judge

HELD = {"TOK": [Held(10, 0), Held(20, 1), Held(15, 2), Held(30, 3)], "ELSE": [Held(1, 0)]}


def told(number: str, *steps: tuple[int, int], at: float = 5, symbol: str = "TOK") -> Told:
    return Told(number, at, f"{number} {steps}", tuple((symbol, *step) for step in steps))


def verdict(*messages: Told) -> Sequence[object]:
    found = judge(HELD, messages)
    return found.count("lost"), found.count("false"), found.count("disorder"), found.repeated


def test_each_step_told_once_and_in_order_is_right() -> None:
    messages = [told("A", (10, 20), at=4), told("B", (20, 15), (15, 30), at=6)]

    assert judge(HELD, messages) == Verdict(latest=4, latest_of="TOK 15, moved 1970-01-01 00:00:02+00:00")
    assert is_all_told(HELD, messages)


def test_steps_may_be_told_as_one() -> None:
    assert verdict(told("A", (10, 30))) == (0, 0, 0, 0)


def test_what_is_never_told_is_lost() -> None:
    assert verdict(told("A", (10, 20)), told("B", (15, 30))) == (1, 0, 0, 0)
    assert verdict(told("A", (10, 20))) == (1, 0, 0, 0)
    assert not is_all_told(HELD, [told("A", (10, 20))])


def test_a_message_that_comes_again_to_the_letter_is_repeated() -> None:
    assert verdict(told("A", (10, 20)), told("A", (10, 20)), told("B", (20, 30))) == (0, 0, 0, 1)


def test_news_that_comes_again_as_news_is_false() -> None:
    assert verdict(told("A", (10, 20)), told("B", (10, 20)), told("C", (20, 30))) == (0, 1, 0, 0)
    assert verdict(told("A", (10, 20)), told("A", (10, 30)), told("C", (20, 30))) == (0, 1, 0, 1)


def test_what_never_was_is_false() -> None:
    assert verdict(told("A", (10, 30)), told("B", (30, 31))) == (0, 1, 0, 0)
    assert verdict(told("A", (10, 30)), told("B", (1, 2), symbol="OTHER")) == (0, 1, 0, 0)


def test_what_came_earlier_is_told_earlier() -> None:
    assert verdict(told("A", (10, 15)), told("B", (20, 30))) == (0, 0, 1, 0)
    assert verdict(told("A", (10, 30)), told("B", (30, 15))) == (0, 0, 1, 0)
