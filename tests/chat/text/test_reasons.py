"""What people read who ask why nothing came: one line for each reason, and what was last known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.chat.text.history.reasons import (
    account_lines,
    asset_lines,
    last_change,
    last_told,
    last_transfers,
    traced_words,
)
from bot.domain.assets import Amount, Description
from bot.domain.deliver.alerts import MuteKind
from bot.domain.deliver.delivery import AlertState
from bot.domain.deliver.traces import Silence
from bot.domain.explain.explanations import Explanation, ExplanationOutcome
from bot.domain.history.changes import PastChange
from bot.domain.history.reasons import (
    AccountSituation,
    Doubted,
    HeldBackAmount,
    Ignored,
    Muted,
    NeverSeen,
    NotListed,
    NotRead,
    NotWatched,
    OnItsWay,
    Reason,
    Situation,
    Unchanged,
    Unseen,
    Unsettled,
)
from bot.domain.observations import MoveKind
from bot.domain.observe.filters import HeldBack
from bot.domain.rules.conditions import Condition, Counterparty, Direction
from tests.builders import BASE, NOON, POLYGON, REGISTRY, VAULT, asset, at, change, change_alert
from tests.domain.test_reasons import CALM

USDC = Description("ERC20", "USDC", 0)
CALM_HERE = replace(CALM, description=USDC)
FILTERS = (Condition(Direction.IN),)
TO_TAX = Condition(Direction.OUT, counterparties=(Counterparty(VAULT, "Tax"),))
TWELVE = Unsettled(HeldBack(Amount(340), Amount(0)), 12, at(-3_600), FILTERS, is_for_digest=False)
BY_NAME = "To watch it by name: /watch 0x8e3E"
Reasons = list[tuple[Situation, Reason]]


def line(reason: Reason, *, lists_verified: bool = True) -> str:
    (text,) = asset_lines([(CALM_HERE, reason)], REGISTRY, NOON, lists_verified=lists_verified)
    return text.visible


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (NotWatched(is_account_watched=True), "not watched here. No line of /list is about it there."),
        (NotWatched(is_account_watched=False), "not watched here."),
        (
            NotListed(),
            "the source doesn't list it as verified, and no line of /list names it. To watch it by name: /w",
        ),
        (Ignored(at(-7_200), "Olga"), "ignored here since 10:00 UTC by Olga. /unignore reports it again."),
        (Ignored(at(-7_200), ""), "ignored here since 10:00 UTC. /unignore reports it again."),
        (Muted(MuteKind.MUTE, at(60)), "muted until 12:01 UTC. Alerts are kept, and come then."),
        (Muted(MuteKind.QUIET, at(60)), "quiet hours until 12:01 UTC. Alerts are kept, and come then."),
        (
            Muted(MuteKind.BUDGET, at(60)),
            "the messages of this hour are used up. Changes wait until 12:01 UTC.",
        ),
        (
            TWELVE,
            "below the filter (only incoming changes), which holds back −340 USDC in 12 steps since 11:00.",
        ),
        (
            TWELVE._replace(steps=1, filters=(TO_TAX,)),
            "not meant by the filter (only outgoing changes to Tax), which holds back −340 USDC since 11:00.",
        ),
        (TWELVE._replace(steps=1, filters=()), "below the filter, which holds back −340 USDC since 11:00."),
        (TWELVE._replace(is_for_digest=True), "kept for the digest: −340 USDC in 12 steps since 11:00."),
        (OnItsWay(None, at(-1)), "a change waits to be sent since 11:59:59 UTC."),
        (OnItsWay("7KQ2F", at(-1)), "a change is in message 7KQ2F, which is not sent yet: /why 7KQ2F"),
        (NotRead(), "watched, and not read yet."),
        (
            Unseen(at(-60), is_chain_doubted=False),
            "unknown since 11:59 UTC, as the source gives no usable answer.",
        ),
        (
            Unseen(at(-60), is_chain_doubted=True),
            "held back since 11:59 UTC, as too much vanished there at once.",
        ),
        (
            Doubted(Amount(4), 2),
            "read as 4 USDC in 2 readings, which contradicts what is known. It counts once",
        ),
        (Unchanged(at(-20), Amount(5)), "read 20 s ago: 5 USDC, no change."),
        (NeverSeen(at(-20)), "read 20 s ago, and never seen there. " + BY_NAME),
    ],
)
def test_each_reason_has_its_words(reason: Reason, words: str) -> None:
    assert line(reason).startswith(f"USDC on Polygon: {words}")


def test_a_list_of_all_tokens_is_not_called_verified() -> None:
    assert "the source doesn't list it, and" in line(NotListed(), lists_verified=False)


def test_chains_of_which_the_same_is_to_be_said_share_a_line() -> None:
    there = replace(CALM_HERE, asset=asset(chain_id=BASE))
    alike: Reasons = [(CALM_HERE, NotRead()), (there, NotRead())]
    apart: Reasons = [(CALM_HERE, NotRead()), (there, Unchanged(NOON, Amount(5)))]

    assert len(asset_lines(alike, REGISTRY, NOON, lists_verified=True)) == 1
    assert len(asset_lines(apart, REGISTRY, NOON, lists_verified=True)) == 2


def test_chains_that_were_read_one_after_the_other_share_a_line_too() -> None:
    there = replace(CALM_HERE, asset=asset(chain_id=BASE))
    (text,) = asset_lines(
        [(CALM_HERE, NeverSeen(at(-20))), (there, NeverSeen(at(-50)))], REGISTRY, NOON, lists_verified=True
    )

    assert "on Polygon and Base: read 50 s ago" in text.visible


def test_amounts_of_unknown_decimals_say_so() -> None:
    unknown = replace(CALM_HERE, description=USDC._replace(decimals=None))
    (text,) = asset_lines([(unknown, Unchanged(NOON, Amount(5)))], REGISTRY, NOON, lists_verified=True)

    assert "5 USDC (raw units), no change" in text.visible


# ---------------------------------------------------------------- what was last known

PAST = PastChange(id=1, change=change(5, 6), told=change_alert(), state=AlertState.SENT)


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (AlertState.SENT, "", ""),
        (AlertState.WAITING, "", ""),
        (AlertState.DEAD, "", "The last change, at 12:00:00 UTC, was refused by Telegram."),
        (AlertState.EXPIRED, "", "was dropped, as it could not be sent for too long."),
        (AlertState.WITHDRAWN, "", "was taken back, as this chat was closed then."),
        (None, Silence.SETTLED, "brought the amount back to what was last reported."),
        (None, Silence.UNITS, "was of the token's decimals alone."),
        (None, Silence.FILTER, ""),
        (None, Silence.IGNORED, "was of a token that was ignored here."),
    ],
)
def test_a_last_change_that_will_not_be_reported_says_why(
    state: AlertState | None, reason: str, words: str
) -> None:
    text = last_change(replace(PAST, state=state, reason=reason), NOON).visible

    assert text.endswith(words)
    assert bool(text) == bool(words)


def test_the_transfers_behind_the_last_change_are_said_of_that_change_alone() -> None:
    explanation = Explanation(outcome=ExplanationOutcome.NONE_LISTED, listed_at=at(2))
    summed = replace(PAST.told, explanation=None, steps=3)

    lines = last_transfers(replace(PAST, told=summed, explanation=explanation), REGISTRY, NOON)
    assert [line.visible for line in lines] == [
        "Last change at 12:00:00 UTC. Transfers: the source lists none, as listed at 12:00:02 UTC"
    ]
    listed = replace(PAST, change=replace(PAST.change, kind=MoveKind.LISTED))
    assert last_transfers(listed, REGISTRY, NOON) == []


def test_the_last_alert_is_named_or_said_to_be_missing() -> None:
    assert last_told("7KQ2F", at(3), NOON, 365).visible == "The last alert was 7KQ2F, sent at 12:00:03 UTC."
    assert last_told(None, None, NOON, 365).visible == "No change of it was reported in the last 365 days."


def test_what_is_less_known_of_former_versions_is_said() -> None:
    text = traced_words(NOON - timedelta(days=2), NOON).visible

    assert text == "Of changes before 2026-02-27 12:00 UTC I know only those that were reported."


# ---------------------------------------------------------------- of an account


def test_of_an_account_it_is_said_what_is_kept_what_is_unknown_and_what_is_read() -> None:
    one = HeldBackAmount(asset(), USDC, TWELVE)
    account = AccountSituation(
        is_watched=True,
        muted=Muted(MuteKind.MUTE, at(60)),
        held_back=(one,) * 7,
        unseen={BASE: at(-60)},
        unread=(BASE,),
        seen=frozenset({POLYGON}),
        read_at=at(-20),
    )

    lines = [text.visible for text in account_lines(account, REGISTRY, NOON)]

    assert lines == [
        "Muted until 12:01 UTC. Alerts are kept, and come then.",
        *(["Held back by the filter: −340 USDC in 12 steps since 11:00 · Polygon"] * 5),
        "… and 2 more balances.",
        "Base: unknown since 11:59 UTC, as the source gives no usable answer.",
        "Base: watched, and not read yet.",
        "Polygon: read 20 s ago, no other change.",
    ]


@pytest.mark.parametrize(
    ("on_its_way", "words"),
    [
        (OnItsWay(None, at(5)), "A change waits to be sent since 12:00:05 UTC."),
        (OnItsWay("7KQ2F", at(5)), "A change is in message 7KQ2F, which is not sent yet: /why 7KQ2F"),
    ],
)
def test_an_account_with_a_change_on_its_way_is_not_said_to_have_none(
    on_its_way: OnItsWay, words: str
) -> None:
    account = AccountSituation(
        is_watched=True,
        on_its_way=on_its_way,
        doubted={BASE: at(-60)},
        seen=frozenset({POLYGON}),
        read_at=at(-20),
    )

    assert [text.visible for text in account_lines(account, REGISTRY, NOON)] == [
        words,
        "Base: held back since 11:59 UTC, as too much vanished there at once.",
        "Polygon: read 20 s ago, no other change.",
    ]


def test_an_account_of_which_nothing_is_the_matter_says_when_it_was_read() -> None:
    calm = AccountSituation(is_watched=True, seen=frozenset({POLYGON}), read_at=at(-20))

    assert [one.visible for one in account_lines(calm, REGISTRY, NOON)] == [
        "Polygon: read 20 s ago, no change."
    ]
    former = AccountSituation(is_watched=False)
    assert [one.visible for one in account_lines(former, REGISTRY, NOON)] == ["Not watched here."]
