"""One update of Telegram: what it asks for, whether the author may, and what comes back."""

import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import structlog
from telegram import (
    Bot,
    CallbackQuery,
    ChatMember,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageEntity,
    Update,
)

from bot.chat import refusals
from bot.chat.buttons import toasts
from bot.chat.buttons.data import Attachment, Screen, rows
from bot.chat.callbacks import Callbacks
from bot.chat.commands.arguments.addresses import names_address
from bot.chat.commands.basics import IdRequest, StartRequest
from bot.chat.commands.command import Request, Services
from bot.chat.commands.dispatch import (
    NotForUs,
    PlainRequest,
    PossibleKeyRequest,
    command_word,
    read_message,
    without_mention,
)
from bot.chat.commands.owners.access import channel_offer, opening_offer
from bot.chat.commands.owners.access_requests import AccessRequests
from bot.chat.commands.owners.claim import Claims
from bot.chat.commands.owners.words import closed_to_owner, greeting, requesting_chat, stranger
from bot.chat.commands.replies import read_reply
from bot.chat.commands.watch.bare import BareRequest
from bot.chat.pastes import Pastes
from bot.chat.permissions import Incoming, RepliedTo
from bot.chat.telegram.bot_name import BotName
from bot.chat.telegram.chat_details import why_not_posting
from bot.chat.telegram.downloads import IncomingDocument
from bot.chat.telegram.receiver import HANDLED_AGAIN
from bot.chat.telegram.send_queue import Rank
from bot.chat.text.html import EMPTY, Html
from bot.domain.chat.access import ANONYMOUS_ADMINISTRATOR, Action, Author, Permission
from bot.domain.chat.command_limits import CommandLimiter, LimitAction, LimitResult
from bot.domain.deliver.delivery import parking_after
from bot.domain.deliver.outcomes import Park
from bot.domain.places import Place
from bot.domain.rules.loud import Mention
from bot.store.chats import chats, migrate
from bot.store.database.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

GONE = (ChatMember.LEFT, ChatMember.BANNED)

_NO_COMMANDS = BareRequest | PossibleKeyRequest | PlainRequest
"""What is no command, so that whoever wrote it, nothing is carried out."""

LATE_AFTER = timedelta(minutes=5)
"""The answer to a command that is older, since the bot was away, says so."""


class UpdateHandler:
    """Handles updates: messages, presses, and changes of chats."""

    def __init__(
        self,
        bot: Bot,
        services: Services,
        claims: Claims,
        access_requests: AccessRequests,
        *,
        monotonic: Callable[[], float],
        commands: Counter[str] | None = None,
    ) -> None:
        self.commands: Counter[str] = Counter() if commands is None else commands
        """What was asked for since the start, by kind."""
        self._bot = bot
        self._services = services
        self._db = services.db
        self._permissions = services.permissions
        self._screens = services.screens
        self._callbacks = Callbacks(services)
        self._claims = claims
        self._access_requests = access_requests
        self._now = services.now
        self._monotonic = monotonic
        self._limiter = CommandLimiter()
        self._pastes = Pastes()
        self._own_name = BotName(bot, monotonic=monotonic)

    async def on_update(self, update: Update) -> None:
        """Handle one update; an error is logged, and answered with a reference to the log.

        Raises DatabaseUnavailable where it is to be handled again (`HANDLED_AGAIN`): that does no harm.
        """
        try:
            if update.my_chat_member is not None:
                await self._on_membership(update.my_chat_member)
            elif update.callback_query is not None:
                await self._on_press(update.callback_query)
            elif update.message is not None and (
                update.message.migrate_to_chat_id or update.message.migrate_from_chat_id
            ):
                await self._on_migration(update.message)
            elif update.message is not None:
                await self._reopen_topic(update.message)
                text = _text(update.message)
                if text is not None:
                    await self._on_message(update.message, text)
        except DatabaseUnavailable as trouble:
            if trouble.kind in HANDLED_AGAIN:
                raise
            log.warning("a command could not be carried out", action="not_written", trouble=str(trouble))
            await self._report_failure(
                update, toasts.NOT_WRITTEN[trouble.kind], refusals.not_written(trouble.kind)
            )
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("an update failed", action="update_failed", reference=reference)
            await self._report_failure(
                update, f"{toasts.WENT_WRONG} ({reference})", refusals.went_wrong(reference)
            )

    async def _report_failure(self, update: Update, toast: str, answer: Html) -> None:
        """Say why no answer comes, as a toast to a press and as a message to a command."""
        if update.callback_query is not None:
            await self._screens.toast(None, update.callback_query.id, toast)
        elif update.message is not None:
            await self._screens.say(_place(update.message), [answer])

    async def _on_membership(self, change: ChatMemberUpdated) -> None:
        """Note whether a chat can be written to; a group that has just added the bot is greeted."""
        before, now = change.old_chat_member, change.new_chat_member
        if now.status in GONE:
            await self._mark_unreachable(change.chat.id, f"the bot is {now.status} there", Park.GONE)
            return
        if isinstance(now, ChatMemberRestricted) and not now.can_send_messages:
            await self._mark_unreachable(change.chat.id, "the bot may not write there", Park.NO_RIGHTS)
            return
        if change.chat.type == change.chat.CHANNEL:
            await self._on_channel(change)
            return
        await self._db.run_if_possible(chats.mark_reachable, change.chat.id)
        if before.status in GONE and change.chat.type in (change.chat.GROUP, change.chat.SUPERGROUP):
            await self._greet(change)

    async def _on_channel(self, change: ChatMemberUpdated) -> None:
        """Note whether the bot may post in a channel; once it may, who made it so is offered to open it.

        Nothing is said in the channel itself.
        """
        chat, user = change.chat, change.from_user
        place = Place(chat.id, str(chat.type), chat.title or "", username=chat.username or "")
        await self._db.run_if_possible(chats.update_title, place)
        trouble = why_not_posting(change.new_chat_member)
        if trouble:
            await self._mark_unreachable(chat.id, trouble, Park.NO_RIGHTS)
            return
        await self._db.run_if_possible(chats.mark_reachable, chat.id)
        if not why_not_posting(change.old_chat_member) or await self._permissions.is_open(place):
            return
        adder = Author(user.id, chat.id, is_private=False, name=user.full_name)
        if self._permissions.is_owner(adder):
            offer = await channel_offer(self._services, place)
            await self._screens.say(Place(user.id, "private", user.full_name), [offer])
        elif await self._permissions.greets(chat.id):
            await self._access_requests.announce(Incoming(place, adder))

    async def _mark_unreachable(self, chat_id: int, reason: str, park: Park) -> None:
        await self._db.run(chats.mark_unreachable, chat_id, parking_after(reason, park, 0, self._now()))

    async def _greet(self, change: ChatMemberUpdated) -> None:
        chat, user = change.chat, change.from_user
        place = Place(chat.id, str(chat.type), chat.title or "")
        adder = Author(user.id, chat.id, is_private=False, name=user.full_name)
        is_open = await self._permissions.is_open(place)
        # However often, and even where the group was closed: it is the owner who takes the bot in.
        if not is_open and self._permissions.is_owner(adder):
            text = greeting(is_open=False, is_by_owner=True)
            await self._screens.say(place, [await opening_offer(self._services, place, text)])
            return
        if not await self._permissions.greets(chat.id):
            return
        # What a closed group makes the bot say leaves last: strangers must not delay anybody's alerts.
        rank = Rank.ANSWER if is_open else Rank.STRANGER
        await self._screens.say(place, [greeting(is_open=is_open)], rank=rank)
        if not is_open:
            await self._access_requests.announce(Incoming(place, adder))

    async def _on_migration(self, message: Message) -> None:
        """Follow a group into the supergroup it has become; Telegram says so in both, in any order."""
        if message.migrate_to_chat_id is not None:
            await self._follow(message.chat.id, message.migrate_to_chat_id)
        if message.migrate_from_chat_id is not None:
            await self._follow(message.migrate_from_chat_id, message.chat.id)

    async def _follow(self, group: int, supergroup: int) -> None:
        status, now = self._services.contract_status, self._now()
        await self._db.run(migrate.migrate, group, supergroup, status, now)

    async def _reopen_topic(self, message: Message) -> None:
        """Note that somebody writes in a topic, so it is open; the notice of its closing does not count."""
        if message.is_topic_message and message.forum_topic_closed is None:
            await self._db.run_if_possible(
                chats.mark_topic_reachable, message.chat.id, message.message_thread_id
            )

    async def _on_press(self, query: CallbackQuery) -> None:
        """Handle a press, which counts like a command; beyond the limits it is refused by a toast."""

        def wait_seconds(incoming: Incoming, needed: Action) -> int:
            return self._limit(incoming, needed).retry_after_seconds

        await self._callbacks.on_press(query, wait_seconds)

    async def _on_message(self, message: Message, text: str) -> None:
        document = _document(message)
        incoming = Incoming(
            place=_place(message),
            author=_author(message),
            replied_to=_replied_to(message, self._bot.id),
            people=_people(message),
            document=document or _document(message.reply_to_message),
        )
        replied = incoming.replied_to
        text, is_mentioned = without_mention(text, self._services.username())
        paste = self._pastes.join(
            (incoming.place.chat_id, incoming.place.thread_id, incoming.author.user_id),
            text,
            message.date,
            number=message.message_id,
        )
        text = paste.text
        request = await self._read(incoming, text)
        # Read again: `_is_renamed` has just learned the new name, and the first reading used the old one.
        if isinstance(request, NotForUs) and await self._is_renamed(incoming.place):
            request = await self._read(incoming, text)
        if isinstance(request, NotForUs) or _is_of_a_bot(message):
            return
        # The text under a picture is read for addresses, but nobody types a command there; a file may come
        # with one that is about it.
        if message.text is None and document is None and not isinstance(request, _NO_COMMANDS):
            request = PlainRequest()
        is_addressed = incoming.place.is_private or is_mentioned or (replied is not None and replied.is_ours)
        if request.is_talk and not is_addressed:
            return
        if not await self._is_within_limit(incoming, request.needs):
            return
        # After the limits, so that forwarding can't flood; bare addresses are data, whoever wrote them.
        if message.forward_origin is not None and not isinstance(request, _NO_COMMANDS):
            await self._decline_forwarded(incoming)
            return
        self.commands[request.kind] += 1
        if isinstance(request, StartRequest) and request.payload:
            answer = await self._claims.use(incoming, request.payload)
            if answer is not None:
                await self._screens.say(incoming.place, [answer])
                return
        delay = self._now() - message.date
        await self._answer(incoming, request, text, delay if delay >= LATE_AFTER else None, paste.held_back)

    async def _read(self, incoming: Incoming, text: str) -> Request | NotForUs:
        """Return what a message asks for, about what the message is about that it replies to."""
        request, replied = await read_message(self._services, text), incoming.replied_to
        if replied is None or isinstance(request, NotForUs):
            return request
        return await read_reply(self._services, incoming.place, text, request, replied)

    async def _is_renamed(self, place: Place) -> bool:
        """Whether the bot has a new name, so that a command for another bot may be for it.

        Only open chats make it ask Telegram: strangers could keep it busy.
        """
        return await self._permissions.is_open(place) and await self._own_name.has_changed()

    def _limit(self, incoming: Incoming, needed: Action) -> LimitResult:
        """Count a command, looks and changes apart, and return whether it is within the limits."""
        place, user_id, now = incoming.place, incoming.author.user_id, self._monotonic()
        check = self._limiter.check_look if needed is Action.LOOK else self._limiter.check_change
        result = check(place.chat_id, user_id, now, is_group=not place.is_private)
        if result.action is not LimitAction.ALLOW:
            self.commands["too_many"] += 1
        return result

    async def _is_within_limit(self, incoming: Incoming, needed: Action) -> bool:
        """Whether a command is within the limits of a minute; beyond them an answer says when it goes on."""
        action, retry_after_seconds = self._limit(incoming, needed)
        if action is LimitAction.WARN and await self._permissions.is_open(incoming.place):
            await self._screens.say(incoming.place, [refusals.enough_for_now(retry_after_seconds)])
        return action is LimitAction.ALLOW

    async def _decline_forwarded(self, incoming: Incoming) -> None:
        """Carry out nothing that somebody else may have written; in private, say so."""
        self.commands["forwarded"] += 1
        if incoming.place.is_private and await self._permissions.is_open(incoming.place):
            await self._screens.say(incoming.place, [refusals.not_forwarded()])

    async def _answer(
        self, incoming: Incoming, request: Request, text: str, delay: timedelta | None, held_back: str
    ) -> None:
        permission = await self._permissions.check(incoming, request.needs)
        if permission is Permission.STRANGER and not isinstance(request, IdRequest):
            await self._turn_away(incoming, request)
            return
        # Whoever can write to the bot can be written to: alerts that were parked go on.
        await self._db.run_if_possible(chats.update_title, incoming.place)
        await self._db.run_if_possible(chats.mark_reachable, incoming.place.chat_id, incoming.place.thread_id)
        # A refusal costs an answer: it counts as a look, or changes that are refused could flood a group.
        is_refused = permission is not Permission.ALLOWED and request.needs is not Action.LOOK
        if is_refused and not await self._is_within_limit(incoming, Action.LOOK):
            return
        match permission:
            case Permission.NEEDS_OWNER:
                await self._screens.say(incoming.place, [refusals.owners_only()])
            case Permission.NEEDS_ADMINISTRATOR:
                await self._screens.say(incoming.place, [refusals.may_not_change(command_word(text))])
            case _:
                await self._carry_out(incoming, request, delay, permission, held_back)

    async def _carry_out(
        self,
        incoming: Incoming,
        request: Request,
        delay: timedelta | None,
        permission: Permission,
        held_back: str,
    ) -> None:
        """Carry the request out and send the answer, with a note if the command waited for long.

        What only an open chat may read is not sent if it is closed meanwhile.
        """
        place = incoming.place
        screens = [
            Screen(one) if isinstance(one, Html) else one
            for one in await request.carry_out(self._services, incoming)
        ]
        if delay is not None and screens:
            screens[:1] = _sent_long_ago(delay, screens[0])
        if held_back:
            buttons = await self._services.button_commands.buttons(place, ("Read it now", held_back))
            screens.append(Screen(refusals.last_line_waits(), rows(buttons)))
        if request.needs is Action.LOOK:
            self._limiter.count_answer(
                place.chat_id, len(screens), self._monotonic(), is_group=not place.is_private
            )
        is_stranger = permission is Permission.STRANGER
        await self._screens.say(
            place,
            screens,
            rank=Rank.STRANGER if is_stranger else Rank.ANSWER,
            while_open=not is_stranger and request.needs is not Action.OWN,
        )

    async def _turn_away(self, incoming: Incoming, request: Request) -> None:
        """Say how to get in: to an owner by a button, to a stranger once an hour.

        Addresses pasted in a closed group are no request.
        """
        if isinstance(request, _NO_COMMANDS) and not incoming.place.is_private:
            return
        if self._permissions.is_owner(incoming.author):
            offer = await opening_offer(self._services, incoming.place, closed_to_owner())
            await self._screens.say(incoming.place, [offer])
            return
        if self._permissions.answers_stranger(incoming.place.chat_id):
            is_owner_notified = False
            with suppress(DatabaseUnavailable):  # a stranger is told how to get in, not how the bot is doing
                is_owner_notified = await self._access_requests.announce(incoming)
            answer = stranger(incoming.place.chat_id, is_owner_notified=is_owner_notified)
            await self._screens.say(incoming.place, [answer], rank=Rank.STRANGER)


def _sent_long_ago(ago: timedelta, first: Screen | Attachment) -> list[Screen | Attachment]:
    """Return the first message of an answer with a note that it comes late; a file follows the note."""
    if isinstance(first, Attachment):
        return [Screen(refusals.sent_long_ago(ago, EMPTY)), first]
    return [replace(first, text=refusals.sent_long_ago(ago, first.text))]


def _text(message: Message) -> str | None:
    """Return what a message says; in private "" where it is a picture or a voice; None: nothing.

    Addresses may stand in links behind words. In a command they don't count: names that are copied from an
    alert have links behind them.
    """
    text = message.text or message.caption
    links = [one.url for one in message.entities or message.caption_entities if one.url]
    if text and links and not text.startswith("/") and not names_address(text):
        return " ".join((text, *links))
    if (
        text is None
        and message.effective_attachment is not None
        and message.chat.type == message.chat.PRIVATE
    ):
        return ""
    return text


def _people(message: Message) -> tuple[Mention, ...]:
    """Return the people whose numbers come with a message, by the names that stand in it."""
    replied = message.reply_to_message
    users = (message.from_user, replied.from_user if replied is not None else None)
    with_username = [Mention(f"@{user.username}", user.id) for user in users if user and user.username]
    entities = message.parse_entities([MessageEntity.TEXT_MENTION]) if message.text else {}
    return (
        *with_username,
        *(Mention(text, entity.user.id) for entity, text in entities.items() if entity.user and text),
    )


def _document(message: Message | None) -> IncomingDocument | None:
    """Return the file of a message; a moving picture, which comes as one too, is none."""
    if message is None or message.document is None or message.animation is not None:
        return None
    file = message.document
    return IncomingDocument(file.file_id, file.file_name or "", file.file_size, file.mime_type or "")


def _is_of_a_bot(message: Message) -> bool:
    """Whether another bot wrote it; of people who write unnamed Telegram names a bot as author, too."""
    author = message.from_user
    is_unnamed = message.sender_chat is not None or (author and author.id == ANONYMOUS_ADMINISTRATOR)
    return author is not None and author.is_bot and not is_unnamed


def _author(message: Message) -> Author:
    return Author(
        user_id=message.from_user.id if message.from_user else None,
        chat_id=message.chat.id,
        is_private=message.chat.type == message.chat.PRIVATE,
        sender_chat_id=message.sender_chat.id if message.sender_chat else None,
        name=_name(message),
    )


def _name(message: Message) -> str:
    # Channels and anonymous administrators write as a chat: its title is the name that people see.
    if message.sender_chat is not None:
        return message.sender_chat.title or ""
    return message.from_user.full_name if message.from_user else ""


def _place(message: Message) -> Place:
    """Return where a message was written; a thread counts if it is a topic (docs/telegram.md, "Topics")."""
    chat = message.chat
    return Place(
        chat.id,
        str(chat.type),
        chat.title or chat.full_name or "",
        message.message_thread_id if message.is_topic_message else None,
        chat.username or "",
    )


def _replied_to(message: Message, bot_id: int) -> RepliedTo | None:
    """Return what a message replies to; None: nothing."""
    replied = message.reply_to_message
    # In a topic, what replies to nothing seems to reply to the notice that the topic was opened.
    if replied is None or replied.forum_topic_created is not None:
        return None
    author, text = replied.from_user, replied.text or replied.caption or ""
    if author is not None and author.id == bot_id:
        return RepliedTo(text, is_ours=True, chat_id=requesting_chat(text))
    if author is None or author.is_bot or replied.sender_chat is not None:
        return RepliedTo(text)
    person = Place(author.id, "private", author.full_name, username=author.username or "")
    return RepliedTo(text, person=person)
