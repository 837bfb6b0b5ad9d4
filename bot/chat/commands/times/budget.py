"""`/budget`: at most so many messages of changes an hour; what is more comes summed up."""

import re
from dataclasses import dataclass

from bot.chat.buttons.data import Screen, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import Answer, Command, Example, Feature, Request, Services, Usage, Who
from bot.chat.commands.words import typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.wording import counted
from bot.domain.chat.access import Action
from bot.store.chats.rules import budgets
from bot.store.chats.rules.budgets import Budget

BUDGET_COMMAND = Command(
    name="budget",
    does="Get at most so many messages of changes an hour",
    grammar="/budget NUMBER [per hour], or /budget off",
    examples=(
        Example("/budget 10 per hour", "sums up what is more, and sends it when the hour allows"),
        Example("/budget", "shows it, and how much of it is used"),
        Example("/budget off", "sends every message at once again"),
    ),
    who=Who.CHANGERS,
)

_OFF = "off"
_TYPED = re.compile(
    r"([0-9]{1,4})(?: messages?)?(?: ?/ ?h(?:our)?| per hour| an hour| hourly)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class BudgetRequest(Request):
    """`/budget` with a number; 0: off."""

    needs = BUDGET_COMMAND.needs
    messages: int

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Set the budget of this place."""
        place = incoming.place
        result = await services.db.run(
            budgets.set_budget, place, self.messages, incoming.actor(services.now())
        )
        undo = ("Undo", f"/budget {result.before or _OFF}")
        has_changed = result.before != self.messages
        buttons = await services.button_commands.buttons(place, undo) if has_changed else []
        shown = budget_set(self.messages, result.released) if self.messages or has_changed else none_set()
        return (Screen(shown, rows(buttons)),)


@dataclass(frozen=True, slots=True)
class ShowBudgetRequest(Request):
    """`/budget` alone, which everybody may see."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show the budget of this place."""
        place = incoming.place
        here = await services.db.run(budgets.budget_here, place, services.now())
        if not here.messages:
            return (none_set(),)
        off = await services.button_commands.buttons(place, ("Off", "/budget off"))
        return (Screen(budget_shown(here), rows(off)),)


def _read_budget(rest: str, _chains: ChainReader) -> Request:
    text = " ".join(rest.split())
    if not text:
        return ShowBudgetRequest()
    if text.casefold() == _OFF:
        return BudgetRequest(0)
    typed = _TYPED.fullmatch(text)
    if typed is None or not int(typed[1]):
        why = "{} is no number of messages an hour. Send one as in {}."
        return Usage(BUDGET_COMMAND, fill(why, typed_word(text), code("/budget 10 per hour")))
    return BudgetRequest(int(typed[1]))


# ---------------------------------------------------------------- words


def budget_set(messages: int, released: int) -> Html:
    """Return the answer to /budget with a number or off."""
    follow = "follows" if released == 1 else "follow"
    kept = [EMPTY + f"{counted(released, 'change')} kept until now {follow}."] if released else []
    if not messages:
        return join("\n", (EMPTY + "🔔 Every message of changes comes at once again.", *kept))
    return join("\n", (_words(messages), *kept))


def budget_shown(here: Budget) -> Html:
    """Return the answer to /budget alone."""
    return join("\n", (_words(here.messages), f"In the last hour: {counted(here.spent, 'message')}."))


def none_set() -> Html:
    """Return that there is no budget, and how to have one."""
    return fill(
        "There is no budget here: every message comes at once. {} sets one.", code("/budget 10 per hour")
    )


def _words(messages: int) -> Html:
    return EMPTY + (
        f"⏳ At most {counted(messages, 'message')} of changes an hour here.\n"
        "What is more waits, and comes summed up in one message when the hour allows."
        " Alarms, outages and answers don't wait, and don't count."
    )


BUDGET = Feature(BUDGET_COMMAND, _read_budget)
