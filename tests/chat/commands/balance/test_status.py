from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.balance.status import status
from bot.domain.ask.questions import Allowance
from bot.domain.assets import Address, ChainId
from bot.domain.chains import NOT_LISTED, Listing
from bot.domain.deliver.alerts import Gap, HeldBack
from bot.domain.observe.holdings import ChainSight, Sweeps, WatchedHere
from tests.chat.reading import BASE, CHAINS, ETHEREUM, HOSTILE_NAMES, POLYGON, TREASURY, read, seen

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
SOME_CHAINS = CHAINS.mainnets()[:20]
SWEEPS = Sweeps(
    interval_seconds=60,
    late_after_seconds=180,
    ended_seconds_ago=12,
    took_seconds=4.21,
    trouble=None,
)
NO_ALERTS = "Waiting to be sent: nothing"


def sight(
    chain_id: ChainId = POLYGON,
    age: float | None = 12,
    *,
    accounts: int = 14,
    unread: int = 0,
    is_gone: bool = False,
) -> ChainSight:
    seen_at = None if age is None else NOON - timedelta(seconds=age)
    return ChainSight(chain_id, seen_at, accounts, unread, is_gone)


def gap(chain_id: ChainId, minutes: float, account: Address | None = None, label: str = "") -> Gap:
    return Gap(chain_id, account, label, NOON - timedelta(minutes=minutes))


def here(
    *chains: ChainSight,
    gaps: Sequence[Gap] = (),
    alerts: int = 0,
    alerts_since: datetime | None = None,
    paused_until: datetime | None = None,
) -> WatchedHere:
    return WatchedHere(14, 0, 312, chains, tuple(gaps), alerts, alerts_since, paused_until)


def shown(watched: WatchedHere, sweeps: Sweeps = SWEEPS, listing: Listing = NOT_LISTED) -> list[str]:
    answer = status(watched, sweeps, CHAINS, NOON, listing=listing)
    assert answer.fits
    assert seen(answer.source) == answer.visible
    return answer.visible.split("\n")


def test_where_all_is_well_four_lines_say_so() -> None:
    ages = (12 + 3 * number for number in range(20))

    assert shown(here(*map(sight, SOME_CHAINS, ages))) == [
        "Watched here: 14 accounts on 20 chains, 312 balances",
        "Read: 20 chains, 12 s to 69 s ago",
        "Last sweep: 12 s ago, took 4.2 s",
        NO_ALERTS,
    ]


def test_views_of_one_age_are_told_once() -> None:
    assert shown(here(sight()))[1] == "Read: 1 chain, 12 s ago"


def test_what_is_not_fully_seen_is_named_and_not_counted_as_seen() -> None:
    gaps = [gap(POLYGON, 10), gap(BASE, 12, TREASURY, "Treasury")]

    assert shown(here(*map(sight, (ETHEREUM, POLYGON, BASE)), gaps=gaps))[:-2] == [
        "⚠️ Partly blind:",
        "Polygon: since 13:53 UTC (10 min)",
        "Treasury on Base: since 13:51 UTC (12 min)",
        "Watched here: 14 accounts on 3 chains, 312 balances",
        "Read: 2 chains, 12 s ago",
    ]


def test_a_chain_that_no_sweep_saw_for_long_is_named_without_anybodys_mark() -> None:
    assert shown(here(sight(ETHEREUM), sight(POLYGON, 600)))[:-2] == [
        "⚠️ Partly blind: Polygon, since 13:53 UTC (10 min)",
        "Watched here: 14 accounts on 2 chains, 312 balances",
        "Read: 1 chain, 12 s ago",
    ]


def test_a_chain_that_is_held_back_is_named_as_that_and_neither_seen_nor_silent() -> None:
    on_hold = replace(sight(POLYGON, 600), held_back=HeldBack(34, 40))
    unreckoned = replace(sight(BASE, 600), held_back=HeldBack(0, 0))

    assert shown(here(sight(ETHEREUM), on_hold, unreckoned))[:-2] == [
        (
            "⚠️ Held back: Polygon, since 13:53 UTC (10 min): 34 of 40 token balances vanished at once;"
            " waiting for the index, or for an owner's /believe polygon"
        ),
        (
            "⚠️ Held back: Base, since 13:53 UTC (10 min): most token balances vanished at once;"
            " waiting for the index, or for an owner's /believe base"
        ),
        "Watched here: 14 accounts on 3 chains, 312 balances",
        "Read: 1 chain, 12 s ago",
    ]


def test_many_chains_that_are_held_back_fold() -> None:
    on_hold = [replace(sight(chain_id, 600), held_back=HeldBack(34, 40)) for chain_id in SOME_CHAINS]

    assert shown(here(*on_hold))[5] == "Held back: 15 more chains"


def test_chains_that_the_source_does_not_list_are_not_said_to_be_on_their_way() -> None:
    listing = Listing(now=frozenset({ETHEREUM}), ever=frozenset({ETHEREUM, BASE}))
    never = [sight(chain_id, None, unread=14) for chain_id in (POLYGON, BASE)]

    assert shown(here(sight(ETHEREUM), *never), listing=listing)[:2] == [
        "No longer listed by the source, still asked: Base",
        "Not listed by the source, no answer expected: Polygon",
    ]


def test_a_view_as_old_as_a_sweep_leaves_it_is_no_trouble() -> None:
    assert len(shown(here(sight(age=180)))) == 4


def test_where_nothing_is_seen_the_chains_fold_and_the_source_is_quoted() -> None:
    silent = here(*(sight(chain_id, 600) for chain_id in SOME_CHAINS))

    assert shown(silent, replace(SWEEPS, trouble="The indexer cannot be reached (HTTP 502)"))[:-1] == [
        "⚠️ Trouble with the source: The indexer cannot be reached (HTTP 502)",
        "⚠️ Partly blind: Ethereum, Polygon, BNB Smart Chain and 17 more, since 13:53 UTC (10 min)",
        "Watched here: 14 accounts on 20 chains, 312 balances",
        "Last sweep: 12 s ago, took 4.2 s",
    ]


def test_what_was_not_read_yet_is_named_with_how_many_accounts_lack_it() -> None:
    partly = (sight(chain_id, unread=1) for chain_id in (ETHEREUM, BASE))

    assert shown(here(*partly, sight(POLYGON, None, unread=14)))[:-2] == [
        "Not read yet: Ethereum, Base (1 of 14 accounts)",
        "Not read yet: Polygon",
        "Watched here: 14 accounts on 3 chains, 312 balances",
        "Read: 2 chains, 12 s ago",
    ]


def test_many_different_lacks_are_one_line() -> None:
    lacking = (sight(chain_id, unread=number) for number, chain_id in enumerate(SOME_CHAINS[:5], 1))

    assert "Not read yet: something on 5 chains" in shown(here(*lacking))


def test_chains_that_the_source_dropped_are_named() -> None:
    assert "No longer listed by the source, still asked: Polygon" in shown(here(sight(POLYGON, is_gone=True)))
    assert not any("No longer" in line for line in shown(here(sight(ETHEREUM))))


def test_where_nothing_is_watched_the_rest_is_told_all_the_same() -> None:
    nothing = WatchedHere(0, 0, 0, (), (), 0, None, None)

    assert shown(nothing) == ["Nothing is watched here yet.", "Last sweep: 12 s ago, took 4.2 s", NO_ALERTS]


def test_where_tokens_alone_are_watched_an_account_is_missed() -> None:
    tokens = WatchedHere(0, 2, 0, (), (), 0, None, None)

    assert shown(tokens)[0] == "No account is watched here yet; /watch 0x… adds one."


@pytest.mark.parametrize(
    ("sweeps", "line"),
    [
        (replace(SWEEPS, ended_seconds_ago=None), "Last sweep: none yet, the first is under way"),
        (replace(SWEEPS, took_seconds=42.3), "Last sweep: 12 s ago, took 42 s"),
        (
            replace(SWEEPS, took_seconds=75),
            "Last sweep: 12 s ago, took 75 s; longer than the interval of 60 s: sweeps follow each other",
        ),
        (
            replace(SWEEPS, took_seconds=0.31, interval_seconds=0.2),
            "Last sweep: 12 s ago, took 0.3 s; longer than the interval of 0.2 s: sweeps follow each other",
        ),
    ],
)
def test_the_last_sweep_says_when_and_how_long(sweeps: Sweeps, line: str) -> None:
    assert line in shown(here(sight()), sweeps)


@pytest.mark.parametrize(
    ("watched", "line"),
    [
        (
            here(alerts=3, alerts_since=NOON - timedelta(seconds=40)),
            "Waiting to be sent: 3 alerts, the oldest 40 s old",
        ),
        (
            here(
                alerts=1,
                alerts_since=NOON - timedelta(hours=3),
                paused_until=NOON + timedelta(minutes=2),
            ),
            "Waiting to be sent: 1 alert, the oldest 3 h old; Telegram asks for a pause until 14:05:22 UTC",
        ),
        (here(alerts=1, paused_until=NOON), "Waiting to be sent: 1 alert"),
    ],
)
def test_what_is_still_to_be_told_is_counted(watched: WatchedHere, line: str) -> None:
    assert shown(watched)[-1] == line


@pytest.mark.parametrize(
    ("allowance", "left"),
    [
        (
            Allowance(1_200, 1_190, 10_000, 3_000, 0, 1),
            "1,190 of 1,200 requests this minute, 3,000 of 10,000 units of the quota",
        ),
        (Allowance(rate_remaining=1_190), "1,190 requests this minute"),
        (
            Allowance(quota_limit=10, quota_remaining=0, quota_overage=200),
            "0 of 10 units of the quota, 200 units above it",
        ),
    ],
)
def test_what_the_source_allows_is_told_as_far_as_it_says(allowance: Allowance, left: str) -> None:
    assert shown(here(), replace(SWEEPS, allowance=allowance))[-1] == f"Left at the source: {left}"


def test_what_the_source_does_not_say_is_not_told() -> None:
    assert shown(here(), replace(SWEEPS, allowance=Allowance(rate_limit=5, quota_limit=5)))[-1] == NO_ALERTS


@given(
    st.sampled_from(HOSTILE_NAMES),
    st.lists(
        st.builds(
            sight,
            st.sampled_from(SOME_CHAINS),
            st.one_of(st.none(), st.integers(0, 10**7)),
            accounts=st.integers(1, 500),
            unread=st.integers(0, 500),
        ),
        max_size=30,
    ),
    st.lists(st.builds(gap, st.sampled_from(SOME_CHAINS), st.integers(0, 10**4)), max_size=30),
)
def test_whatever_is_wrong_it_is_one_message(name: str, sights: list[ChainSight], gaps: list[Gap]) -> None:
    named = [one._replace(label=name, account=TREASURY) for one in gaps]

    answer = status(here(*sights, gaps=[*gaps, *named]), replace(SWEEPS, trouble=name), CHAINS, NOON)

    assert answer.fits
    assert answer.visible.count("\n") < 25
    assert read(answer.source).code
