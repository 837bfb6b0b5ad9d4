"""Polls Telegram for updates, and confirms an update only after it was handled.

Telegram forgets an update as soon as a later offset is asked for. So the offset moves on after a handler has
finished: a bot that is killed repeats a command instead of forgetting it. The loop goes on whatever Telegram
answers and however the handling of an update ends. The rules:

- Updates of owners and open chats are handled as soon as they are polled. Those of strangers count as handled
  once they are in a bounded backlog; what finds no room there, or is left there at the end, is dropped.
- Updates of one chat are handled one after the other, in order; those of several chats side by side.
- The next poll follows when all are handled, or after a short wait. An unfinished update keeps the offset
  where it is and is recognized when Telegram repeats it. It is let go only if it would hide everything new.
- One program receives at a time: a poll ends at Telegram before another replica may receive, and what it
  brings later, to a program that was frozen, is left to that one.
- An update is handled again if the database server went away meanwhile, though all of it may have been done,
  or if others held the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import structlog
from telegram import Update
from telegram.error import TelegramError

from bot.chat.telegram.backlog import Backlog, Raw
from bot.chat.telegram.connection import TelegramBot
from bot.chat.telegram.errors import Failure, RequestResult, failure_of
from bot.chat.telegram.origin import Origin, origin_of
from bot.chat.telegram.stats import TROUBLES
from bot.domain.backoff import Backoff
from bot.domain.deliver.outcomes import SendThrottled
from bot.domain.replicas.roles import Tenure
from bot.store.database.errors import DatabaseFault, DatabaseUnavailable

log = structlog.get_logger(__name__)

POLL_SECONDS = 10
"""How long Telegram may wait for an update; a token that was refused meanwhile shows after that."""

PATIENCE_SECONDS = 10.0
"""How much later the answer may come; giving up a poll costs nothing, the next one gets the same."""

SHORT_POLL_SECONDS = 1
"""The same after a failure, so that the end of the trouble shows sooner."""

UPDATE_KINDS = ["message", "callback_query", "my_chat_member"]
"""The kinds of updates to ask for. No edited messages: an edited /unwatch must not run again."""

POLL_BACKOFF = Backoff((1.0, 2.0, 4.0, 8.0, 16.0, 30.0))
"""After failed polls in a row; without jitter, since only one poll runs at a time."""

LONGEST_THROTTLE_SECONDS = 600.0
"""The longest pause that Telegram is granted: an absurd number must not make the bot deaf for days."""

CONFIRM_SECONDS = 2.0
"""For the last request, which confirms, when the program is asked to stop."""

FINISH_SECONDS = 2.0
"""For updates that are being handled when the program is asked to stop."""

UPDATE_SECONDS = 45.0
"""For handling one update; after that the next one of its chat is handled. Where the database makes it wait,
each time counts by itself."""

HANDLED_AGAIN = frozenset({DatabaseFault.AWAY, DatabaseFault.BUSY, DatabaseFault.ROLE_LOST})
"""Why an update is handled once more, here or by the next receiver: nobody else has to repeat it.

All of these pass; what takes too long by itself would do so each time, and let others wait."""

AGAIN_SECONDS = 1.0
"""Before an update is handled again, and before a look whether polling goes on."""

SHORTEST_POLL_SECONDS = 1.0
"""With less time left than this, no poll begins."""

FORMER_SECONDS = 15.0
"""How long after a take-over a conflict may be due to a poll of the former receiver, which may have died."""

NEXT_POLL_SECONDS = 0.7
"""How long the next poll waits for handlers; Telegram slows down bots that ask again at once."""

UPDATES_A_POLL = 100
"""As many as Telegram shows at once: so many unconfirmed ones hide all that follow."""

NUMBERS_END = 2**53
"""Update numbers are below this; confirming a larger one would confirm, unread, everything that waits."""

SILENT_SECONDS = POLL_SECONDS + 4.0
"""A poll that is under way for so long counts as unanswered."""

FAILURES_TO_REPORT = 2
"""Failed polls in a row before receiving counts as broken; one may be bad luck."""

CONTESTED_SECONDS = 45.0
"""How long a conflict counts: of two programs with one token each gets a conflict now and then, and succeeds
in between."""


class WebhookSet(Exception):
    """The token's updates go to a webhook, so polling is useless; the text is the webhook's host."""


@dataclass(slots=True)
class UpdateCounts:
    """The updates since the start of the program, which may outlive several receivers."""

    handled: int = 0
    """Well or not."""
    dropped: int = 0
    """Of strangers, for which there was no room."""
    failed: int = 0
    """Those that could not be read, or whose handling failed or took too long."""


@dataclass(slots=True)
class ReceiverProgress:
    """How receiving goes; moments are seconds of a monotonic clock."""

    answered_at: float
    """When Telegram last answered a poll."""
    asked_at: float | None = None
    """Since when a poll has been under way; None: none is."""
    failures: int = 0
    """Failed polls in a row."""
    trouble: str | None = None
    """Why the last poll failed; None: it did not."""
    contested_at: float | None = None
    """When Telegram last reported a conflict: another program polls with the same token."""

    def reason(self, now: float) -> str | None:
        """Return why nothing is received; None: as far as is known, updates are received."""
        if self.contested_at is not None and now - self.contested_at < CONTESTED_SECONDS:
            return (
                "another program receives with this token: stop it, or give this bot a token of its own "
                "(telegram.token)"
            )
        if self.trouble is not None and self.failures >= FAILURES_TO_REPORT:
            return self.trouble
        if self.asked_at is not None and now - self.asked_at > SILENT_SECONDS:
            return f"Telegram has not answered for {now - self.asked_at:.0f} s"
        return None


class Receiver:
    """Polls for updates and passes them to `on_update`, by the rules above.

    `first_come` returns for each origin whether its updates go before those of strangers. `tenure` says for
    how long, by `monotonic`, nobody else receives.
    """

    def __init__(
        self,
        bot: TelegramBot,
        on_update: Callable[[Update], Awaitable[None]],
        first_come: Callable[[Sequence[Origin]], Awaitable[Sequence[bool]]],
        *,
        tenure: Tenure,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        update_seconds: float = UPDATE_SECONDS,
        backlog: Backlog | None = None,
        counts: UpdateCounts | None = None,
    ) -> None:
        self.progress = ReceiverProgress(monotonic())
        self.counts = counts or UpdateCounts()
        self._bot = bot
        self._on_update = on_update
        self._first_come = first_come
        self._tenure = tenure
        self._began_at = monotonic()
        self._monotonic = monotonic
        self._sleep = sleep
        self._update_seconds = update_seconds
        self._backlog = backlog or Backlog()
        self._taken: set[int] = set()
        """Numbers of the unconfirmed updates, which Telegram repeats. Not of earlier ones: numbers may start
        anew."""
        self._unfinished: dict[int, asyncio.Task[None]] = {}
        """By number: the handlers that keep the offset where it is."""
        self._last_of: dict[int | None, asyncio.Task[None]] = {}
        """By chat: the handler that the next update of that chat has to wait for."""
        self._may_be_elsewhere = True
        """Whether a webhook may get the updates: asked before the first poll and after a conflict."""
        self._given_up: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Receive for ever, whatever Telegram answers."""
        backlog = asyncio.create_task(self._work_off_backlog())
        try:
            while True:
                if not self._tenure.lasts(self._monotonic(), SHORTEST_POLL_SECONDS):
                    await self._sleep(AGAIN_SECONDS)
                    continue
                try:
                    updates = await self._poll()
                except Exception as error:  # noqa: BLE001 - an answer that is garbage raises anything
                    await self._pause(error)
                    continue
                self._note_answer()
                # It came while this program stood still: whoever receives by now gets the same.
                if not self._tenure.lasts(self._monotonic(), 0.0):
                    continue
                await self._hand_on(updates)
                if self._unfinished:
                    await asyncio.wait(self._unfinished.values(), timeout=NEXT_POLL_SECONDS)
        finally:
            backlog.cancel()
            await self._finish()

    async def confirm(self) -> None:
        """Confirm what was handled, so that the next start does not get it again."""
        offset = self._offset()
        if offset is not None:
            # Asking for an offset is the only way to confirm what lies before it; the answer is not needed.
            with suppress(TelegramError, TimeoutError):
                async with asyncio.timeout(CONFIRM_SECONDS):
                    await self._bot.get_updates(
                        offset=offset, timeout=0, limit=1, allowed_updates=UPDATE_KINDS
                    )

    def _offset(self) -> int | None:
        """Return the lowest number that must not be confirmed yet; None: nothing was received."""
        if self._unfinished:
            return min(self._unfinished)
        return max(self._taken) + 1 if self._taken else None

    # polls

    async def _poll(self) -> list[Raw]:
        """Return the new updates, unparsed; raises any error of the library, or TypeError for garbage."""
        progress, offset = self.progress, self._offset()
        progress.asked_at = self._monotonic()
        try:
            if self._may_be_elsewhere:
                await self._look_for_webhook()
            longest = SHORT_POLL_SECONDS if progress.failures else POLL_SECONDS
            answer = await self._bot.raw_updates(
                offset=offset,
                timeout_seconds=int(min(longest, self._tenure.left(self._monotonic()))),
                patience_seconds=PATIENCE_SECONDS,
                kinds=UPDATE_KINDS,
            )
        finally:
            progress.asked_at = None
        if not isinstance(answer, list) or not all(map(_is_numbered, answer)):
            raise TypeError("no list of updates")
        # Asking for an offset has confirmed what lies before it: Telegram does not show that again.
        self._taken = {number for number in self._taken if offset is not None and number >= offset}
        return answer

    async def _look_for_webhook(self) -> None:
        """Raise WebhookSet while a webhook gets the updates; once it is gone, polling begins.

        A webhook is never removed from here: that would silence another deployment with the same token.
        """
        url = ""
        with suppress(Exception):  # what is wrong shows by the poll that follows
            url = (await self._bot.get_webhook_info()).url
            self._may_be_elsewhere = bool(url)
        if url:
            raise WebhookSet(urlsplit(url).hostname or "another place")

    async def _pause(self, error: Exception) -> None:
        progress = self.progress
        is_contested = failure_of(error).result is RequestResult.CONFLICT
        if is_contested and self._has_just_taken_over:
            log.info("the former receiver's poll is still under way", action="former_receiver")
            await self._sleep(AGAIN_SECONDS)
            return
        progress.failures += 1
        if is_contested:
            self._may_be_elsewhere = True
            progress.contested_at = self._monotonic()
        if progress.trouble is None:
            log.warning("no updates come from Telegram", action="telegram_trouble", trouble=_trouble(error))
        progress.trouble = _trouble(error)
        await self._sleep(_pause_seconds(error, progress.failures))

    @property
    def _has_just_taken_over(self) -> bool:
        return self._tenure.epoch is not None and self._monotonic() - self._began_at < FORMER_SECONDS

    def _note_answer(self) -> None:
        progress = self.progress
        if progress.trouble is not None:
            log.info("updates come from Telegram again", action="telegram_recovered")
        progress.answered_at = self._monotonic()
        progress.trouble = None
        progress.failures = 0

    # updates

    async def _hand_on(self, updates: Sequence[Raw]) -> None:
        """Start handling updates that go first, and put those of strangers into the backlog."""
        fresh = [raw for raw in updates if _number(raw) not in self._taken]
        if not fresh and len(updates) >= UPDATES_A_POLL:
            log.warning("unfinished updates hide all others: they are let go", action="updates_let_go")
            self._unfinished.clear()
        origins = [origin_of(raw) for raw in fresh]
        for raw, origin, is_first in zip(fresh, origins, await self._which_come_first(origins), strict=True):
            self._taken.add(_number(raw))
            if is_first:
                # What the chat sent as a stranger, before it was opened, still comes before this update.
                for earlier in self._backlog.take(origin.chat_id):
                    self._begin(origin.chat_id, earlier)
                self._unfinished[_number(raw)] = self._begin(origin.chat_id, raw)
            elif not self._backlog.add(origin.chat_id, raw):
                self._note_dropped()

    async def _which_come_first(self, origins: Sequence[Origin]) -> Sequence[bool]:
        """Return which updates go first: all of them if the check fails."""
        if not origins:
            return []
        try:
            return await self._first_come(origins)
        except Exception:
            log.exception("updates could not be sorted", action="sorting_failed")
            return [True] * len(origins)

    def _note_dropped(self) -> None:
        if not self.counts.dropped:
            log.warning("strangers write too much: some of it is dropped", action="updates_dropped")
        self.counts.dropped += 1

    async def _work_off_backlog(self) -> None:
        """Handle the updates of strangers, one at a time."""
        while True:
            chat_id, raw = await self._backlog.next()
            await asyncio.wait({self._begin(chat_id, raw)})

    def _begin(self, chat_id: int | None, raw: Raw) -> asyncio.Task[None]:
        """Start a task that handles an update after those before it in its chat."""
        task = asyncio.create_task(self._deal_with(raw, self._last_of.get(chat_id)))
        self._last_of[chat_id] = task
        # A callback and not the task's own end: a task that is cancelled before it starts never runs.
        task.add_done_callback(partial(self._ended, chat_id, _number(raw)))
        return task

    def _ended(self, chat_id: int | None, number: int, task: asyncio.Task[None]) -> None:
        if self._last_of.get(chat_id) is task:
            del self._last_of[chat_id]
        # A cancelled one was not handled: it stays unconfirmed, and the next start gets it again.
        if not task.cancelled():
            self._unfinished.pop(number, None)

    async def _finish(self) -> None:
        """Wait briefly for handlers, so that their updates need not come again; then cancel the rest."""
        under_way = {*self._unfinished.values(), *self._last_of.values()}
        if under_way:
            await asyncio.wait(under_way, timeout=FINISH_SECONDS)
        for task in under_way:
            task.cancel()

    async def _deal_with(self, raw: Raw, before: asyncio.Task[None] | None) -> None:
        """Handle one update, again while the database lets it wait; however it ends, the next one follows."""
        if before is not None:
            await asyncio.wait({before})
        number = _number(raw)
        while True:
            handler_task = await self._tried(raw)
            trouble = _passing_trouble(handler_task)
            if trouble is None:
                break
            log.warning(
                "an update waits for the database",
                action="update_waits",
                update=number,
                trouble=str(trouble),
            )
            await self._sleep(AGAIN_SECONDS)
        self.counts.handled += 1
        if not handler_task.done():
            # It resists being cancelled: kept from the garbage collector until it ends.
            log.error("an update took too long and is given up", action="update_stalled", update=number)
            self.counts.failed += 1
            self._given_up.add(handler_task)
            handler_task.add_done_callback(self._given_up.discard)
        elif handler_task.cancelled() or handler_task.exception() is not None:
            log.error(
                "an update could not be dealt with",
                action="update_failed",
                update=number,
                exc_info=None if handler_task.cancelled() else handler_task.exception(),
            )
            self.counts.failed += 1

    async def _handle(self, raw: Raw) -> None:
        await self._on_update(Update.de_json(dict(raw), self._bot))

    async def _tried(self, raw: Raw) -> asyncio.Task[None]:
        """Handle an update for `update_seconds` at most, and return what came of it."""
        handler_task = asyncio.create_task(self._handle(raw))
        try:
            await asyncio.wait({handler_task}, timeout=self._update_seconds)
        finally:
            handler_task.cancel()
        return handler_task


def _passing_trouble(handler_task: asyncio.Task[None]) -> DatabaseUnavailable | None:
    """Return why an update is to be handled once more; None: it isn't."""
    ended = handler_task.done() and not handler_task.cancelled()
    error = handler_task.exception() if ended else None
    return error if isinstance(error, DatabaseUnavailable) and error.kind in HANDLED_AGAIN else None


def _is_numbered(update: object) -> bool:
    """Whether something has a number that it can be confirmed by, whatever else is in it."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return type(number) is int and 0 <= number < NUMBERS_END


def _number(update: Raw) -> int:
    number = update["update_id"]
    assert isinstance(number, int)
    return number


def _trouble(error: Exception) -> str:
    if isinstance(error, WebhookSet):
        return (
            f"the token's updates go to a webhook at {error}: remove it there (deleteWebhook), "
            "or give this bot a token of its own (telegram.token)"
        )
    match failure_of(error).result:
        case RequestResult.CONFLICT:
            return "another program receives with this token"
        case RequestResult.THROTTLED:
            return f"Telegram asks for a pause of {_pause_seconds(error, 1):g} s"
        case RequestResult.REFUSED:
            return "Telegram refuses to send updates"
        case result:
            return TROUBLES[result]


def _pause_seconds(error: Exception, failures: int) -> float:
    """Return the seconds before the next poll: what Telegram asks for, or more with each failure."""
    match failure_of(error):
        case Failure(RequestResult.THROTTLED, SendThrottled(seconds)):
            return min(seconds, LONGEST_THROTTLE_SECONDS)
        case _:
            return POLL_BACKOFF.seconds(failures - 1, 0.0)
