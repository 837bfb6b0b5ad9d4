"""Receives what people write, and confirms it only when it has been dealt with.

Telegram forgets an update as soon as a later offset is asked for. So the offset
moves on after a handler has finished: a bot that is killed repeats a command,
it does not forget one (telegram.md 4.2). Whatever Telegram answers, and whatever
becomes of one update, the loop goes on. What holds:

- Updates of owners and open chats are begun as soon as they are polled. Those of
  strangers count as dealt with once they are in a bounded backlog, which is worked
  off one by one; what finds no room there, or is there at the end, is forgotten.
- Those of one chat are dealt with one after the other, in order; those of several
  side by side.
- The next poll follows when all are dealt with, or after a short patience. What is
  not, holds the offset, and is told apart when Telegram repeats it. It is let go only
  where nothing new would be seen otherwise.
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

log = structlog.get_logger(__name__)

POLL_SECONDS = 10
"""How long Telegram may wait for something to tell: what ends a poll, a refused token say, shows no later."""

PATIENCE_SECONDS = 10.0
"""For the answer to come after that; a poll that was given up costs nothing, it is asked again."""

SHORT_POLL_SECONDS = 1
"""After trouble: whether it is over shows sooner."""

UPDATE_KINDS = ["message", "callback_query", "my_chat_member"]
"""Edited messages are left out on purpose: an edited /unwatch must not run again (telegram.md 2)."""

POLL_BACKOFF = Backoff((1.0, 2.0, 4.0, 8.0, 16.0, 30.0))
"""After failures in a row; without jitter, since nothing else polls."""

LONGEST_THROTTLE_SECONDS = 600.0
"""Telegram may ask for any pause; a number that can't be meant must not make the bot deaf for days."""

CONFIRM_SECONDS = 2.0

FINISH_SECONDS = 2.0
"""For what is being dealt with when the program is asked to stop."""

UPDATE_SECONDS = 45.0
"""For dealing with one update: what takes longer must not keep the others of its chat waiting."""

NEXT_POLL_SECONDS = 0.7
"""So long the next poll waits for what is being dealt with; Telegram slows down who asks for it sooner."""

UPDATES_A_POLL = 100
"""Telegram shows no more at once: so many that are not confirmed hide all that follow."""

NUMBERS_END = 2**53
"""Of updates; confirming what is no such number would confirm all that waits, unheard."""

SILENT_SECONDS = POLL_SECONDS + 4.0
"""A poll under way for so long gets no answer."""

FAILURES_TO_TELL = 2
"""In a row: one is bad luck."""

CONTESTED_SECONDS = 45.0
"""Two programs with one token are told in turn that the other one is there, and hear well between."""


class WebhookSet(Exception):
    """The token's updates go to a webhook; the text is the host."""


@dataclass(slots=True)
class ReceiverProgress:
    """How far the receiver has come, on the monotonic clock."""

    heard_at: float
    """Telegram answered a poll."""
    asked_at: float | None = None
    """A poll has been under way since then."""
    failures: int = 0
    """Polls in a row."""
    trouble: str | None = None
    """Why the last poll failed."""
    contested_at: float | None = None
    """Telegram last said that another program receives."""
    updates: int = 0
    """Dealt with, well or not."""
    dropped: int = 0
    """Updates of strangers for which there was no room."""
    failed: int = 0
    """Updates that were given up: they could not be read, or dealing with them failed or took too long."""

    def reason(self, now: float) -> str | None:
        """Return why nothing is received; None: it is, as far as is known."""
        if self.contested_at is not None and now - self.contested_at < CONTESTED_SECONDS:
            return (
                "another program receives with this token: stop it, or give this bot a token of its own "
                "(telegram.token)"
            )
        if self.trouble is not None and self.failures >= FAILURES_TO_TELL:
            return self.trouble
        if self.asked_at is not None and now - self.asked_at > SILENT_SECONDS:
            return f"Telegram has not answered for {now - self.asked_at:.0f} s"
        return None


class Receiver:
    """Polls for updates and hands them on.

    `first_come` says of each origin whether it goes before strangers.
    """

    def __init__(
        self,
        bot: TelegramBot,
        on_update: Callable[[Update], Awaitable[None]],
        first_come: Callable[[Sequence[Origin]], Awaitable[Sequence[bool]]],
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        update_seconds: float = UPDATE_SECONDS,
        backlog: Backlog | None = None,
    ) -> None:
        self.progress = ReceiverProgress(monotonic())
        self._bot = bot
        self._on_update = on_update
        self._first_come = first_come
        self._monotonic = monotonic
        self._sleep = sleep
        self._update_seconds = update_seconds
        self._backlog = backlog or Backlog()
        self._taken: set[int] = set()
        """Numbers of what Telegram shows until it is confirmed. No longer kept: numbers may start anew."""
        self._unfinished: dict[int, asyncio.Task[None]] = {}
        """By number: what holds the offset."""
        self._last_of: dict[int | None, asyncio.Task[None]] = {}
        """By chat: what the next update of that chat has to wait for."""
        self._may_be_elsewhere = True
        """Whether a webhook may take the updates: Telegram is asked before the first poll."""
        self._given_up: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Receive for ever; no answer of Telegram ends the loop."""
        backlog = asyncio.create_task(self._work_off_backlog())
        try:
            while True:
                try:
                    updates = await self._poll()
                except Exception as error:  # noqa: BLE001 - an answer that is garbage raises anything
                    await self._pause(error)
                    continue
                self._note_heard()
                await self._hand_on(updates)
                if self._unfinished:
                    await asyncio.wait(self._unfinished.values(), timeout=NEXT_POLL_SECONDS)
        finally:
            backlog.cancel()
            await self._finish()

    async def confirm(self) -> None:
        """Tell Telegram what was dealt with, so that the next start does not repeat it."""
        offset = self._offset()
        if offset is not None:
            with suppress(TelegramError, TimeoutError):
                async with asyncio.timeout(CONFIRM_SECONDS):
                    await self._bot.get_updates(
                        offset=offset, timeout=0, limit=1, allowed_updates=UPDATE_KINDS
                    )

    def _offset(self) -> int | None:
        """Return the first number that is not to be confirmed; None: there is nothing to confirm."""
        if self._unfinished:
            return min(self._unfinished)
        return max(self._taken) + 1 if self._taken else None

    # polls

    async def _poll(self) -> list[Raw]:
        """Return what is new, as it came; raises whatever Telegram or the library makes of a failure."""
        progress, offset = self.progress, self._offset()
        progress.asked_at = self._monotonic()
        try:
            if self._may_be_elsewhere:
                await self._look_for_webhook()
            answer = await self._bot.raw_updates(
                offset=offset,
                timeout_seconds=SHORT_POLL_SECONDS if progress.failures else POLL_SECONDS,
                patience_seconds=PATIENCE_SECONDS,
                kinds=UPDATE_KINDS,
            )
        finally:
            progress.asked_at = None
        if not isinstance(answer, list) or not all(map(_is_numbered, answer)):
            raise TypeError("no list of updates")
        self._taken = {number for number in self._taken if offset is not None and number >= offset}
        return answer

    async def _look_for_webhook(self) -> None:
        """Leave the token alone where it works elsewhere: polling starts when its webhook is taken away.

        A webhook is never removed from here: that would silence another deployment.
        """
        url = ""
        with suppress(Exception):  # what is wrong shows by the poll that follows
            url = (await self._bot.get_webhook_info()).url
            self._may_be_elsewhere = bool(url)
        if url:
            raise WebhookSet(urlsplit(url).hostname or "another place")

    async def _pause(self, error: Exception) -> None:
        progress = self.progress
        progress.failures += 1
        if failure_of(error).result is RequestResult.CONFLICT:
            self._may_be_elsewhere = True
            progress.contested_at = self._monotonic()
        if progress.trouble is None:
            log.warning("Telegram can't be heard", action="telegram_trouble", trouble=_trouble(error))
        progress.trouble = _trouble(error)
        await self._sleep(_pause_seconds(error, progress.failures))

    def _note_heard(self) -> None:
        progress = self.progress
        if progress.trouble is not None:
            log.info("Telegram is heard again", action="telegram_recovered")
        progress.heard_at = self._monotonic()
        progress.trouble = None
        progress.failures = 0

    # updates

    async def _hand_on(self, updates: Sequence[Raw]) -> None:
        """Begin what comes first, and leave what comes from strangers to the backlog."""
        fresh = [raw for raw in updates if _number(raw) not in self._taken]
        if not fresh and len(updates) >= UPDATES_A_POLL:
            log.warning("unfinished updates hide all others: they are let go", action="updates_let_go")
            self._unfinished.clear()
        origins = [origin_of(raw) for raw in fresh]
        for raw, origin, is_first in zip(fresh, origins, await self._which_come_first(origins), strict=True):
            self._taken.add(_number(raw))
            if is_first:
                for earlier in self._backlog.take(origin.chat_id):
                    self._begin(origin.chat_id, earlier)
                self._unfinished[_number(raw)] = self._begin(origin.chat_id, raw)
            elif not self._backlog.add(origin.chat_id, raw):
                self._note_dropped()

    async def _which_come_first(self, origins: Sequence[Origin]) -> Sequence[bool]:
        """Sort by origin; where nobody can tell, nobody is taken for a stranger."""
        if not origins:
            return []
        try:
            return await self._first_come(origins)
        except Exception:
            log.exception("updates could not be sorted", action="sorting_failed")
            return [True] * len(origins)

    def _note_dropped(self) -> None:
        if not self.progress.dropped:
            log.warning("strangers write too much: some of it is dropped", action="updates_dropped")
        self.progress.dropped = self._backlog.dropped

    async def _work_off_backlog(self) -> None:
        """Deal with what strangers sent, one after the other."""
        while True:
            chat_id, raw = await self._backlog.next()
            await asyncio.wait({self._begin(chat_id, raw)})

    def _begin(self, chat_id: int | None, raw: Raw) -> asyncio.Task[None]:
        """Let an update be dealt with as soon as those before it in its chat are."""
        task = asyncio.create_task(self._deal_with(raw, self._last_of.get(chat_id)))
        self._last_of[chat_id] = task
        task.add_done_callback(partial(self._ended, chat_id, _number(raw)))
        return task

    def _ended(self, chat_id: int | None, number: int, task: asyncio.Task[None]) -> None:
        if self._last_of.get(chat_id) is task:
            del self._last_of[chat_id]
        if not task.cancelled():
            self._unfinished.pop(number, None)

    async def _finish(self) -> None:
        """Let what is nearly done end, so that it need not be repeated; the rest holds the offset."""
        under_way = {*self._unfinished.values(), *self._last_of.values()}
        if under_way:
            await asyncio.wait(under_way, timeout=FINISH_SECONDS)
        for task in under_way:
            task.cancel()

    async def _deal_with(self, raw: Raw, before: asyncio.Task[None] | None) -> None:
        """Let one update be dealt with, for so long at most; whatever becomes of it, the next one follows."""
        if before is not None:
            await asyncio.wait({before})
        number = _number(raw)
        handling = asyncio.create_task(self._handle(raw))
        try:
            await asyncio.wait({handling}, timeout=self._update_seconds)
        finally:
            handling.cancel()
        self.progress.updates += 1
        if not handling.done():
            log.error("an update took too long and is given up", action="update_stalled", update=number)
            self.progress.failed += 1
            self._given_up.add(handling)
            handling.add_done_callback(self._given_up.discard)
        elif handling.cancelled() or handling.exception() is not None:
            log.error(
                "an update could not be dealt with",
                action="update_failed",
                update=number,
                exc_info=None if handling.cancelled() else handling.exception(),
            )
            self.progress.failed += 1

    async def _handle(self, raw: Raw) -> None:
        await self._on_update(Update.de_json(dict(raw), self._bot))


def _is_numbered(update: object) -> bool:
    """Whether something can be confirmed by a number, whatever else it is."""
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
            return "Telegram refuses to tell what is new"
        case result:
            return TROUBLES[result]


def _pause_seconds(error: Exception, failures: int) -> float:
    """Return how long to wait before the next poll: what Telegram asks for, or longer from time to time."""
    match failure_of(error):
        case Failure(RequestResult.THROTTLED, SendThrottled(seconds)):
            return min(seconds, LONGEST_THROTTLE_SECONDS)
        case _:
            return POLL_BACKOFF.seconds(failures - 1, 0.0)
