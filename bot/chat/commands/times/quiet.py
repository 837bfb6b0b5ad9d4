"""`/quiet`: hours of the day in which alerts are kept for later."""

from dataclasses import dataclass
from datetime import datetime

from bot.chat.buttons.data import Screen, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.chat.commands.arguments.tokens import condition_meant
from bot.chat.commands.command import Answer, Command, Example, Feature, Request, Services, Usage, Who
from bot.chat.commands.times.hours import DAY_NAMES, TypedHours, read_hours, write_hours
from bot.chat.permissions import Incoming
from bot.chat.text.conditions import show_condition
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.wording import counted, moment
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.rules.conditions import Unit
from bot.domain.rules.quiet import EVERY_DAY, WEEKDAYS, WEEKENDS, QuietHours, quiet_span
from bot.domain.zones import IN_UTC, local, zone_named
from bot.store.chats.rules import quiet, zones

QUIET_COMMAND = Command(
    name="quiet",
    does="Keep alerts for later at night, or at other hours",
    grammar="/quiet HOURS [on DAYS] [except CHANGES] [all], or /quiet off",
    examples=(
        Example(
            "/quiet 22:00-07:00", "keeps alerts at night, and sends them summed up at 7; alarms still ring"
        ),
        Example("/quiet 18:00-09:00 on weekdays except min $10k", "lets large changes through"),
        Example("/quiet 00:00-24:00 on weekends all", "keeps alarms for later as well"),
        Example("/quiet", "shows the quiet hours"),
        Example("/quiet off", "ends them, and sends what was kept"),
    ),
    who=Who.CHANGERS,
)

_OFF = "off"


@dataclass(frozen=True, slots=True)
class QuietRequest(Request):
    """`/quiet` with hours."""

    needs = QUIET_COMMAND.needs
    typed: TypedHours

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Set the quiet hours of this place."""
        typed, place = self.typed, incoming.place
        exception = None
        if typed.exception is not None:
            try:
                exception = await condition_meant(services.db, services.chains, place, typed.exception)
            except LineRefused as refused:
                return (refused.sentence,)
        hours = QuietHours(typed.begins, typed.ends, typed.days, exception, typed.alarms_pass)
        return (await _set(services, incoming, hours),)


@dataclass(frozen=True, slots=True)
class NoQuietRequest(Request):
    """`/quiet off`."""

    needs = QUIET_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """End the quiet hours of this place."""
        return (await _set(services, incoming, None),)


@dataclass(frozen=True, slots=True)
class ShowQuietRequest(Request):
    """`/quiet` alone, which everybody may see."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show the quiet hours of this place."""
        place = incoming.place
        hours = await services.db.run(quiet.quiet_here, place)
        if hours is None:
            return (none_set(),)
        zone = await services.db.run(zones.zone_here, place)
        off = await services.button_commands.buttons(place, ("Off", "/quiet off"))
        return (Screen(hours_set(hours, zone, services.chains, services.now()), rows(off)),)


@dataclass(frozen=True, slots=True)
class NoHoursRequest(Usage):
    """`/quiet` with what are no quiet hours; hours that may be meant are offered."""

    offers: tuple[Offer, ...] = ()

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Say what was wrong, and what to type."""
        offers = [(offer.text, f"/quiet {offer.line}") for offer in self.offers]
        buttons = await services.button_commands.buttons(incoming.place, *offers)
        return (Screen(join("\n", (self.reason, more_about("quiet"))), rows(buttons)),)


def _read_quiet(rest: str, chains: ChainReader) -> Request:
    text = " ".join(rest.split())
    if not text:
        return ShowQuietRequest()
    if text.casefold() == _OFF:
        return NoQuietRequest()
    try:
        return QuietRequest(read_hours(text, chains))
    except LineRefused as refused:
        return NoHoursRequest(QUIET_COMMAND, refused.sentence, offers=refused.offers)


async def _set(services: Services, incoming: Incoming, hours: QuietHours | None) -> Screen:
    place, now = incoming.place, services.now()
    before = await services.db.run(quiet.quiet_here, place)
    said = _OFF if hours is None else write_hours(hours, services.chains)
    released = await services.db.run(quiet.set_quiet, place, hours, incoming.actor(now), said)
    if before is None and hours is None:
        return Screen(none_set())
    undo = f"/quiet {_OFF if before is None else write_hours(before, services.chains)}"
    buttons = await services.button_commands.buttons(place, ("Undo", undo)) if before != hours else []
    if hours is None:
        return Screen(no_longer_quiet(released), rows(buttons))
    zone = await services.db.run(zones.zone_here, place)
    return Screen(hours_set(hours, zone, services.chains, now), rows(buttons))


# ---------------------------------------------------------------- words


def hours_set(hours: QuietHours, zone: str, chains: Chains, now: datetime) -> Html:
    """Return what quiet hours mean, and whether it is quiet now."""
    passing = join(" and ", _passing(hours, chains))
    lines = [
        fill("🌙 Quiet hours here: {} ({}).", hours_words(hours), zone or "UTC"),
        EMPTY + "Alerts are kept then, and come summed up at the end.",
        fill("Sent at once all the same: {}.", passing) if passing else EMPTY + "Alarms are kept too.",
    ]
    here = local(now, zone)
    span = quiet_span(hours, now, zone_named(zone))
    if span is not None:
        is_now = span.begins <= now
        when = moment(span.ends if is_now else span.begins, here)
        lines.append(EMPTY + (f"It is quiet now, until {when}." if is_now else f"Next: {when}."))
    if zone == IN_UTC:
        lines.append(fill("{} sets the time zone of this chat.", code("/zone Europe/Berlin")))
    return join("\n", lines)


def hours_words(hours: QuietHours) -> str:
    """Return `22:00\u201307:00 on weekdays`."""
    ends = "24:00" if hours.ends == hours.ends.min else f"{hours.ends:%H:%M}"
    return f"{hours.begins:%H:%M}\u2013{ends}{_on(hours.days)}"


def _on(days: frozenset[int]) -> str:
    if days == EVERY_DAY:
        return ""
    whole = {WEEKDAYS: "weekdays", WEEKENDS: "weekends"}
    return " on " + (whole.get(days) or ", ".join(DAY_NAMES[day].capitalize() for day in sorted(days)))


def _passing(hours: QuietHours, chains: Chains) -> list[Html]:
    """Return what is not kept back in quiet hours."""
    passing = [EMPTY + "alarms"] if hours.alarms_pass else []
    if hours.exception is not None:
        unpriced = any(level.unit is Unit.DOLLARS for level in hours.exception.levels)
        changes = show_condition(hours.exception, chains)
        passing.append(changes + (", as well as those without a price" if unpriced else ""))
    return passing


def more_about(name: str) -> Html:
    """Return where to read all that a command takes."""
    return fill("{} shows more.", code(f"/help {name}"))


def none_set() -> Html:
    """Return that there are no quiet hours, and how to have some."""
    return fill("There are no quiet hours here. {} keeps alerts at night.", code("/quiet 22:00-07:00"))


def no_longer_quiet(released: int) -> Html:
    """Return the answer to /quiet off."""
    follow = "follows" if released == 1 else "follow"
    kept = f" {counted(released, 'change')} kept until now {follow}." if released else ""
    return EMPTY + f"🔔 No more quiet hours here.{kept}"


QUIET = Feature(QUIET_COMMAND, _read_quiet)
