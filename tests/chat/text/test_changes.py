from hypothesis import given
from hypothesis import strategies as st

from bot.chat.text.changes import items_moved
from bot.domain.assets import AMOUNT_MAX
from bot.domain.observations import ItemMove


def moved(*moves: tuple[int, int, int]) -> str:
    return " · ".join(items_moved(ItemMove(*move) for move in moves))


def test_what_came_and_went_is_named_by_its_ids() -> None:
    assert moved((12, 1, 0), (77, 0, 1)) == "gone: #12 · new: #77"


def test_fewer_and_more_of_an_id_show_both_amounts() -> None:
    assert moved((5, 99, 98), (6, 1, 1_000)) == "fewer: #5 (99 → 98) · more: #6 (1 → 1,000)"


def test_several_of_an_id_that_came_or_went_are_counted() -> None:
    assert moved((12, 3, 0), (77, 0, 5)) == "gone: #12 ×3 · new: #77 ×5"  # noqa: RUF001 - times


def test_ids_are_in_order_and_what_did_not_move_is_left_out() -> None:
    assert moved((9, 1, 0), (7, 1, 0), (8, 2, 2)) == "gone: #7, #9"


def test_six_ids_are_all_named() -> None:
    assert moved(*((number, 1, 0) for number in range(6))) == "gone: #0, #1, #2, #3, #4, #5"


def test_of_more_some_of_each_kind_are_named() -> None:
    gone = [(number, 1, 0) for number in range(100, 117)]

    assert moved(*gone, (7, 0, 1)) == "gone: #100, #101, #102 and 14 more · new: #7"


def test_an_id_of_many_digits_shows_both_ends() -> None:
    assert moved((AMOUNT_MAX, 0, 1)) == "new: #1157…9935"


def test_an_amount_of_many_digits_is_left_to_the_line() -> None:
    assert moved((5, AMOUNT_MAX, 1), (6, AMOUNT_MAX, 0)) == "gone: #6 · fewer: #5"


def test_nothing_known_is_nothing_told() -> None:
    assert moved() == ""


@given(
    st.lists(
        st.builds(ItemMove, *[st.one_of(st.integers(0, 3), st.integers(0, AMOUNT_MAX))] * 3), max_size=200
    )
)
def test_whatever_moved_it_is_short_and_has_no_sign(moves: list[ItemMove]) -> None:
    words = " · ".join(items_moved(moves))

    assert len(words) < 600
    assert not set(words) & set("+−\n")
