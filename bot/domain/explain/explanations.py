"""What the transfers that the source lists say about one change."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bot.domain.assets import Address
from bot.domain.explain.transfers import TransactionHash


class ExplanationOutcome(StrEnum):
    """How much of a change is explained; stored, so a word never changes."""

    EXPLAINED = "explained"
    """The transfers sum up to exactly the change."""
    PARTLY = "partly"
    """There are transfers, and they sum up to something else."""
    NONE_LISTED = "none"
    """The source lists no transfer, which is not to say that there was none."""
    UNKNOWN = "unknown"
    """Nobody can say; there is a reason."""


class WhyUnknown(StrEnum):
    """Why nothing is known of the transfers behind a change; stored, so a word never changes."""

    QUOTA = "quota"
    """Not asked: history had used up its share of the requests."""
    UNANSWERED = "unanswered"
    """Asked, and there was no usable answer."""
    AMBIGUOUS = "ambiguous"
    """Payments to different people would each explain it, and which were read is uncertain."""
    CUT = "cut"
    """The list is longer than what is read of it, or its pages repeat themselves."""
    TOO_OLD = "too old"
    """The source no longer lists what is that old."""
    REBASING = "rebasing"
    """The balance changes by itself: no transfer is looked for."""


class Leg(NamedTuple):
    """One side of a transfer: what it moves into or out of the account that a change is about."""

    counterparty: Address
    """At the other end; `NOBODY` where it was minted or burnt, the account itself where it paid itself."""
    amount_raw: int
    """In smallest units, negative where it left the account; 0 where the account paid itself."""
    token_id: int | None
    transaction: TransactionHash
    log_index: int | None
    block: int
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is known of the transfers behind one change."""

    outcome: ExplanationOutcome
    legs: tuple[Leg, ...] = ()
    """In the order of blocks and logs; empty where none are listed or nothing is known."""
    why_unknown: WhyUnknown | None = None
    """Set if, and only if, the outcome is unknown."""
    left_out: int = 0
    """Transfers of nothing, which anybody can make in anybody's name: not among the legs."""
    is_approximate: bool = False
    """Whether they were looked for by time, as the blocks of the change are not known."""
    listed_at: datetime | None = None
    """When the source answered; None: it did not."""
