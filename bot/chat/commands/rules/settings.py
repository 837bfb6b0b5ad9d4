"""What /status and /list say of the rules of a whole place: which changes are reported, and which ring."""

from bot.chat.commands.command import Services
from bot.chat.text.conditions import filter_words
from bot.chat.text.html import Html, fill
from bot.chat.text.loud import BELL, loud_words
from bot.domain.places import Place
from bot.store.chats.rules import filters, loud_rules


async def rules_set(services: Services, place: Place) -> list[Html]:
    """Return a line for each of them that is set."""
    reported = await services.db.run(filters.place_filter, place)
    loud = await services.db.run(loud_rules.place_loud_rule, place)
    return [
        *([] if reported is None else [fill("Reported here: {}", filter_words(reported, services.chains))]),
        *([] if loud is None else [fill("{} {} here", BELL, loud_words(loud, services.chains))]),
    ]
