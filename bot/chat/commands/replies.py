"""What the bot answers, in one place: short, in plain words, and naming the next step."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from bot.chat.commands.command_table import COMMANDS, Command, Who
from bot.chat.commands.requests import BadLine, WatchEntry
from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.pages import Section, paged
from bot.chat.text.untrusted import foreign
from bot.chat.text.wording import account_name, age, chain_names, counted, folded, short_address, token_names
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome
from bot.domain.chat.unsubscribe import RestoredSubscription
from bot.domain.subscriptions import Subscription, WatchSpec
from bot.store.errors import DatabaseFault

_OFFERED_WHOLE = 3
FIRST_WATCH = code("/watch 0x… as Treasury")

# ---------------------------------------------------------------- first words


def start(*, is_owner: bool, knocking: int = 0) -> Html:
    """Return the welcome for someone who may use the bot here; owners hear how many chats ask to come in."""
    hello = fill(
        "Hello! I watch addresses on many chains, and tell this chat when what they hold changes.\n\n"
        "Begin with {}, or see /help for the rest.",
        FIRST_WATCH,
    )
    if not is_owner:
        return hello
    yours = (
        hello + "\n\nThis bot is yours: /chats shows who may use it, /allow opens a chat, /deny closes one."
    )
    if not knocking:
        return yours
    ask = "asks" if knocking == 1 else "ask"
    return yours + f"\n{counted(knocking, 'chat')} {ask} to come in: see /chats."


def stranger(chat_id: int, *, is_told: bool = False) -> Html:
    """Return what somebody reads who may not use the bot; `is_told`: an owner hears of it just now."""
    told = " I have told them that you asked." if is_told else ""
    return fill(
        "This bot is private. Chat id: {}\nAn owner can open it with {}.{}",
        code(str(chat_id)),
        allow_command(chat_id),
        told,
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


def help_for(*, is_owner: bool) -> Html:
    """Return the list of commands; owners see theirs too."""
    lines = [
        f"/{command.name} · {command.does}"
        for command in COMMANDS
        if is_owner or command.who is not Who.OWNERS
    ]
    return join("\n", (*lines, "", fill("More about one of them: {}", code("/help watch"))))


def allow_command(chat_id: int) -> Html:
    """Return what an owner types to open a chat."""
    return code(f"/allow {chat_id}")


def here(chat_id: int, thread_id: int | None, user_id: int | None, *, is_open: bool) -> Html:
    """Return the ids of where and who one is."""
    ids = (("Chat id", chat_id), ("Topic id", thread_id), ("Your user id", user_id))
    lines = [fill("{}: {}", what, code(str(number))) for what, number in ids if number is not None]
    closed = fill("This chat is closed. An owner can open it with {}.", allow_command(chat_id))
    return join("\n", (*lines, "This chat is open: /watch works here." if is_open else closed))


# ---------------------------------------------------------------- watching


def watching(
    account: Address,
    label: str,
    chains: Chains,
    *,
    contracts: Collection[Address] = (),
    only_on: Sequence[ChainId] = (),
    first_reading_pending: bool,
    balances: int = 0,
    chain_count: int = 0,
    unsure: Html = EMPTY,
) -> Html:
    """Return the answer to one new account; the numbers are of what is known of it already.

    `unsure` is said in place of the promise of a reading that may never come.
    """
    what = "👁 Watching " + _taken(account, label) + _narrowed(contracts, only_on, chains)
    if first_reading_pending and unsure:
        return join("\n", (what + ".", unsure))
    if first_reading_pending:
        return what + ".\nThe first reading is on its way; after it, every change is told here."
    held = counted(balances, "balance") if balances else "nothing held yet"
    return what + f": {held} on {counted(chain_count, 'chain')}.\nEvery change from now on is told here."


def already_watching(account: Address, label: str) -> Html:
    """Return the answer to a wish that is there already."""
    return fill("Already watching {}. /list shows everything watched here.", _taken(account, label))


def label_taken(wish: WatchSpec, taken: LabelTaken) -> Html:
    """Return the answer to a label that names something else here."""
    what = short_address(wish.account) if wish.account else token_names(wish.contracts)
    return fill(
        "{} is already the name of {} here, so I did not take {} under it. {} is free.",
        _label(wish.label),
        short_address(taken.by),
        what,
        _label(taken.free),
    )


def why_label_taken(taken: LabelTaken) -> str:
    """Return why a line is not taken whose label names something else here."""
    return f"already the name of {shortened(taken.by)} here; “{taken.free}” is free"


def label_changed(account: Address, label: str) -> Html:
    """Return the answer to a new label of a watched account, or to one taken away."""
    called = fill("is called {} now", _label(label)) if label else "has no label any more"
    return fill("{} {}. /list shows everything watched here.", short_address(account), called)


def bulk_watched(
    new: Sequence[WatchEntry],
    known: Sequence[WatchEntry],
    bad: Sequence[BadLine],
    *,
    relabelled: Sequence[WatchEntry] = (),
    over_limit: int = 0,
    first_reading_pending: bool = True,
    unsure: Html = EMPTY,
) -> tuple[Html, ...]:
    """Return the answer to many lines; `over_limit` entries found no room in this chat."""
    sections = []
    if new:
        sections.append(Section(f"👁 Watching {counted(len(new), 'account')}:", _names(new)))
    if relabelled:
        sections.append(Section("Watched already, and called so now:", _names(relabelled)))
    if known:
        sections.append(Section("Watched already:", _names(known)))
    if bad:
        sections.append(Section("Not taken:", [_bad_line(line) for line in bad]))
    if unsure:
        sections.append(Section("", [unsure]))
    nexts = (
        f"No room for {over_limit:,} more: make some with /unwatch." if over_limit else "",
        "Correct the lines not taken and send them again with /watch." if bad else "",
        _from_when(first_reading_pending=first_reading_pending) if new and not unsure else "",
    )
    return paged(sections, EMPTY + (" ".join(filter(None, nexts)) or "/list shows everything watched here."))


def _from_when(*, first_reading_pending: bool) -> str:
    if first_reading_pending:
        return "The first readings are on their way; after them, every change is told here."
    return "Every change from now on is told here."


def watching_token(
    contracts: Collection[Address],
    label: str,
    chains: Chains,
    *,
    only_on: Sequence[ChainId] = (),
    accounts: int,
    unsure: Html = EMPTY,
) -> Html:
    """Return the answer to /watch token, for so many accounts watched here."""
    return join("\n", filter(None, (_watching_token(contracts, label, chains, only_on, accounts), unsure)))


def _watching_token(
    contracts: Collection[Address], label: str, chains: Chains, only_on: Sequence[ChainId], accounts: int
) -> Html:
    what = fill("👁 Watching {}{}", _tokens(contracts, label), _narrowed((), only_on, chains))
    if not accounts:
        return fill(
            "{} in every account of this chat.\nThere is none yet; {} adds one.", what, code("/watch 0x…")
        )
    every = "the one account" if accounts == 1 else f"all {accounts:,} accounts"
    return fill("{} in {} watched here, and in each one to come.", what, every)


def bare_offer(lines: Sequence[str], bad: Sequence[BadLine] = ()) -> tuple[Html, ...]:
    """Return what can be done with addresses that came without a command, as they would follow it."""
    this = "this" if len(lines) == 1 else "these"
    sections = [Section(f"What shall I do with {this}?", _offers(lines))] if lines else []
    if bad:
        sections.append(Section("Not taken:", [_bad_line(line) for line in bad]))
    return paged(sections)


def unwatched(ended: Sequence[Subscription], *, still_to_come: int) -> tuple[Html, ...]:
    """Return the answer to /unwatch; so many alerts were observed before it, and are told."""
    late = f"{counted(still_to_come, 'alert')} from before will still come. " if still_to_come else ""
    rest = late + "/list shows the rest."
    if len(ended) == 1:
        return (fill("Stopped watching {}. {}", _subscribed_to(ended[0]), rest),)
    lines = [_subscribed_to(one) for one in ended]
    return paged([Section(f"Stopped watching {len(ended):,}:", lines)], EMPTY + rest)


def undone(ones: Sequence[RestoredSubscription], limit: int) -> Html:
    """Return what an /unwatch shows that was taken back, wish by wish."""
    back = [one for one in ones if one.outcome is SubscribeOutcome.CREATED]
    already = [one for one in ones if one.outcome is SubscribeOutcome.ALREADY]
    full = [one for one in ones if one.outcome is SubscribeOutcome.FULL]
    lines = []
    if back:
        named = folded([fill("{} (#{})", _wished(one.wish), str(one.number)) for one in back], last=" and ")
        anew = "" if all(one.is_known for one in back) else "A fresh reading is on its way. "
        lines.append(fill("👁 Watching {} again.", named))
        lines.append(EMPTY + f"{anew}What changed in between is not told.")
    if already:
        lines.append(fill("Watched again already: {}.", folded([_wished(one.wish) for one in already])))
    if full:
        named = folded([_wished(one.wish) for one in full])
        lines.append(fill("No room for {}: this chat can watch {} at most.", named, f"{limit:,}"))
    return join("\n", lines)


def moved_here(moved: int | None) -> Html:
    """Return the answer to /here, which moved so many entries; None: no topic is lost."""
    if moved is None:
        return fill("No topic of this chat is closed or deleted, as far as I know: nothing has to be moved.")
    if not moved:
        return fill("The topics that are lost watched nothing more than this place: nothing had to be moved.")
    return fill(
        "Moved here: {}. What happens there is told here from now on. /list shows all of it.", _entries(moved)
    )


def not_watched(who: str, suggestion: str = "") -> Html:
    """Return the answer to a name, address or number that is not watched here."""
    meant = fill(" Did you mean {}?", _label(suggestion)) if suggestion else EMPTY
    return fill("{} is not watched here.{} /list shows what is.", _typed(who), meant)


def none_of_these(whos: Sequence[str]) -> tuple[Html, ...]:
    """Return the answer to several addresses or numbers that are not watched here."""
    section = Section(f"Not watched here: {len(whos):,}", [_typed(who) for who in whos])
    return paged([section], EMPTY + "/list shows what is.", most=1)


def watch_list(
    entries: Sequence[tuple[int, Subscription]], chains: Chains, first: Sequence[Html] = ()
) -> tuple[Html, ...]:
    """Return all that is watched here, each with its number, after what is to be known `first`."""
    if not entries:
        return (join("\n", (*first, nothing_watched())),)
    lines = [_entry(number, subscription, chains) for number, subscription in entries]
    number = entries[0][0]
    closing = fill(
        "{} shows what it holds, {} stops it.", code(f"/balance #{number}"), code(f"/unwatch #{number}")
    )
    before = [Section("", first)] if first else []
    return paged([*before, Section(f"Watched here: {len(entries):,}", lines)], closing)


def nothing_watched() -> Html:
    """Return the answer to /list or /balance where nothing is watched."""
    return fill("Nothing is watched here yet. Begin with {}.", FIRST_WATCH)


def no_account_watched() -> Html:
    """Return the answer to /balance where tokens are watched, but no account that could hold them."""
    return fill("No account is watched here yet; {} adds one.", code("/watch 0x…"))


# ---------------------------------------------------------------- when something is wrong


def usage(command: Command, reason: str = "") -> Html:
    """Return how a command is used, after what was wrong with it."""
    lines: list[Html | str] = [reason, ""] if reason else []
    lines += [f"/{command.name} · {command.does}", code(command.grammar), ""]
    lines += [fill("{}\n{}", code(example.text), example.does) for example in command.examples]
    return join("\n", lines)


def unknown_command(word: str, closest: Command | None) -> Html:
    """Return the answer to a command that is none."""
    meant = f" Did you mean /{closest.name}?" if closest else ""
    return fill("I do not know {}.{} /help lists what I know.", _typed(f"/{word}"), meant)


def may_not_change() -> Html:
    """Return the answer to a member of a group who may only look."""
    return fill(
        "In a group, its administrators and the bot's owners change what is watched; please ask one of them. "
        "/list, /balance and /status work for everybody."
    )


def owners_only() -> Html:
    """Return the answer to a command that is the owners' own."""
    return fill("Only an owner of this bot can do that. /help lists what everybody can.")


def too_many(limit: int) -> Html:
    """Return the answer to a wish beyond what one chat may watch."""
    return fill(
        "This chat can watch {} at most. Make room with /unwatch, or ask an owner for more.", f"{limit:,}"
    )


_NOT_WRITTEN = {
    DatabaseFault.FULL: "I can't write to my disk: it is full. Nothing was changed.\n"
    "Your operator has to make room; then send it again.",
    DatabaseFault.LOCKED: "My database is locked by another program. Nothing was changed.\n"
    "Please try again in a minute; if it stays, your operator has to end that program.",
    DatabaseFault.READ_ONLY: "I can't write to my database: it is read-only. Nothing was changed.\n"
    "Your operator has to make it writable; then send it again.",
    DatabaseFault.BROKEN: "I can't write to my disk: it is full or failing. Nothing was changed.\n"
    "Your operator has to look at it; then send it again.",
}


def not_written(trouble: DatabaseFault) -> Html:
    """Return the answer where the disk, or who holds the database, is in the way; alerts are not lost."""
    return fill(_NOT_WRITTEN[trouble])


def went_wrong(reference: str) -> Html:
    """Return the answer where we failed; the reference finds it in the log."""
    return fill(
        "Something went wrong on my side, sorry. Please try again; doing it twice does no harm.\n"
        "If it stays, tell an owner: {}",
        code(reference),
    )


def enough_for_now(retry_after_seconds: int) -> Html:
    """Return the answer to the first command that is one too many."""
    return fill(
        "Too many commands at once. I'll answer again in {} s. Alerts are not affected.",
        str(retry_after_seconds),
    )


def sent_long_ago(ago: timedelta, answer: Html) -> Html:
    """Return the answer to a command that came late, after a word about that."""
    return fill("You sent this {} ago; only now could I take it.\n\n{}", age(ago), answer)


def possible_key() -> Html:
    """Return the answer to 64 digits, which are not repeated."""
    return fill(
        "⚠️ 64 digits like these may be a private key. If they are, delete your message now and move"
        " everything that the key holds to another wallet: whoever has seen it can take it.\n"
        "They may also be a transaction's hash, which is no address. I have kept nothing of them."
    )


def not_forwarded() -> Html:
    """Return the answer to a command that somebody else may have written."""
    return fill("A forwarded command is not carried out. Copy it and send it yourself if you mean it.")


# ---------------------------------------------------------------- pieces


def _entries(number: int) -> str:
    return f"{number:,} entry" if number == 1 else f"{number:,} entries"


def _taken(account: Address, label: str) -> Html:
    """Return what was taken: under a label the short address will do, without one all of it counts."""
    return account_name(account, label) if label else code(checksummed(account))


def _subscribed_to(one: Subscription) -> Html:
    return _wished(WatchSpec(one.account, one.contracts, one.chains, one.label))


def _wished(wish: WatchSpec) -> Html:
    """Return what somebody wishes to hear of, without the chains."""
    return account_name(wish.account, wish.label) if wish.account else _tokens(wish.contracts, wish.label)


def _narrowed(contracts: Collection[Address], only_on: Sequence[ChainId], chains: Chains) -> Html:
    only = ", only " + _tokens(contracts, "") if contracts else EMPTY
    return only + f" on {chain_names(only_on, chains, last=' and ')}" if only_on else only


def _tokens(contracts: Collection[Address], label: str) -> Html:
    """Return contracts by their short addresses, behind the label, where there is one."""
    named = token_names(contracts)
    return fill("{} · {}", _label(label), named) if label else named


def _label(label: str) -> Html:
    return bold(foreign(label, "a name that cannot be shown"))


def _offers(lines: Sequence[str]) -> list[Html]:
    names_tokens = any(" " in line for line in lines)
    whole = ("\n" if names_tokens else " ").join(lines) if len(lines) <= _OFFERED_WHOLE else "0x… 0x…"
    watching = fill("{} tells this chat when what it holds changes.", code(f"/watch {whole}"))
    if names_tokens:
        return [watching]
    as_token = fill("{} follows it as a token, in every account watched here.", code(f"/watch token {whole}"))
    return [watching, as_token]


def _names(entries: Sequence[WatchEntry]) -> list[Html]:
    return [account_name(entry.account, entry.label) for entry in entries]


def _bad_line(line: BadLine) -> Html:
    if not line.typed:
        return fill("Line {}: {}", str(line.line_number), line.reason)
    return fill("Line {}: {}: {}", str(line.line_number), _typed(line.typed), line.reason)


def _typed(word: str) -> Html:
    return code(foreign(word, "that").visible)


def _entry(number: int, subscription: Subscription, chains: Chains) -> Html:
    contracts, only_on = subscription.contracts, sorted(subscription.chains)
    if subscription.account is None:
        who = _tokens(contracts, subscription.label) + " in every account"
        return fill("#{} {}{}", str(number), who, _narrowed((), only_on, chains))
    who = account_name(subscription.account, subscription.label)
    return fill("#{} {}{}", str(number), who, _narrowed(contracts, only_on, chains))
