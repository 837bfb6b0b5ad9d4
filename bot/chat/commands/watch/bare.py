"""Addresses that come without a command: what can be done with them is offered."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap

from bot.chat.buttons.data import Keyboard, in_pairs, rows, with_keyboard
from bot.chat.commands.arguments.addresses import (
    NamedAddress,
    Word,
    is_service_name,
    no_address,
    read_words,
)
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import BadLine, LineRefused
from bot.chat.commands.command import Answer, Request, Services
from bot.chat.commands.watch import words
from bot.chat.commands.watch.grammar import (
    UnclearLabel,
    WatchEntry,
    bad_line,
    entries_of,
    numbered_lines,
    other_words,
    show_scope,
    without_repeats,
    write_line,
)
from bot.chat.commands.watch.lines import Header, name_beside, read_header, read_line, read_named
from bot.chat.commands.words import bold_label
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html, join
from bot.chat.text.wording import short_address
from bot.domain.addresses import checksummed
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.places import Place
from bot.domain.subscriptions import EVERYTHING

ADDRESSES_OFFERED = 100
"""More than a message can hold are not offered by buttons."""


@dataclass(frozen=True, slots=True)
class BareRequest(Request):
    """A message with addresses and no command; at least one entry or one bad line."""

    needs = Action.LOOK
    entries: tuple[WatchEntry, ...]
    bad: tuple[BadLine, ...]
    is_talk: bool = False
    """Whether there is more in it than addresses."""
    lines: int = field(default=1, compare=False)
    """Number of lines typed."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Offer what can be done with the addresses."""
        lines = [_line(entry, services.chains) for entry in self.entries]
        answer = words.bare_offer(lines, self.bad, self._preview(services.chains))
        if not lines and len(self.bad) == 1:
            meant = [(offer.text, f"/watch {offer.line}") for offer in self.bad[0].offers]
            buttons = await services.button_commands.buttons(incoming.place, *meant)
            return with_keyboard(answer, rows(*([one] for one in buttons)))
        if not 0 < len(lines) <= ADDRESSES_OFFERED:
            return answer
        if len(lines) == 1:
            return with_keyboard(answer, await _offered(services, incoming.place, self.entries[0]))
        # A line with more than an address has to stay a line; addresses alone may share one.
        are_plain = not any(" " in line for line in lines)
        offers = [(f"Watch {len(lines)}", "/watch " + (" " if are_plain else "\n").join(lines))]
        if are_plain:
            offers.append(("Watch as token", f"/watch token {' '.join(lines)}"))
        return with_keyboard(answer, rows(await services.button_commands.buttons(incoming.place, *offers)))

    def _preview(self, chains: Chains) -> Sequence[Html]:
        """Return the names of several accounts, with what limits them; none of addresses alone."""
        if not any(entry.label or entry.scope != EVERYTHING for entry in self.entries):
            return ()
        shown = [
            join(
                "",
                (
                    bold_label(entry.label) if entry.label else short_address(entry.account),
                    show_scope(entry.scope, chains),
                ),
            )
            for entry in self.entries
        ]
        return shown if len(shown) > 1 else ()


def read_bare(text: str, chains: ChainReader) -> BareRequest | None:
    """Return the addresses in a message; None: there is none, and no mistyped one either."""
    entries: list[WatchEntry] = []
    bad: list[BadLine] = []
    header: Header | None = None
    is_talk, lines = False, numbered_lines(text)
    without: list[tuple[int, str]] = []
    for number, line in lines:
        found = read_header(line) if (number, line) == lines[0] else None
        header, is_talk = found or header, is_talk or found is not None
        typed = read_words(line)
        named = any(word.named for word in typed)
        is_talk = is_talk or bool(other_words(typed, chains.chains)) or any(_is_talk(word) for word in typed)
        near = [word.refused for word in typed if word.refused is not None and word.is_near]
        bad += [bad_line(number, line, refused) for refused in near]
        if not named and not near and found is None:
            without.append((number, line))
        try:
            entries += _entries(number, line, typed, header, chains) if named else []
        except LineRefused as refused:
            bad.append(bad_line(number, line, refused))
    if not entries and not bad:
        bad = [
            bad_line(number, line, no_address(word.text))
            for number, line in lines
            for word in read_words(line)
            if is_service_name(word.text)
        ]
    if not entries and not bad:
        return None
    if len({entry.line_number for entry in entries}) > 1 or any(map(_begins_like_an_address, without)):
        bad = sorted([*bad, *starmap(_no_row, without)], key=lambda one: one.line_number)
    return BareRequest(without_repeats(entries), tuple(bad), is_talk, len(lines))


def _begins_like_an_address(line: tuple[int, str]) -> bool:
    return line[1].casefold().startswith("0x")


def _no_row(number: int, line: str) -> BadLine:
    """Return why a line of a list has no account in it."""
    refused = next((word.refused for word in read_words(line) if word.refused), no_address(line))
    return bad_line(number, line, refused)


def _is_talk(word: Word) -> bool:
    return word.refused is not None and not word.is_near


def _entries(
    number: int, line: str, typed: Sequence[Word], header: Header | None, chains: ChainReader
) -> list[WatchEntry]:
    """Return the addresses of a line: as /watch would take it, or else alone, or with a name beside them.

    Raises LineRefused where nobody can tell what of it is a chain.
    """
    try:
        return entries_of(number, read_line(line, header, chains), chains)
    except LineRefused as refused:
        # Under a header, what is no chain must not become a part of the name.
        if header is not None or isinstance(refused, UnclearLabel):
            raise
        as_list = read_named(number, line, refused, chains)
        if as_list:
            return list(as_list)
        named = tuple(dict.fromkeys(word.named for word in typed if word.named is not None))
        name = name_beside(typed, chains.chains) if len(named) == 1 else ""
        return [_entry(number, one, name, chains.chains) for one in named]


def _entry(number: int, named: NamedAddress, name: str, chains: Chains) -> WatchEntry:
    entry = WatchEntry(number, named.address, label=name, chain=named.chain(chains))
    return replace(entry, scope=replace(entry.scope, contracts=named.tokens))


async def _offered(services: Services, place: Place, entry: WatchEntry) -> Keyboard:
    """Return buttons for one address; a holder's page is of one token, an explorer's of one chain."""
    account, chains = checksummed(entry.account), services.chains
    everything = f"/watch {account}"
    offers = []
    if entry.label:
        offers.append((f"Watch as {entry.label}", f"/watch {_line(entry, chains)}"))
    unnamed = replace(entry, label="")
    if entry.scope.contracts:
        offers.append(("Watch this token there", f"/watch {_line(unnamed, chains)}"))
    if entry.scope.chains:
        on = words.on_chains(entry.scope.chains, chains)
        offers.append((f"Watch {on}", f"/watch {_line(unnamed, chains)}"))
    offers.append(("Watch all", everything))
    # Only a chain that the source has: the button must not type what /watch refuses.
    if entry.chain is not None and (await services.listing()).promises(entry.chain):
        there = replace(unnamed, scope=replace(entry.scope, chains=frozenset({entry.chain})))
        offers.append((f"Watch on {chains.get(entry.chain).title}", f"/watch {_line(there, chains)}"))
    if not entry.scope.contracts:
        offers.append(("Watch as token", f"/watch token {account}"))
    buttons = await services.button_commands.buttons(place, *offers, ("Balances now", f"/balance {account}"))
    return in_pairs(buttons)


def _line(entry: WatchEntry, chains: Chains) -> str:
    return write_line(entry.account, entry.scope, entry.label, chains)
