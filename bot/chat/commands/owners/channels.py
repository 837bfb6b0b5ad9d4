"""Commands about a channel: nobody speaks there, so an owner types them in private, ending with `to CHANNEL`.

What is answered comes to the private chat, and so do the buttons under it, which act on the channel.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.chat.buttons import toasts
from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import (
    Attachment,
    Button,
    ButtonAction,
    Keyboard,
    Press,
    Screen,
    button,
    in_pairs,
    read_press,
)
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import TO, read_condition
from bot.chat.commands.arguments.counterparties import counterparties_meant
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    FindCallback,
    Missing,
    Request,
    Services,
    SlowWork,
)
from bot.chat.commands.owners import words
from bot.chat.commands.owners.chat_lookup import as_username, read_chat_id
from bot.chat.commands.watch.grammar import is_quoted
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html
from bot.domain.chat.access import Action
from bot.domain.places import Place
from bot.store.chats import access_requests, button_commands

IN_CHANNEL = ButtonAction("channel")
"""Presses a button of an answer about a channel; the row keeps the channel, and what that button carries."""

_ENDING = re.compile(r"(?:(?<=\s)|^)(?P<word>to|in)\s+(?=\S)", re.IGNORECASE)
_BEFORE_LABEL = re.compile(r"\sas\s", re.IGNORECASE)
_TO_SOMEBODY = re.compile(r"/only(?:@\w+)? to ", re.IGNORECASE)
"""Before who is paid, at least where no channel is called alike."""
_ENDINGS_MOST = 8
"""Of a line: a label may be full of these words."""

_MISTYPED = 0.75

_KEPT = re.compile(r"(?P<chat_id>-[0-9]{1,16}) (?P<data>.*)")

Read = Callable[[str], Request]


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to read the end of a command as the name of a channel."""

    name: str
    request: Request
    """What the command asks for without it."""
    before: str
    """The command up to the name, and after it, for a command with another name."""
    after: str
    is_certain: bool
    """Whether nothing else can be meant: then a name that no channel has is refused."""
    as_label: str = ""
    """The whole command with all behind `as` in quotes, where `to` may belong to that name; or ""."""

    def naming(self, channel: Place) -> str:
        """Return the command for a channel that nobody can mistake."""
        return f"{self.before}{channel.chat_id}{self.after}"

    def is_like(self, channels: Sequence[Place]) -> bool:
        """Whether it reads like the mistyped name of one of these."""
        titles = [channel.title.casefold() for channel in channels]
        return bool(difflib.get_close_matches(self.name.casefold(), titles, n=1, cutoff=_MISTYPED))


@dataclass(frozen=True, slots=True)
class ChannelRequest(Request):
    """A command that ends like the name of a channel; for all but owners in private it is what it says."""

    as_typed: Request
    endings: tuple[Ending, ...]

    @property
    def needs(self) -> Action:
        """What the command itself needs, here; of a channel the owner may change everything."""
        return self.as_typed.needs

    @property
    def is_talk(self) -> bool:
        """As of the command itself."""
        return self.as_typed.is_talk

    @property
    def missing(self) -> Missing | None:
        """As of the command itself."""
        return self.as_typed.missing

    @property
    def kind(self) -> str:
        """As of the command itself."""
        return self.as_typed.kind

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Carry the command out for the channel, and answer here."""
        here = incoming.place
        if not here.is_private or not services.permissions.is_owner(incoming.author):
            return await self.as_typed.carry_out(services, incoming)
        for ending in self.endings:
            meant = await _channels_called(services, ending.name)
            if len(meant) > 1:
                return (await _which(services, here, ending, meant),)
            for channel in meant:
                if not await services.permissions.is_open(channel):
                    return (await _closed(services, here, channel),)
                there = Incoming(channel, incoming.author, document=incoming.document)
                answer = await ending.request.carry_out(_answering(services, here, channel), there)
                return await _shown(services, here, channel, answer)
        known = await services.db.run(access_requests.channels)
        # A label may end like that too; one that ends almost like a channel is rather a mistake.
        meant_one = (
            ending
            for ending in self.endings
            if ending.is_like(known) or (ending.is_certain and not _TO_SOMEBODY.fullmatch(ending.before))
        )
        refused = next(meant_one, None)
        refused = refused or next((ending for ending in self.endings if ending.as_label), None)
        if refused is None or await _is_counterparty(services, here, refused):
            return await self.as_typed.carry_out(services, incoming)
        return (await _unknown(services, here, refused, known),)


def about_channel(text: str, request: Request, read: Read) -> Request:
    """Return what a command asks for that may end with `to CHANNEL` or `in CHANNEL`.

    The ending stands in the first line, as the command does, or at the end of all lines.
    """
    lines = text.split("\n")
    endings = [ending for number in sorted({0, len(lines) - 1}) for ending in _endings(lines, number, read)]
    return ChannelRequest(request, tuple(endings)) if endings else request


def _endings(lines: Sequence[str], number: int, read: Read) -> Iterator[Ending]:
    """Yield the ways to read the end of one line as a channel, the longest name first."""
    line = lines[number]
    above = "".join(f"{one}\n" for one in lines[:number])
    below = "".join(f"\n{one}" for one in lines[number + 1 :])
    label = re.search(r"\sas\s", line, re.IGNORECASE)
    # In quotes, every word belongs to the label.
    if label and is_quoted(line[label.end() :]):
        return
    for found in list(_ENDING.finditer(line))[-_ENDINGS_MOST:]:
        before = line[: found.start()].rstrip()
        is_alone = number == 0 and " " not in before
        # Behind a label, `to` may belong to it.
        is_to, is_behind_label = found["word"].casefold() == "to", label and label.end() < found.start()
        is_certain = is_alone or (is_to and "0x" in before.casefold() and not is_behind_label)
        quoted = f'{above}{line[: label.end()]}"{line[label.end() :].strip()}"{below}' if label else ""
        yield Ending(
            name=line[found.end() :].strip(),
            request=read(f"{above}{before}{below}"),
            before=f"{above}{line[: found.end()]}",
            after=below,
            is_certain=is_certain,
            as_label=quoted if is_to and is_behind_label else "",
        )


async def find_pressed(
    services: Services, incoming: Incoming, press: Press, find: Mapping[ButtonAction, FindCallback]
) -> CallbackAction | None:
    """Find what a button of an answer about a channel does there."""
    here = incoming.place
    kept = await services.db.run(button_commands.find_button_command, press.row, here.chat_id)
    read = _KEPT.fullmatch(kept.command) if kept is not None and here.is_private else None
    known = await services.db.run(access_requests.chat_at, int(read["chat_id"])) if read else None
    inner = read_press(read["data"]) if read else None
    if known is None or inner is None or not known.place.is_channel or inner.action not in find:
        return None
    channel = known.place
    answering = _answering(services, here, channel)
    action = await find[inner.action](answering, Incoming(channel, incoming.author), inner)
    if action is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        if not await services.permissions.is_open(channel):
            return CallbackResult(toasts.NOT_OPEN)
        result = await action.act(Incoming(channel, presser.author))
        redraw, then = result.redraw, result.then
        if redraw is not None:
            (shown,) = await _shown(services, here, channel, [redraw])
            redraw = shown if isinstance(shown, Screen) else None
        if then is None:
            return replace(result, redraw=redraw)

        async def then_here() -> Answer:
            return await _shown(services, here, channel, await then())

        return replace(result, redraw=redraw, then=then_here)

    # The presser's right to do anything in the channel is that of an owner.
    return CallbackAction(Action.OWN, act, here)


async def _channels_called(services: Services, name: str) -> Sequence[Place]:
    """Return the channels that a name, an @name or an id means; several may have one title."""
    typed = as_username(name)
    chat_id = read_chat_id(typed)
    if chat_id is not None:
        known = await services.db.run(access_requests.chat_at, chat_id)
        found = [known.place] if known is not None and known.place.title else []
    else:
        named = await services.db.run(access_requests.chats_named, typed)
        found = [chat.place for chat in named.exact]
    if not found and (typed.startswith("@") or (chat_id is not None and chat_id < 0)):
        seen = await services.look_up_chat(typed if chat_id is None else chat_id)
        found = [seen] if seen is not None else []
    return [place for place in found if place.is_channel]


async def _is_counterparty(services: Services, here: Place, ending: Ending) -> bool:
    """Whether the end of a command means somebody at the other end of transfers: `/only Till to Payroll`."""
    name = _BEFORE_LABEL.split(ending.name, maxsplit=1)[0]
    try:
        typed = read_condition(f"{TO} {name}", ChainReader(services.chains))
        return bool(await counterparties_meant(services.db, here, typed))
    except LineRefused:
        return False


async def _which(services: Services, here: Place, ending: Ending, channels: Sequence[Place]) -> Screen:
    """Ask which channel of the same name is meant."""
    offers = [(f"{one.chat_id} {words.plain_name(one)}", ending.naming(one)) for one in channels]
    buttons = await services.button_commands.buttons(here, *offers[:OFFERED_MOST])
    return Screen(words.which_chat(ending.name, is_exact=True), in_pairs(buttons))


async def _closed(services: Services, here: Place, channel: Place) -> Screen:
    """Say that a channel is closed, with a button that opens it."""
    buttons = await services.button_commands.buttons(
        here, (f"Open {words.plain_name(channel)}", f"/allow {channel.chat_id}")
    )
    return Screen(words.closed_channel(channel), in_pairs(buttons))


async def _unknown(services: Services, here: Place, ending: Ending, channels: Sequence[Place]) -> Screen:
    """Refuse a name that no channel has; those there are can be had by buttons."""
    offers = [(words.plain_name(one), ending.naming(one)) for one in channels][:OFFERED_MOST]
    if ending.as_label:
        offers.append(("All of it is the name", ending.as_label))
    buttons = await services.button_commands.buttons(here, *offers)
    return Screen(words.unknown_channel(ending.name, is_any_known=bool(channels)), in_pairs(buttons))


def _answering(services: Services, here: Place, channel: Place) -> Services:
    """Return services whose late answers come here, and not to the channel."""

    async def run_slowly(_: Place, work: SlowWork) -> Answer:
        is_late = False

        async def shown(note: Callable[[Html], None]) -> Answer:
            answer = await work(note)
            # What is not late is shown with the rest of the answer.
            return await _shown(services, here, channel, answer) if is_late else answer

        answer = await services.run_slowly(here, shown)
        is_late = True
        return answer

    return replace(
        services,
        ask_live=lambda _, account, rules: services.ask_live(here, account, rules),
        run_slowly=run_slowly,
    )


async def _shown(
    services: Services, here: Place, channel: Place, answer: Answer
) -> list[Screen | Attachment]:
    """Return an answer about a channel as it is shown here: under its name, with buttons that work here."""
    messages = [Screen(one) if isinstance(one, Html) else one for one in answer]
    carried = [one.data for message in messages for row in message.keyboard for one in row]
    rows = await services.db.run_if_possible(
        button_commands.save_button_commands,
        here,
        [f"{channel.chat_id} {data}" for data in carried],
        services.now(),
    )
    # Without rows there are no buttons, and the answer goes out all the same.
    keys = iter(rows or [])

    def here_too(keyboard: Keyboard) -> Keyboard:
        if not rows:
            return ()
        return tuple(tuple(_carrying(one, next(keys)) for one in row) for row in keyboard)

    def under_its_name(one: Screen | Attachment) -> Screen | Attachment:
        keyboard = here_too(one.keyboard)
        if isinstance(one, Attachment):
            return replace(one, caption=words.about_channel(channel, one.caption), keyboard=keyboard)
        return Screen(words.about_channel(channel, one.text), keyboard)

    return list(map(under_its_name, messages))


def _carrying(shown: Button, row: int) -> Button:
    return button(shown.text, IN_CHANNEL, row)
