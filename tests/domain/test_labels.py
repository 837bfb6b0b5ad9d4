import pytest

from bot.domain.chat.labels import CHARACTERS_MOST, Labels
from tests.builders import DAI, TREASURY, USDC, VAULT

DOLLARS = frozenset({USDC, DAI})


@pytest.mark.parametrize("label", ["Treasury", "TREASURY", "treasury"])
def test_a_label_names_one_address_whatever_its_case(label: str) -> None:
    labels = Labels([("Treasury", TREASURY)])

    assert labels.holder(label, VAULT) == labels.holder(label, DOLLARS) == TREASURY
    assert labels.holder(label, TREASURY) is None
    assert labels.holder("Vault", VAULT) is None


def test_a_label_of_contracts_names_these() -> None:
    labels = Labels([("Dollars", DOLLARS)])

    assert labels.holder("dollars", DOLLARS) is None
    assert labels.holder("dollars", TREASURY) == labels.holder("dollars", frozenset({USDC})) == DOLLARS


def test_a_name_that_two_have_already_stays_with_both() -> None:
    labels = Labels([("Till", TREASURY), ("Till", VAULT)])

    assert labels.holder("Till", TREASURY) is labels.holder("Till", VAULT) is None
    assert labels.holder("Till", DOLLARS) == TREASURY


def test_without_a_label_nothing_is_taken() -> None:
    labels = Labels([("", TREASURY)])

    assert labels.holder("", VAULT) is None
    assert labels.free_or_same("", VAULT) == ""


@pytest.mark.parametrize(
    ("label", "free"),
    [
        ("Treasury", "Treasury 2"),
        ("Vault 2", "Vault 4"),
        ("Wallet 007", "Wallet 8"),
        ("x" * CHARACTERS_MOST, "x" * (CHARACTERS_MOST - 2) + " 2"),
    ],
)
def test_beside_a_name_that_is_taken_there_is_a_free_one(label: str, free: str) -> None:
    labels = Labels((name, TREASURY) for name in (label, "VAULT 3"))

    assert labels.free(label) == labels.free_or_same(label, VAULT) == free
    assert labels.free_or_same(label, TREASURY) == label
