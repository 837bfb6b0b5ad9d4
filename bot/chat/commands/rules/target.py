"""Whom a rule is for: some of what a chat watches, or all of it; and what is said of it."""

from collections.abc import Callable
from typing import NamedTuple

from bot.chat.buttons.data import Screen, rows
from bot.chat.commands.arguments.conditions import split_who
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.lookup import closest_label, find
from bot.chat.commands.command import Command, Services
from bot.chat.commands.words import not_watched
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.wording import account_name, token_names
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, Subscription, SubscriptionId
from bot.store.chats import subscriptions

_ALL = "all"
OFF = "off"
_NAMED_MOST = 3


class Said(NamedTuple):
    """What a command says, in two parts."""

    who: str
    """As it was typed; "": all that is watched here."""
    found: tuple[ListedSubscription, ...]
    """What it means; empty: all that is watched here, or nothing, if somebody is named."""
    rest: str
    """The rule itself."""

    @property
    def is_unknown(self) -> bool:
        """Whether somebody is named who is not watched here."""
        return bool(self.who) and not self.found

    @property
    def ids(self) -> list[SubscriptionId]:
        """The subscriptions that are meant; empty: all of the place."""
        return [one.subscription.id for one in self.found]


async def read_target(services: Services, place: Place, text: str) -> Said:
    """Return whom a command is about, and what follows."""
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    who, rest = split_who(text, lambda named: bool(find(listed, named)))
    if who.casefold() == _ALL and rest and not find(listed, who):
        return Said("", (), rest)
    first, _, last = who.rpartition(" ")
    # “Treasury off” is no name; a label that ends so was found whole.
    if last.casefold() in _ENDS and not find(listed, who):
        who, rest = first.strip(), f"{last} {rest}".strip()
    if who.casefold() == _ALL and not find(listed, who):
        return Said("", (), rest or _ALL)
    return Said(who, find(listed, who) if who else (), rest)


_ENDS = frozenset({OFF, _ALL})


async def unknown_target(services: Services, place: Place, command: Command, said: Said) -> Screen:
    """Return the answer to a rule for somebody who is not watched here, with the one probably meant.

    Unless a rule follows a name that is near, the rule itself may be in words of one's own: then the answer
    says how to type it.
    """
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    closest = closest_label(listed, said.who)
    offers = [(f"Yes, {closest}", f"/{command.name} {closest} {said.rest}".strip())] if closest else []
    buttons = await services.button_commands.buttons(place, *offers)
    answer = not_watched(said.who, closest)
    if not closest or not said.rest:
        answer = fill(
            "{}\nSend for example {}; {} shows more.",
            answer,
            code(command.examples[0].text),
            code(f"/help {command.name}"),
        )
    return Screen(answer, rows(buttons))


async def refused_rule(
    services: Services, place: Place, said: Said, refused: LineRefused, command: Callable[[str], str]
) -> Screen:
    """Return why a rule is not taken; where a symbol means several tokens, each is offered."""
    offers = [
        (offer.text, command(said.rest.replace(refused.word, offer.line, 1))) for offer in refused.offers
    ]
    buttons = await services.button_commands.buttons(place, *offers)
    return Screen(refused.sentence, rows(*([one] for one in buttons)))


def target_name(said: Said) -> Html:
    """Return whom a rule is for, as the beginning of a sentence."""
    if not said.found:
        return EMPTY + "All that is watched here"
    names = list(dict.fromkeys(_name(one.subscription) for one in said.found))
    more = f" and {len(names) - _NAMED_MOST:,} more" if len(names) > _NAMED_MOST else ""
    return join(", ", names[:_NAMED_MOST]) + more


def _name(one: Subscription) -> Html:
    if one.account is not None:
        return account_name(one.account, one.label)
    return token_names(one.scope.contracts)
