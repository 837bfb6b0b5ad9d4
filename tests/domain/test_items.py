"""Which ids came and went is told only where they add up to what the Summary says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Items
from bot.domain.observations import Balance, ItemMove, Move, MoveKind, Standing, Verdict
from bot.domain.observe.items import adds_up, item_moves, with_items
from tests.builders import POLYGON, PUNKS, TREASURY, USDC, VERIFIED, asset, held

PUNK = asset(PUNKS)
COLLECTIONS = frozenset({PUNK})


def collected(items: Items, block: int = 10, move: int | None = None) -> Verdict:
    """Return a verdict that says that these items are held now, and one fewer or as many before."""
    after = held(sum(items.values()), uniques=len(items), block=block)
    before = after if move is None else held(after.amount_raw - move, uniques=1, block=9)
    moved = Move(PUNK, before, after, frozenset({VERIFIED}))
    stored = Balance(after, Standing.LISTED) if after.amount_raw else None
    return Verdict(TREASURY, POLYGON, moves=(moved,), balances={PUNK: stored})


def told(verdict: Verdict) -> list[tuple[ItemMove, ...]]:
    return [move.items for move in verdict.moves]


def test_ids_that_came_and_went_are_told() -> None:
    verdict, keep = with_items(
        collected({2: 1, 3: 4}, move=2), COLLECTIONS, {PUNK: {1: 1, 2: 2}}, {PUNK: {2: 1, 3: 4}}
    )

    assert told(verdict) == [(ItemMove(1, 1, 0), ItemMove(2, 2, 1), ItemMove(3, 0, 4))]
    assert keep == {PUNK: {2: 1, 3: 4}}


def test_without_stored_ids_the_count_is_told_and_the_ids_are_stored() -> None:
    verdict, keep = with_items(collected({2: 1, 3: 4}, move=2), COLLECTIONS, {}, {PUNK: {2: 1, 3: 4}})

    assert told(verdict) == [()]
    assert keep == {PUNK: {2: 1, 3: 4}}


def test_the_ids_of_a_collection_that_nothing_was_held_of_are_all_new() -> None:
    first = collected({2: 1, 3: 4}, move=5)

    assert told(with_items(first, COLLECTIONS, {}, {PUNK: {2: 1, 3: 4}})[0]) == [
        (ItemMove(2, 0, 1), ItemMove(3, 0, 4))
    ]
    assert told(with_items(first, COLLECTIONS, {}, {})[0]) == [()]
    (move,) = first.moves
    listed = first._replace(moves=(move._replace(kind=MoveKind.LISTED),))
    assert told(with_items(listed, COLLECTIONS, {}, {PUNK: {2: 1, 3: 4}})[0]) == [()]


@pytest.mark.parametrize("seen", [{}, {PUNK: {2: 1}}, {PUNK: {2: 5}}])
def test_where_ids_are_unknown_or_disagree_the_count_is_told_and_the_stored_ids_are_forgotten(
    seen: dict[object, Items],
) -> None:
    verdict, keep = with_items(
        collected({2: 1, 3: 4}, move=2),
        COLLECTIONS,
        {PUNK: {1: 1}},
        seen,  # type: ignore[arg-type]
    )

    assert told(verdict) == [()]
    assert keep == {PUNK: {}}


def test_all_ids_of_a_collection_that_is_gone_went_without_asking() -> None:
    verdict, keep = with_items(collected({}, move=-3), frozenset(), {PUNK: {1: 2, 7: 1}}, {})

    assert told(verdict) == [(ItemMove(1, 2, 0), ItemMove(7, 1, 0))]
    assert keep == {PUNK: {}}


def test_one_id_that_left_while_another_arrived_is_told() -> None:
    verdict, keep = with_items(collected({2: 1}), COLLECTIONS, {PUNK: {1: 1}}, {PUNK: {2: 1}})

    assert told(verdict) == [(ItemMove(1, 1, 0), ItemMove(2, 0, 1))]
    assert keep == {PUNK: {2: 1}}


def test_a_newer_block_with_the_same_ids_is_nothing() -> None:
    verdict, _ = with_items(collected({2: 1}), COLLECTIONS, {PUNK: {2: 1}}, {PUNK: {2: 1}})

    assert verdict.moves == ()
    assert PUNK in verdict.balances


def test_a_newer_block_of_which_nobody_can_say_more_is_looked_at_again() -> None:
    verdict, keep = with_items(collected({2: 1}), COLLECTIONS, {PUNK: {1: 1}}, {})

    assert verdict.says_nothing_new
    assert keep == {}


def test_a_newer_block_is_told_where_no_ids_are_stored() -> None:
    verdict, _ = with_items(collected({2: 1}), COLLECTIONS, {}, {})

    assert told(verdict) == [()]


def test_tokens_are_left_alone() -> None:
    verdict = Verdict(TREASURY, POLYGON, moves=(Move(asset(USDC), held(1), held(2), frozenset({VERIFIED})),))

    assert with_items(verdict, COLLECTIONS, {}, {}) == (verdict, {})


def test_what_is_only_now_listed_is_told_whatever_its_ids() -> None:
    listed = collected({2: 1}).moves[0]._replace(kind=MoveKind.LISTED)
    verdict, _ = with_items(
        Verdict(TREASURY, POLYGON, moves=(listed,)), COLLECTIONS, {PUNK: {2: 1}}, {PUNK: {2: 1}}
    )

    assert [move.kind for move in verdict.moves] == [MoveKind.LISTED]


some_items = st.dictionaries(st.integers(0, 2**256 - 1), st.integers(1, 2**256 - 1), max_size=8)


@given(some_items, some_items)
def test_moves_applied_to_before_give_after(before: Items, after: Items) -> None:
    result = dict(before)
    for token_id, old, new in item_moves(before, after):
        assert result.get(token_id, 0) == old
        assert old != new
        result[token_id] = new

    assert {token_id: amount for token_id, amount in result.items() if amount} == after


@given(some_items)
def test_items_add_up_to_their_own_sum(items: Items) -> None:
    assert adds_up(items, held(sum(items.values()), uniques=len(items)))
    assert adds_up(items, held(sum(items.values())))
    assert not adds_up(items, held(sum(items.values()) + 1, uniques=len(items)))
    assert not adds_up(items, held(sum(items.values()), uniques=len(items) + 1))
