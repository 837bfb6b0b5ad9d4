"""`/unwatch`: ending what is watched, and taking that back."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat.buttons import toasts
from bot.chat.buttons.data import ButtonAction, Press, Screen, button, rows, with_keyboard
from bot.chat.commands.arguments.addresses import WORD
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.lookup import closest_label, find_all
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Missing,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.commands.watch import words
from bot.chat.commands.words import not_watched
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html, code, fill
from bot.domain.chat.unsubscribe import UndoOutcome
from bot.domain.subscriptions import ListedSubscription
from bot.store.chats import subscriptions, unsubscribe

UNWATCH_COMMAND = Command(
    name="unwatch",
    does="Stop watching",
    grammar="/unwatch LABEL, ADDRESS or #NUMBER",
    examples=(
        Example("/unwatch Treasury", "stops what has this label"),
        Example("/unwatch #3", "stops number 3 of /list"),
    ),
    who=Who.CHANGERS,
    aliases=("remove",),
)

UNDO = ButtonAction("undo")
"""Takes an /unwatch back."""
STOP = ButtonAction("stop")
"""Ends a subscription; `row` is its id, since its number may be another's later.

`page` is that of /list, which then takes the place of the message; without one, the message stays.
"""


@dataclass(frozen=True, slots=True)
class UnwatchRequest(Request):
    """`/unwatch`."""

    needs = UNWATCH_COMMAND.needs
    who: tuple[str, ...]
    """The words; each may be an address, a `#number` or a label."""
    rest: str
    """The same as one text, since a label may have spaces."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Stop what is named, by the whole text or else word by word; what is not found is said."""
        listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
        found = find_all(listed, self.rest, self.who)
        ended = {entry.number: entry for matching in found.values() for entry in matching}
        missing = [word for word, matching in found.items() if not matching]
        answers: list[Html | Screen] = []
        if ended:
            answers += await end(services, incoming, tuple(ended.values()))
        if not ended and listed and self.rest.casefold() == "all":
            shown = await services.button_commands.buttons(incoming.place, ("My list", "/list"))
            answers.append(Screen(only_named(), rows(shown)))
        elif len(missing) == 1:
            closest = closest_label(listed, missing[0])
            offered = [(f"Stop {closest}", f"/unwatch {closest}")] if closest else []
            buttons = await services.button_commands.buttons(incoming.place, *offered)
            answers.append(Screen(not_watched(missing[0], closest), rows(buttons)))
        elif missing:
            answers += words.none_of_these(missing)
        return answers


def only_named() -> Html:
    """Return the answer to /unwatch all."""
    several = code("/unwatch #1 #2")
    return fill("I stop only what you name, one or several at once: {}. /list shows what there is.", several)


def _read_unwatch(rest: str, _chains: ChainReader) -> UnwatchRequest | Usage:
    who = tuple(dict.fromkeys(WORD.findall(rest)))
    if not who:
        return Usage(UNWATCH_COMMAND, missing=Missing.ACCOUNT)
    return UnwatchRequest(who, " ".join(rest.split()))


async def end(
    services: Services, incoming: Incoming, ended: Sequence[ListedSubscription]
) -> list[Html | Screen]:
    """End subscriptions and return the answer, with a button that undoes it."""
    numbers = tuple(entry.number for entry in ended)
    result = await services.db.run(
        unsubscribe.unsubscribe,
        incoming.place,
        numbers,
        incoming.actor(services.now()),
        services.contract_status,
    )
    answer = words.unwatched([entry.subscription for entry in ended], still_to_come=result.still_to_come)
    undo = [button("Undo", UNDO, result.row)] if result.row is not None else []
    return with_keyboard(answer, rows(undo))


async def _find_unsubscribed(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Take an /unwatch of this chat back."""
    place = await services.db.run(unsubscribe.unsubscribe_place, press.row, incoming.place.chat_id)
    if place is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        undone = await services.db.run(
            unsubscribe.undo_unsubscribe,
            press.row,
            presser.place,
            presser.actor(services.now()),
            limit=services.max_subscriptions_per_chat,
            status=services.contract_status,
        )
        limit = services.max_subscriptions_per_chat
        match undone.outcome:
            case UndoOutcome.ALREADY:
                return CallbackResult(toasts.ALREADY, is_used_up=True)
            case UndoOutcome.TOO_LATE:
                return CallbackResult(words.TOO_LATE, is_used_up=True)
            case UndoOutcome.DONE:
                return CallbackResult(toasts.UNDONE, Screen(words.undone(undone.ones, limit)))
            case UndoOutcome.NO_ROOM:
                # Some came back, some found no room: the button stays for when there is.
                again = rows([button("Undo", UNDO, press.row)])
                return CallbackResult(words.NO_ROOM, Screen(words.undone(undone.ones, limit), again))

    return CallbackAction(UNWATCH_COMMAND.needs, act, place)


UNWATCH = Feature(UNWATCH_COMMAND, _read_unwatch, {UNDO: _find_unsubscribed})
