"""What mutes hold, and when they are over."""

from datetime import timedelta

import pytest

from bot.domain.alerts import Baseline, Blind, ChainGone, Gap, SeenAgain, Unreadable
from bot.domain.model import Address
from bot.domain.muting import Mute, accounts_of, holds, is_over, receipt
from tests.builders import NOON, POLYGON, TREASURY, VAULT, at

OF_TREASURY, OF_VAULT = (Gap(POLYGON, account, "", NOON) for account in (TREASURY, VAULT))
OF_THE_CHAIN = Gap(POLYGON, None, "", NOON)
ALONE, BOTH, OF_MORE = frozenset({TREASURY}), frozenset({TREASURY, VAULT}), frozenset[Address]()


def mute(since: float = 0, until: float = 3600) -> Mute:
    return Mute(1, None, "", at(since), at(until))


def test_a_mute_of_everything_holds_everything() -> None:
    assert all(holds([None], about) for about in (ALONE, BOTH, OF_MORE))


def test_a_mute_of_an_account_holds_what_is_about_it_alone() -> None:
    assert [holds([TREASURY], about) for about in (ALONE, BOTH, OF_MORE)] == [True, False, False]
    assert [holds([TREASURY, VAULT], about) for about in (ALONE, BOTH, OF_MORE)] == [True, True, False]


def test_without_a_mute_nothing_is_held() -> None:
    assert not any(holds([], about) for about in (ALONE, BOTH, OF_MORE))


def test_a_notice_is_about_the_accounts_it_names_if_it_names_nothing_else() -> None:
    assert accounts_of(Baseline(TREASURY, "", 3, (POLYGON,), ())) == ALONE
    assert accounts_of(Blind((OF_TREASURY, OF_VAULT), is_everything=False)) == BOTH
    assert accounts_of(SeenAgain((OF_TREASURY,), 0)) == ALONE
    assert accounts_of(Blind((OF_TREASURY, OF_THE_CHAIN), is_everything=False)) == OF_MORE
    assert accounts_of(ChainGone(POLYGON)) == OF_MORE
    assert accounts_of(Unreadable("")) == OF_MORE


@pytest.mark.parametrize(
    ("now", "over"), [(0, False), (3599, False), (3600, True), (-30, False), (-90, True)]
)
def test_a_mute_is_over_at_its_time_and_where_the_clock_was_set_back(now: float, *, over: bool) -> None:
    assert is_over(mute(), at(now)) == over


@pytest.mark.parametrize(("now", "seconds"), [(600, 600), (3600, 3600), (9000, 3600), (-90, 0)])
def test_a_receipt_says_how_long_it_was(now: float, seconds: float) -> None:
    told = receipt(mute(), at(now), 3)

    assert told.until - told.since == timedelta(seconds=seconds)
