"""Names that a destination gives to addresses that it does not watch: who is paid, and who pays."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.assets import Address
from bot.domain.chat.subscribe import LabelTaken
from bot.domain.places import Place

NAMES_MOST = 500
"""Per destination."""


class NameOutcome(StrEnum):
    """What became of a /name."""

    GIVEN = "given"
    CHANGED = "changed"
    SAME = "same"
    """It has that name already."""
    TAKEN = "taken"
    """Something else has that name in the destination."""
    WATCHED = "watched"
    """The address is watched there: its name is the label."""
    FULL = "full"


@dataclass(frozen=True, slots=True)
class NameResult:
    """What became of a /name, and why it could not be given."""

    outcome: NameOutcome
    former: str = ""
    """The name before, "" if it had none."""
    taken: LabelTaken | None = None
    watched_as: str = ""
    """The label of the address, where it is watched; "" if it has none."""


@dataclass(frozen=True, slots=True)
class GivenName:
    """One name that was given."""

    row: int
    """Its row id, which buttons carry."""
    address: Address
    name: str
    given_by: str
    """Who gave it, "" if nobody noted that."""
    given_at: datetime


@dataclass(frozen=True, slots=True)
class NamesPage:
    """One page of the names of a destination, in the order of the alphabet."""

    names: tuple[GivenName, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class FoundName:
    """The name that a button is about, and the place it belongs to."""

    name: GivenName
    place: Place
