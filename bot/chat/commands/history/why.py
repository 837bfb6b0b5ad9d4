"""`/why`: how a message came about, line for line, by the id at its end or as a reply to it."""

from dataclasses import dataclass

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    Command,
    Example,
    Feature,
    Missing,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html, code
from bot.chat.text.why import message_way, unknown_message
from bot.domain.deliver.message_ids import delivery_of, message_id, read_message_id
from bot.domain.places import Place
from bot.store.history import ways

WHY_COMMAND = Command(
    name="why",
    does="Explain an alert",
    grammar="/why MESSAGE_ID",
    examples=(
        Example("/why 7KQ2F", "says how the alert with this id came about, line for line"),
        Example("/why", "explains the message that you reply to"),
    ),
    who=Who.READERS,
)


@dataclass(frozen=True, slots=True)
class WhyRequest(Request):
    """`/why`."""

    needs = WHY_COMMAND.needs
    text: str
    """"": nothing is named."""

    @property
    def missing(self) -> Missing | None:
        """The message, which may be replied to."""
        return None if self.text else Missing.MESSAGE

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Explain the message that is named, or the newest one here."""
        if not self.text:
            newest = await services.db.run(ways.newest_message, incoming.place)
            explained = (
                None if newest is None else await _explained(services, incoming.place, message_id(newest))
            )
            return (
                await Usage(WHY_COMMAND).carry_out(services, incoming) if explained is None else (explained,)
            )
        explained = await _explained(services, incoming.place, self.text)
        return (explained or unknown_message(code(self.text), services.history_days),)


async def _explained(services: Services, place: Place, typed: str) -> Html | None:
    """Return how a message of this place came about; None: it has none of that id."""
    spelled = read_message_id(typed)
    number = None if spelled is None else delivery_of(spelled)
    # Longer texts are ids of higher numbers only.
    if number is None or message_id(number) != spelled:
        return None
    now = await services.now_in(place)
    found = await services.db.run(ways.find_message, place, number, now)
    return None if found is None else message_way(found, services.chains, now)


def _read_why(rest: str, _chains: ChainReader) -> WhyRequest:
    return WhyRequest(" ".join(rest.split()))


WHY = Feature(WHY_COMMAND, _read_why)
