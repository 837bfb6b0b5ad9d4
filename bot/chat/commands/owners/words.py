"""What is answered about who may use the bot: claims, access, chats, and who changed what."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from bot.chat.commands.words import FIRST_WATCH, allow_command
from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import quoted, sanitized
from bot.chat.text.wording import clock, counted
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
CHAT_IGNORED = "I will not mention that chat again."

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


# ---------------------------------------------------------------- getting in


def stranger(chat_id: int, *, is_owner_notified: bool = False) -> Html:
    """Return what somebody reads who may not use the bot; `is_owner_notified`: an owner was notified."""
    notified = " I have told them that you asked." if is_owner_notified else ""
    return fill(
        "This bot is private. Chat id: {}\nAn owner can open it with {}.{}",
        code(str(chat_id)),
        allow_command(chat_id),
        notified,
    )


def greeting(*, is_open: bool) -> Html:
    """Return what the bot says when it is added to a group."""
    if is_open:
        return fill("Hello! This group may use me. Begin with {}; /help shows the rest.", FIRST_WATCH)
    return fill(
        "Hello! I tell chats when what an address holds changes. I do nothing here until an owner of mine"
        " opens this group with {}.",
        code("/allow"),
    )


# ---------------------------------------------------------------- opening and closing


def allowed(chat_id: int, title: str, *, is_here: bool, was_open: bool, trouble: str = "") -> Html:
    """Return the answer to /allow; `trouble`: why nothing can be sent there."""
    still = "already open" if was_open else "open now"
    if is_here:
        return fill("This chat is {}. Begin with {}.", still, FIRST_WATCH)
    if trouble:
        return fill(
            "{} is {}, but I can't write there yet: {}\nSomebody has to press Start, or add me to it.",
            _chat(chat_id, title),
            still,
            quoted(trouble),
        )
    return fill("{} is {}. /watch works there.", _chat(chat_id, title), still)


def opened_from_elsewhere() -> Html:
    """Return what a chat reads when an owner opens it from elsewhere."""
    return fill("An owner has opened this chat for me. Begin with {}; /help shows the rest.", FIRST_WATCH)


def denied(chat_id: int, title: str, *, is_here: bool, was_open: bool, withdrawn: int = 0) -> Html:
    """Return the answer to /deny; `withdrawn` alerts were still on their way."""
    which = "This chat" if is_here else _chat(chat_id, title)
    again = code("/allow") if is_here else allow_command(chat_id)
    if not was_open:
        return fill("{} is closed already. {} opens it.", which, again)
    were = "was" if withdrawn == 1 else "were"
    gone = f" {counted(withdrawn, 'alert')} still on the way {were} taken back." if withdrawn else ""
    return fill("{} is closed now.{} {} opens it again.", which, gone, again)


def losses_confirmed(chain_id: ChainId, chains: Chains, *, was_doubted: bool) -> Html:
    """Return the answer to /believe."""
    title = chains.get(chain_id).title
    if was_doubted:
        return fill("Taken for real: with the next sweep, what vanished on {} is told as gone.", title)
    return fill("Nothing is doubted on {}: what changes there is told as it is.", title)


# ---------------------------------------------------------------- requests for access, chats


def access_request(place: Place, author: Author, *, is_last_today: bool) -> Html:
    """Return what owners read when somebody speaks to the bot in a closed chat."""
    who = _person(author.named_user_id, author.name)
    if place.is_private:
        asks = fill("🚪 {} asks to use me.", who)
    else:
        asks = fill("🚪 {} asks to use me in {}.", who, _chat(place.chat_id, place.title))
    if not is_last_today:
        return asks
    return asks + "\nMany ask today; until tomorrow, further ones are only listed by /chats."


def request_ignored(chat: KnownChat) -> Html:
    """Return what a request for access shows once it is ignored."""
    place = chat.place
    return fill(
        "{} stays closed, and I will not mention it again. {} opens it.",
        _chat(place.chat_id, place.title),
        allow_command(place.chat_id),
    )


def chats(page: ChatListPage, now: datetime) -> Html:
    """Return one page of the chats that are known; the numbers are those on the buttons."""
    today = now.astimezone(UTC).date()
    heading = f"Chats: {page.total:,}" + (f" · page {page.page}/{page.pages}" if page.pages > 1 else "")
    entries = [_chat_entry(number, chat, today) for number, chat in enumerate(page.chats, 1)]
    return join("\n\n", (heading, *entries))


def private_only(command: str) -> Html:
    """Return the answer in a group to what shows other chats."""
    return fill("{} shows what other chats do, so I answer it in a private chat only.", f"/{command}")


def _chat_entry(number: int, chat: KnownChat, today: date) -> Html:
    place = chat.place
    first = fill(
        "{}. {} · {}", str(number), bold(sanitized(place.title, "no name known")), _chat_state(chat, today)
    )
    watched = f" · {chat.subscriptions:,} watched" if chat.subscriptions else ""
    second = fill("{} · {}{}", code(str(place.chat_id)), place.kind, watched)
    if chat.unavailable is None:
        return join("\n", (first, second))
    return join("\n", (first, second, "⚠️ can't be reached: " + quoted(chat.unavailable)))


def _chat_state(chat: KnownChat, today: date) -> str:
    if chat.is_owner:
        return "owner" if chat.is_open else "owner, closed"
    if chat.requested_at is not None:
        return f"asks to come in, {clock(chat.requested_at, today, pattern='%H:%M')} UTC"
    return "open" if chat.is_open else "closed"


# ---------------------------------------------------------------- who did what


def audit(entries: Sequence[AuditEntry], page: int, pages: int, chains: Chains, now: datetime) -> Html:
    """Return one page of what people changed, newest first."""
    if not entries:
        return fill("Nobody has changed anything yet.")
    today = now.astimezone(UTC).date()
    heading = "Who changed what" + (f" · page {page}/{pages}" if pages > 1 else "")
    return join("\n", (heading, "", *(_cut_entry(_entry(entry, chains, today)) for entry in entries)))


_WHOLE_ADDRESS = re.compile(r"\b0x[0-9a-f]{40}\b")


def _entry(entry: AuditEntry, chains: Chains, today: date) -> Html:
    actor = entry.actor
    subject = _WHOLE_ADDRESS.sub(lambda found: shortened(Address(found.group())), entry.subject)
    # Stored as a number, so that a chain that is renamed has its new name here.
    if entry.action is AuditAction.BELIEVE:
        subject = chains.get(ChainId(int(subject))).title
    about = " " + quoted(subject, _SUBJECT_CHARACTERS_MOST) if subject else EMPTY
    where = EMPTY if entry.chat_id is None else " · " + _chat(entry.chat_id, entry.chat_title)
    return fill(
        "{} UTC · {} {}{}{}",
        clock(actor.at, today, pattern="%H:%M"),
        _person(actor.user_id, actor.name),
        PAST_TENSE[entry.action],
        about,
        where,
    )


def _cut_entry(entry: Html) -> Html:
    """Return an entry short enough for its page; a name made to be long costs the entry its end."""
    if entry.visible_units <= _ENTRY_UNITS_MOST and entry.source_bytes <= _ENTRY_BYTES_MOST:
        return entry
    return code(entry.visible[:_CUT_ENTRY_CHARACTERS] + ELLIPSIS)


# ---------------------------------------------------------------- pieces


def _person(user_id: int | None, name: str) -> Html:
    named = bold(sanitized(name, NAMELESS))
    return named if user_id is None else fill("{} ({})", named, code(str(user_id)))


def _chat(chat_id: int, title: str) -> Html:
    named, number = bold(sanitized(title)), code(str(chat_id))
    return fill("{} ({})", named, number) if named else fill("Chat {}", number)
