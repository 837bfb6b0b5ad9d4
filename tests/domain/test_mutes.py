"""What mutes hold, and when they are over."""

from datetime import timedelta

import pytest

from bot.domain.assets import ChainId
from bot.domain.chat.mutes import Mute, MuteScope, are_muted, is_over, label_of, mute_over_notice, subjects_of
from bot.domain.deliver.alerts import Baseline, Blind, ChainGone, Gap, SeenAgain, UnreadableNotice
from tests.builders import BASE, ETHEREUM, NOON, POLYGON, TREASURY, VAULT, at

OF_TREASURY, OF_VAULT = (Gap(POLYGON, account, "", NOON) for account in (TREASURY, VAULT))
OF_THE_CHAIN = Gap(POLYGON, None, "", NOON)
TREASURYS, VAULTS = (MuteScope(account, frozenset({POLYGON})) for account in (TREASURY, VAULT))
ALONE, BOTH, OF_MORE = frozenset({TREASURYS}), frozenset({TREASURYS, VAULTS}), frozenset[MuteScope]()


def mute(since: float = 0, until: float = 3600) -> Mute:
    return Mute(1, None, "", at(since), at(until))


def test_a_mute_of_everything_holds_everything() -> None:
    assert all(are_muted([None], about) for about in (ALONE, BOTH, OF_MORE))


def test_a_mute_of_an_account_holds_what_is_about_it_alone() -> None:
    assert [are_muted([MuteScope(TREASURY)], about) for about in (ALONE, BOTH, OF_MORE)] == [
        True,
        False,
        False,
    ]
    assert [
        are_muted([MuteScope(TREASURY), MuteScope(VAULT)], about) for about in (ALONE, BOTH, OF_MORE)
    ] == [
        True,
        True,
        False,
    ]


def test_without_a_mute_nothing_is_held() -> None:
    assert not any(are_muted([], about) for about in (ALONE, BOTH, OF_MORE))


def test_a_mute_of_some_chains_holds_what_is_about_these_alone() -> None:
    on_base = MuteScope(TREASURY, frozenset({BASE}))
    muted = [on_base]

    assert are_muted(muted, {on_base})
    assert not are_muted(muted, ALONE)
    assert not are_muted(muted, {on_base, TREASURYS})
    assert are_muted([on_base, TREASURYS], {on_base, TREASURYS})
    assert not are_muted(muted, {MuteScope(VAULT, frozenset({BASE}))})


def test_what_is_about_every_chain_is_not_held_by_a_mute_of_some() -> None:
    assert not are_muted([TREASURYS], {MuteScope(TREASURY)})


@pytest.mark.parametrize(
    ("on", "label"),
    [
        ([BASE], "Safe Base"),
        ([POLYGON], "Safe Polygon"),
        ([ETHEREUM], ""),
        ([BASE, POLYGON], ""),
        ([], ""),
    ],
)
def test_a_mute_is_called_as_its_chains_are(on: list[ChainId], label: str) -> None:
    named = [(frozenset({BASE}), "Safe Base"), (frozenset({POLYGON}), "Safe Polygon")]

    assert label_of(MuteScope(TREASURY, frozenset(on)), named) == label


def test_a_mute_is_called_by_the_only_label_there_is() -> None:
    one = [(frozenset({BASE}), "Safe"), (frozenset({POLYGON}), "Safe"), (frozenset[ChainId](), "")]

    assert (
        label_of(MuteScope(TREASURY), one)
        == label_of(MuteScope(TREASURY, frozenset({BASE, POLYGON})), one)
        == "Safe"
    )


def test_a_notice_is_about_the_accounts_it_names_if_it_names_nothing_else() -> None:
    assert subjects_of(Baseline(TREASURY, "", 3, (POLYGON,), ())) == ALONE
    assert subjects_of(Blind((OF_TREASURY, OF_VAULT), is_everything=False)) == BOTH
    assert subjects_of(SeenAgain((OF_TREASURY,), 0)) == ALONE
    assert subjects_of(Blind((OF_TREASURY, OF_THE_CHAIN), is_everything=False)) == OF_MORE
    assert subjects_of(ChainGone(POLYGON)) == OF_MORE
    assert subjects_of(UnreadableNotice("")) == OF_MORE


@pytest.mark.parametrize(
    ("now", "over"), [(0, False), (3599, False), (3600, True), (-30, False), (-90, True)]
)
def test_a_mute_is_over_at_its_time_and_where_the_clock_was_set_back(now: float, *, over: bool) -> None:
    assert is_over(mute(), at(now)) == over


@pytest.mark.parametrize(("now", "seconds"), [(600, 600), (3600, 3600), (9000, 3600), (-90, 0)])
def test_a_receipt_says_how_long_it_was(now: float, seconds: float) -> None:
    told = mute_over_notice(mute(), at(now), 3)

    assert told.until - told.since == timedelta(seconds=seconds)
