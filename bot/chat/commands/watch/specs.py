"""From what was typed to what is stored: tokens and people that only the place can tell."""

from bot.chat.commands.arguments.conditions import NOTHING_SAID, TypedCondition
from bot.chat.commands.arguments.loud_rules import TypedLoudRule
from bot.chat.commands.arguments.tokens import condition_meant
from bot.domain.chains import Chains
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition
from bot.domain.rules.loud import LoudRule, Mention
from bot.store.chats.rules.loud_rules import known_people
from bot.store.database.connection import DatabaseThread


async def filter_meant(
    db: DatabaseThread, chains: Chains, place: Place, typed: TypedCondition
) -> Condition | None:
    """Return which changes are to be reported; None: nothing is said. Raises LineRefused."""
    if typed == NOTHING_SAID:
        return None
    return await condition_meant(db, chains, place, typed)


async def loud_rule_meant(
    db: DatabaseThread, chains: Chains, place: Place, typed: TypedLoudRule | None
) -> LoudRule | None:
    """Return which changes are to ring; None: nothing is said. Raises LineRefused."""
    if typed is None:
        return None
    condition = await condition_meant(db, chains, place, typed.condition)
    known = await db.run(known_people, typed.names) if typed.names else {}
    return LoudRule(condition, tuple(Mention(f"@{name}", known.get(name.casefold())) for name in typed.names))
