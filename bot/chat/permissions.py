"""Who may do what: checked at the moment of each action, and refused in doubt."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from telegram import Bot, ChatMember

from bot.chat.telegram.downloads import IncomingDocument
from bot.chat.telegram.origin import Origin
from bot.domain.assets import Part
from bot.domain.chat.access import Action, Author, Permission, is_open, judge
from bot.domain.chat.audit import Actor
from bot.domain.places import Place
from bot.domain.rules.loud import Mention
from bot.store.chats import chats, migrate, owners
from bot.store.database.connection import DatabaseThread

log = structlog.get_logger(__name__)

HOUR_SECONDS = 3600.0
CHATS_REMEMBERED = 10_000

ADMINISTRATORS_SECONDS = 10.0
"""The longest wait for Telegram to say who administers a group."""

ADMINISTRATORS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class RepliedTo:
    """The message that somebody replies to."""

    text: str = ""
    """What it says, or what stands under its picture."""
    is_ours: bool = False
    person: Place | None = None
    """The private chat of the person who wrote it; None: no person did, or an unnamed one."""
    chat_id: int | None = None
    """The chat that asks for access in it, if it is the bot's own."""

    @property
    def names_chat(self) -> bool:
        """Whether it says which chat is meant."""
        return self.person is not None or self.chat_id is not None


@dataclass(frozen=True, slots=True)
class Incoming:
    """Who wrote something, and where."""

    place: Place
    author: Author
    replied_to: RepliedTo | None = None
    """None: it is no reply."""
    people: tuple[Mention, ...] = ()
    """Whose numbers came with it: who wrote it, whom it replies to, and whom it mentions without an @name."""
    document: IncomingDocument | None = None
    """The file that it stands under, or else that of the message it replies to; None: there is none."""

    def actor(self, at: datetime) -> Actor:
        """Return who it is, as the audit log keeps it."""
        return Actor(self.author.named_user_id, self.author.name, at)


@dataclass(slots=True)
class _Hourly:
    """Limits something to once an hour for each chat."""

    _at: OrderedDict[int, float] = field(default_factory=OrderedDict)

    def is_due(self, chat_id: int, now: float) -> bool:
        """Whether an hour has passed since the last time; if so, count this as the last time."""
        if now - self._at.get(chat_id, float("-inf")) < HOUR_SECONDS:
            return False
        self._at[chat_id] = now
        self._at.move_to_end(chat_id)
        while len(self._at) > CHATS_REMEMBERED:
            self._at.popitem(last=False)
        return True


class Permissions:
    """Decides who may do what, from the configuration, the store and Telegram."""

    def __init__(
        self,
        bot: Bot,
        db: DatabaseThread,
        *,
        owners: frozenset[int],
        chats: frozenset[int],
        contract_status: Part,
        monotonic: Callable[[], float],
    ) -> None:
        self._bot = bot
        self._db = db
        self.owners = owners
        self._chats = chats
        self._contract_status = contract_status
        self._monotonic = monotonic
        self._answered = _Hourly()
        self._greeted = _Hourly()
        self._closed: set[int] = set()

    def add_owner(self, user_id: int) -> None:
        """Make somebody an owner, until the program ends; the store keeps it beyond that."""
        self.owners |= {user_id}

    async def appoint_owner(self, place: Place, actor: Actor) -> bool:
        """Make an owner of the person whose private chat this is; False: they are one already."""
        is_new = await self._db.run(owners.add_owner, place, actor)
        self._closed.discard(place.chat_id)
        self.add_owner(place.chat_id)
        return is_new

    async def remove_owner(self, place: Place, actor: Actor) -> bool:
        """Make somebody an owner no more; False: they are none, or the last one."""
        removed = await self._db.run(
            owners.remove_owner, place.chat_id, actor, self._chats, self._contract_status
        )
        # A first try may have been done without our knowing.
        if not removed and place.chat_id in self.owners:
            removed = place.chat_id not in await self._db.run(owners.owners_of, ())
        if removed:
            self.owners -= {place.chat_id}
            if not await self.is_open(place):
                self._closed.add(place.chat_id)
        return removed

    def is_owner(self, author: Author) -> bool:
        """Whether the person owns the bot."""
        return author.named_user_id in self.owners

    async def is_open(self, place: Place) -> bool:
        """Whether a chat may use the bot."""
        # The configuration may name a group by the id it had before it became a supergroup.
        known_as = {place.chat_id, *await self._db.run(migrate.former_ids, place.chat_id)}
        return is_open(
            decided=await self._db.run(chats.decision_on, place.chat_id),
            configured=not known_as.isdisjoint(self._chats),
            is_owners_private_chat=place.is_private and place.chat_id in self.owners,
        )

    async def open(self, place: Place, actor: Actor) -> None:
        """Open a chat."""
        await self._db.run(chats.allow, place, actor)
        self._closed.discard(place.chat_id)

    async def close(self, place: Place, actor: Actor) -> int:
        """Close a chat and return how many alerts were withdrawn.

        From the first moment on, nothing is sent there any more.
        """
        # Before the store: a message that is about to leave must not slip out while the store is busy.
        was_closed = self.was_closed(place.chat_id)
        self._closed.add(place.chat_id)
        try:
            return await self._db.run(chats.deny, place, actor, self._contract_status)
        except Exception:
            if not was_closed:
                self._closed.discard(place.chat_id)
            raise

    def was_closed(self, chat_id: int) -> bool:
        """Whether a chat was closed since the start, and not opened again."""
        return chat_id in self._closed

    async def check(self, incoming: Incoming, action: Action) -> Permission:
        """Return whether somebody may do something in a chat; may ask Telegram who administers it."""
        chat_is_open = await self.is_open(incoming.place)
        permission = judge(
            action,
            chat_is_open=chat_is_open,
            is_private=incoming.place.is_private,
            is_owner=self.is_owner(incoming.author),
        )
        # In a closed chat the answer is how to get in, and not that the command exists.
        if permission is Permission.NEEDS_OWNER and not chat_is_open:
            return Permission.STRANGER
        return permission or await self._check_administrator(incoming)

    def answers_stranger(self, chat_id: int) -> bool:
        """Whether to answer a closed chat now: once an hour; a yes counts as the answer."""
        return self._answered.is_due(chat_id, self._monotonic())

    async def greets(self, chat_id: int) -> bool:
        """Whether a group that has just added the bot is greeted: once an hour, never where it was closed."""
        if not self._greeted.is_due(chat_id, self._monotonic()):
            return False
        return await self._db.run(chats.decision_on, chat_id) is not False

    async def go_first(self, origins: Sequence[Origin]) -> list[bool]:
        """Return for each origin whether it goes before strangers, as owners and open chats do."""
        # One query for all: a flood of strangers must not cost a query for each update.
        others = {
            origin.chat_id
            for origin in origins
            if origin.chat_id is not None and origin.user_id not in self.owners
        }
        open_chats = await self._db.run(chats.open_among, others) if others else frozenset()
        return [origin.user_id in self.owners or origin.chat_id in open_chats for origin in origins]

    async def _check_administrator(self, incoming: Incoming) -> Permission:
        """Ask Telegram whether somebody administers the group; no answer means no."""
        if incoming.author.is_anonymous_administrator:
            return Permission.ALLOWED
        user_id = incoming.author.named_user_id
        if user_id is None:
            return Permission.NEEDS_ADMINISTRATOR
        try:
            administrators = await self._bot.get_chat_administrators(
                incoming.place.chat_id, read_timeout=ADMINISTRATORS_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything
            log.warning(
                "administrators not known", action="administrators_unknown", error=type(error).__name__
            )
            return Permission.NEEDS_ADMINISTRATOR
        is_administrator = any(
            user_id == member.user.id and member.status in ADMINISTRATORS for member in administrators
        )
        return Permission.ALLOWED if is_administrator else Permission.NEEDS_ADMINISTRATOR
