"""What /status says of the hours, the budget and the zone of a place."""

from bot.chat.commands.command import Services
from bot.chat.commands.times.hours import write_hours
from bot.chat.text.wording import counted
from bot.domain.places import Place
from bot.store.chats import budgets, quiet, zones


async def times_set(services: Services, place: Place) -> list[str]:
    """Return a line for each of them that is set."""
    hours = await services.db.run(quiet.quiet_here, place)
    budget = await services.db.run(budgets.budget_here, place, services.now())
    zone = await services.db.run(zones.zone_here, place)
    most = f"{counted(budget.messages, 'message')} of changes an hour"
    return [
        *([] if hours is None else [f"Quiet hours: {write_hours(hours, services.chains)}"]),
        *([f"Budget: {most}, {budget.spent:,} in the last one"] if budget.messages else []),
        *([f"Time zone: {zone}"] if zone else []),
    ]
