"""`/name` and `/names`: what a chat calls addresses that it does not watch; alerts then say who was paid."""

import re
from dataclasses import dataclass

from bot.chat.buttons.data import ButtonAction, Press, Screen, button, in_pairs, pager, rows
from bot.chat.commands.arguments.addresses import Word, is_service_name, no_address, read_words
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.lookup import address_meant
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Missing,
    Refusal,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.commands.watch.grammar import read_label, write_label
from bot.chat.commands.watch.words import name_taken
from bot.chat.commands.words import EXAMPLE_ACCOUNT, bold_label, typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import account_name, moment, short_address
from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.chat.names import NAMES_MOST, FoundName, GivenName, NameOutcome, NameResult, NamesPage
from bot.domain.explain.transfers import NOBODY
from bot.domain.places import Place
from bot.store.chats import names

NAMES_A_PAGE = 10
"""Each has a button."""

NAME_COMMAND = Command(
    name="name",
    does="Name an address, so that alerts say who was paid",
    grammar="/name ADDRESS NAME, or in reply to an alert /name NAME",
    examples=(
        Example(f"/name {EXAMPLE_ACCOUNT} Payroll", "alerts say “to Payroll” for that address from now on"),
        Example("/rename Payroll as Salaries", "gives it another name"),
        Example("/name Payroll off", "takes the name away"),
        Example("/names", "shows all names of this chat"),
    ),
    who=Who.CHANGERS,
)
NAMES_COMMAND = Command(
    name="names",
    does="Show the addresses that have a name here",
    grammar="/names",
    examples=(Example("/names", "shows them, with buttons to remove one"),),
    who=Who.READERS,
)

SHOW_PAGE = ButtonAction("names")
"""Shows a page of /names; the row is the page."""
OPEN_NAME = ButtonAction("named")
"""Shows one name with its whole address; `row` is its id, and the page is the one of /names it stands on."""
REMOVE_NAME = ButtonAction("unname")
"""Takes a name away; `row` is its id."""

_AS = re.compile(r"^as\s+(?=\S)", re.IGNORECASE)
_EXACT = re.compile(r"(?P<who>\S+) (?P<said>as .+)", re.IGNORECASE)
_OFF = "off"
_BETWEEN = " ,;:=|→->\u2013\u2014"
"""What people put between an address and its name."""

REMOVED = "Removed."
NO_ADDRESS = "The address comes first (0x…), then its name; as a reply to an alert the name is enough."
NO_NAME = "The name comes after the address."
SEVERAL = "Name one address at a time. For many, send a list with /import: lines such as /name 0x… Payroll."
OF_NOBODY = "That address stands for nobody: alerts say “minted” and “burnt” of it."

# ---------------------------------------------------------------- /name


@dataclass(frozen=True, slots=True)
class NameRequest(Request):
    """`/name` of an address."""

    needs = NAME_COMMAND.needs
    address: Address
    name: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Give the address its name; one that is taken is refused with the free one beside it."""
        return (await give(services, incoming, self.address, self.name),)


@dataclass(frozen=True, slots=True)
class UnnameRequest(Request):
    """`/name … off`."""

    needs = NAME_COMMAND.needs
    who: Address | str
    """The address, or the name that it has."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Take the name away."""
        named = await services.db.run(names.name_here, incoming.place, self.who)
        if named is None:
            return (not_named(self.who),)
        return (await remove(services, incoming, FoundName(named, incoming.place)),)


@dataclass(frozen=True, slots=True)
class NamesRequest(Request):
    """`/names`, and `/name` of nothing."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show the names."""
        return (await _page(services, incoming.place, 1),)


async def give(services: Services, incoming: Incoming, address: Address, name: str) -> Screen:
    """Give an address a name, and return the answer with its buttons."""
    actor = incoming.actor(services.now())
    result = await services.db.run(names.give_name, incoming.place, address, name, actor)
    offers = []
    if result.outcome is NameOutcome.GIVEN:
        offers = [("Undo", f"/name {checksummed(address)} {_OFF}")]
    elif result.outcome is NameOutcome.CHANGED:
        offers = [("Undo", command_for(address, result.former))]
    elif result.taken is not None:
        offers = [(f"Use {result.taken.free}", command_for(address, result.taken.free))]
    elif result.outcome is NameOutcome.WATCHED and result.watched_as.casefold() != name.casefold():
        offers = [(f"Rename to {name}", f"/rename {checksummed(address)}{write_label(name)}")]
    buttons = await services.button_commands.buttons(incoming.place, *offers)
    return Screen(named(address, name, result), rows(buttons))


async def remove(services: Services, incoming: Incoming, found: FoundName) -> Screen:
    """Take a name away, and return the answer with the button that gives it back."""
    if not await services.db.run(names.remove_name, found, incoming.actor(services.now())):
        return Screen(not_named(found.name.name))
    again = ("Undo", command_for(found.name.address, found.name.name))
    return Screen(unnamed(found.name), rows(await services.button_commands.buttons(found.place, again)))


def command_for(address: Address, name: str) -> str:
    """Return what is typed to give an address this name."""
    return f"/name {checksummed(address)}{write_label(name)}"


def read_named(text: str, chains: Chains) -> tuple[Address, str]:
    """Return the address and the name that a text gives it; raises LineRefused."""
    address, said = _parted(text, chains)
    if said.casefold() == _OFF:
        raise LineRefused(_OFF, "gives no name.")
    return address, _name(said)


def _name(said: str) -> str:
    if not said.strip("? "):
        raise LineRefused("", NO_NAME)
    return read_label(_AS.sub("", said, count=1))


def _parted(rest: str, chains: Chains) -> tuple[Address, str]:
    """Return the address in a text and what is said beside it; raises LineRefused."""
    # Behind “as” all of it is the name, to the letter: so it is written in lists and by buttons.
    exact = _EXACT.fullmatch(" ".join(rest.split()))
    words = read_words(exact["who"] if exact else rest)
    refused = next((word.refused for word in words if word.refused), None)
    if refused is not None:
        raise refused
    addressed = [word for word in words if word.named]
    if len(addressed) > 1:
        raise LineRefused("", SEVERAL)
    for word in addressed:
        assert word.named is not None
        if word.named.address == NOBODY:
            raise LineRefused("", OF_NOBODY)
        return word.named.address, exact["said"] if exact else _beside(rest, word, chains)
    if any(is_service_name(word.text) for word in words):
        raise no_address(next(word.text for word in words if is_service_name(word.text)))
    raise LineRefused("", NO_ADDRESS)


def _beside(rest: str, word: Word, chains: Chains) -> str:
    """Return what stands before and behind an address, without the chain that is attached to it."""
    before, behind = rest[: word.start], rest[word.end :]
    assert word.named is not None
    if word.before and word.named.chain(chains) is not None:
        before = before.rstrip(":").removesuffix(word.before)
    return " ".join(f"{before.rstrip(_BETWEEN)} {behind.strip(_BETWEEN)}".split()).strip(_BETWEEN)


def _read_name(rest: str, chains: ChainReader) -> Request:
    text = rest.strip()
    if not text:
        return NamesRequest()
    first, _, last = text.rpartition(" ")
    try:
        address, said = _parted(text, chains.chains)
        return UnnameRequest(address) if said.casefold() == _OFF else NameRequest(address, _name(said))
    except LineRefused as refused:
        if last.casefold() == _OFF and first and refused.reason == NO_ADDRESS:
            return UnnameRequest(" ".join(first.split()))
        if refused.reason == NO_ADDRESS:
            return Usage(NAME_COMMAND, refused.sentence, missing=Missing.COUNTERPARTY)
        is_address = any(word.refused and word.refused.reason == refused.reason for word in read_words(text))
        return Refusal(refused.sentence) if is_address else Usage(NAME_COMMAND, refused.sentence)


# ---------------------------------------------------------------- /names


def _read_names(_rest: str, _chains: ChainReader) -> NamesRequest:
    return NamesRequest()


async def _page(services: Services, place: Place, page: int) -> Screen:
    here = await services.db.run(names.names_here, place, page, NAMES_A_PAGE)
    first = (here.page - 1) * NAMES_A_PAGE + 1
    shown = [
        button(f"{number}. {sanitized(one.name).visible}", OPEN_NAME, one.row, here.page)
        for number, one in enumerate(here.names, first)
    ]
    return Screen(names_list(here, first), in_pairs(shown) + pager(SHOW_PAGE, here.page, here.pages))


async def _find_page(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show another page of /names."""

    async def act(presser: Incoming) -> CallbackResult:
        page = await _page(services, presser.place, press.row)
        return CallbackResult(redraw=page, is_only_to_see=True)

    return CallbackAction(Action.LOOK, act, incoming.place)


async def _find_to_open(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show one name by itself."""
    found = await services.db.run(names.find_name, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        shown = await _opened(services, presser.place, found.name)
        keyboard = rows(
            [button("Remove", REMOVE_NAME, press.row), button("‹ All names", SHOW_PAGE, press.page or 1)]
        )
        return CallbackResult(redraw=Screen(shown, keyboard), is_only_to_see=True)

    return CallbackAction(Action.LOOK, act, found.place)


async def _opened(services: Services, place: Place, name: GivenName) -> Html:
    return opened_name(name, moment(name.given_at, await services.now_in(place)))


async def _find_to_remove(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Take the name away that a button is about."""
    found = await services.db.run(names.find_name, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        return CallbackResult(REMOVED, await remove(services, presser, found))

    return CallbackAction(NAME_COMMAND.needs, act, found.place)


# ---------------------------------------------------------------- words


def named(address: Address, name: str, result: NameResult) -> Html:
    """Return the answer to /name."""
    whole, called = code(checksummed(address)), bold_label(name)
    match result.outcome:
        case NameOutcome.GIVEN:
            return fill("{} is now the name of {} here. Alerts say it from now on.", called, whole)
        case NameOutcome.CHANGED:
            return fill("{} is now called {} here, no longer {}.", whole, called, bold_label(result.former))
        case NameOutcome.SAME:
            return fill("{} is already called {} here.", whole, called)
        case NameOutcome.FULL:
            most = f"{NAMES_MOST:,}"
            return fill(
                "No room for {}: one chat names {} addresses at most. /names shows them.", called, most
            )
        case NameOutcome.WATCHED:
            return _watched_here(address, name, result.watched_as)
        case NameOutcome.TAKEN:
            return name_taken(name, result.taken) if result.taken else EMPTY


def _watched_here(address: Address, name: str, label: str) -> Html:
    shown = account_name(address, label)
    if label.casefold() == name.casefold():
        return fill("{} is already watched here under that name.", shown)
    return fill("{} is watched here: its name is the one in /list, and /rename changes it.", shown)


def unnamed(name: GivenName) -> Html:
    """Return the answer to /name … off."""
    return fill("{} is no longer the name of {}.", bold_label(name.name), code(checksummed(name.address)))


def not_named(who: Address | str) -> Html:
    """Return the answer where an address has no name here, or nothing is called so."""
    address = address_meant(who)
    shown = typed_word(who) if address is None else code(checksummed(address))
    return fill("{} has no name here that I could take away. /names shows all.", shown)


def names_list(here: NamesPage, first: int) -> Html:
    """Return a page of /names; `first` is the number of the first name on it."""
    if not here.total:
        return fill(
            "No address has a name here yet; {} gives one. Accounts that are watched have theirs in /list.",
            code("/name 0x… Payroll"),
        )
    of = f" · page {here.page}/{here.pages}" if here.pages > 1 else ""
    lines = [
        fill("{}. {} · {}", str(number), bold_label(one.name), short_address(one.address))
        for number, one in enumerate(here.names, first)
    ]
    return join(
        "\n", (f"Named here: {here.total:,}{of}", *lines, "Tap one for its address, or to remove it.")
    )


def opened_name(name: GivenName, given_at: str) -> Html:
    """Return one name by itself, with the whole address to be copied."""
    by = fill("Named by {}, {}", sanitized(name.given_by, "somebody"), given_at)
    again = fill(
        "To rename it, send this with the new name:\n{}",
        code(f"/name {checksummed(name.address)} as New name"),
    )
    return join("\n", (bold_label(name.name), code(checksummed(name.address)), by, EMPTY + again))


NAME = Feature(
    NAME_COMMAND, _read_name, {OPEN_NAME: _find_to_open, REMOVE_NAME: _find_to_remove, SHOW_PAGE: _find_page}
)
NAMES = Feature(NAMES_COMMAND, _read_names)
