"""What is answered about mutes."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.chat.commands import ignore, words
from bot.chat.commands import mute as mute_words
from bot.chat.text import notices
from bot.domain.chat.ignore_list import IgnoredToken, IgnoreListPage, IgnoreResult
from bot.domain.chat.mutes import ActiveMutes, Mute, MuteResult, UnmuteResult
from bot.domain.deliver.alerts import MuteOver
from bot.domain.places import Place
from tests.builders import ETHEREUM, NOON, POLYGON, TREASURY, USDC, at
from tests.chat.commands.builders import parsed
from tests.chat.reading import CHAINS, HOSTILE_NAMES, seen

CHAT, TOPIC = Place(1, "private", ""), Place(-1, "supergroup", "Ops", 5)
HOUR = timedelta(hours=1)
ALL, TILL = Mute(1, None, "", NOON, at(3600)), Mute(2, TREASURY, "Till", NOON, at(7200))
TOKEN = IgnoredToken(1, USDC, frozenset(), "USDC")


@pytest.mark.parametrize(
    ("seconds", "account", "told"),
    [
        (7200, None, "🔔 Muted for 2 h: 14 changes meanwhile."),
        (5400, None, "🔔 Muted for 90 min: 14 changes meanwhile."),
        (86_400, None, "🔔 Muted for 1 day: 14 changes meanwhile."),
        (41, TREASURY, "🔔 Till · 0x8e3E…d8B9 was muted for 41 s: 14 changes meanwhile."),
    ],
)
def test_a_receipt_says_what_was_muted_how_long_and_how_much_happened(
    seconds: float, account: object, told: str
) -> None:
    over = MuteOver(TREASURY if account else None, "Till", NOON, at(seconds), 14)

    assert notices.mute_over(over, CHAINS, NOON).visible == told


@pytest.mark.parametrize(("label", "named"), [("", "0x8e3E…d8B9"), ("Safe", "Safe · 0x8e3E…d8B9")])
def test_a_mute_of_some_chains_names_them(label: str, named: str) -> None:
    on = frozenset({ETHEREUM, POLYGON})
    mute = Mute(1, TREASURY, label, NOON, at(3600), on)
    over = MuteOver(TREASURY, label, NOON, at(3600), 1, tuple(on))

    assert (
        f"🔕 {named} on Ethereum and Polygon is muted here"
        in mute_words.muted(MuteResult((mute,), 0), HOUR, CHAT, CHAINS, NOON).visible
    )
    assert f"🔔 {named} on Ethereum and Polygon was muted" in notices.mute_over(over, CHAINS, NOON).visible
    assert f"🔕 {named} on Ethereum and Polygon is muted until" in (
        words.mutes_shown(ActiveMutes((mute,)), CHAT, CHAINS, NOON)[0].visible
    )


def test_a_receipt_of_notices_alone_says_that_nothing_changed() -> None:
    over = MuteOver(None, "", NOON, at(3600), 0)

    assert notices.mute_over(over, CHAINS, NOON).visible == "🔔 Muted for 1 h: no changes meanwhile."


def test_a_topic_is_called_one() -> None:
    assert mute_words.muted(MuteResult((ALL,), 0), HOUR, CHAT, CHAINS, NOON).visible.startswith(
        "🔕 This chat is muted"
    )
    assert mute_words.muted(MuteResult((ALL,), 2), HOUR, TOPIC, CHAINS, NOON).visible == (
        "🔕 This topic is muted for 1 h, until 13:00 UTC.\n"
        "Alerts are kept, and come then.\n"
        "2 changes from before will still come."
    )


def test_what_is_left_of_a_mute_counts_the_minute_that_has_begun() -> None:
    here = ActiveMutes((ALL, TILL), 1)

    assert [line.visible for line in words.mutes_shown(here, CHAT, CHAINS, at(1))] == [
        "🔕 This chat is muted until 13:00 UTC, 1 h more",
        "🔕 Till · 0x8e3E…d8B9 is muted until 14:00 UTC, 2 h more",
        "Kept meanwhile: 1 change",
    ]
    assert words.mutes_shown(ActiveMutes(), CHAT, CHAINS, NOON) == []


def test_many_mutes_fold() -> None:
    lines = words.mutes_shown(ActiveMutes((TILL,) * 8), CHAT, CHAINS, NOON)

    assert len(lines) == 6
    assert lines[-1].visible == "🔕 … and 3 more accounts"


def test_ending_a_mute_says_what_follows_or_what_keeps_it_quiet() -> None:
    def told(*mutes: Mute, changes: int = 0, until: float | None = None) -> str:
        unmuted = UnmuteResult(mutes, changes, None if until is None else at(until))
        return mute_words.unmuted(unmuted, CHAT, CHAINS, NOON).visible

    assert told(ALL, TILL, changes=1) == "🔔 This chat is no longer muted. 1 change from meanwhile follows."
    assert told(TILL) == "🔔 Till · 0x8e3E…d8B9 is no longer muted. Nothing changed meanwhile."
    assert told(TILL, until=3600) == (
        "🔔 Till · 0x8e3E…d8B9 is no longer muted. All of this chat still is, until 13:00 UTC."
    )


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_leaves_its_place(name: str) -> None:
    token = IgnoredToken(1, USDC, frozenset({POLYGON}), name)
    mute = Mute(1, TREASURY, name, NOON, at(60))
    for html in (
        ignore.tokens_ignored(IgnoreResult((token,), (token,), 1, 2), CHAINS, named=[1], is_watched=True),
        ignore.ignored_list(IgnoreListPage((token,), 1, 1, 1), CHAINS),
        ignore.token_unignored(token, CHAINS),
        mute_words.muted(MuteResult((mute,), 0), HOUR, CHAT, CHAINS, NOON),
        mute_words.unmuted(UnmuteResult((mute,), 0), CHAT, CHAINS, NOON),
        notices.mute_over(MuteOver(TREASURY, name, NOON, at(60), 1), CHAINS, NOON),
        mute_words.nothing_muted(name),
        mute_words.only_accounts(name),
        *words.mutes_shown(ActiveMutes((mute,), 1), CHAT, CHAINS, NOON),
    ):
        assert html.fits
        assert seen(html.source) == html.visible


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        ("until tomorrow 9:00", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        ("until today at 23:59", datetime(2026, 11, 22, 23, 59, tzinfo=UTC)),
        ("until 11:00", datetime(2026, 11, 23, 11, 0, tzinfo=UTC)),
        ("until 13:00 UTC", datetime(2026, 11, 22, 13, 0, tzinfo=UTC)),
        ("until 2026-12-01 08:30", datetime(2026, 12, 1, 8, 30, tzinfo=UTC)),
        ("until tomorrow 9am", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        ("until tomorrow at 12 AM", datetime(2026, 11, 23, 0, 0, tzinfo=UTC)),
        ("until tomorrow 9", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        ("until tomorrow", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        ("tomorrow 9:30", datetime(2026, 11, 23, 9, 30, tzinfo=UTC)),
        ("9:00", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        ("5:30pm", datetime(2026, 11, 22, 17, 30, tzinfo=UTC)),
        ("until 13", datetime(2026, 11, 22, 13, 0, tzinfo=UTC)),
    ],
)
def test_a_mute_may_end_at_a_moment(typed: str, until: datetime) -> None:
    request = parsed(f"/mute Till {typed}")

    assert isinstance(request, mute_words.MuteRequest)
    assert (request.who, request.typed) == ("Till", typed)
    assert isinstance(request.how_long, mute_words.Until)
    assert request.how_long.after(datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) == until


@pytest.mark.parametrize(
    "typed", ["until 24:00", "9", "until 9:61", "until 13pm", "until", "today", "tomorrow morning"]
)
def test_what_is_no_moment_is_taken_for_none(typed: str) -> None:
    request = parsed(f"/mute Till {typed}")

    assert isinstance(request, mute_words.MuteRequest)
    assert request.how_long == timedelta(hours=1)
    assert request.who.endswith(typed)


@pytest.mark.parametrize(
    ("typed", "who", "span"),
    [
        ("8h Till", "Till", timedelta(hours=8)),
        ("Till 8h", "Till", timedelta(hours=8)),
        ("for 2 weeks, Till", "Till", timedelta(weeks=2)),
        ("Till, for 1 week", "Till", timedelta(weeks=1)),
        ("1w", "", timedelta(weeks=1)),
        ("1w 2h", "1w", timedelta(hours=2)),
        ("Till 8x", "Till 8x", timedelta(hours=1)),
        ("8h for Till", "Till", timedelta(hours=8)),
        ("for 8h for Till", "Till", timedelta(hours=8)),
        ("8h fortune", "fortune", timedelta(hours=8)),
    ],
)
def test_a_length_stands_before_or_behind_a_name(typed: str, who: str, span: timedelta) -> None:
    request = parsed(f"/mute {typed}")

    assert isinstance(request, mute_words.MuteRequest)
    assert (request.who, request.how_long) == (who, span)
