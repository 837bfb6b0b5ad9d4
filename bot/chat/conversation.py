"""One update on its way: what was asked, who may, what comes back."""

import secrets

import structlog
from telegram import Bot, ChatMember, ChatMemberRestricted, ChatMemberUpdated, Message, Update

from bot.chat import replies, toasts
from bot.chat.claiming import Claims
from bot.chat.commands import parse
from bot.chat.gate import Gate, Heard
from bot.chat.handlers import Handlers
from bot.chat.knocking import Knocks
from bot.chat.presses import Presses
from bot.chat.requests import Bare, Id, NotForUs, Request, Start, Unknown, Usage, needs
from bot.chat.screens import Screens
from bot.domain.access import Sender, Verdict
from bot.domain.chains import Chains
from bot.domain.model import Place
from bot.store.sqlite import Store

log = structlog.get_logger(__name__)

GONE = (ChatMember.LEFT, ChatMember.BANNED)


class Conversation:
    """Everything the bot does when it is spoken to."""

    def __init__(
        self,
        *,
        bot: Bot,
        store: Store,
        gate: Gate,
        handlers: Handlers,
        presses: Presses,
        claims: Claims,
        knocks: Knocks,
        screens: Screens,
        chains: Chains,
    ) -> None:
        self._bot = bot
        self._store = store
        self._gate = gate
        self._handlers = handlers
        self._presses = presses
        self._claims = claims
        self._knocks = knocks
        self._screens = screens
        self._chains = chains

    async def on_update(self, update: Update) -> None:
        """Deal with one update; what goes wrong is logged, and told by a reference to whoever waits."""
        try:
            if update.my_chat_member is not None:
                await self._on_membership(update.my_chat_member)
            elif update.callback_query is not None:
                await self._presses.on_press(update.callback_query)
            elif update.message is not None and update.message.text is not None:
                await self._on_message(update.message, update.message.text)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("an update failed", action="update_failed", reference=reference)
            if update.callback_query is not None:
                await self._screens.toast(update.callback_query.id, f"{toasts.WENT_WRONG} ({reference})")
            elif update.message is not None:
                await self._screens.say(_place(update.message), [replies.went_wrong(reference)])

    async def _on_membership(self, change: ChatMemberUpdated) -> None:
        """Note whether a chat can be written to; a group that the bot is new in is greeted."""
        before, now = change.old_chat_member, change.new_chat_member
        if now.status in GONE:
            await self._store.lose(change.chat.id, f"the bot is {now.status} there")
            return
        if isinstance(now, ChatMemberRestricted) and not now.can_send_messages:
            await self._store.lose(change.chat.id, "the bot may not write there")
            return
        await self._store.hear_from(change.chat.id)
        if before.status in GONE and change.chat.type in (change.chat.GROUP, change.chat.SUPERGROUP):
            await self._greet(change)

    async def _greet(self, change: ChatMemberUpdated) -> None:
        chat, user = change.chat, change.from_user
        place = Place(chat.id, str(chat.type), chat.title or "")
        is_open = await self._gate.is_open(place)
        await self._screens.say(place, [replies.greeting(is_open=is_open)])
        if not is_open:
            await self._knocks.knock(
                Heard(place, Sender(user.id, chat.id, is_private=False, name=user.full_name))
            )

    async def _on_message(self, message: Message, text: str) -> None:
        request = parse(text, self._bot.username, self._chains)
        heard = Heard(_place(message), _sender(message))
        if request is None or isinstance(request, NotForUs):
            return
        if isinstance(request, Unknown) and not (request.addressed or heard.place.is_private):
            return
        if isinstance(request, Start) and request.payload:
            answer = await self._claims.use(heard, request.payload)
            if answer is not None:
                await self._screens.say(heard.place, [answer])
                return
        await self._answer(heard, request)

    async def _answer(self, heard: Heard, request: Request | Usage | Unknown) -> None:
        verdict = await self._gate.judge(heard, needs(request))
        if verdict is Verdict.STRANGER and not isinstance(request, Id):
            await self._turn_away(heard, request)
            return
        await self._store.meet(heard.place)
        await self._store.hear_from(heard.place.chat_id)
        match verdict:
            case Verdict.NEEDS_OWNER:
                await self._screens.say(heard.place, [replies.owners_only()])
            case Verdict.NEEDS_ADMINISTRATOR:
                await self._screens.say(heard.place, [replies.may_not_change()])
            case _:
                await self._screens.say(heard.place, await self._handlers.carry_out(heard, request))

    async def _turn_away(self, heard: Heard, request: Request | Usage | Unknown) -> None:
        """Tell a stranger how to get in, once an hour; addresses pasted in a closed group ask for nothing."""
        if isinstance(request, Bare) and not heard.place.is_private:
            return
        if self._gate.greets_stranger(heard.place.chat_id):
            is_told = await self._knocks.knock(heard)
            await self._screens.say(heard.place, [replies.stranger(heard.place.chat_id, is_told=is_told)])


def _sender(message: Message) -> Sender:
    return Sender(
        user_id=message.from_user.id if message.from_user else None,
        chat_id=message.chat.id,
        is_private=message.chat.type == message.chat.PRIVATE,
        sender_chat_id=message.sender_chat.id if message.sender_chat else None,
        name=_name(message),
    )


def _name(message: Message) -> str:
    if message.sender_chat is not None:
        return message.sender_chat.title or ""
    return message.from_user.full_name if message.from_user else ""


def _place(message: Message) -> Place:
    """Return where a message was written; a thread counts only if it is a topic (telegram.md 6.4)."""
    chat = message.chat
    return Place(
        chat.id,
        str(chat.type),
        chat.title or chat.full_name or "",
        message.message_thread_id if message.is_topic_message else None,
    )
