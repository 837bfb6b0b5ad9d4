"""What people do at the terminal beside writing: press buttons, block, remove and invite the bot."""

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import IN_CHARGE, PRESENT, InlineButton, Message, SandboxError, User
from bot.sandbox.terminal.names import PRIVATE, ChatOrTopic, place_title
from bot.sandbox.terminal.view import buttons_of


def block_bot(telegram: Telegram, user: User) -> str:
    """Block the bot as a person, and return a sentence about it, as all functions here do."""
    if telegram.chat(user.id).members[telegram.bot.id] not in PRESENT:
        raise SandboxError(f"{user.first_name} blocks the bot already; `unblock` takes it back.")
    telegram.blocks(user)
    return f"{user.first_name} blocks the bot."


def unblock_bot(telegram: Telegram, user: User) -> str:
    """Unblock the bot as a person."""
    if telegram.chat(user.id).members[telegram.bot.id] in PRESENT:
        raise SandboxError(f"{user.first_name} does not block the bot.")
    telegram.unblocks(user)
    return f"{user.first_name} does not block the bot any more."


def kick_bot(telegram: Telegram, user: User, place: ChatOrTopic) -> str:
    """Remove the bot from a group."""
    _must_be_shared(place, "`block` keeps the bot away")
    chat = place.chat
    status = chat.members.get(user.id, "left")
    if status not in IN_CHARGE:
        raise SandboxError(f"{user.first_name} can remove nobody from {chat.title}: only a {status} there.")
    if chat.members.get(telegram.bot.id) not in PRESENT:
        raise SandboxError(f"The bot is not in {chat.title}; `invite` brings it back.")
    telegram.removes_bot(chat, by=user)
    return f"{user.first_name} removes the bot from {chat.title}."


def invite_bot(telegram: Telegram, user: User, place: ChatOrTopic) -> str:
    """Add the bot to a group again, or to a channel, where it has to be an administrator."""
    _must_be_shared(place, "the bot is always there, unless somebody blocks it")
    chat = place.chat
    if chat.members.get(telegram.bot.id) in PRESENT:
        raise SandboxError(f"The bot is in {chat.title} already.")
    if chat.type == "channel":
        if chat.members.get(user.id) not in IN_CHARGE:
            raise SandboxError(f"{user.first_name} can make nobody an administrator of {chat.title}.")
        telegram.changes_bot(chat, "administrator", by=user)
        return f"{user.first_name} makes the bot an administrator of {chat.title}."
    telegram.adds_bot(chat, by=user)
    return f"{user.first_name} brings the bot back into {chat.title}."


def _must_be_shared(place: ChatOrTopic, instead: str) -> None:
    if place.chat.type == "private":
        raise SandboxError(f"That is for groups. In {PRIVATE} {instead}.")


def find_button(telegram: Telegram, place: ChatOrTopic, typed: str) -> tuple[Message, InlineButton]:
    """Return the button that is meant, and the newest message with buttons, which has it."""
    message = next(
        (
            message
            for message in reversed(telegram.messages(place.chat))
            if message.from_bot and message.buttons and message.thread_id == place.thread_id
        ),
        None,
    )
    if message is None:
        raise SandboxError(f"No message in {place_title(place)} has buttons.")
    buttons = buttons_of(message)
    if typed.isdecimal() and 1 <= int(typed) <= len(buttons):
        return message, buttons[int(typed) - 1]
    word = typed.casefold()
    named = [button for button in buttons if button.text.casefold() == word]
    found = named or [button for button in buttons if word in button.text.casefold()]
    if not found:
        shown = ", ".join(f"{number} {button.text}" for number, button in enumerate(buttons, start=1))
        raise SandboxError(f"The newest message with buttons has no “{typed}”. It has: {shown}.")
    if len(found) > 1:
        raise SandboxError(f"Several buttons are called like “{typed}”: press one by its number.")
    return message, found[0]
