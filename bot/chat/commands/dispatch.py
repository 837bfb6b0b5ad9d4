"""From a message to what it asks for, and from a press on a button to what it does.

Reading forgives what it can (capitals, commas, copied invisible characters) and otherwise names what was
typed and what is wrong with it; no text makes it raise.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bot.chat.buttons import toasts
from bot.chat.buttons.button_commands import RUN_COMMAND
from bot.chat.buttons.data import ButtonAction, Press, Screen, rows
from bot.chat.commands.arguments.addresses import holds_possible_key
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.recovery_phrase import holds_recovery_phrase, is_recovery_phrase
from bot.chat.commands.arguments.typed_text import clean
from bot.chat.commands.basics import HelpRequest
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    FindCallback,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.commands.owners.channels import IN_CHANNEL, about_channel, find_pressed
from bot.chat.commands.registry import BY_WORD, CALLBACKS
from bot.chat.commands.watch.bare import BareRequest, read_bare
from bot.chat.commands.watch.grammar import is_token_line
from bot.chat.commands.watch.watch import WATCH, WatchRequest
from bot.chat.commands.words import possible_key, recovery_phrase, typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html, fill
from bot.domain.chains import NOT_LISTED, Chains, Listing
from bot.domain.chat.access import Action, Permission
from bot.domain.places import Place
from bot.store.chats import button_commands, subscriptions

CALL = re.compile(r"/(?P<word>[A-Za-z0-9_]{1,64})(?:@(?P<bot>[A-Za-z0-9_]{1,64}))?(?P<rest>\s.*)?", re.DOTALL)
_GLUED = re.compile(r"([A-Za-z]+?)(0[xX][0-9a-fA-F]{40})")
"""A command and its address without the blank between them."""

_FAMILIAR = MappingProxyType({"stop": "mute", "pause": "mute", "cancel": "unwatch", "settings": "help"})
"""Commands of other bots, and those of ours that do the like; nothing in their letters is near."""


@dataclass(frozen=True, slots=True)
class NotForUs:
    """A command that names another bot."""


async def read_message(services: Services, text: str) -> Request | NotForUs:
    """Return what a message asks for at this moment; it may be about a channel, which stands at its end."""
    username, chains, listing = services.username(), services.chains, await services.listing()

    def read(text: str) -> Request:
        request = parse(text, username, chains, listing)
        assert isinstance(request, Request)
        return request

    request = parse(text, username, chains, listing)
    cleaned = clean(text)
    called = CALL.fullmatch(cleaned)
    feature = BY_WORD.get(called["word"].casefold()) if called is not None else None
    if feature is None or isinstance(request, NotForUs | PossibleKeyRequest):
        return request
    if feature.command.who not in (Who.READERS, Who.CHANGERS):
        return request
    return about_channel(cleaned, request, read)


def without_mention(text: str, bot_username: str) -> tuple[str, bool]:
    """Return a text without the bot's @name where that is a word of it, and whether it was."""
    mention = re.compile(
        rf"(?<![\w/@])@{re.escape(bot_username.removeprefix('@'))}(?!\w)[,:]?", re.IGNORECASE
    )
    without, times = mention.subn("", text)
    return without, times > 0


def parse(text: str, bot_username: str, chains: Chains, listing: Listing = NOT_LISTED) -> Request | NotForUs:
    """Return what a message asks for; a chain is refused that the source is known not to have."""
    cleaned = clean(text)
    called = CALL.fullmatch(cleaned)
    has_phrase = holds_recovery_phrase(cleaned)
    has_key = has_phrase or holds_possible_key(cleaned)
    if called is None:
        # Alone in a message, a key is meant for the bot, in a group too; among words it may not be.
        if has_key:
            is_alone = is_recovery_phrase(cleaned) if has_phrase else len(cleaned.split()) == 1
            return PossibleKeyRequest(addressed=is_alone, is_phrase=has_phrase)
        return _read_bare(cleaned, ChainReader(chains, listing)) or PlainRequest(
            _command_meant(cleaned), cleaned
        )
    bot = called["bot"]
    if bot is not None and bot.casefold() != bot_username.removeprefix("@").casefold():
        return NotForUs()
    # Before any command reads it: a key must not come back in an answer, nor stay in the database as a label.
    if has_key:
        return PossibleKeyRequest(addressed=True, is_phrase=has_phrase)
    word, glued = _parted(called["word"])
    rest = glued + (called["rest"] or "")
    feature = BY_WORD.get(word)
    if feature is None:
        return UnknownRequest(
            called["word"], _closest_command(word), addressed=bot is not None, rest=rest.strip()
        )
    read = feature.read_as.get(word, feature.read)
    return read(rest, ChainReader(chains, listing))


def _read_bare(text: str, chains: ChainReader) -> BareRequest | None:
    """Return the addresses in a message; behind “watch” without its slash stands a name, and no sentence."""
    first, _, rest = text.partition(" ")
    is_watch = BY_WORD.get(first.casefold()) is WATCH and not is_token_line(rest)
    request = read_bare(rest, chains) if is_watch else None
    return replace(request, is_talk=True) if request else read_bare(text, chains)


def command_word(text: str) -> str:
    """Return the word of the command in a text, without its slash; "" where there is none."""
    called = CALL.fullmatch(clean(text))
    return _parted(called["word"])[0] if called else ""


def _parted(word: str) -> tuple[str, str]:
    """Return a command's word, and the address that stands behind it without a blank, with one; or ""."""
    glued = _GLUED.fullmatch(word)
    return (glued[1].casefold(), f" {glued[2]}") if glued else (word.casefold(), "")


def _closest_command(word: str) -> Command | None:
    close = [_FAMILIAR[word]] if word in _FAMILIAR else difflib.get_close_matches(word, BY_WORD, n=1)
    return BY_WORD[close[0]].command if close else None


# ---------------------------------------------------------------- what is no command of ours


@dataclass(frozen=True, slots=True)
class PossibleKeyRequest(Request):
    """A message with what may be a private key; nothing of it is kept, so that nothing of it can be shown."""

    needs = Action.LOOK
    addressed: bool
    """Whether it was meant for the bot; in a group, others may be spoken to."""
    is_phrase: bool = False
    """Whether it is a wallet's recovery phrase, and not 64 digits."""

    @property
    def is_talk(self) -> bool:
        """Whether it may be meant for others."""
        return not self.addressed

    async def carry_out(self, _services: Services, _incoming: Incoming) -> Answer:
        """Warn the person."""
        return (recovery_phrase() if self.is_phrase else possible_key(),)


@dataclass(frozen=True, slots=True)
class UnknownRequest(Request):
    """A command that is none of ours."""

    needs = Action.LOOK
    word: str
    closest: Command | None
    addressed: bool
    """Whether it named this bot; in a group one that did not may be meant for another bot."""
    rest: str = ""
    """What followed the word."""

    @property
    def is_talk(self) -> bool:
        """Whether it may be meant for others."""
        return not self.addressed

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Name the command that was probably meant, with a button for it if the person may use it."""
        closest = self.closest
        meant = f"/{closest.name} {self.rest}".strip() if closest else ""
        offered = [(f"/{closest.name}", meant)] if closest and await _may(services, incoming, meant) else []
        buttons = await services.button_commands.buttons(incoming.place, *offered)
        return (Screen(unknown_command(self.word, closest), rows(buttons)),)


@dataclass(frozen=True, slots=True)
class PlainRequest(Request):
    """Words that are no command and name no address."""

    needs = Action.LOOK
    is_talk = True
    meant: str = ""
    """The command that they are without its slash, "" where they are none."""
    text: str = field(default="", compare=False)
    """The words."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Say what the bot does, with buttons to begin with; of a file, how it is read."""
        if incoming.document is not None and not self.text:
            return (file_alone(),)
        offers = [
            offer
            for offer in await self._offers(services, incoming.place)
            if await _may(services, incoming, offer[1])
        ]
        first = await services.button_commands.buttons(incoming.place, *offers)
        others = await services.button_commands.buttons(
            incoming.place, ("Watch an address", "/watch"), ("My list", "/list"), ("Help", "/help")
        )
        return (Screen(plain_words(), rows(first, others[:1], others[1:])),)

    async def _offers(self, services: Services, place: Place) -> list[tuple[str, str]]:
        """Return what the words may be meant for: texts of buttons, and their commands."""
        listed = await services.db.run(subscriptions.subscriptions_here, place)
        labels = (one.subscription.label for one in listed)
        named = next((label for label in labels if label and label.casefold() == self.text.casefold()), "")
        if named:
            return [(f"Balances of {named}", f"/balance {named}")]
        if self.text.casefold() == "stop":
            return [("Pause alerts", "/mute")]
        is_whole = self.meant and _is_whole(await read_message(services, self.meant))
        return [(self.meant, self.meant)] if is_whole else []


def _is_whole(request: Request | NotForUs) -> bool:
    """Whether a command can be carried out as it is: `/watch my wallet` and `/help me` can't."""
    match request:
        case Usage() | NotForUs():
            return False
        case WatchRequest():
            return bool(request.entries) and not request.bad
        case HelpRequest():
            return not request.topic or request.topic in BY_WORD
        case _:
            return True


def _command_meant(text: str) -> str:
    """Return the command that words are but for the slash: `balance Treasury`; "" where they are none."""
    first, _, rest = text.partition(" ")
    return f"/{first.casefold()} {rest}".rstrip() if first.casefold() in BY_WORD else ""


async def _may(services: Services, incoming: Incoming, command: str) -> bool:
    """Whether somebody may give a command, else a stranger could plant a button for an owner to press."""
    request = await read_message(services, command)
    if isinstance(request, NotForUs):
        return False
    return await services.permissions.check(incoming, request.needs) is Permission.ALLOWED


def plain_words() -> Html:
    """Return the answer to words that are no command: what can be sent instead."""
    return fill(
        "I watch wallets and post here when what they hold changes.\n"
        "Send me an address (0x…) or a link to one, and I'll offer what I can do with it.\n"
        "{} shows what is watched here, {} everything I can do.",
        "/list",
        "/help",
    )


def file_alone() -> Html:
    """Return the answer to a file without a word: how a list in it is read."""
    return fill(
        "Is that a list of addresses? Reply to it with {}, and I'll show what is new before I add anything.",
        "/import",
    )


def unknown_command(word: str, closest: Command | None) -> Html:
    """Return the answer to a command that is none."""
    meant = f" Did you mean /{closest.name}?" if closest else ""
    return fill("I don't know {}.{} /help lists what I know.", typed_word(f"/{word}"), meant)


# ---------------------------------------------------------------- buttons


async def _find_button_command(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Find the command that a button of this chat stands for; what changes something is done once."""
    offer = await services.db.run(button_commands.find_button_command, press.row, incoming.place.chat_id)
    request = await read_message(services, offer.command) if offer else None
    if offer is None or request is None or isinstance(request, NotForUs):
        return None
    # Read anew on each press, so that the rights are those of the command, not of the button.
    changes = request.needs is not Action.LOOK

    async def act(presser: Incoming) -> CallbackResult:
        if offer.is_done:
            return CallbackResult(toasts.ALREADY, is_used_up=True)

        async def then() -> Answer:
            answer = await request.carry_out(services, presser)
            # After it: a crash between runs the command twice, which is safe; before it would lose it.
            if changes:
                await services.db.run_if_possible(
                    button_commands.mark_button_command_done, press.row, services.now()
                )
            return answer

        return CallbackResult(is_used_up=changes, then=then)

    return CallbackAction(request.needs, act, offer.place)


async def _find_in_channel(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Find what a button does that stands in an owner's private chat, and is about a channel."""
    return await find_pressed(services, incoming, press, FIND)


FIND: Mapping[ButtonAction, FindCallback] = MappingProxyType(
    {**CALLBACKS, RUN_COMMAND: _find_button_command, IN_CHANNEL: _find_in_channel}
)
"""What each button does."""
