"""How many messages the local Telegram accepts before it answers 429.

Telegram publishes no exact numbers; these are about right (docs/telegram.md, "Limits"). Refused messages
don't count.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.telegram.world.wire import ApiError
from bot.sandbox.telegram.world.world import Chat

Seconds = Callable[[], float]
Rule = Literal["chat", "group", "bot"]

MINUTE_SECONDS = 60.0
COUNTED = frozenset(
    {
        "sendMessage",
        "sendDocument",
        "sendPhoto",
        "editMessageText",
        "editMessageCaption",
        "editMessageReplyMarkup",
    }
)


@dataclass(frozen=True)
class TelegramLimits:
    """Messages allowed to each chat, to each group or channel, and from the whole bot."""

    chat_messages_per_second: float = 1.0
    chat_burst: int = 5
    group_messages_per_minute: int = 20
    bot_messages_per_second: int = 30


@dataclass(frozen=True)
class FloodRefusal:
    """One 429 caused by the bot's own pace."""

    rule: Rule
    chat_id: int
    method: str
    retry_after_seconds: int


@dataclass
class _Bucket:
    """Allows a burst, then fills up again at a steady rate."""

    level: float
    filled_at: float


@dataclass
class MessageRates:
    """Counts accepted messages by chat, group and bot; `seconds` is its clock."""

    limits: TelegramLimits
    seconds: Seconds
    _buckets: dict[int, _Bucket] = field(default_factory=dict)
    _group_times: dict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _bot_times: deque[float] = field(default_factory=deque)

    def flood(self, method: str, chat: Chat) -> FloodRefusal | None:
        """Return the refusal of one more message to this chat now, None where it may pass."""
        waits: dict[Rule, float] = {
            "chat": self._chat_wait(chat.id),
            "group": self._group_wait(chat),
            "bot": _window_wait(self._bot_times, self.limits.bot_messages_per_second, 1.0, self.seconds()),
        }
        # The longest wait is what a client has to keep to, whichever rule asks for it.
        rule = max(waits, key=lambda name: waits[name])
        if waits[rule] <= 0:
            return None
        # Whole seconds, rounded up: waiting as told must be enough.
        return FloodRefusal(rule, chat.id, method, max(math.ceil(waits[rule]), 1))

    def count(self, chat: Chat) -> None:
        """Count an accepted message."""
        self._filled(chat.id).level -= 1
        if chat.type != "private":
            self._group_times[chat.id].append(self.seconds())
        self._bot_times.append(self.seconds())

    def _chat_wait(self, chat_id: int) -> float:
        return (1 - self._filled(chat_id).level) / self.limits.chat_messages_per_second

    def _group_wait(self, chat: Chat) -> float:
        if chat.type == "private":
            return 0.0
        limit = self.limits.group_messages_per_minute
        return _window_wait(self._group_times[chat.id], limit, MINUTE_SECONDS, self.seconds())

    def _filled(self, chat_id: int) -> _Bucket:
        now = self.seconds()
        # A chat that was never written to has its whole burst.
        bucket = self._buckets.setdefault(chat_id, _Bucket(self.limits.chat_burst, now))
        # A clock that is set back must not take away what was filled already.
        gained = max(now - bucket.filled_at, 0.0) * self.limits.chat_messages_per_second
        bucket.level = min(bucket.level + gained, self.limits.chat_burst)
        bucket.filled_at = now
        return bucket


class Limiter:
    """Switches limits on and off, and records what they refused."""

    def __init__(self) -> None:
        self.floods: list[FloodRefusal] = []
        self._rates: MessageRates | None = None

    @property
    def limits(self) -> TelegramLimits | None:
        """The limits enforced now; None where everything is accepted."""
        return self._rates.limits if self._rates else None

    def enforce(self, limits: TelegramLimits, seconds: Seconds) -> None:
        """Enforce limits from now on; earlier messages do not count."""
        self._rates = MessageRates(limits, seconds)

    def lift(self) -> None:
        """Accept everything again."""
        self._rates = None

    def check(self, method: str, chat: Chat) -> None:
        """Raise ApiError 429 where a message is too many."""
        flood = self._rates.flood(method, chat) if self._rates and method in COUNTED else None
        if flood is not None:
            self.floods.append(flood)
            raise ApiError(
                429,
                f"Too Many Requests: retry after {flood.retry_after_seconds}",
                {"retry_after": flood.retry_after_seconds},
            )

    def count(self, method: str, chat: Chat) -> None:
        """Count an accepted message, if limits are enforced."""
        if self._rates and method in COUNTED:
            self._rates.count(chat)


def _window_wait(times: deque[float], limit: int, length_seconds: float, now: float) -> float:
    """Forget what has left the window, and return how long until there is room in it."""
    while times and times[0] <= now - length_seconds:
        times.popleft()
    return times[-limit] + length_seconds - now if len(times) >= limit else 0.0
