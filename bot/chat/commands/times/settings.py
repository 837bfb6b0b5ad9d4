"""What /status says of the hours, the budget and the zone of a place."""

from bot.chat.commands.command import Services
from bot.chat.commands.times.quiet import hours_words
from bot.chat.text.conditions import show_condition
from bot.chat.text.html import EMPTY, Html, fill
from bot.chat.text.wording import counted
from bot.domain.chains import Chains
from bot.domain.places import Place
from bot.domain.rules.quiet import QuietHours
from bot.store.chats.rules import budgets, quiet, zones


async def times_set(services: Services, place: Place) -> list[Html]:
    """Return a line for each of them that is set."""
    hours = await services.db.run(quiet.quiet_here, place)
    budget = await services.db.run(budgets.budget_here, place, services.now())
    zone = await services.db.run(zones.zone_here, place)
    most = f"{counted(budget.messages, 'message')} of changes an hour"
    return [
        *([] if hours is None else [_quiet(hours, services.chains)]),
        *([EMPTY + f"Budget: {most}, {budget.spent:,} in the last one"] if budget.messages else []),
        *([EMPTY + f"Time zone: {zone}"] if zone else []),
    ]


def _quiet(hours: QuietHours, chains: Chains) -> Html:
    exception = EMPTY
    if hours.exception is not None:
        exception = fill(", except for {}", show_condition(hours.exception, chains))
    alarms = "" if hours.alarms_pass else "; alarms are kept too"
    return fill("Quiet hours: {}{}{}", hours_words(hours), exception, alarms)
