"""What is answered about who may use the bot: claims, access, chats, and who changed what."""

import re
from collections.abc import Sequence
from datetime import datetime

from bot.chat.commands.words import FIRST_WATCH, allow_command, typed_word
from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import quoted, sanitized
from bot.chat.text.wording import counted, moment
from bot.domain.addresses import shortened
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.access import Author
from bot.domain.chat.audit import PAST_TENSE, AuditAction, AuditEntry
from bot.domain.chat.known_chats import ChatListPage, KnownChat
from bot.domain.places import Place
from bot.domain.units import ELLIPSIS

CHAT_OPENED = "Open now."
CHAT_CLOSED = "Closed now."
CHAT_IGNORED = "I won't mention that chat again."

OWNER_REMOVED = "Removed."
NOT_ONESELF = "Another owner can remove you; you can't do that yourself."

CLAIM_LATER = "Nobody owns this bot yet. The owner's link is printed here once Telegram answers."
"""What is printed where the bot runs, in place of the link; plain text."""

NAMELESS = "somebody unnamed"

ENTRIES_A_PAGE = 10
"""Of who changed what: as many as fit into one message, however long the names in them are."""

_SUBJECT_CHARACTERS_MOST = 100
_ENTRY_UNITS_MOST = 380
_ENTRY_BYTES_MOST = 1_570
_CUT_ENTRY_CHARACTERS = _ENTRY_UNITS_MOST // 2 - 1

# ---------------------------------------------------------------- owning the bot


def printed_claim(link: str) -> str:
    """Return what is printed where the bot runs while nobody owns it; plain text."""
    return (
        "Nobody owns this bot yet. Open this link in Telegram and press Start to become its owner.\n"
        "It works once, within 24 hours; whoever uses it first is the owner.\n"
        f"{link}"
    )


def you_own_this_bot() -> Html:
    """Return the answer to the first use of the link."""
    return fill(
        "This bot is yours now.\nBegin with {}; /chats shows who may use the bot, and /help the rest.",
        FIRST_WATCH,
    )


def link_used() -> Html:
    """Return the answer to a link that somebody else used."""
    return fill("This link has been used: the bot has an owner already.")


def link_expired() -> Html:
    """Return the answer to a link that is too old."""
    return fill("This link has expired. Starting the bot again prints a new one where it runs.")


def owners(people: Sequence[Place], own_id: int | None, *, is_configured: bool) -> Html:
    """Return who owns the bot; `own_id` is the reader's."""
    lines = [
        fill("{}{}", _person(one.chat_id, one.title), " · you" if one.chat_id == own_id else "")
        for one in people
    ]
    heading = f"Owners: {len(people)}"
    if is_configured:
        return join("\n", (heading, *lines, "", owners_configured()))
    return join("\n", (heading, *lines, "", fill("{} adds one.", code("/owners add @name"))))


def owners_configured() -> Html:
    """Return why owners can't be changed here."""
    return fill(
        "The configuration names the owners ({}), so only your operator can change them.",
        code("access.owners"),
    )


def owner_question(person: Place) -> Html:
    """Return the question before somebody who was called by a name becomes an owner."""
    username = fill(", {}", code(f"@{person.username}")) if person.username else EMPTY
    return fill(
        "Make {}{} an owner? Owners open and close every chat, and add and remove owners.\n"
        "Anybody can take a name: check the id.",
        _person(person.chat_id, person.title),
        username,
    )


def owner_added(person: Place, by: Author | None, *, is_unreachable: bool = False) -> Html:
    """Return that somebody owns the bot now; None: the reader did that."""
    added = fill("👑 {} is an owner of this bot now", _person(person.chat_id, person.title))
    if by is not None:
        return fill("{}: {} added them. {} shows all.", added, _person(by.named_user_id, by.name), "/owners")
    start = "\nThey have to press Start before I can write to them." if is_unreachable else ""
    return added + "." + start


def owner_already(person: Place) -> Html:
    """Return the answer to /owners add of an owner."""
    return fill("{} is an owner already.", _named(person))


def owner_is_a_person(place: Place) -> Html:
    """Return the answer to /owners add of a group or a channel."""
    return fill("{} is not a person: only people own this bot.", _named(place))


def you_were_added(by: Author) -> Html:
    """Return what a new owner reads."""
    return fill(
        "👑 {} made you an owner of this bot.\n"
        "/chats shows who can use it, /owners who owns it, and /help the rest.",
        _person(by.named_user_id, by.name),
    )


def owner_removed(person: Place, by: Author) -> Html:
    """Return what the other owners read when one is removed."""
    return fill(
        "{} no longer owns this bot: {} removed them. /owners shows who does.",
        _person(person.chat_id, person.title),
        _person(by.named_user_id, by.name),
    )


def you_were_removed(by: Author) -> Html:
    """Return what somebody reads who owns the bot no more."""
    return fill("You no longer own this bot: {} removed you.", _person(by.named_user_id, by.name))


# ---------------------------------------------------------------- getting in


def stranger(chat_id: int, *, is_owner_notified: bool = False) -> Html:
    """Return what somebody reads who may not use the bot; `is_owner_notified`: an owner was notified."""
    notified = " I've let them know that you asked." if is_owner_notified else ""
    return fill(
        "This bot is private. Chat id: {}\nAn owner can open it with {}.{}",
        code(str(chat_id)),
        allow_command(chat_id),
        notified,
    )


def greeting(*, is_open: bool, is_by_owner: bool = False) -> Html:
    """Return what the bot says when it is added to a group; an owner who does it has a button below."""
    if is_open:
        return fill("Hello! This group can use me. Begin with {}; /help shows the rest.", FIRST_WATCH)
    hello = EMPTY + "Hello! I watch wallets and post here when their balances change. "
    if is_by_owner:
        return hello + "This group is closed; you own me, so open it to begin."
    return hello + fill("I do nothing here until an owner opens this group with {}.", code("/allow"))


def closed_to_owner() -> Html:
    """Return what an owner reads who gives a command in a closed chat, above the button that opens it."""
    return fill("This chat is closed. You own this bot, so you can open it: {}", code("/allow"))


# ---------------------------------------------------------------- opening and closing


def allowed(place: Place, *, is_here: bool, was_open: bool, trouble: str = "") -> Html:
    """Return the answer to /allow; `trouble`: why nothing can be sent there."""
    if is_here:
        return fill(
            "This chat is {}. Begin with {}.", "already open" if was_open else "open now", FIRST_WATCH
        )
    chat = _named(place)
    if place.is_channel:
        opened = fill("{} is {}.", chat, "already open" if was_open else "open now")
    elif was_open:
        opened = chat + " can already use the bot."
    else:
        opened = chat + " can use the bot now."
    if trouble:
        return join("\n", (opened, _trouble(place, trouble)))
    if place.is_channel:
        return join(
            "\n",
            (
                opened,
                fill(
                    "Only its alerts are posted there. From here, add what it watches: {}", to_channel(place)
                ),
            ),
        )
    return opened


def _trouble(place: Place, trouble: str) -> Html:
    """Return why an open chat can't be written to, and what to do about it."""
    why = fill("⚠️ I can't write there yet: {}\n", quoted(trouble))
    if place.is_private:
        return why + "They have to press Start first."
    if place.is_channel:
        return why + "Make me an administrator who may post messages."
    return why + "Somebody has to add me to it."


def to_channel(place: Place) -> Html:
    """Return what an owner types, in private, so that a channel gets alerts."""
    return code(f"/watch 0x… as Treasury to {plain_name(place)}")


def about_channel(channel: Place, text: Html) -> Html:
    """Return an answer about a channel, as it is shown elsewhere."""
    return join("\n", (fill("📣 {}", _named(channel)), text))


def closed_channel(channel: Place) -> Html:
    """Return the answer to a command about a channel that is closed, above the button that opens it."""
    return fill("{} is closed. {} opens it.", _named(channel), allow_command(channel.chat_id))


def unknown_channel(typed: str, *, is_any_known: bool) -> Html:
    """Return the answer to a command for a channel that nobody knows; those there are follow as buttons."""
    no_channel = fill("I don't know a channel called {}.", typed_word(typed))
    if is_any_known:
        return no_channel + " I know these:"
    return no_channel + "\nMake me an administrator of it who may post messages; then I'll offer to open it."


def channel_offer(channel: Place) -> Html:
    """Return what an owner reads who took the bot into a channel, above the button that opens it."""
    return fill(
        "📣 You made me an administrator of {}. Open it, and I can post alerts there.",
        _chat(channel.chat_id, channel.title),
    )


def opened_from_elsewhere() -> Html:
    """Return what a chat reads when an owner opens it from elsewhere."""
    return fill("An owner has opened this chat. Begin with {}; /help shows the rest.", FIRST_WATCH)


def denied(place: Place, *, is_here: bool, was_open: bool, withdrawn: int = 0) -> Html:
    """Return the answer to /deny; `withdrawn` alerts were still on their way."""
    again = code("/allow") if is_here else allow_command(place.chat_id)
    which = EMPTY + "This chat" if is_here else _named(place)
    if place.is_private and not is_here:
        closed = which + (" can no longer use the bot." if was_open else " can't use the bot anyway.")
        reopens = fill("{} lets them in{}.", again, " again" if was_open else "")
    else:
        closed = which + (" is closed now." if was_open else " is already closed.")
        reopens = fill("{} opens it{}.", again, " again" if was_open else "")
    were = "was" if withdrawn == 1 else "were"
    gone = f" {counted(withdrawn, 'alert')} on the way {were} withdrawn." if withdrawn else ""
    return fill("{}{} {}", closed, gone, reopens)


def closes_own_chat(place: Place, *, is_here: bool) -> Html:
    """Return the question before the private chat of an owner is closed."""
    which = EMPTY + "This is your own chat." if is_here else fill("{} owns this bot.", _named(place))
    return which + fill(
        " If you close it, no more alerts come there, and those on their way are withdrawn."
        " {} opens it again.",
        code("/allow") if is_here else allow_command(place.chat_id),
    )


def asked_there(command: str) -> Html:
    """Return the answer in a group to the wish to close an owner's private chat."""
    return fill("That is an owner's private chat. Please send me {} in private.", code(f"/{command}"))


def unknown_chat(typed: str) -> Html:
    """Return the answer to a name that no chat is known by."""
    return fill(
        "I don't know anyone or any chat called {}.\n/chats lists those I know. A chat id such as {} works"
        " too; /id shows it in the chat itself. In a group you can reply to somebody with /allow or /deny.",
        typed_word(typed),
        code("-1001234567890"),
    )


def which_chat(typed: str, *, is_exact: bool) -> Html:
    """Return the question which of several chats somebody means, or whether it is this one."""
    if is_exact:
        return fill("Several are called {}. Which one?", typed_word(typed))
    return fill("Nobody I know is called exactly {}. Do you mean one of these?", typed_word(typed))


def person_or_group(place: Place, person: Place) -> Html:
    """Return the question what a reply with /allow in a closed group means."""
    return fill("Open all of {}, or let {} use the bot in private?", _named(place), _named(person))


def losses_confirmed(chain_id: ChainId, chains: Chains, *, was_doubted: bool) -> Html:
    """Return the answer to /believe."""
    title = chains.get(chain_id).title
    if was_doubted:
        return fill("OK. The balances missing on {} will be reported as gone after the next check.", title)
    return fill("Nothing is missing on {}: its changes are reported as they come.", title)


# ---------------------------------------------------------------- requests for access, chats


_ASKS = "would like to use this bot"

_ASKS_IN_GROUP = re.compile(rf"🚪 .* {_ASKS} in .*?(?P<id>-[0-9]{{1,16}})\)?\.")
_ASKS_IN_PRIVATE = re.compile(rf"🚪 .*\((?P<id>[0-9]{{1,16}})\) {_ASKS}\.")


def access_request(place: Place, author: Author, *, is_last_today: bool) -> Html:
    """Return what owners read when somebody speaks to the bot in a closed chat."""
    who = _person(author.named_user_id, author.name)
    if place.is_private:
        asks = fill("🚪 {} {}.", who, _ASKS)
    else:
        asks = fill("🚪 {} {} in {}.", who, _ASKS, _chat(place.chat_id, place.title))
    if not is_last_today:
        return asks
    return asks + "\nThat is a lot for one day. Until tomorrow, more requests only appear in /chats."


def requesting_chat(text: str) -> int | None:
    """Return the id of the chat that asks for access in a message; None: the message is no such request.

    Names stand in it as people chose them, but ours is always the last id.
    """
    line = text.partition("\n")[0]
    found = _ASKS_IN_PRIVATE.fullmatch(line) or _ASKS_IN_GROUP.fullmatch(line)
    return int(found["id"]) if found else None


def request_ignored(chat: KnownChat) -> Html:
    """Return what a request for access shows once it is ignored."""
    place = chat.place
    return fill(
        "{} stays closed, and I won't mention it again. {} opens it.",
        _chat(place.chat_id, place.title),
        allow_command(place.chat_id),
    )


def chats(page: ChatListPage, now: datetime) -> Html:
    """Return one page of the chats that are known; the numbers are those on the buttons."""
    heading = f"Chats: {page.total:,}" + (f" · page {page.page}/{page.pages}" if page.pages > 1 else "")
    entries = [_chat_entry(number, chat, now) for number, chat in enumerate(page.chats, 1)]
    channel = next((chat.place for chat in page.chats if chat.place.is_channel and chat.is_open), None)
    hint = fill("{} and {} take a name, an @name or an id.", code("/allow"), code("/deny"))
    if channel is not None:
        shown = code(f"/list in {plain_name(channel)}")
        hint = join(" ", (hint, fill("{} shows what a channel watches.", shown)))
    return join("\n\n", (heading, *entries, hint))


def private_only(command: str) -> Html:
    """Return the answer in a group to what shows other chats."""
    return fill("{} shows what other chats do, so I answer it in a private chat only.", f"/{command}")


_KINDS = {"private": "person", "channel": "channel"}
"""What a kind of chat is called; all others are groups."""


def _chat_entry(number: int, chat: KnownChat, now: datetime) -> Html:
    place = chat.place
    first = fill(
        "{}. {} · {}", str(number), bold(sanitized(place.title, "no name known")), _chat_state(chat, now)
    )
    username = fill(" · {}", code(f"@{place.username}")) if place.username else EMPTY
    watched = f" · {chat.subscriptions:,} watched" if chat.subscriptions else ""
    second = fill("{}{} · {}{}", code(str(place.chat_id)), username, _KINDS.get(place.kind, "group"), watched)
    if chat.unavailable is None:
        return join("\n", (first, second))
    return join("\n", (first, second, "⚠️ can't be reached: " + quoted(chat.unavailable)))


def _chat_state(chat: KnownChat, now: datetime) -> str:
    if chat.is_owner:
        return "owner" if chat.is_open else "owner, closed"
    if chat.requested_at is not None:
        return f"asked for access, {moment(chat.requested_at, now)}"
    return "open" if chat.is_open else "closed"


# ---------------------------------------------------------------- who did what


def audit(entries: Sequence[AuditEntry], page: int, pages: int, chains: Chains, now: datetime) -> Html:
    """Return one page of what people changed, newest first."""
    if not entries:
        return fill("Nobody has changed anything yet.")
    heading = "Who changed what" + (f" · page {page}/{pages}" if pages > 1 else "")
    return join("\n", (heading, "", *(_cut_entry(_entry(entry, chains, now)) for entry in entries)))


_WHOLE_ADDRESS = re.compile(r"\b0x[0-9a-f]{40}\b")
_ON_CHAINS = re.compile(r"(?<= on )\d{1,20}(?: \d{1,20})*$")


_OF_ALL = {
    **dict.fromkeys((AuditAction.MUTE, AuditAction.UNMUTE), " all alerts"),
    **dict.fromkeys(
        (AuditAction.FILTER, AuditAction.UNFILTER, AuditAction.LOUD, AuditAction.UNLOUD),
        " all that is watched",
    ),
}
"""What was changed, where that is no single thing."""


def _entry(entry: AuditEntry, chains: Chains, now: datetime) -> Html:
    actor = entry.actor
    subject = _WHOLE_ADDRESS.sub(lambda found: shortened(Address(found.group())), entry.subject)
    # Stored as a number, so that a chain that is renamed has its new name here.
    if entry.action is AuditAction.BELIEVE:
        subject = chains.get(ChainId(int(subject))).title
    if entry.action in (AuditAction.IGNORE_CONTRACT, AuditAction.UNIGNORE_CONTRACT):
        subject = _ON_CHAINS.sub(lambda found: _titles(found.group(), chains), subject)
    about = " " + quoted(subject, _SUBJECT_CHARACTERS_MOST) if subject else EMPTY
    if not subject:
        about = EMPTY + _OF_ALL.get(entry.action, "")
    where = EMPTY if entry.chat_id is None else " · " + _chat(entry.chat_id, entry.chat_title)
    return fill(
        "{} · {} {}{}{}",
        moment(actor.at, now),
        _person(actor.user_id, actor.name),
        PAST_TENSE[entry.action],
        about,
        where,
    )


def _titles(numbers: str, chains: Chains) -> str:
    return ", ".join(chains.get(ChainId(int(number))).title for number in numbers.split())


def _cut_entry(entry: Html) -> Html:
    """Return an entry short enough for its page; a name made to be long costs the entry its end."""
    if entry.visible_units <= _ENTRY_UNITS_MOST and entry.source_bytes <= _ENTRY_BYTES_MOST:
        return entry
    return code(entry.visible[:_CUT_ENTRY_CHARACTERS] + ELLIPSIS)


# ---------------------------------------------------------------- pieces


def _person(user_id: int | None, name: str) -> Html:
    named = bold(sanitized(name, NAMELESS))
    return named if user_id is None else fill("{} ({})", named, code(str(user_id)))


def plain_name(place: Place) -> str:
    """Return what a chat is called on a button, its id where it has no name."""
    return sanitized(place.title).visible or str(place.chat_id)


def _named(place: Place) -> Html:
    """Return what a chat is called, its id where it has no name."""
    return bold(sanitized(place.title, fill("Chat {}", code(str(place.chat_id)))))


def _chat(chat_id: int, title: str) -> Html:
    named, number = bold(sanitized(title)), code(str(chat_id))
    return fill("{} ({})", named, number) if named else fill("Chat {}", number)
