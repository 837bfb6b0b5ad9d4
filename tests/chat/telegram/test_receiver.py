"""Receiving, over real HTTP: nothing that Telegram answers and nothing that an update does ends it."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from telegram import Update
from telegram.error import Conflict

from bot.chat.telegram import receiver
from bot.chat.telegram.backlog import MOST_OF_ONE_CHAT
from bot.chat.telegram.connection import TelegramBot, build_bot
from bot.chat.telegram.origin import Origin
from bot.chat.telegram.receiver import (
    CONTESTED_SECONDS,
    LONGEST_THROTTLE_SECONDS,
    SILENT_SECONDS,
    UPDATE_KINDS,
    Receiver,
)
from bot.domain.replicas.roles import Role, Tenure
from bot.sandbox.telegram.api.faults import (
    Close,
    Error,
    Garbage,
    ProxyPage,
    Reset,
    TelegramFault,
    after,
    before,
    too_many_requests,
)
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from bot.store.database.errors import CommitUnknown, DatabaseFault, DatabaseUnavailable, RoleLost
from tests.waits import until

WEBHOOK = {
    "url": "https://elsewhere.example/secret-path",
    "has_custom_certificate": False,
    "pending_update_count": 0,
}


@dataclass
class Desk:
    """A receiver between a real local Telegram and somebody who deals with what it hands on."""

    telegram: Telegram
    bot: TelegramBot
    olga: User
    chat: Chat
    handled: list[str] = field(default_factory=list)
    on_text: Callable[[str], Awaitable[None]] | None = None
    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)
    update_seconds: float = 20.0
    strangers: set[int] = field(default_factory=set)
    tenure: Tenure = field(default_factory=lambda: Tenure(Role.RECEIVER))

    def __post_init__(self) -> None:
        self.receiver = Receiver(
            self.bot,
            self._on_update,
            self._first_come,
            tenure=self.tenure,
            monotonic=lambda: self.seconds,
            sleep=self._sleep,
            update_seconds=self.update_seconds,
        )

    def say(self, text: str) -> None:
        self.telegram.says(self.olga, self.chat, text)

    async def handles(self, *texts: str) -> None:
        """Wait until these were dealt with, in this order, and nothing else was since the last time."""
        await until(lambda: len(self.handled) >= len(texts))
        assert self.handled == list(texts)
        self.handled.clear()

    async def trouble(self) -> str:
        """Return what is told to be wrong, once something is."""
        await until(lambda: self.reason is not None)
        return str(self.reason)

    @property
    def reason(self) -> str | None:
        return self.receiver.progress.reason(self.seconds)

    def polls(self) -> int:
        return sum(call.method == "getUpdates" for call in self.telegram.calls)

    async def asks(self, times: int) -> None:
        wanted = self.polls() + times
        await until(lambda: self.polls() >= wanted)

    async def passes(self, seconds: float) -> None:
        """Let time pass, and see the next poll begin."""
        self.seconds += seconds
        polls = self.polls()
        self.say("/time passes")
        await until(lambda: "/time passes" in self.handled and self.polls() > polls)
        self.handled.remove("/time passes")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.receiver.run())
        try:
            yield
            assert not running.done()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def _on_update(self, update: Update) -> None:
        assert update.message is not None
        text = update.message.text or ""
        if self.on_text is not None:
            await self.on_text(text)
        self.handled.append(text)

    async def _first_come(self, origins: Sequence[Origin]) -> list[bool]:
        return [one.chat_id not in self.strangers for one in origins]

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.005)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    telegram = Telegram()
    olga = telegram.add_user("Olga")
    async with telegram.serve():
        bot = build_bot(telegram.token, telegram.url)
        await bot.initialize()
        yield Desk(telegram, bot, olga, telegram.add_private_chat(olga))
        await bot.shutdown()


# ---------------------------------------------------------------- what Telegram answers


TROUBLES: list[tuple[TelegramFault, str]] = [
    (before(Error(401, "Unauthorized")), "Telegram refuses the token"),
    (before(Error(404, "Not Found")), "Telegram refuses the token"),
    (before(Error(400, "Bad Request: whatever")), "Telegram refuses to send updates"),
    (before(Error(500, "Internal Server Error")), "Telegram can't be reached"),
    (before(ProxyPage(502)), "Telegram can't be reached"),
    (before(ProxyPage(200)), "what Telegram answers can't be read"),
    (before(Garbage()), "what Telegram answers can't be read"),
    (before(Garbage('{"ok":true,"result":{}}')), "what Telegram answers can't be read"),
    (before(Garbage('{"ok":true,"result":[7]}')), "what Telegram answers can't be read"),
    (before(Garbage('{"ok":true,"result":[{}]}')), "what Telegram answers can't be read"),
    *(
        (
            before(Garbage(f'{{"ok":true,"result":[{{"update_id":{number}}}]}}')),
            "what Telegram answers can't be read",
        )
        for number in (10**30, 2**53, -5, 0.5, "true", '"7"')
    ),
    (before(Garbage('{"ok":false}')), "what Telegram answers can't be read"),
    (before(Close()), "Telegram can't be reached"),
    (after(Reset()), "Telegram can't be reached"),
    (too_many_requests(7), "Telegram asks for a pause of 7 s"),
    (too_many_requests(-5), "Telegram asks for a pause of 1 s"),
    (before(Error(409, "Conflict: terminated by other getUpdates request")), "another program receives"),
]


@pytest.mark.parametrize(("fault", "reason"), TROUBLES)
async def test_whatever_telegram_answers_it_is_told_and_receiving_goes_on(
    desk: Desk, fault: TelegramFault, reason: str
) -> None:
    async with desk.open():
        desk.telegram.fault(fault, method="getUpdates")
        desk.say("/first")
        assert (await desk.trouble()).startswith(reason)
        await desk.asks(3)

        desk.telegram.heal()

        await desk.handles("/first")
        await desk.passes(CONTESTED_SECONDS)
        assert desk.reason is None
        assert desk.telegram.token not in reason


async def test_one_answer_that_fails_is_bad_luck_and_not_told(desk: Desk) -> None:
    desk.telegram.fault(before(ProxyPage(502)), times=1, method="getUpdates")
    async with desk.open():
        await desk.asks(2)

        assert desk.reason is None
        assert desk.pauses == [1.0]


async def test_pauses_grow_and_stay_below_half_a_minute(desk: Desk) -> None:
    desk.telegram.fault(before(ProxyPage(502)), times=8, method="getUpdates")
    async with desk.open():
        await until(lambda: len(desk.pauses) == 8)

    assert desk.pauses == [1, 2, 4, 8, 16, 30, 30, 30]


async def test_an_outage_of_many_hours_does_not_end_receiving(desk: Desk) -> None:
    desk.receiver.progress.failures = 100_000
    desk.telegram.fault(before(ProxyPage(502)), times=2, method="getUpdates")
    async with desk.open():
        desk.say("/first")

        await desk.handles("/first")
        assert desk.pauses == [30, 30]


@pytest.mark.parametrize(("wanted", "made"), [(7, 7.0), (0, 1.0), (10**6, LONGEST_THROTTLE_SECONDS)])
async def test_a_pause_that_telegram_asks_for_is_made_within_reason(
    desk: Desk, wanted: int, made: float
) -> None:
    desk.telegram.fault(too_many_requests(wanted), times=1, method="getUpdates")
    async with desk.open():
        await until(lambda: bool(desk.pauses))

    assert desk.pauses == [made]


async def test_a_poll_that_gets_no_answer_is_told_before_it_is_given_up(desk: Desk) -> None:
    hold = desk.telegram.hold_before(method="getUpdates")
    async with desk.open():
        await hold.arrived()
        assert desk.reason is None
        desk.seconds = SILENT_SECONDS + 1
        assert desk.reason == "Telegram has not answered for 15 s"

        hold.release()
        desk.say("/first")

        await desk.handles("/first")
        assert desk.reason is None


# ---------------------------------------------------------------- where else the token works


async def test_a_token_with_a_webhook_is_left_to_its_other_deployment(desk: Desk) -> None:
    webhook = json.dumps({"ok": True, "result": WEBHOOK})
    desk.telegram.fault(before(Garbage(webhook)), method="getWebhookInfo")
    async with desk.open():
        told = await desk.trouble()
        await until(lambda: len(desk.pauses) > 3)

        assert "a webhook at elsewhere.example" in told
        assert "secret-path" not in told
        assert {call.method for call in desk.telegram.calls} == {"getMe", "getWebhookInfo"}

        desk.telegram.heal()
        desk.say("/first")

        await desk.handles("/first")
        assert desk.reason is None
        assert not any(call.method == "deleteWebhook" for call in desk.telegram.calls)


async def test_a_webhook_that_is_set_while_polling_is_named(desk: Desk) -> None:
    async with desk.open():
        await desk.asks(1)
        webhook = json.dumps({"ok": True, "result": WEBHOOK})
        desk.telegram.fault(before(Garbage(webhook)), method="getWebhookInfo")
        active = "Conflict: can't use getUpdates method while webhook is active"
        desk.telegram.fault(before(Error(409, active)), method="getUpdates")
        desk.say("/ends the poll that is under way")
        await until(lambda: "elsewhere.example" in str(desk.receiver.progress.trouble))
        desk.seconds += CONTESTED_SECONDS
        await until(lambda: "a webhook at elsewhere.example" in str(desk.reason))


async def test_a_telegram_that_does_not_tell_of_webhooks_is_polled_all_the_same(desk: Desk) -> None:
    desk.telegram.fault(before(Error(404, "Not Found")), method="getWebhookInfo")
    async with desk.open():
        desk.say("/first")

        await desk.handles("/first")


async def test_another_program_with_the_same_token_is_told_until_it_is_gone(desk: Desk) -> None:
    other = build_bot(desk.telegram.token, desk.telegram.url)
    await other.initialize()

    async def poll_too() -> None:
        while True:
            with suppress(Conflict):
                await other.get_updates(timeout=5)

    async with desk.open():
        await desk.asks(1)
        rival = asyncio.create_task(poll_too())
        assert "another program receives with this token" in await desk.trouble()
        rival.cancel()
        await asyncio.wait({rival})

        await desk.passes(CONTESTED_SECONDS - 1)
        assert desk.reason is not None, "it may only be pausing"
        await desk.passes(1)
        assert desk.reason is None
    await other.shutdown()


# ---------------------------------------------------------------- what becomes of an update


async def test_an_update_is_confirmed_when_it_has_been_dealt_with_and_not_before(desk: Desk) -> None:
    arrived, may_end = asyncio.Event(), asyncio.Event()

    async def wait(_: str) -> None:
        arrived.set()
        await may_end.wait()

    desk.on_text = wait
    async with desk.open():
        desk.say("/first")
        await arrived.wait()
        assert desk.telegram.updates.waiting_count == 1

        may_end.set()
        await desk.handles("/first")
        await until(lambda: desk.telegram.updates.waiting_count == 0)


async def test_what_is_nearly_dealt_with_when_asked_to_stop_is_finished_and_confirmed(desk: Desk) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def take_a_moment(_: str) -> None:
        begun.set()
        await may_end.wait()

    desk.on_text = take_a_moment
    running = asyncio.create_task(desk.receiver.run())
    desk.say("/first")
    await begun.wait()

    running.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with suppress(asyncio.CancelledError):
        await running
    await desk.receiver.confirm()

    assert desk.handled == ["/first"]
    assert desk.telegram.updates.waiting_count == 0


async def test_what_takes_too_long_when_asked_to_stop_is_repeated_at_the_next_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "FINISH_SECONDS", 0.01)
    begun = asyncio.Event()

    async def take_for_ever(_: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    desk.on_text = take_for_ever
    running = asyncio.create_task(desk.receiver.run())
    desk.say("/first")
    await begun.wait()

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await desk.receiver.confirm()

    assert desk.handled == []
    assert desk.telegram.updates.waiting_count == 1


async def test_what_was_dealt_with_is_confirmed_at_the_end(desk: Desk) -> None:
    ended = asyncio.Event()

    async def end(_: str) -> None:
        ended.set()

    desk.on_text = end
    hold = desk.telegram.hold_before(method="getUpdates")
    async with desk.open():
        await hold.arrived()
        desk.say("/first")
        later = desk.telegram.hold_before(method="getUpdates")
        hold.release()
        await ended.wait()
        await later.arrived()
        assert desk.telegram.updates.waiting_count == 1

    await desk.receiver.confirm()

    assert desk.telegram.updates.waiting_count == 0
    desk.telegram.heal()


async def test_an_update_that_fails_keeps_none_behind_it_waiting(desk: Desk) -> None:
    async def fail(text: str) -> None:
        if text == "/fails":
            raise ZeroDivisionError

    desk.on_text = fail
    async with desk.open():
        desk.say("/fails")
        desk.say("/works")

        await desk.handles("/works")
        await until(lambda: desk.receiver.counts.handled == 2)
    assert desk.receiver.counts.failed == 1


async def test_an_update_that_is_cancelled_from_within_does_not_end_receiving(desk: Desk) -> None:
    async def cancel(text: str) -> None:
        if text == "/cancels":
            raise asyncio.CancelledError

    desk.on_text = cancel
    async with desk.open():
        desk.say("/cancels")
        desk.say("/works")

        await desk.handles("/works")


async def test_an_update_that_cannot_be_read_keeps_none_behind_it_waiting(desk: Desk) -> None:
    async with desk.open():
        desk.telegram.updates.put("message", {"message_id": "seven", "chat": 7})
        desk.say("/works")

        await desk.handles("/works")
        await until(lambda: desk.telegram.updates.waiting_count == 0)
    assert (desk.receiver.counts.handled, desk.receiver.counts.failed) == (2, 1)


@pytest.mark.parametrize("is_stubborn", [False, True])
async def test_an_update_that_hangs_keeps_those_behind_it_waiting_for_so_long_at_most(
    desk: Desk, *, is_stubborn: bool
) -> None:
    released = asyncio.Event()

    async def hang(text: str) -> None:
        while text == "/hangs" and not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                if not is_stubborn:
                    raise

    brief = Desk(desk.telegram, desk.bot, desk.olga, desk.chat, on_text=hang, update_seconds=0.3)
    async with brief.open():
        brief.say("/hangs")
        brief.say("/works")

        await until(lambda: "/works" in brief.handled)
        await until(lambda: desk.telegram.updates.waiting_count == 0)
        assert brief.receiver.counts.failed >= 1
        released.set()


async def test_numbers_that_start_anew_lower_are_received_like_any(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "POLL_SECONDS", 0)
    async with desk.open():
        desk.say("/first")
        await desk.handles("/first")
        await desk.asks(3)

        desk.telegram.updates._ids = itertools.count(5)
        desk.say("/second")
        desk.say("/third")

        await desk.handles("/second", "/third")


async def test_only_what_is_dealt_with_is_asked_for(desk: Desk) -> None:
    async with desk.open():
        await desk.asks(1)

    (call, *_) = [call for call in desk.telegram.calls if call.method == "getUpdates"]
    assert json.loads(str(call.parameters["allowed_updates"])) == UPDATE_KINDS


# ---------------------------------------------------------------- who waits for whom


@dataclass
class Crossing:
    """Updates that stand still until they may go on."""

    desk: Desk
    stuck: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.desk.on_text = self._on_text

    async def _on_text(self, text: str) -> None:
        if text.startswith("/stuck"):
            self.stuck.set()
            await self.may_end.wait()

    def add(self, name: str, *, is_stranger: bool = False) -> Callable[[str], object]:
        user = self.desk.telegram.add_user(name)
        chat = self.desk.telegram.add_private_chat(user)
        if is_stranger:
            self.desk.strangers.add(chat.id)
        return lambda text: self.desk.telegram.says(user, chat, text)


@pytest.fixture
def crossing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Crossing:
    monkeypatch.setattr(receiver, "NEXT_POLL_SECONDS", 0.05)
    return Crossing(desk)


async def test_one_chat_that_is_slow_keeps_no_other_waiting_and_is_not_confirmed(
    desk: Desk, crossing: Crossing
) -> None:
    alice = crossing.add("Alice")
    async with desk.open():
        desk.say("/stuck")
        await crossing.stuck.wait()
        alice("/works")
        await until(lambda: desk.handled == ["/works"])
        await desk.asks(3)
        assert desk.handled == ["/works"], "it is told apart when Telegram repeats it"
        assert desk.telegram.updates.waiting_count == 2

        crossing.may_end.set()
        await until(lambda: desk.telegram.updates.waiting_count == 0)
        assert desk.handled == ["/works", "/stuck"]


async def test_updates_of_one_chat_are_dealt_with_one_after_the_other(desk: Desk, crossing: Crossing) -> None:
    async with desk.open():
        desk.say("/stuck")
        desk.say("/second")
        await crossing.stuck.wait()
        desk.say("/third")
        await desk.asks(3)
        assert desk.handled == []

        crossing.may_end.set()
        await desk.handles("/stuck", "/second", "/third")


async def test_a_hundred_unfinished_updates_do_not_hide_the_next(desk: Desk, crossing: Crossing) -> None:
    alice = crossing.add("Alice")
    async with desk.open():
        for _ in range(100):
            desk.say("/stuck")
        alice("/works")

        await until(lambda: desk.handled == ["/works"])
        crossing.may_end.set()
        await until(lambda: len(desk.handled) == 101)


async def test_nobody_waits_for_a_stranger_whose_update_is_confirmed_at_once(
    desk: Desk, crossing: Crossing
) -> None:
    mallory = crossing.add("Mallory", is_stranger=True)
    async with desk.open():
        mallory("/stuck")
        mallory("/later")
        await crossing.stuck.wait()
        await until(lambda: desk.telegram.updates.waiting_count == 0)
        desk.say("/works")
        await desk.handles("/works")

        crossing.may_end.set()
        await desk.handles("/stuck", "/later")


async def test_strangers_are_dealt_with_one_at_a_time(desk: Desk, crossing: Crossing) -> None:
    mallory, eve = (crossing.add(name, is_stranger=True) for name in ("Mallory", "Eve"))
    async with desk.open():
        mallory("/stuck")
        await crossing.stuck.wait()
        eve("/eve")
        await desk.asks(3)
        assert desk.handled == []

        crossing.may_end.set()
        await desk.handles("/stuck", "/eve")


async def test_what_a_chat_sent_before_it_was_opened_is_dealt_with_before_the_rest(
    desk: Desk, crossing: Crossing
) -> None:
    mallory, bob = (crossing.add(name, is_stranger=True) for name in ("Mallory", "Bob"))
    async with desk.open():
        mallory("/stuck")
        await crossing.stuck.wait()
        bob("/one")
        bob("/two")
        await until(lambda: desk.telegram.updates.waiting_count == 0)

        desk.strangers.clear()
        bob("/three")
        await desk.handles("/one", "/two", "/three")
        crossing.may_end.set()


async def test_what_finds_no_room_is_dropped_and_counted(desk: Desk, crossing: Crossing) -> None:
    mallory = crossing.add("Mallory", is_stranger=True)
    async with desk.open():
        mallory("/stuck")
        await crossing.stuck.wait()
        for number in range(MOST_OF_ONE_CHAT + 3):
            mallory(f"/{number}")
        await until(lambda: desk.receiver.counts.dropped == 3)

        crossing.may_end.set()
        await desk.handles("/stuck", *(f"/{number}" for number in range(MOST_OF_ONE_CHAT)))


async def test_where_nobody_can_tell_strangers_apart_nobody_is_one(
    desk: Desk, crossing: Crossing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> list[bool]:
        raise ZeroDivisionError

    monkeypatch.setattr(desk.receiver, "_first_come", fail)
    async with desk.open():
        desk.say("/stuck")
        await crossing.stuck.wait()
        await desk.asks(2)
        assert desk.telegram.updates.waiting_count == 1

        crossing.may_end.set()
        await desk.handles("/stuck")


# ---------------------------------------------------------------- one of several replicas


CONFLICT = before(Error(409, "Conflict: terminated by other getUpdates request"))
AWAY = DatabaseUnavailable(DatabaseFault.AWAY, "gone")


def fails_with(*troubles: Exception) -> Callable[[str], Awaitable[None]]:
    left = list(troubles)

    async def fail(_: str) -> None:
        if left:
            raise left.pop(0)

    return fail


@pytest.mark.parametrize(
    "trouble",
    [
        AWAY,
        DatabaseUnavailable(DatabaseFault.BUSY, "held for too long"),
        CommitUnknown(DatabaseFault.AWAY, "during a commit"),
    ],
)
async def test_an_update_is_handled_again_if_the_database_went_away(desk: Desk, trouble: Exception) -> None:
    desk.on_text = fails_with(trouble, trouble)
    async with desk.open():
        desk.say("/watch")
        desk.say("/list")
        await desk.handles("/watch", "/list")

    assert desk.receiver.counts.failed == 0


async def test_an_update_waits_for_the_database_for_longer_than_it_may_take_itself(desk: Desk) -> None:
    tries = 0

    async def wait_in_vain(text: str) -> None:
        nonlocal tries
        tries += text == "/watch"
        if text == "/watch" and tries <= 4:
            await asyncio.sleep(0.2)
            raise DatabaseUnavailable(DatabaseFault.BUSY, "held for too long")

    brief = Desk(desk.telegram, desk.bot, desk.olga, desk.chat, on_text=wait_in_vain, update_seconds=0.5)
    async with brief.open():
        brief.say("/watch")
        brief.say("/list")
        await brief.handles("/watch", "/list")

    assert brief.receiver.counts.failed == 0


@pytest.mark.parametrize("kind", [DatabaseFault.FULL, DatabaseFault.SLOW])
async def test_an_update_is_handled_once_for_a_trouble_that_may_stay(desk: Desk, kind: DatabaseFault) -> None:
    desk.on_text = fails_with(DatabaseUnavailable(kind, "in its words"))
    async with desk.open():
        desk.say("/watch")
        desk.say("/list")
        await desk.handles("/list")

    assert desk.receiver.counts.failed == 1


async def test_what_a_lost_role_kept_from_being_handled_is_left_to_the_next_receiver(desk: Desk) -> None:
    desk.on_text = fails_with(*[RoleLost("receiver")] * 1000)
    asked: list[float] = []
    desk.receiver._sleep = until_told(asked)
    async with desk.open():
        desk.say("/watch")
        await until(lambda: bool(asked))
        await desk.asks(1)
    await desk.receiver.confirm()

    assert desk.handled == []
    successor = Desk(desk.telegram, desk.bot, desk.olga, desk.chat)
    async with successor.open():
        await successor.handles("/watch")


def until_told(asked: list[float]) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        await asyncio.Event().wait()

    return sleep


async def test_no_poll_outlasts_the_tenure_at_telegram(desk: Desk) -> None:
    desk.tenure.good_until = 4.5
    async with desk.open():
        await until(lambda: desk.polls() == 1)
        polls = [call for call in desk.telegram.calls if call.method == "getUpdates"]

    assert [str(poll.parameters["timeout"]) for poll in polls] == ["4"]


async def test_nothing_is_polled_when_the_tenure_is_about_to_end(desk: Desk) -> None:
    desk.tenure.good_until = 0.5
    async with desk.open():
        await until(lambda: len(desk.pauses) > 2)
        assert desk.polls() == 0
        desk.tenure.good_until = desk.seconds + 10
        desk.say("/list")
        await desk.handles("/list")


async def test_what_comes_to_a_receiver_that_stood_still_for_too_long_is_left_to_the_next(desk: Desk) -> None:
    desk.tenure.good_until = 10
    async with desk.open():
        await until(lambda: desk.polls() == 1)
        desk.seconds = 60  # it stood still, and the answer lay in its buffers
        desk.say("/watch")
        await until(lambda: bool(desk.pauses))
    await desk.receiver.confirm()

    assert desk.handled == []
    successor = Desk(desk.telegram, desk.bot, desk.olga, desk.chat)
    async with successor.open():
        await successor.handles("/watch")


@pytest.mark.parametrize("epoch", [7, None])
async def test_a_conflict_right_after_a_take_over_is_no_alarm_and_later_it_is(
    desk: Desk, epoch: int | None
) -> None:
    desk.tenure.epoch = epoch
    desk.telegram.fault(CONFLICT, method="getUpdates", times=2)
    async with desk.open():
        await desk.asks(3)
        desk.say("/list")
        await desk.handles("/list")
        assert (desk.reason is None) == (epoch is not None)

        desk.seconds += CONTESTED_SECONDS
        desk.telegram.fault(CONFLICT, method="getUpdates", times=1)
        await desk.asks(2)
        assert desk.reason is not None
