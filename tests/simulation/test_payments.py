"""The judge of explanations: what is right passes, and each way of being wrong is noticed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.simulation.ledger import Cell
from tests.simulation.payments import NOBODY, Explained, Payment, PaymentLedger, Side

A, B, C = (f"0x{number:040x}" for number in (0xA, 0xB, 0xC))
USD = "0x" + "c1" * 20
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
CELL = Cell(A, 1, USD)

FIRST, SECOND, THIRD = Side(10, B, None, 100), Side(11, C, None, -30), Side(12, B, None, 30)


@dataclass
class World:
    """Three payments, of which the last two cancel each other out, and a fourth much later."""

    ledger: PaymentLedger = field(default_factory=PaymentLedger)

    def __post_init__(self) -> None:
        for sender, receiver, block, amount in (
            (B, A, 10, 100),
            (A, C, 11, 30),
            (B, A, 12, 30),
            (A, NOBODY, 40, 7),
        ):
            self.ledger.pays(
                Payment(1, USD, sender, receiver, amount, None, block, NOON + timedelta(seconds=block))
            )


def said(
    outcome: str,
    *sides: Side,
    moved: tuple[int, int] = (0, 100),
    blocks: tuple[int | None, int | None] = (9, 12),
    number: int = 1,
    reason: str = "",
    observed_at: datetime = NOON + timedelta(seconds=15),
) -> Explained:
    before, after = moved
    return Explained(
        number=number,
        cell=CELL,
        is_listing=False,
        before=before,
        after=after,
        items=(),
        block_before=blocks[0],
        block_after=blocks[1],
        previous_at=NOON,
        observed_at=observed_at,
        outcome=outcome,
        reason=reason,
        is_approximate=None in blocks,
        sides=sides,
        transactions=tuple(f"hash of {side.block}" for side in sides),
    )


@pytest.mark.parametrize(
    "right",
    [
        said("explained", FIRST, SECOND, THIRD),
        said("explained", FIRST, blocks=(9, 10)),
        said("explained", FIRST, SECOND, THIRD, blocks=(None, None)),
        said("explained", FIRST, blocks=(None, None)),
        said("partly", FIRST, SECOND),
        said("none"),
        said("unknown", reason="quota"),
    ],
)
def test_what_was_paid_in_between_may_be_said(right: Explained) -> None:
    World().ledger.hears(right)


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        (said("explained", FIRST._replace(counterparty=C), SECOND, THIRD), "never paid"),
        (said("explained", FIRST, FIRST, SECOND, moved=(0, 170)), "never paid"),
        (said("explained", Side(11, C, None, -30), moved=(30, 0), blocks=(11, 12)), "not in between"),
        (said("explained", FIRST, SECOND), "does not add up"),
        (said("explained", FIRST), "left out"),
        (said("explained", SECOND, THIRD, FIRST, moved=(7, 107)), "not what was paid"),
        (said("partly", FIRST, SECOND, THIRD), "the parts are the whole"),
        (said("partly"), "by nothing"),
        (said("none", FIRST), "none are listed"),
        (said("unknown", FIRST, reason="quota"), "nothing is known"),
        (said("unknown"), "for no reason"),
        (said("none", reason="quota"), "for what is known"),
        (
            said("partly", Side(40, NOBODY, None, -7), blocks=(None, None), observed_at=NOON),
            "not in between",
        ),
    ],
)
def test_whatever_else_is_said_is_wrong(wrong: Explained, because: str) -> None:
    with pytest.raises(AssertionError, match=because):
        World().ledger.hears(wrong)


def test_a_payment_explains_one_change_alone_though_what_is_said_of_it_may_be_corrected() -> None:
    ledger = World().ledger
    ledger.hears(said("unknown", reason="quota", blocks=(9, 10)))
    ledger.hears(said("explained", FIRST, blocks=(9, 10)))

    with pytest.raises(AssertionError, match="explains two changes"):
        ledger.hears(said("partly", FIRST, moved=(100, 300), blocks=(9, 12), number=2))


def test_while_the_history_is_whole_nothing_may_be_left_open_that_was_paid() -> None:
    ledger = World().ledger
    ledger.hears(said("unknown", reason="quota"))
    ledger.hears(said("none", moved=(0, 5), number=2))

    ledger.check_that_all_is_explained([2, 3])
    with pytest.raises(AssertionError, match="paid, and not explained"):
        ledger.check_that_all_is_explained([1])
