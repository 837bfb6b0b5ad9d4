"""How a bot gets its first owner: by a link that is printed where it runs, and works for one person."""

from collections.abc import Callable
from datetime import datetime

from bot.chat.commands.owners import words
from bot.chat.permissions import Incoming, Permissions
from bot.chat.text.html import Html
from bot.domain.chat.audit import Actor
from bot.domain.chat.claims import ClaimResult, hashed, is_code
from bot.store.chats import owners
from bot.store.database.connection import DatabaseThread

GUESSES_AN_HOUR = 5
"""By one chat; further ones are treated like any stranger's /start."""

_HOUR_SECONDS = 3600.0
_CHATS_REMEMBERED = 10_000


class Claims:
    """Makes the links, and makes an owner of who uses one."""

    def __init__(
        self,
        db: DatabaseThread,
        permissions: Permissions,
        *,
        new_code: Callable[[], str],
        on_owner: Callable[[], None],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._db = db
        self._permissions = permissions
        self._new_code = new_code
        self._on_owner = on_owner
        self._now = now
        self._monotonic = monotonic
        self._guesses: dict[int, list[float]] = {}

    @property
    def has_owner(self) -> bool:
        """Whether somebody owns the bot, so that no link is made."""
        return bool(self._permissions.owners)

    async def link(self, username: str) -> str | None:
        """Return a new link for the operator to open; None: the bot has an owner."""
        if self.has_owner:
            return None
        code = self._new_code()
        await self._db.run(owners.save_claim_code, hashed(code), self._now())
        return f"https://t.me/{username}?start={code}"

    async def use(self, incoming: Incoming, payload: str) -> Html | None:
        """Return the answer to the code of a link; None: it is not a valid one."""
        user_id = incoming.author.named_user_id
        if user_id is None or not incoming.place.is_private or not is_code(payload):
            return None
        # Counted only where it looks like a code: a stranger's plain /start is no guess.
        if not self._may_guess(incoming.place.chat_id):
            return None
        actor = Actor(user_id, incoming.author.name, self._now())
        match await self._db.run(owners.use_claim_code, hashed(payload), incoming.place, actor):
            case ClaimResult.OWNED:
                self._permissions.add_owner(user_id)
                self._on_owner()
                return words.you_own_this_bot()
            case ClaimResult.USED:
                return words.link_used()
            case ClaimResult.EXPIRED:
                return words.link_expired()
            case ClaimResult.UNKNOWN:
                return None

    def _may_guess(self, chat_id: int) -> bool:
        now = self._monotonic()
        recent = [at for at in self._guesses.pop(chat_id, ()) if now - at < _HOUR_SECONDS]
        # Put in anew, so that the chat that was quiet for longest is forgotten first.
        self._guesses[chat_id] = [*recent, now][-GUESSES_AN_HOUR - 1 :]
        while len(self._guesses) > _CHATS_REMEMBERED:
            self._guesses.pop(next(iter(self._guesses)))
        return len(recent) < GUESSES_AN_HOUR
