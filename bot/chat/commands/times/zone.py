"""`/zone`: the time zone in which a chat reads and writes times."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import available_timezones

from bot.chat.buttons.data import Button, Screen, in_pairs, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import Answer, Command, Example, Feature, Request, Services, Who
from bot.chat.commands.words import this_place, typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html, bold, code, fill
from bot.chat.text.wording import moment
from bot.domain.chat.access import Action
from bot.domain.places import Place
from bot.domain.zones import IN_UTC, local, zone_meant, zones_like
from bot.store.chats.rules import zones

ZONE_COMMAND = Command(
    name="zone",
    does="Set the time zone of this chat",
    grammar="/zone [CITY, NAME or off]",
    examples=(
        Example("/zone Europe/Berlin", "shows and reads all times on the clock of Berlin"),
        Example("/zone", "shows the zone, and how late it is there"),
        Example("/zone off", "goes back to UTC"),
    ),
    who=Who.CHANGERS,
    aliases=("timezone",),
)

_OFF = frozenset({"off", "utc", "none"})
_SHOWN_REVERSED = "Etc/"
"""Names such as Etc/GMT+2, which means two hours *behind* UTC: nobody is offered these."""


@dataclass(frozen=True, slots=True)
class ZoneRequest(Request):
    """`/zone` with what somebody typed."""

    needs = ZONE_COMMAND.needs
    typed: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Set the zone of this place."""
        place = incoming.place
        is_off = self.typed.casefold() in _OFF
        names = [name for name in available_timezones() if not name.startswith(_SHOWN_REVERSED)]
        zone = IN_UTC if is_off else zone_meant(self.typed, names)
        if zone is None:
            like = zones_like(self.typed, names)
            offers = [(name, f"/zone {name}") for name in like]
            buttons = await services.button_commands.buttons(place, *offers)
            return (Screen(unknown_zone(self.typed, like), in_pairs(buttons)),)
        before = await services.db.run(zones.set_zone, place, zone, incoming.actor(services.now()))
        undo = await _back(services, place, before, "Undo") if before != zone else []
        return (Screen(zone_set(zone, services.now()), rows(undo)),)


@dataclass(frozen=True, slots=True)
class ShowZoneRequest(Request):
    """`/zone` alone, which everybody may see."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show the zone of this place."""
        place = incoming.place
        shown = zone_shown(place, await services.db.run(zones.zone_here, place), services.now())
        return (Screen(shown, rows(await _back(services, place, IN_UTC, "UTC"))),)


async def _back(services: Services, place: Place, zone: str, text: str) -> list[Button]:
    """Return the button that sets a zone, if it is not the one that is set."""
    if await services.db.run(zones.zone_here, place) == zone:
        return []
    return await services.button_commands.buttons(place, (text, f"/zone {zone or 'off'}"))


def _read_zone(rest: str, _chains: ChainReader) -> ZoneRequest | ShowZoneRequest:
    typed = " ".join(rest.split())
    return ZoneRequest(typed) if typed else ShowZoneRequest()


# ---------------------------------------------------------------- words


def zone_shown(place: Place, zone: str, now: datetime) -> Html:
    """Return the answer to /zone alone."""
    here = local(now, zone)
    if zone:
        return fill("🕒 Times here are in {}: it is {}.", bold(zone), moment(here, here))
    return fill(
        "🕒 Times here are in UTC: it is {}. {} sets the time zone of {}.",
        moment(here, here),
        code("/zone Europe/Berlin"),
        this_place(place).casefold(),
    )


def zone_set(zone: str, now: datetime) -> Html:
    """Return the answer to /zone with a zone."""
    here = local(now, zone)
    return fill("🕒 Times here are in {} from now on: it is {}.", bold(zone or "UTC"), moment(here, here))


def unknown_zone(typed: str, like: tuple[str, ...]) -> Html:
    """Return the answer to a zone that there is none of, or that is in doubt."""
    if like:
        return fill("I don't know a time zone called “{}”. Did you mean one of these?", typed_word(typed))
    return fill(
        "I don't know a time zone called “{}”. Send a large city in it, as in {}.",
        typed_word(typed),
        code("/zone Europe/Berlin"),
    )


ZONE = Feature(ZONE_COMMAND, _read_zone)
