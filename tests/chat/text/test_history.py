"""A page of the past: each change with what became of it, and gaps of sight in their place."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.chat.text.history.history import HistoryPage, history_page
from bot.chat.text.html import EMPTY
from bot.domain.assets import Address, ChainId, Description
from bot.domain.chat.mutes import Mute
from bot.domain.deliver.alerts import AlertId, BlindSpan, ChangeAlert, MuteKind
from bot.domain.deliver.delivery import AlertState
from bot.domain.deliver.traces import Silence
from bot.domain.history.changes import PastChange
from tests.builders import BASE, NOON, POLYGON, REGISTRY, TREASURY, VAULT, at, change
from tests.chat.commands.builders import text

MINUTE = 60.0


def past(
    number: int = 1,
    *,
    state: AlertState | None = AlertState.SENT,
    reason: str = "",
    message: str | None = None,
    seconds: float = 0,
    tried_at: datetime | None = None,
) -> PastChange:
    moved = replace(change(5_000_000, 7_000_000), observed_at=at(seconds))
    return PastChange(
        id=number,
        change=moved,
        told=ChangeAlert(AlertId(number), moved, "Treasury", Description("ERC20", "USDC", 6)),
        state=state,
        reason=reason,
        message=message,
        tried_at=tried_at,
    )


def shown(
    *changes: PastChange,
    gaps: Sequence[BlindSpan] = (),
    mutes: Sequence[Mute] = (),
    now: datetime = NOON,
) -> list[str]:
    page = HistoryPage(
        heading=EMPTY + "Heading", changes=changes, gaps=gaps, mutes=mutes, closing=EMPTY + "Closing"
    )
    blocks = text(history_page(page, REGISTRY, now)).split("\n\n")
    assert (blocks[0], blocks[-1]) == ("Heading", "Closing")
    return blocks[1:-1]


def last_line(one: PastChange, mutes: Sequence[Mute] = (), now: datetime = NOON) -> str:
    (block,) = shown(one, mutes=mutes, now=now)
    return block.splitlines()[-1].removeprefix("    ")


def mute(
    kind: MuteKind = MuteKind.MUTE,
    account: Address | None = None,
    chains: frozenset[ChainId] = frozenset(),
    minutes: float = 30,
) -> Mute:
    return Mute(1, account, "", NOON, at(minutes * MINUTE), chains, kind=kind)


def gap(
    chain_id: ChainId, since: float, until: float | None, account: Address | None = None, label: str = ""
) -> BlindSpan:
    """Return a gap, in minutes after noon."""
    return BlindSpan(
        chain_id, account, label, at(since * MINUTE), None if until is None else at(until * MINUTE)
    )


def test_a_change_stands_in_the_lines_of_its_alert_with_time_and_message_below() -> None:
    assert shown(past(message="7KQ2F")) == [
        "🟢 Treasury +2 USDC · Polygon\n    5 → 7\n    12:00:00 UTC · 7KQ2F",
    ]


def test_what_was_summed_up_stands_as_its_alert_told_it() -> None:
    one = past(message="7KQ2F")
    told = replace(
        one.told, change=replace(one.change, before=one.change.before._replace(amount_raw=0)), steps=8
    )

    (block,) = shown(replace(one, told=replace(told, since=at(-3600))))

    assert block.splitlines()[:2] == ["✨ Treasury +7 USDC · Polygon", "    0 → 7 in 8 steps since 11:00"]


@pytest.mark.parametrize(
    ("state", "message", "line"),
    [
        (AlertState.WAITING, None, "waiting to be sent"),
        (AlertState.BOUND, "7KQ2F", "on its way · 7KQ2F"),
        (AlertState.DEAD, "7KQ2F", "refused by Telegram · 7KQ2F"),
        (AlertState.EXPIRED, None, "expired unsent, having waited too long"),
        (AlertState.EXPIRED, "7KQ2F", "expired unsent, having waited too long · 7KQ2F"),
        (AlertState.WITHDRAWN, None, "withdrawn unsent, as it was unwatched or the chat closed"),
        (AlertState.MUTED, None, "muted"),
    ],
)
def test_what_was_not_sent_says_why(state: AlertState, message: str | None, line: str) -> None:
    assert last_line(past(state=state, message=message)) == f"12:00:00 UTC · {line}"


@pytest.mark.parametrize("state", AlertState)
def test_every_state_of_an_alert_is_put_into_words(state: AlertState) -> None:
    assert last_line(past(state=state, message="7KQ2F")).partition(" · ")[2]


@pytest.mark.parametrize(
    ("silence", "line"),
    [
        (Silence.FILTER, "held back by /only"),
        (Silence.DIGEST, "left to the digest"),
        (Silence.SETTLED, "held back by /only, and undone since"),
        (Silence.IGNORED, "ignored"),
        (Silence.UNITS, "not reported: only the token's decimals changed"),
    ],
)
def test_what_has_no_alert_says_why(silence: Silence, line: str) -> None:
    assert last_line(past(state=None, reason=silence)) == f"12:00:00 UTC · {line}"


def test_what_was_summed_up_later_names_the_message() -> None:
    held_back = past(state=None, reason=Silence.FILTER, message="7KQ2F")

    assert last_line(held_back) == "12:00:00 UTC · held back by /only, summed up in 7KQ2F"


@pytest.mark.parametrize("silence", Silence)
def test_every_reason_for_no_alert_is_put_into_words(silence: Silence) -> None:
    assert (
        " " in last_line(past(state=None, reason=silence)).partition(" · ")[2] or silence is Silence.IGNORED
    )


def test_a_mute_says_until_when_it_keeps_a_change() -> None:
    kept = past(state=AlertState.MUTED, reason=MuteKind.MUTE)
    mutes = [mute(minutes=30), mute(account=TREASURY, minutes=45), mute(account=VAULT, minutes=90)]

    assert last_line(kept, mutes) == "12:00:00 UTC · muted until 12:45 UTC"
    on_base = [mute(account=TREASURY, chains=frozenset({BASE}))]
    assert last_line(kept, on_base) == "12:00:00 UTC · muted"


def test_quiet_hours_and_budgets_are_named() -> None:
    for kind, word in ((MuteKind.QUIET, "/quiet"), (MuteKind.BUDGET, "/budget")):
        kept = past(state=AlertState.MUTED, reason=kind)
        assert last_line(kept, [mute(kind)]) == f"12:00:00 UTC · kept back by {word} until 12:30 UTC"
        assert last_line(kept, [mute()]) == f"12:00:00 UTC · kept back by {word}"


def test_what_was_sent_late_says_how_late() -> None:
    assert last_line(past(message="7KQ2F", tried_at=at(119))) == "12:00:00 UTC · 7KQ2F"
    assert last_line(past(message="7KQ2F", tried_at=at(3 * 3600))) == "12:00:00 UTC, sent 3 h later · 7KQ2F"


def test_moments_are_in_the_zone_of_the_reader_with_the_date_unless_that_is_today() -> None:
    now = (NOON + timedelta(days=1)).astimezone(ZoneInfo("Europe/Berlin"))

    assert last_line(past(message="7KQ2F"), now=now) == "2026-03-01 13:00:00 CET · 7KQ2F"


def test_a_gap_stands_between_the_changes_before_and_after_it_began() -> None:
    blocks = shown(
        past(2, message="B", seconds=20 * MINUTE),
        past(1, message="A"),
        gaps=[gap(BASE, 30, None), gap(POLYGON, 1, 49), gap(BASE, 1, 49), gap(BASE, -10, -5)],
    )

    assert [block.splitlines()[-1] for block in blocks] == [
        "⚠️ Nothing read of Base since 12:30 UTC",
        "    12:20:00 UTC · B",
        "⚠️ Nothing read of Polygon and Base, 12:01–12:49 UTC",
        "    12:00:00 UTC · A",
        "⚠️ Nothing read of Base, 11:50–11:55 UTC",
    ]


def test_a_gap_of_an_account_names_it_and_one_over_midnight_both_days() -> None:
    assert shown(gaps=[gap(POLYGON, 0, 13 * 60, VAULT, "Vault"), gap(BASE, -1, 1, VAULT)]) == [
        (
            "⚠️ Nothing read of Vault on Polygon, 12:00 to 2026-03-02 01:00 UTC\n"
            "⚠️ Nothing read of 0x4444…4444 on Base, 11:59–12:01 UTC"
        )
    ]


def test_many_gaps_in_one_place_are_counted() -> None:
    (block,) = shown(gaps=[gap(BASE, -minutes, 1 - minutes) for minutes in range(10, 100, 10)])

    assert len(block.splitlines()) == 6
    assert block.endswith("… and 4 more gaps")
