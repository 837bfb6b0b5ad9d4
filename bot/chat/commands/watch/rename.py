"""`/rename`: another name for what is watched, or none any more."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Keyboard, Screen, in_pairs, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.lookup import address_meant, closest_label, find
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
    usage,
)
from bot.chat.commands.watch import name, words
from bot.chat.commands.watch.grammar import read_label, write_label
from bot.chat.commands.words import not_watched
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY
from bot.domain.addresses import checksummed
from bot.domain.chat.labels import LabelTarget
from bot.domain.chat.names import FoundName, GivenName
from bot.domain.chat.subscribe import LabelTaken
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription
from bot.store.chats import names, rename, subscriptions
from bot.store.chats.labels import thing_named

RENAME_COMMAND = Command(
    name="rename",
    does="Give what is watched another name",
    grammar="/rename LABEL, ADDRESS or #NUMBER as NEW NAME",
    examples=(
        Example("/rename Treasury as Main treasury", "renames it here; other chats keep their names"),
        Example("/rename #3 as Payroll", "names number 3 of /list"),
        Example("/rename Treasury off", "takes its name away"),
    ),
    who=Who.CHANGERS,
)

AS_MISSING = "The new name comes after “as”. Is this what you mean?"

_AS = re.compile(r"(?:^|\s+)as\s+", re.IGNORECASE)
_TO = re.compile(r"\s+(?:to\s+)?", re.IGNORECASE)
_OFF = re.compile(r"(?:^|\s+)off$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NewName:
    """One way to read a /rename: whose name it is about, and the name, "" for none."""

    who: str
    label: str

    def command_for(self, who: str) -> str:
        """Return what is typed to give this name to something."""
        return f"/rename {who}{write_label(self.label) or ' off'}"


@dataclass(frozen=True, slots=True)
class RenameRequest(Request):
    """`/rename`."""

    needs = RENAME_COMMAND.needs
    readings: tuple[NewName, ...]
    """A name may hold the word “as”: first comes the reading with the longest `who`."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Give what is meant its new name; a name that is taken is refused with the free one beside it."""
        place = incoming.place
        listed = await services.db.run(subscriptions.subscriptions_here, place)
        new = next((one for one in self.readings if find(listed, one.who)), self.readings[-1])
        found = find(listed, new.who)
        if not found:
            named = await services.db.run(names.name_here, place, address_meant(new.who) or new.who)
            if named is not None:
                return (await _rename_unwatched(services, incoming, named, new.label),)
            closest = closest_label(listed, new.who)
            offered = [(f"Rename {closest}", new.command_for(closest))] if closest else []
            buttons = await services.button_commands.buttons(place, *offered)
            return (Screen(not_watched(new.who, closest), rows(buttons)),)
        if len({_name_of(one) for one in found}) > 1:
            return (await _which(services, place, new, found),)
        result = await services.db.run(
            rename.rename,
            place,
            [one.subscription.id for one in found],
            new.label,
            incoming.actor(services.now()),
        )
        if isinstance(result, LabelTaken):
            offer = (f"Use {result.free}", f"/rename {new.who}{write_label(result.free)}")
            buttons = await services.button_commands.buttons(place, offer)
            return (Screen(words.name_taken(new.label, result), rows(buttons)),)
        undo = await _undo(services, place, found, new.label)
        return (Screen(words.renamed(found[0].subscription, new.label), undo),)


async def _rename_unwatched(services: Services, incoming: Incoming, named: GivenName, label: str) -> Screen:
    """Give another name to an address that is not watched, or take its name away."""
    if label:
        return await name.give(services, incoming, named.address, label)
    return await name.remove(services, incoming, FoundName(named, incoming.place))


@dataclass(frozen=True, slots=True)
class RenameOfferRequest(Request):
    """`/rename Treasury to Cold`, or without “to”: a new name that does not stand after “as”."""

    needs = RENAME_COMMAND.needs
    readings: tuple[NewName, ...]
    """Each way to part the text; first comes the one with the longest `who`."""

    @property
    def missing(self) -> Missing:
        """The account: in a reply, all of it may be the new name."""
        return Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Offer the command with “as”, if its beginning names what is watched here."""
        listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
        new = next((one for one in self.readings if find(listed, one.who)), None)
        if new is None:
            return (usage(RENAME_COMMAND, words.NAME_MISSING),)
        offer = (f"Rename to {new.label}", new.command_for(new.who))
        buttons = await services.button_commands.buttons(incoming.place, offer)
        return (Screen(EMPTY + AS_MISSING, rows(buttons)),)


def _name_of(one: ListedSubscription) -> tuple[LabelTarget, str]:
    """Return what a name is of, and the name: equal for the entries that are renamed together."""
    return thing_named(one.subscription), one.subscription.label


async def _which(
    services: Services, place: Place, new: NewName, found: Sequence[ListedSubscription]
) -> Screen:
    """Ask which of several names is meant: one address may have one name on one chain, another elsewhere."""
    offers = [
        (f"#{one.number} {one.subscription.label}".rstrip(), new.command_for(f"#{one.number}"))
        for one in found[:OFFERED_MOST]
    ]
    return Screen(
        words.which_to_rename(new.who), in_pairs(await services.button_commands.buttons(place, *offers))
    )


async def _undo(
    services: Services, place: Place, before: Sequence[ListedSubscription], label: str
) -> Keyboard:
    """Return the button that gives the former name back; none where its command would mean more than that."""
    former = before[0].subscription
    if former.label == label:
        return ()
    account = former.account or min(former.scope.contracts)
    who = label or checksummed(account)
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    renamed = {one.subscription.id for one in before}
    if {one.subscription.id for one in find(listed, who)} != renamed:
        return ()
    return rows(
        await services.button_commands.buttons(place, ("Undo", NewName(who, former.label).command_for(who)))
    )


def _read_rename(rest: str, _chains: ChainReader) -> RenameRequest | RenameOfferRequest | Usage:
    text = " ".join(rest.split())
    readings: list[NewName] = []
    refused: LineRefused | None = None
    splits = [*_AS.finditer(text)]
    for split in reversed(splits):
        try:
            new = NewName(text[: split.start()], read_label(text[split.end() :]))
        except LineRefused as error:
            refused = error
        else:
            readings += [new] if new.who else []
    off = _OFF.search(text)
    if off is not None and off.start() and not splits:
        readings.append(NewName(text[: off.start()], ""))
    if readings:
        return RenameRequest(tuple(readings))
    if refused is not None:
        return Usage(RENAME_COMMAND, refused.sentence)
    offered = _readings_without_as(text) if not splits and off is None else ()
    if offered:
        return RenameOfferRequest(offered)
    is_named = text and not splits and off is None
    return Usage(RENAME_COMMAND, words.NAME_MISSING if is_named else "", missing=Missing.ACCOUNT)


def _readings_without_as(text: str) -> tuple[NewName, ...]:
    readings = []
    for split in reversed([*_TO.finditer(text)]):
        with suppress(LineRefused):
            readings.append(NewName(text[: split.start()], read_label(text[split.end() :])))
    return tuple(readings)


RENAME = Feature(RENAME_COMMAND, _read_rename)
