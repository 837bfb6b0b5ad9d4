"""Messages, buttons and lists as text for the terminal: who and where before a bar, buttons numbered."""

from collections.abc import Iterable, Mapping
from textwrap import wrap

from bot.sandbox.gateway.transfers import NOBODY
from bot.sandbox.gateway.world import GatewayWorld
from bot.sandbox.telegram.api.methods import Toast
from bot.sandbox.telegram.world.world import Document, InlineButton, Message
from bot.sandbox.telegram.world.world import TelegramWorld as Chats
from bot.sandbox.terminal.commands import WORDS
from bot.sandbox.terminal.names import ChatOrTopic, people, place_title, shared_chats
from bot.sandbox.terminal.scenario import ACCOUNTS, CHAIN_TITLES, PEOPLE, ScenarioAsset, assets

WHO_WIDTH = 22
LIST_WIDTH = 78
LINES_OF_A_FILE = 6


def render_block(who: str, text: str) -> str:
    """Return lines behind a bar, the first with who says them."""
    first, *others = text.split("\n")
    return "\n".join(
        [
            f"{who:<{WHO_WIDTH}} │ {first}".rstrip(),
            *(f"{'':<{WHO_WIDTH}} │ {line}".rstrip() for line in others),
        ]
    )


def bot_at(place: ChatOrTopic) -> str:
    """Return who speaks when the bot writes at a place: "bot to alice", "bot in team"."""
    return f"bot to {place_title(place)}" if place.chat.type == "private" else f"bot in {place_title(place)}"


def render_message(message: Message) -> str:
    """Return all that a person sees of a message."""
    lines = [message.text] if message.text else []
    if message.document is not None:
        lines.insert(0, _file(message.document))
    if message.buttons:
        lines.append(_buttons(message))
    # Nobody is called by it, which people see on no screen.
    return ("🔇 " if message.silent else "") + "\n".join(lines)


def render_edit(message: Message) -> str:
    """Return a message that was said before and reads differently now."""
    return f"✎ {render_message(message)}"


def render_deletion(message: Message) -> str:
    """Return a line about a message that the bot deleted."""
    return f"✗ deleted: {message.text.partition(chr(10))[0]}"


def render_toast(toast: Toast) -> str:
    """Return the bot's answer to a pressed button."""
    return f"({toast.text})" if toast.text else "(pressed)"


def buttons_of(message: Message) -> list[InlineButton]:
    """Return a message's buttons in the order of their numbers, the first of which is 1."""
    return [button for row in message.buttons for button in row]


def _buttons(message: Message) -> str:
    numbers = iter(range(1, len(buttons_of(message)) + 1))
    return "\n".join(" ".join(_button(next(numbers), button) for button in row) for row in message.buttons)


def _button(number: int, button: InlineButton) -> str:
    leads_to = f" → {button.url}" if button.url else " ⧉" if button.copy_text else ""
    return f"[{number} {button.text}{leads_to}]"


def _file(document: Document) -> str:
    head = f"📎 {document.file_name} ({document.mime_type}, {len(document.content):,} bytes)"
    if not document.mime_type.startswith(("text/", "application/json")):
        return head
    lines = document.content.decode(errors="replace").splitlines()
    # Only the beginning of a file: backups and lists can have thousands of lines.
    more = [f"   … and {len(lines) - LINES_OF_A_FILE} lines more"] if len(lines) > LINES_OF_A_FILE else []
    return "\n".join([head, *(f"   {line}" for line in lines[:LINES_OF_A_FILE]), *more])


def render_help() -> str:
    """Return every word there is."""
    lines = ["Anything else goes to the bot; its own /help says what it can do."]
    for word in WORDS:
        if len(word.grammar) < WHO_WIDTH:
            lines.append(f"  {word.grammar:<{WHO_WIDTH}} {word.does}")
        else:
            lines += [f"  {word.grammar}", f"  {'':<{WHO_WIDTH}} {word.does}"]
    return "\n".join(lines)


def list_people(chats: Chats) -> str:
    """Return everybody with their status in each group."""
    return "\n".join(f"  {user.first_name:<{WHO_WIDTH}} {_roles(chats, user.id)}" for user in people(chats))


def _roles(chats: Chats, user_id: int) -> str:
    roles = [
        f"{chat.members[user_id]} of {chat.title}" for chat in shared_chats(chats) if user_id in chat.members
    ]
    return ", ".join(["in private", *roles])


def list_chats(chats: Chats) -> str:
    """Return all chats and topics, with the bot's status there."""
    lines = [f"  {'private':<{WHO_WIDTH}} everybody's own chat with the bot"]
    for chat in shared_chats(chats):
        kind = "forum" if chat.is_forum else chat.type
        lines.append(
            f"  {chat.title:<{WHO_WIDTH}} {kind} {chat.id}, where the bot is {_is(chats, chat.members)}"
        )
        lines += [f"  {topic.title:<{WHO_WIDTH}} topic of {chat.title}" for topic in chat.topics.values()]
    return "\n".join(lines)


def _is(chats: Chats, members: Mapping[int, str]) -> str:
    return {"administrator": "an administrator", "member": "a member"}.get(
        status := members.get(chats.bot.id, "left"), status
    )


def list_accounts(world: GatewayWorld) -> str:
    """Return all accounts with their balances on each chain, and the people who pay them."""
    lines = []
    for name, address in ACCOUNTS.items():
        lines.append(f"{name} {address}")
        for chain_id, chain in CHAIN_TITLES.items():
            held = [asset for asset in assets(world) if asset.chain.chain_id == chain_id]
            amounts = list(_amounts(world, address, held))
            lines += (
                wrap(f"  {chain}: {', '.join(amounts)}", LIST_WIDTH, subsequent_indent="    ")
                if amounts
                else []
            )
    lines += [f"{name} {address}" for name, address in PEOPLE.items() if address != NOBODY]
    return "\n".join(lines)


def _amounts(world: GatewayWorld, account: str, held: Iterable[ScenarioAsset]) -> Iterable[str]:
    for asset in held:
        amount = asset.held(world, account)
        if amount:
            yield f"{format_units(amount, asset.decimals)} {asset.symbol}{_ids(world, account, asset)}"


def _ids(world: GatewayWorld, account: str, asset: ScenarioAsset) -> str:
    ids = asset.ids(world, account) if asset.has_items else ()
    return f" ({', '.join(f'#{token_id}' for token_id in ids)})" if ids else ""


def format_units(amount: int, decimals: int) -> str:
    """Return an amount in whole units, exactly."""
    whole, rest = divmod(amount, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if rest else ""
    return f"{whole:,}.{fraction}" if fraction else f"{whole:,}"
