"""What people read who ask why a message came: how each line came about, and how far the message is."""

from dataclasses import replace
from datetime import datetime

import pytest

from bot.chat.text.history.why import message_way, notice_name, reported, unknown_message
from bot.domain.assets import Description
from bot.domain.deliver.alerts import AlertId, ChangeAlert, MuteKind, NoticeAlert, Sample
from bot.domain.deliver.delivery import DeliveryState
from bot.domain.deliver.traces import AlertCause, Trace
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg
from bot.domain.history.ways import AlertWay, MessageWay, Obstacle, Sighting
from bot.domain.observations import MoveKind
from bot.domain.rules.conditions import Condition, Direction
from bot.domain.zones import local
from tests.builders import DAI, NOON, REGISTRY, address, asset, at, change, change_alert, transaction
from tests.store.test_notice_codec import NOTICES

OUT = Condition(Direction.OUT)
SEEN = Sighting(at(0), 8_112, 71_000_987, at(-60))
SENT_AT = at(1.2)
FIRST = Trace((1,))
DOLLARS = Description("ERC20", "USDC", 0)


def way_of(
    *,
    trace: Trace = FIRST,
    cause: AlertCause = AlertCause.UNFILTERED,
    kept_back_by: MuteKind | None = None,
    released_at: datetime | None = None,
    alert: ChangeAlert | None = None,
) -> AlertWay:
    return AlertWay(
        alert=alert or change_alert(change(51, 87), label="Treasury", description=DOLLARS),
        made_at=at(0),
        seen=SEEN,
        trace=trace,
        cause=cause,
        kept_back_by=kept_back_by,
        released_at=released_at,
    )


def message(
    *alerts: AlertWay, state: DeliveryState = DeliveryState.SENT, when: datetime = SENT_AT
) -> MessageWay:
    return MessageWay(
        message="7KQ2F",
        alerts=alerts or (way_of(),),
        more=0,
        state=state,
        at=when,
        tried_at=at(1),
        failures=0,
        unknowns=0,
        reason="",
        is_silent=False,
        is_in_chat=False,
        obstacle=None,
    )


def shown(way: MessageWay) -> str:
    return message_way(way, REGISTRY, NOON).visible


def last(way: MessageWay) -> str:
    """Return what is said of the message itself."""
    return shown(way).split("\n\n")[-1]


def test_all_of_the_way_is_said_from_the_reading_to_the_attempt_that_arrived() -> None:
    assert shown(message()) == (
        "Message 7KQ2F\n\n"
        "🟢 Treasury +36 USDC · Polygon\n"
        "    51 → 87\n"
        "    Transfers: not asked for\n"
        "    Read at 12:00:00 UTC in sweep 8,112, block 71,000,987; before that at 11:59:00 UTC\n"
        "    Watched here as #1\n\n"
        "Sent at 12:00:01 UTC, 1.2 s later, at the first attempt."
    )


def legs(number: int) -> tuple[Leg, ...]:
    return tuple(Leg(address(one), 1, None, transaction(one), 0, 12, NOON) for one in range(1, number + 1))


def explained(*found: Leg, number: int = 1) -> AlertWay:
    explanation = Explanation(outcome=ExplanationOutcome.EXPLAINED, legs=found, listed_at=at(2))
    alert = change_alert(change(0, len(found)), label="Treasury", number=number, description=DOLLARS)
    return way_of(alert=replace(alert, explanation=explanation))


def test_the_transfers_behind_a_change_stand_below_it() -> None:
    assert shown(message(explained(*legs(1)))).startswith(
        "Message 7KQ2F\n\n"
        "✨ Treasury +1 USDC · Polygon\n"
        "    0 → 1\n"
        "    Transfers, as listed at 12:00:02 UTC:\n"
        "    +1 from 0x000000…000001 · tx\n"
        "    Read at"
    )


def test_where_all_transfers_find_no_room_the_message_says_what_it_said_without() -> None:
    text = message_way(message(*(explained(*legs(5), number=one) for one in range(20))), REGISTRY, NOON)

    assert text.fits
    assert "Transfers" not in text.visible
    assert text.visible.count("+5 USDC") == 20


def test_of_what_is_listed_now_no_transfer_is_looked_for() -> None:
    listed = change_alert(change(0, 5, kind=MoveKind.LISTED), description=DOLLARS)

    assert "Transfers" not in shown(message(way_of(alert=listed)))


def test_moments_are_on_the_clock_of_the_reader() -> None:
    text = message_way(message(), REGISTRY, local(NOON, "Europe/Berlin")).visible

    assert "Read at 13:00:00 CET" in text
    assert "Sent at 13:00:01 CET" in text


def test_what_nobody_knows_is_left_out() -> None:
    unknown = way_of(trace=Trace())._replace(seen=Sighting(at(0), 3, None, None))

    assert "Read at 12:00:00 UTC in sweep 3\n\n" in shown(message(unknown))


def test_what_came_about_alike_is_said_once_below_its_lines() -> None:
    dai = change_alert(change(1, 2, of=asset(DAI)), number=2, description=DOLLARS._replace(symbol="DAI"))
    text = shown(message(way_of(), way_of(alert=dai), way_of(trace=Trace((2, 3)))))

    assert text.count("Read at") == 2
    assert text.index("DAI") < text.index("Watched here as #1\n") < text.index("Watched here as #2 and #3")


def test_alerts_that_are_left_out_are_counted() -> None:
    assert "… and 30 more alerts, which came about like these." in shown(replace(message(), more=30))


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (AlertCause.UNFILTERED, ""),
        (AlertCause.MET, "Passed the filter (only outgoing changes)"),
        (AlertCause.NO_PRICE, "The filter (only outgoing changes) couldn't judge it without a price: so"),
        (AlertCause.NO_DECIMALS, "couldn't judge it without decimals"),
        (AlertCause.NO_IDS, "couldn't judge it without the ids"),
        (AlertCause.UNMEASURED, "No amount that the filter (only outgoing changes) could measure"),
        (AlertCause.BROKEN, "reported before another change that did not follow it"),
        (AlertCause.ENDED, "reported when that changed or ended"),
        (AlertCause.OLD, "reported after a month"),
        (AlertCause.WITH_DIGEST, "Kept for the digest"),
    ],
)
def test_each_cause_has_its_words(cause: AlertCause, words: str) -> None:
    text = reported(cause, Trace((1,), (OUT,)), REGISTRY).visible

    assert words in text
    assert bool(text) == bool(words)


def test_a_line_without_a_filter_lets_everything_pass() -> None:
    assert (
        reported(AlertCause.MET, Trace((1, 2)), REGISTRY).visible
        == "Passed: one of these lines has no filter"
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (MuteKind.MUTE, "Kept back by a /mute until 12:30:00 UTC"),
        (MuteKind.QUIET, "Kept back by the quiet hours until 12:30:00 UTC"),
        (MuteKind.BUDGET, "Kept back by the /budget of messages until 12:30:00 UTC"),
    ],
)
def test_what_kept_an_alert_back_is_said_and_the_wait_counts_from_its_end(kind: MuteKind, words: str) -> None:
    kept = way_of(kept_back_by=kind, released_at=at(1_800))

    text = shown(message(kept, when=at(1_803)))

    assert words in text
    assert "Sent at 12:30:03 UTC, 3.0 s later" in text
    assert "Kept back" not in shown(message())


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (DeliveryState.SENT, "Sent at 12:00:01 UTC, 1.2 s later, at the first attempt."),
        (DeliveryState.SENDING, "It is being sent right now."),
        (DeliveryState.READY, "Not sent yet: no connection. I try again at 12:00:01 UTC."),
        (
            DeliveryState.WITHDRAWN,
            "Taken back before it was sent: this chat was closed, or became another one.",
        ),
        (DeliveryState.EXPIRED, "Dropped: it could not be sent for so long that it was of no use any more."),
        (
            DeliveryState.DISSOLVED,
            "Telegram refused it as a whole (no connection), so its alerts were sent again",
        ),
        (DeliveryState.DEAD, "Telegram refused it for good at 12:00:01 UTC: no connection"),
    ],
)
def test_each_state_has_its_words(state: DeliveryState, words: str) -> None:
    assert last(replace(message(state=state), reason="no connection")).startswith(words)


def test_attempts_are_counted_and_those_without_an_answer_said() -> None:
    late = replace(message(when=at(90)), failures=1, unknowns=1)

    assert last(late) == (
        "Sent at 12:01:30 UTC, 90 s later, at attempt 3, first tried at 12:00:01 UTC.\n"
        "1 attempt had no answer: you may see this message more than once."
    )
    ready = replace(message(state=DeliveryState.READY, when=at(-5)), failures=1, unknowns=2)
    assert last(ready) == (
        "Not sent yet after 3 attempts, 2 of them without an answer. I try again in a moment."
    )


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        (Obstacle("", at(30)), "Not sent yet. Telegram wants a pause in this chat until 12:00:30 UTC."),
        (Obstacle("no rights", at(45)), "can't be written to (no rights). I try again at 12:00:45 UTC."),
        (Obstacle("kicked", None), "can't be written to (kicked). I try again once somebody writes here."),
    ],
)
def test_what_keeps_a_whole_chat_waiting_is_said(obstacle: Obstacle, words: str) -> None:
    assert words in last(replace(message(state=DeliveryState.READY), obstacle=obstacle))
    assert last(replace(message(), obstacle=obstacle)) == last(message()), "it was sent all the same"


def test_a_message_without_sound_and_one_of_a_lost_topic_say_so() -> None:
    assert "without sound" in last(replace(message(), is_silent=True))
    assert "goes to the chat itself" in last(replace(message(), is_in_chat=True))
    assert len(last(message()).splitlines()) == 1


@pytest.mark.parametrize("name", sorted(NOTICES))
def test_each_notice_has_a_name_of_one_line(name: str) -> None:
    text = notice_name(NOTICES[name], REGISTRY).visible

    assert text
    assert "\n" not in text


def test_a_notice_says_when_it_was_written_and_no_sweep() -> None:
    alert = NoticeAlert(AlertId(1), Sample(), at(0))
    notice = way_of(trace=Trace())._replace(alert=alert, seen=None)

    assert shown(message(notice)).splitlines()[2:4] == [
        "🧪 A sample that somebody asked for with /test",
        "    Written at 12:00:00 UTC",
    ]


def test_an_unknown_message_reads_the_same_whatever_is_not_known_of_it() -> None:
    assert (
        unknown_message("7KQ2F", 365).visible
        == "I know no message 7KQ2F here. Messages are kept for 365 days."
    )
