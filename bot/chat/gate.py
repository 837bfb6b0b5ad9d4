"""Who may do what here: asked at the moment of the action, and refused where nobody can say."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from telegram import Bot, ChatMember
from telegram.error import TelegramError

from bot.domain.access import Action, Sender, Verdict, is_open, judge
from bot.domain.audit import Author
from bot.domain.model import Place
from bot.store.sqlite import Store

log = structlog.get_logger(__name__)

STRANGER_SECONDS = 3600.0
STRANGERS_REMEMBERED = 10_000
ADMINISTRATORS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Heard:
    """Who wrote something, and where."""

    place: Place
    sender: Sender

    def author(self, at: datetime) -> Author:
        """Return who it is, as it is kept with what they change."""
        return Author(self.sender.named_user_id, self.sender.name, at)


class Gate:
    """Decides who may do what, from the configuration, the store and Telegram."""

    def __init__(
        self,
        bot: Bot,
        store: Store,
        *,
        owners: frozenset[int],
        chats: frozenset[int],
        monotonic: Callable[[], float],
    ) -> None:
        self._bot = bot
        self._store = store
        self.owners = owners
        self._chats = chats
        self._monotonic = monotonic
        self._strangers: OrderedDict[int, float] = OrderedDict()

    def add_owner(self, user_id: int) -> None:
        """Let somebody own the bot from now on."""
        self.owners |= {user_id}

    def is_owner(self, sender: Sender) -> bool:
        """Whether the person owns the bot."""
        return sender.named_user_id in self.owners

    async def is_open(self, place: Place) -> bool:
        """Whether a chat may use the bot."""
        known_as = {place.chat_id, *await self._store.former_ids(place.chat_id)}
        return is_open(
            decided=await self._store.decision_on(place.chat_id),
            configured=not known_as.isdisjoint(self._chats),
            is_owners_private_chat=place.is_private and place.chat_id in self.owners,
        )

    async def judge(self, heard: Heard, action: Action) -> Verdict:
        """Return whether somebody may do something in a chat."""
        chat_is_open = await self.is_open(heard.place)
        verdict = judge(
            action,
            chat_is_open=chat_is_open,
            is_private=heard.place.is_private,
            is_owner=self.is_owner(heard.sender),
        )
        if verdict is Verdict.NEEDS_OWNER and not chat_is_open:
            return Verdict.STRANGER
        return verdict or await self._judge_by_group(heard)

    def greets_stranger(self, chat_id: int) -> bool:
        """Whether a closed chat is to be answered: once an hour."""
        now = self._monotonic()
        if now - self._strangers.get(chat_id, float("-inf")) < STRANGER_SECONDS:
            return False
        self._strangers[chat_id] = now
        self._strangers.move_to_end(chat_id)
        while len(self._strangers) > STRANGERS_REMEMBERED:
            self._strangers.popitem(last=False)
        return True

    async def _judge_by_group(self, heard: Heard) -> Verdict:
        """Ask Telegram whether somebody administers the group; no answer is no."""
        if heard.sender.is_anonymous_administrator:
            return Verdict.ALLOWED
        user_id = heard.sender.named_user_id
        if user_id is None:
            return Verdict.NEEDS_ADMINISTRATOR
        try:
            administrators = await self._bot.get_chat_administrators(heard.place.chat_id)
        except TelegramError as error:
            log.warning(
                "administrators not known", action="administrators_unknown", error=type(error).__name__
            )
            return Verdict.NEEDS_ADMINISTRATOR
        is_one = any(user_id == one.user.id and one.status in ADMINISTRATORS for one in administrators)
        return Verdict.ALLOWED if is_one else Verdict.NEEDS_ADMINISTRATOR
