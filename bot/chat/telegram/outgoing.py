"""The one way out to Telegram: every message, edit, toast and question leaves here.

What became of them is read off one table (`errors.py`). Whichever of them Telegram throttles, the one queue
that all wait in slows down (`send_queue.py`). Answers to people are queued by `reply_queue.py` before that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO

import structlog
from telegram import Bot, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, Message
from telegram.constants import ChatAction, ParseMode

from bot.chat.refusals import file_not_sent
from bot.chat.telegram.errors import changes_nothing, failure_of, outcome_of
from bot.chat.telegram.reply_queue import LONGEST_WAIT_SECONDS, ReplyQueue
from bot.chat.telegram.send_queue import Rank, SendQueue
from bot.chat.text.html import Html, plain
from bot.domain.deliver.delivery import Delivery
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Form,
    Misread,
    Offline,
    Outcome,
    Park,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    Sent,
    Unreachable,
)
from bot.domain.places import Place
from bot.domain.replicas.roles import Tenure

log = structlog.get_logger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

QUESTION_SECONDS = 10.0
"""How long the answer to a question may take. Giving it up costs nothing, unlike giving up a message."""

LEAVING_SECONDS = 2.0
"""How long a role must be ours for a request to leave: time to connect, and to be held up a little.

Not as long as a request may take (`transport.py`: 55 s), or nothing would ever leave under a lease of ten.
One that is under way while the lease is renewed does no harm, and one whose role is lost is cancelled. What
is left is a program that is frozen while its request leaves: whoever sends next has that message in doubt.
"""

REPLY_TRIES = 3
EDIT_TRIES = 2
TOAST_CHARACTERS_MOST = 200

Buttons = Callable[[Delivery], InlineKeyboardMarkup | None]
Request = Coroutine[None, None, object]


def no_buttons(_: Delivery) -> None:
    """Return no buttons, whatever is delivered."""


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file that a message carries."""

    name: str
    content: bytes = field(repr=False)
    is_picture: bool
    """Whether people see it without opening it."""


class Outgoing:
    """Carries messages to Telegram, and changes those that are there.

    `on_pause` gets how long Telegram wants a chat left alone, to store it; for deliveries the dispatcher does
    that. Only cancellation is raised: what fails is an outcome, or logged where nobody asks for it. Nothing
    leaves unless the `tenure` lasts, by `monotonic`: another replica may do this by then.
    """

    def __init__(
        self,
        bot: Bot,
        send_queue: SendQueue,
        reply_queue: ReplyQueue,
        *,
        on_pause: Callable[[int, float], Awaitable[None]],
        tenure: Tenure,
        monotonic: Callable[[], float],
        buttons: Buttons = no_buttons,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._send_queue = send_queue
        self._reply_queue = reply_queue
        self._on_pause = on_pause
        self._tenure = tenure
        self._monotonic = monotonic
        self._buttons = buttons
        self._sleep = sleep

    # for the dispatcher, which waits for the turn of a delivery itself

    async def send(self, delivery: Delivery) -> Outcome:
        """Send a delivery once and return what became of it."""
        text = _fallback_note(delivery) + delivery.text
        is_plain = delivery.form is Form.PLAIN
        request = self._bot.send_message(
            delivery.chat_id,
            plain(text) if is_plain else text,
            parse_mode=None if is_plain else ParseMode.HTML,
            message_thread_id=delivery.thread_id,
            disable_notification=delivery.is_silent,
            link_preview_options=NO_PREVIEW,
            reply_markup=self._buttons(delivery) if delivery.form is Form.WHOLE else None,
        )
        return _of_a_message(await self._request(delivery.chat_id, request, Rank.ALERT))

    async def ask(self, delivery: Delivery) -> Outcome | None:
        """Show "typing…" where a message would go, and return what stands in its way; None: nothing.

        It leaves nothing in the chat, and takes the same way through Telegram as a message does.
        """
        typing = self._bot.send_chat_action(
            delivery.chat_id,
            ChatAction.TYPING,
            message_thread_id=delivery.thread_id,
            read_timeout=QUESTION_SECONDS,
        )
        return await self._request(delivery.chat_id, typing, Rank.ALERT)

    # for people who wait

    async def reply(
        self,
        place: Place,
        text: Html,
        buttons: InlineKeyboardMarkup | None = None,
        *,
        file: OutgoingFile | None = None,
        rank: Rank = Rank.ANSWER,
        while_open: bool = False,
    ) -> None:
        """Answer where a command came from: soon or not at all, since the command can be repeated.

        Returns when it has arrived, or when that takes too long to wait for. With a `file` the text stands
        under it, and if it can't be posted, the reason is said instead. `while_open`: it is not said in a
        chat that was closed meanwhile.
        """
        work = partial(self._reply, place, text, buttons, file, rank, while_open=while_open)
        await self._reply_queue.hand_over(place, work, rank=rank)

    async def notify(
        self,
        place: Place,
        text: Html,
        buttons: InlineKeyboardMarkup | None,
        *,
        rank: Rank,
        while_open: bool = False,
    ) -> Outcome | None:
        """Send once a message that nobody waits for; None: it has to wait, or is dropped.

        `while_open`: it is not sent in a chat that was closed meanwhile.
        """
        outcome: Outcome | None = None

        async def work() -> None:
            nonlocal outcome
            if not await self._reply_queue.may_leave(place, rank, while_open=while_open):
                return
            # It may leave long after `notify` has returned None; then nobody reads this.
            outcome = await self._say(place, text, buttons, None, rank)

        await self._reply_queue.hand_over(place, work, rank=rank)
        return outcome

    async def show_uploading(self, place: Place) -> None:
        """Show for five seconds that a file is on its way to a chat, unless the chat has to pause.

        Telegram counts it with the messages of a chat (docs/telegram.md, "Limits"): it waits for its turn
        behind them, and takes none from them.
        """
        if self._send_queue.wait(place.chat_id, is_group=not place.is_private):
            return

        async def work() -> None:
            await self._reply_queue.may_leave(place, Rank.ANSWER, while_open=False)
            request = self._bot.send_chat_action(
                place.chat_id, ChatAction.UPLOAD_DOCUMENT, message_thread_id=place.thread_id
            )
            await self._request_and_pause(place, request, Rank.ANSWER)

        await self._reply_queue.hand_over(place, work, subject="uploading")

    async def toast(self, place: Place | None, query_id: str, text: str) -> None:
        """Answer a press, so that the button stops turning; Telegram refuses an answer to an old one."""

        async def work() -> None:
            request = self._bot.answer_callback_query(query_id, text[:TOAST_CHARACTERS_MOST])
            outcome = await self._request_and_pause(place, request, Rank.ANSWER)
            _log_unless_done("a press was not answered", outcome)

        await self._reply_queue.hand_over_unpaced(work)

    async def edit(
        self,
        place: Place,
        message_id: int,
        text: Html,
        buttons: InlineKeyboardMarkup | None,
        *,
        is_caption: bool = False,
        while_open: bool = False,
    ) -> None:
        """Replace the text and the buttons of a message; `is_caption`: what stands under its file."""

        def request() -> Request:
            if is_caption:
                return self._bot.edit_message_caption(
                    place.chat_id,
                    message_id,
                    caption=text.source,
                    parse_mode=ParseMode.HTML,
                    reply_markup=buttons,
                )
            return self._bot.edit_message_text(
                text.source,
                place.chat_id,
                message_id,
                parse_mode=ParseMode.HTML,
                link_preview_options=NO_PREVIEW,
                reply_markup=buttons,
            )

        await self._edit(place, ("text", message_id), request, while_open=while_open)

    async def edit_buttons(self, place: Place, message_id: int, buttons: InlineKeyboardMarkup | None) -> None:
        """Replace the buttons of a message."""

        def request() -> Request:
            return self._bot.edit_message_reply_markup(place.chat_id, message_id, reply_markup=buttons)

        await self._edit(place, ("buttons", message_id), request, while_open=False)

    async def close(self) -> None:
        """Give up what people wait for and has not left."""
        await self._reply_queue.close()

    # one of each

    async def _reply(
        self,
        place: Place,
        text: Html,
        buttons: InlineKeyboardMarkup | None,
        file: OutgoingFile | None,
        rank: Rank,
        *,
        while_open: bool,
    ) -> None:
        outcome: Outcome | None = None
        for pause in range(1, REPLY_TRIES + 1):
            if not await self._reply_queue.may_leave(place, rank, while_open=while_open):
                return
            outcome = await self._say(place, text, buttons, file, rank)
            match outcome:
                case Sent():
                    return
                case RetryLater() | Offline():
                    await self._sleep(pause)
                case Misread(_, form):
                    buttons = None
                    text = text if form is Form.BARE else text.without_tags
                case ChatMoved(chat_id):
                    place = place.moved_to(chat_id)
                case SendThrottled(seconds) if seconds <= LONGEST_WAIT_SECONDS:
                    pass  # its next turn comes after that pause
                case Unreachable(_, Park.NO_RIGHTS) | SendRefused() if file is not None and file.is_picture:
                    # Larger and stranger pictures pass as documents, and there is a right for each kind.
                    file = replace(file, is_picture=False)
                case _:
                    break
        log.warning("an answer was not sent", action="answer_failed", outcome=repr(outcome))
        reason = file_not_sent(file.name, outcome) if file is not None and outcome is not None else None
        if reason is not None:
            await self._reply(place, reason, None, None, rank, while_open=while_open)

    async def _say(
        self,
        place: Place,
        text: Html,
        buttons: InlineKeyboardMarkup | None,
        file: OutgoingFile | None,
        rank: Rank,
    ) -> Outcome:
        request = (
            self._bot.send_message(
                place.chat_id,
                text.source,
                parse_mode=ParseMode.HTML,
                message_thread_id=place.thread_id,
                link_preview_options=NO_PREVIEW,
                reply_markup=buttons,
            )
            if file is None
            else self._upload(place, text, buttons, file)
        )
        return _of_a_message(await self._request_and_pause(place, request, rank))

    def _upload(
        self, place: Place, caption: Html, buttons: InlineKeyboardMarkup | None, file: OutgoingFile
    ) -> Request:
        send = self._bot.send_photo if file.is_picture else self._bot.send_document
        # As a stream: it leaves piece by piece, and nothing else waits for it.
        content = InputFile(BytesIO(file.content), file.name, read_file_handle=False)
        return send(
            place.chat_id,
            content,
            caption=caption.source,
            parse_mode=ParseMode.HTML,
            message_thread_id=place.thread_id,
            reply_markup=buttons,
        )

    async def _edit(
        self,
        place: Place,
        subject: Hashable,
        request: Callable[[], Request],
        *,
        while_open: bool,
    ) -> None:
        """Change a message, once more where Telegram wants a pause first."""

        async def work() -> None:
            for _ in range(EDIT_TRIES):
                if not await self._reply_queue.may_leave(place, Rank.ANSWER, while_open=while_open):
                    return
                outcome = await self._request_and_pause(place, request(), Rank.ANSWER)
                _log_unless_done("a message was not changed", outcome)
                if not isinstance(outcome, SendThrottled) or outcome.seconds > LONGEST_WAIT_SECONDS:
                    return

        await self._reply_queue.hand_over(place, work, subject=subject)

    async def _request_and_pause(self, place: Place | None, request: Request, rank: Rank) -> Outcome | None:
        """Let a request leave, and let the pause that Telegram wants of the chat outlast a restart."""
        outcome = await self._request(place.chat_id if place else None, request, rank)
        if isinstance(outcome, SendThrottled) and place is not None:
            await self._on_pause(place.chat_id, outcome.seconds)
        return outcome

    async def _request(self, chat_id: int | None, request: Request, rank: Rank) -> Outcome | None:
        """Let a request leave and return what became of it; None: done, and it was no message."""
        if not self._tenure.lasts(self._monotonic(), LEAVING_SECONDS):
            request.close()
            return RetryLater("another replica may do this by now")
        try:
            answer = await request
        except Exception as error:  # noqa: BLE001 - garbage with status 200 raises anything
            outcome = failure_of(error, chat_id).outcome
        else:
            return outcome_of(answer) if isinstance(answer, Message) else None
        # Telegram counts edits with the messages of a chat, and a throttled toast says that it had too much
        # of that chat: whichever it is, all wait.
        if isinstance(outcome, SendThrottled) and chat_id is not None:
            await self._send_queue.pause(chat_id, outcome.seconds, rank)
        return outcome


def _of_a_message(outcome: Outcome | None) -> Outcome:
    return outcome or SendUnknown("no message came back")


def _log_unless_done(what: str, outcome: Outcome | None) -> None:
    if outcome is None or isinstance(outcome, Sent) or changes_nothing(outcome):
        return
    log.info(what, action="screen_failed", outcome=repr(outcome))


def _fallback_note(delivery: Delivery) -> str:
    """Return why a message comes to the chat itself and not to its topic; "" where it does not."""
    reason = delivery.fallback_reason
    if reason is None:
        return ""
    return f"⚠️ Its topic is {reason}, so it comes here. /here in another topic moves it there.\n"
