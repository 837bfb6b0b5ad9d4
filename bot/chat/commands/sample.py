"""`/test`: a sample alert, to see that alerts arrive here and how long that takes."""

from dataclasses import dataclass
from datetime import datetime

from bot.chat.buttons.alert_buttons import SEND_TEST
from bot.chat.buttons.data import Press
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Request,
    Services,
    Who,
)
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, code, fill
from bot.chat.text.wording import moment
from bot.store.chats import samples
from bot.store.outbox import delivered

TEST_COMMAND = Command(
    name="test",
    does="Send a sample alert, and say how long it took",
    grammar="/test",
    examples=(Example("/test", "sends a sample alert here, on the way that every alert takes"),),
    who=Who.CHANGERS,
)


@dataclass(frozen=True, slots=True)
class SampleRequest(Request):
    """`/test`."""

    needs = TEST_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Put a sample alert into the outbox."""
        muted_until = await services.db.run(samples.enqueue_sample, incoming.place, services.now())
        return (on_its_way(muted_until, await services.now_in(incoming.place)),)


def _read_test(_rest: str, _chains: ChainReader) -> SampleRequest:
    return SampleRequest()


async def _find_delivery(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Send a sample alert where the message with the button was meant to go."""
    found = await services.db.run(delivered.find_delivery, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(_: Incoming) -> CallbackResult:
        muted_until = await services.db.run(samples.enqueue_sample, found.place, services.now())
        return CallbackResult(on_its_way(muted_until, await services.now_in(found.place)).visible)

    return CallbackAction(TEST_COMMAND.needs, act, incoming.place if found.is_fallback else found.place)


# ---------------------------------------------------------------- words


def on_its_way(muted_until: datetime | None, now: datetime) -> Html:
    """Return the answer to /test."""
    if muted_until is None:
        return EMPTY + "A sample alert is on its way."
    return fill(
        "Everything is muted here until {}: the sample alert comes then. {} ends that.",
        moment(muted_until, now),
        code("/unmute"),
    )


TEST = Feature(TEST_COMMAND, _read_test, {SEND_TEST: _find_delivery})
