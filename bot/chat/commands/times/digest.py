"""`/digest`: everything that happened in a day or a week in one message, beside alerts or instead of them."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, time

from bot.chat.buttons.data import Screen, in_pairs
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import Answer, Command, Example, Feature, Request, Services, Usage, Who
from bot.chat.commands.times.hours import DAY_NAMES
from bot.chat.commands.words import refusal
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.wording import counted, moment
from bot.domain.chat.access import Action
from bot.domain.rules.digests import DigestSchedule, next_due
from bot.domain.zones import IN_UTC, local, zone_named
from bot.store.chats.rules import digests, zones

DIGEST_COMMAND = Command(
    name="digest",
    does="Sum up each day or week in one message",
    grammar="/digest [daily or weekly DAY] [TIME] [only], or /digest off",
    examples=(
        Example("/digest daily 8:00", "sums up each day at 8, even if nothing happened"),
        Example("/digest weekly mon 8:00", "does so on Mondays"),
        Example("/digest only", "sends nothing of changes but digests; alarms come all the same"),
        Example("/digest", "shows when the next one comes"),
        Example("/digest off", "ends them, and reports what was kept for one"),
    ),
    who=Who.CHANGERS,
)

_OFF = "off"
_USUALLY = time(8)
_OFFERED = (time(7), time(18))
"""Where no time was named."""

_MONDAY = 0
_NOON = 12
_DAY_WORDS = (
    *(f"{name}day" for name in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")),
    "tues",
    "thur",
    "thurs",
    *DAY_NAMES,
)
_TIME = re.compile(r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))? ?(?P<half>am|pm)?", re.ASCII)
_PARTS = "is no part of a digest. “daily”, “weekly”, a weekday, a time and “only” are."
_BETWEEN = frozenset({"at", "on", "every", "and", "each"})
_DAILY, _WEEKLY = frozenset({"daily", "day"}), frozenset({"weekly", "week"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRequest(Request):
    """`/digest` with anything behind it; what is not said stays as it is."""

    needs = DIGEST_COMMAND.needs
    is_weekly: bool | None = None
    """None: not said."""
    weekday: int | None = None
    at: time | None = None
    is_only: bool = False

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Set the digests of this place."""
        former = await services.db.run(digests.digest_here, incoming.place)
        is_time_named = self.at is not None or former is not None
        return (await _set(services, incoming, self.after(former), is_time_named=is_time_named),)

    def after(self, former: DigestSchedule | None) -> DigestSchedule:
        """Return the schedule that is meant, where another one was set."""
        before = former or DigestSchedule(_USUALLY)
        is_weekly = before.weekday is not None if self.is_weekly is None else self.is_weekly
        weekday = self.weekday if self.weekday is not None else before.weekday
        # Whoever names a rhythm and not “only” is told of changes at once again.
        is_only = self.is_only or (before.is_only and self.is_weekly is None)
        return DigestSchedule(
            at=self.at or before.at,
            weekday=(_MONDAY if weekday is None else weekday) if is_weekly else None,
            is_only=is_only,
        )


@dataclass(frozen=True, slots=True)
class NoDigestRequest(Request):
    """`/digest off`."""

    needs = DIGEST_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """End the digests of this place."""
        return (await _set(services, incoming, None),)


@dataclass(frozen=True, slots=True)
class ShowDigestRequest(Request):
    """`/digest` alone, which everybody may."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show when the next digest comes, with buttons that change it."""
        place = incoming.place
        schedule = await services.db.run(digests.digest_here, place)
        zone = await services.db.run(zones.zone_here, place)
        text = none_set() if schedule is None else digest_set(schedule, zone, services.now())
        buttons = await services.button_commands.buttons(place, *_offers(schedule))
        return (Screen(text, in_pairs(buttons)),)


def _read_digest(rest: str, _chains: ChainReader) -> Request:
    words = rest.casefold().replace(",", " ").split()
    if not words:
        return ShowDigestRequest()
    if words in ([_OFF], ["none"], ["stop"]):
        return NoDigestRequest()
    is_weekly, weekday, at, is_only = None, None, None, False
    for word in _with_halves(words):
        if word in _DAILY or word in _WEEKLY:
            is_weekly = word in _WEEKLY
        elif word.removesuffix("s") in _DAY_WORDS or word in _DAY_WORDS:
            is_weekly, weekday = True, DAY_NAMES.index(word[:3])
        elif word == "only":
            is_only = True
        elif (found := _time(word)) is not None:
            at = found
        elif word not in _BETWEEN:
            return Usage(DIGEST_COMMAND, refusal(word, _PARTS))
    return DigestRequest(is_weekly=is_weekly, weekday=weekday, at=at, is_only=is_only)


def _with_halves(words: list[str]) -> list[str]:
    """Return the words with `8 am` as one of them."""
    return re.sub(r"(?<=[0-9]) (?=[ap]m(?: |$))", "", " ".join(words)).split()


def _time(word: str) -> time | None:
    """Return a time of day; None: it is none."""
    read = _TIME.fullmatch(word)
    if read is None:
        return None
    hour, half = int(read["hour"]), read["half"]
    if half and not 1 <= hour <= _NOON:
        return None
    hour = hour % _NOON + _NOON * (half == "pm") if half else hour
    try:
        return time(hour, int(read["minute"] or 0))
    except ValueError:
        return None


def write_digest(schedule: DigestSchedule | None) -> str:
    """Return what is typed to set a schedule."""
    if schedule is None:
        return _OFF
    rhythm = "daily" if schedule.weekday is None else f"weekly {DAY_NAMES[schedule.weekday]}"
    return f"{rhythm} {schedule.at:%H:%M}{' only' if schedule.is_only else ''}"


async def _set(
    services: Services, incoming: Incoming, schedule: DigestSchedule | None, *, is_time_named: bool = True
) -> Screen:
    place, actor = incoming.place, incoming.actor(services.now())
    result = await services.db.run(digests.set_digest, place, schedule, actor, write_digest(schedule))
    is_same = result.former == schedule
    undo = [] if is_same else [("Undo", f"/digest {write_digest(result.former)}")]
    if schedule is None:
        text = none_set() if is_same else no_more(result.released)
    else:
        zone = await services.db.run(zones.zone_here, place)
        text = digest_set(
            schedule, zone, services.now(), released=result.released, is_time_named=is_time_named
        )
    times = [] if is_time_named or schedule is None else _other_times(schedule)
    return Screen(text, in_pairs(await services.button_commands.buttons(place, *times, *undo)))


def _offers(schedule: DigestSchedule | None) -> list[tuple[str, str]]:
    """Return what buttons set instead of a schedule."""
    if schedule is None:
        return [("Daily at 08:00", "/digest daily 08:00"), ("Mondays at 08:00", "/digest weekly mon 08:00")]
    rhythm = "daily" if schedule.weekday is None else "weekly"
    only = ("Alerts too", f"/digest {rhythm}") if schedule.is_only else ("Only digests", "/digest only")
    return [only, ("End digests", "/digest off")]


def _other_times(schedule: DigestSchedule) -> list[tuple[str, str]]:
    return [(f"At {at:%H:%M}", f"/digest {write_digest(replace(schedule, at=at))}") for at in _OFFERED]


# ---------------------------------------------------------------- words


def digest_set(
    schedule: DigestSchedule, zone: str, now: datetime, *, released: int = 0, is_time_named: bool = True
) -> Html:
    """Return when digests come, and what comes beside them."""
    due = next_due(schedule, now, zone_named(zone))
    beside = (
        "Changes have no alerts of their own: each digest brings them. Alarms and notices come at once,"
        " and so does what can't be added up, such as a balance that is only now listed."
        if schedule.is_only
        else "Alerts come as ever."
    )
    lines = [
        fill(
            "🗞 A digest comes here {}{}. Next: {}.",
            _when(schedule),
            "" if is_time_named else ", as you named no time",
            moment(due, local(now, zone)),
        ),
        EMPTY + beside + _released(released),
    ]
    if zone == IN_UTC:
        lines.append(fill("{} sets the time zone of this chat.", code("/zone Europe/Berlin")))
    return join("\n", lines)


def digest_line(schedule: DigestSchedule | None) -> list[Html]:
    """Return what /list and /status say of the digests of a place, where it has any."""
    if schedule is None:
        return []
    only = ", which alone tell of changes" if schedule.is_only else ""
    return [EMPTY + f"🗞 Digests here: {_when(schedule)}{only}"]


def none_set() -> Html:
    """Return that no digest comes, and how to have one."""
    return fill("No digest comes here. {} sums up each day.", code("/digest daily 8:00"))


def no_more(released: int) -> Html:
    """Return the answer to /digest off."""
    return EMPTY + f"🗞 No digest comes here any more.{_released(released)}"


def _released(balances: int) -> str:
    return f" What was kept of {counted(balances, 'balance')} comes now." if balances else ""


def _when(schedule: DigestSchedule) -> str:
    day = "daily" if schedule.weekday is None else f"every {_DAY_WORDS[schedule.weekday].capitalize()}"
    return f"{day} at {schedule.at:%H:%M}"


DIGEST = Feature(DIGEST_COMMAND, _read_digest)
