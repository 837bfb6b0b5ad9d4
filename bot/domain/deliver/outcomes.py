"""What a send reported: one value for each thing that an answer of Telegram can mean for a message."""

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """How a message is sent: as composed, or reduced to what Telegram may still accept; in that order."""

    WHOLE = "whole"
    BARE = "bare"
    """Without its buttons."""
    PLAIN = "plain"
    """Without buttons, links and bold: the visible text alone."""


class Park(StrEnum):
    """Why a chat can't be written to: that decides how soon a message is tried there again."""

    NO_RIGHTS = "no rights"
    """The bot is a member and may not write. An administrator can change that, and the bot is not
    informed."""
    GONE = "gone"
    """Blocked, removed or unknown. Telegram reports when the bot is let in again; that update may get
    lost."""
    FOR_GOOD = "for good"
    """The account was deleted, or is a bot's."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram has the message."""

    message_id: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The message was not accepted, and the same request may succeed later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Offline:
    """No message can reach Telegram now, this one or another; this one was not accepted."""

    reason: str
    has_answered: bool = False
    """Whether a server answered, with a 401 or 404: it rejected the token or the method."""


@dataclass(frozen=True, slots=True)
class SendThrottled:
    """The message was not accepted: Telegram wants no message to this chat for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SendUnknown:
    """There was no usable answer: the message may have arrived or not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """The message arrived, and an anti-spam bot in the chat deleted it at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No message can be sent to this chat until something changes there."""

    reason: str
    park: Park = Park.GONE


@dataclass(frozen=True, slots=True)
class ChatMoved:
    """The group became a supergroup, which has another id; the message was not accepted."""

    chat_id: int


@dataclass(frozen=True, slots=True)
class TopicLost:
    """No message can be sent to this topic; the chat itself may accept it."""

    reason: str
    is_certain: bool
    """Whether it is closed or deleted. A topic that is only not found may be found a moment later."""


@dataclass(frozen=True, slots=True)
class Misread:
    """Telegram can't parse the formatting or the buttons; in this lesser form it may accept the same text."""

    reason: str
    form: Form


@dataclass(frozen=True, slots=True)
class SendRefused:
    """Telegram refuses this message because of its content."""

    reason: str
    is_final: bool
    """Whether it always will. False: the words of the refusal are unknown to us, so it is tried again."""


Outcome = (
    Sent
    | RetryLater
    | Offline
    | SendThrottled
    | SendUnknown
    | Vanished
    | Unreachable
    | ChatMoved
    | TopicLost
    | Misread
    | SendRefused
)
