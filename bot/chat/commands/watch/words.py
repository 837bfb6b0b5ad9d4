"""What is answered about watching: short, in plain words, and naming the next step."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.watch.grammar import WatchEntry, show_scope
from bot.chat.commands.words import bold_label, nothing_watched, typed_word
from bot.chat.text.conditions import filter_words, show_level
from bot.chat.text.html import EMPTY, Html, Section, code, fill, join, paged
from bot.chat.text.loud import loud_behind_name
from bot.chat.text.wording import account_name, chain_names, counted, folded, short_address, token_names
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome
from bot.domain.chat.unsubscribe import RestoredSubscription
from bot.domain.rules.alarms import AlarmTerms
from bot.domain.subscriptions import EVERYTHING, ListedSubscription, Scope, Subscription, WatchSpec

NO_ROOM = "There is no room for all of it; make some with /unwatch, then press again."
TOO_LATE = "That was too long ago to be undone."
NAME_MISSING = "The new name is missing: it comes after “as”."

_EVERY_CHAIN = (
    "An address that comes with a chain is watched on every chain; “on CHAIN” after it limits that."
)

_OFFERED_WHOLE = 3

NO_ALARMS: Mapping[Address, Sequence[AlarmTerms]] = MappingProxyType({})


def watching(
    account: Address,
    label: str,
    chains: Chains,
    *,
    scope: Scope = EVERYTHING,
    first_reading_pending: bool,
    balances: int = 0,
    chain_count: int = 0,
    warning: Html = EMPTY,
    muted: Html = EMPTY,
) -> Html:
    """Return the answer to one new account; the numbers are of what is known of it already.

    `warning` is said in place of the promise of a reading that may never come, and `muted` in place of any
    promise: alerts about the account are kept back.
    """
    what = "👁 Watching " + _taken(account, label) + show_scope(scope, chains)
    if first_reading_pending:
        promise = [EMPTY + "I'll post what it holds in a moment, then every change."]
        return join("\n", (what + ".", *(list(filter(None, (warning, muted))) or promise)))
    held = counted(balances, "balance") if balances else "nothing held yet"
    known = what + f": {held} on {counted(chain_count, 'chain')}."
    return join("\n", (known, muted or EMPTY + "I'll post every change from now on."))


def kept_back(mutes: Sequence[Html]) -> Html:
    """Return what is said of the mutes that keep back what was just watched; nothing where there are none."""
    return join("\n", (*mutes, EMPTY + "Alerts are kept, and come then.")) if mutes else EMPTY


def already_watching(account: Address, label: str) -> Html:
    """Return the answer to /watch of what is watched already, under the same label."""
    return fill("Already watching {}. /list shows everything watched here.", _taken(account, label))


def watched_already(who: str) -> Html:
    """Return the answer to /watch of a name or a number of /list, which is watched already."""
    return fill("{} is already watched here. /list shows everything watched here.", typed_word(who))


def label_taken(spec: WatchSpec, taken: LabelTaken) -> Html:
    """Return the answer to a label that names something else here."""
    what = short_address(spec.account) if spec.account else token_names(spec.scope.contracts)
    return fill(
        "{} is already the name of {} here. For {} you can use {}.",
        bold_label(spec.label),
        short_address(taken.by),
        what,
        bold_label(taken.free),
    )


def why_label_taken(taken: LabelTaken) -> str:
    """Return why a line is not taken whose label names something else here."""
    return f"is already the name of {shortened(taken.by)} here; “{taken.free}” is free."


def on_chains(chain_ids: Collection[ChainId], chains: Chains) -> str:
    """Return `on Polygon and Base`."""
    return f"on {chain_names(sorted(chain_ids), chains, last=' and ')}"


def watched_wider(wider: ListedSubscription) -> Html:
    """Return what follows the answer to /watch on some chains where others are watched already."""
    return fill("#{} already reports it on every chain; stop that to get these only.", str(wider.number))


def chain_not_listed(chain_id: ChainId, chains: Chains) -> Html:
    """Return what is said of a chain that stood beside an address, and that the source does not list."""
    return fill("The source of balances does not list {}.", chains.get(chain_id).title)


def refused_lines(bad: Sequence[BadLine]) -> tuple[Html, ...]:
    """Return the answer to several lines that are not taken."""
    return paged([not_taken(bad)], EMPTY + "Correct them and send them again with /watch.")


def label_changed(account: Address, label: str) -> Html:
    """Return the answer to a new label of a watched account, or to one taken away."""
    called = fill("is called {} now", bold_label(label)) if label else "has no label any more"
    return fill("{} {}. /list shows everything watched here.", short_address(account), called)


def renamed(one: Subscription, label: str) -> Html:
    """Return the answer to /rename of what was called so before; "": it has no name any more."""
    called = fill("is now called {}", bold_label(label)) if label else EMPTY + "no longer has a name"
    return fill("{} {}.", _subscribed_to(one), called)


def name_taken(label: str, taken: LabelTaken) -> Html:
    """Return the answer to /rename to a name that something else has here."""
    return fill(
        "{} is already the name of {} here. {} is free.",
        bold_label(label),
        short_address(taken.by),
        bold_label(taken.free),
    )


def which_to_rename(who: str) -> Html:
    """Return the answer to /rename of what has several names."""
    return fill("{} has several names here. Which one shall I change?", typed_word(who))


def bulk_watched(
    new: Sequence[WatchEntry],
    known: Sequence[WatchEntry],
    bad: Sequence[BadLine],
    *,
    relabelled: Sequence[WatchEntry] = (),
    unused: Sequence[str] = (),
    names_chains: bool = False,
    over_limit: int = 0,
    first_reading_pending: bool = True,
    warning: Html = EMPTY,
    muted: Html = EMPTY,
    is_all_muted: bool = False,
) -> tuple[Html, ...]:
    """Return the answer to many lines; `over_limit` entries found no room in this chat.

    `names_chains`: an address came with a chain (`eth:0x…`), which is no limit. `muted`: what keeps back
    alerts about some new ones, or all.
    """
    sections = []
    if new:
        sections.append(Section(f"👁 Watching {counted(len(new), 'account')}:", _names(new)))
    if relabelled:
        sections.append(Section("Already watched, now under these names:", _names(relabelled)))
    if known:
        sections.append(Section("Already watched:", _names(known)))
    if bad:
        sections.append(not_taken(bad))
    if unused:
        named = folded([typed_word(title) for title in unused], last=" and ")
        columns = "column" if len(unused) == 1 else "columns"
        sections.append(Section("", [fill("Not used: the {} {}.", columns, named)]))
    if names_chains:
        sections.append(Section("", [EMPTY + _EVERY_CHAIN]))
    sections += [Section("", [said]) for said in (warning, muted) if said]
    is_promised = new and not warning and not is_all_muted
    nexts = (
        f"No room for {over_limit:,} more: make some with /unwatch." if over_limit else "",
        "Correct what was not taken and send it again with /watch." if bad else "",
        _from_when(first_reading_pending=first_reading_pending) if is_promised else "",
    )
    return paged(sections, EMPTY + (" ".join(filter(None, nexts)) or "/list shows everything watched here."))


def not_taken(bad: Sequence[BadLine]) -> Section:
    """Return why lines are not taken, each with its number."""
    return Section("Not taken:", [fill("Line {}: {}", str(line.line_number), line.sentence) for line in bad])


def _from_when(*, first_reading_pending: bool) -> str:
    if first_reading_pending:
        return "I'll post what they hold in a moment, then every change."
    return "I'll post every change from now on."


def watching_token(
    scope: Scope,
    label: str,
    chains: Chains,
    *,
    accounts: int,
    warning: Html = EMPTY,
) -> Html:
    """Return the answer to /watch token, for so many accounts watched here."""
    return join("\n", filter(None, (_watching_token(scope, label, chains, accounts), warning)))


def _watching_token(scope: Scope, label: str, chains: Chains, accounts: int) -> Html:
    what = fill("👁 Watching {}{}", _tokens(scope.contracts, label), _shown_beside_tokens(scope, chains))
    if not accounts:
        return fill(
            "{} in every account of this chat.\nThere is none yet; {} adds one.", what, code("/watch 0x…")
        )
    every = "the one account" if accounts == 1 else f"all {accounts:,} accounts"
    return fill("{} in {} watched here, and in each one to come.", what, every)


def bare_offer(
    lines: Sequence[str], bad: Sequence[BadLine] = (), preview: Sequence[Html] = ()
) -> tuple[Html, ...]:
    """Return what can be done with addresses that came without a command, as they would follow it.

    `preview`: how several accounts would be watched.
    """
    sections = [_offers(lines)] if lines else []
    if preview:
        sections.append(Section(f"{counted(len(preview), 'account')}:", preview))
    if bad:
        sections.append(not_taken(bad) if lines or len(bad) > 1 else Section("", [bad[0].sentence]))
    return paged(sections)


def unwatched(ended: Sequence[Subscription], *, still_to_come: int) -> tuple[Html, ...]:
    """Return the answer to /unwatch; `still_to_come` alerts were found before it and still arrive."""
    late = f"{counted(still_to_come, 'alert')} from before will still come. " if still_to_come else ""
    rest = late + "/list shows the rest."
    if len(ended) == 1:
        return (fill("Stopped watching {}. {}", _subscribed_to(ended[0]), rest),)
    lines = [_subscribed_to(subscription) for subscription in ended]
    return paged([Section(f"Stopped watching {len(ended):,}:", lines)], EMPTY + rest)


def undone(ones: Sequence[RestoredSubscription], limit: int) -> Html:
    """Return what the answer to /unwatch shows once it is undone."""
    back = [restored for restored in ones if restored.outcome is SubscribeOutcome.CREATED]
    already = [restored for restored in ones if restored.outcome is SubscribeOutcome.ALREADY]
    full = [restored for restored in ones if restored.outcome is SubscribeOutcome.FULL]
    lines = []
    if back:
        named = folded(
            [fill("{} (#{})", _spec_name(restored.spec), str(restored.number)) for restored in back],
            last=" and ",
        )
        anew = "" if all(restored.is_known for restored in back) else "I'm reading it anew. "
        lines.append(fill("👁 Watching {} again.", named))
        lines.append(EMPTY + f"{anew}Changes in between are not reported.")
    if already:
        lines.append(
            fill("Already watched again: {}.", folded([_spec_name(restored.spec) for restored in already]))
        )
    if full:
        named = folded([_spec_name(restored.spec) for restored in full])
        lines.append(fill("No room for {}: this chat can watch {} at most.", named, f"{limit:,}"))
    return join("\n", lines)


def here_is_for_topics() -> Html:
    """Return the answer to /here in a private chat, which has no topics."""
    return fill(
        "/here is for groups with topics: sent in one of them, it takes over what topics watched that are"
        " closed or deleted. A private chat has none."
    )


def moved_here(moved: int | None) -> Html:
    """Return the answer to /here, which moved so many entries; None: no topic is lost."""
    if moved is None:
        return fill("No topic of this chat is closed or deleted, so there is nothing to move.")
    if not moved:
        return fill("The lost topics watched nothing that isn't watched here too: nothing to move.")
    return fill(
        "Moved {}. {} alerts now come here; /list shows all that is watched.",
        _entries(moved),
        "Its" if moved == 1 else "Their",
    )


def none_of_these(whos: Sequence[str]) -> tuple[Html, ...]:
    """Return the answer to several addresses or numbers that are not watched here."""
    section = Section(f"Not watched here: {len(whos):,}", [typed_word(who) for who in whos])
    return paged([section], EMPTY + "/list shows what is.", most=1)


def watch_list(
    shown: Sequence[ListedSubscription],
    total: int,
    chains: Chains,
    first: Sequence[Html] = (),
    *,
    alarms: Mapping[Address, Sequence[AlarmTerms]] = NO_ALARMS,
    last: Sequence[Html] = (),
) -> Html:
    """Return a page of /list with these of all entries, each with its number; warnings stand `first`.

    `alarms` stand behind the accounts that they are on, and in a line at the end what is set for the place.
    """
    settings = [join(" · ", last)] if last else []
    if not shown:
        return join("\n", (*first, nothing_watched(), *settings))
    lines = [
        _entry(one.number, one.subscription, chains) + _alarms(one.subscription.account, alarms)
        for one in shown
    ]
    before = [Section("", first)] if first else []
    closing = join("\n", (*settings, "Tap one for its balances, or to rename, mute or stop it."))
    (page,) = paged([*before, Section(f"Watched here: {total:,}", lines)], closing, most=1)
    return page


def opened_entry(number: int, one: Subscription, chains: Chains, muted: Sequence[Html]) -> Html:
    """Return an entry of /list by itself, with the whole address to be copied, and what is muted of it."""
    whole = [code(checksummed(one.account))] if one.account else []
    return join("\n", (_entry(number, one, chains), *whole, *muted))


def how_to_rename(number: int, one: Subscription) -> Html:
    """Return what is to be typed for another name."""
    return fill(
        "To rename {}, send this with the new name:\n{}",
        _subscribed_to(one),
        code(f"/rename #{number} as New name"),
    )


def too_many(limit: int) -> Html:
    """Return the answer to /watch beyond what one chat may watch."""
    return fill(
        "This chat can watch {} at most. Make room with /unwatch, or ask an owner for more.", f"{limit:,}"
    )


# ---------------------------------------------------------------- pieces


def _entries(number: int) -> str:
    return f"{number:,} entry" if number == 1 else f"{number:,} entries"


def _taken(account: Address, label: str) -> Html:
    """Return an account as it is confirmed: without a label by its whole address, to be checked."""
    return account_name(account, label) if label else code(checksummed(account))


def _subscribed_to(one: Subscription) -> Html:
    return _spec_name(WatchSpec(one.account, one.scope, one.label))


def _spec_name(spec: WatchSpec) -> Html:
    """Return what is watched, without the chains."""
    return (
        account_name(spec.account, spec.label) if spec.account else _tokens(spec.scope.contracts, spec.label)
    )


def _shown_beside_tokens(scope: Scope, chains: Chains) -> Html:
    """Return what a scope says beside its contracts, which stand before it already."""
    return show_scope(replace(scope, contracts=frozenset()), chains)


def _tokens(contracts: Collection[Address], label: str) -> Html:
    """Return contracts by their short addresses, behind the label, where there is one."""
    named = token_names(contracts)
    return fill("{} · {}", bold_label(label), named) if label else named


def _offers(lines: Sequence[str]) -> Section:
    have_more = any(" " in line for line in lines)
    if len(lines) > 1 and not have_more:
        each = fill("{} before them posts every change here.", code("/watch"))
        as_tokens = fill(
            "{} before them follows each as a token, in every account watched here.", code("/watch token")
        )
        return Section(f"{len(lines):,} addresses. What shall I do with them?", [each, as_tokens])
    whole = "\n".join(lines) if len(lines) <= _OFFERED_WHOLE else "0x… 0x…"
    watching = fill("{} posts every change here.", code(f"/watch {whole}"))
    this = "this" if len(lines) == 1 else "these"
    as_token = fill("{} follows it as a token, in every account watched here.", code(f"/watch token {whole}"))
    return Section(f"What shall I do with {this}?", [watching] if have_more else [watching, as_token])


def _names(entries: Sequence[WatchEntry]) -> list[Html]:
    return [account_name(entry.account, entry.label) for entry in entries]


def _alarms(account: Address | None, alarms: Mapping[Address, Sequence[AlarmTerms]]) -> Html:
    terms = alarms.get(account, ()) if account is not None else ()
    if not terms:
        return EMPTY
    levels = [fill("{} {}", one.side, show_level(one.level)) for one in terms]
    return fill(" · ⏰ {}", folded(levels))


def _entry(number: int, subscription: Subscription, chains: Chains) -> Html:
    scope = subscription.scope
    own = subscription.filter
    reported = EMPTY if own is None else fill(" · {}", filter_words(own, chains))
    if subscription.loud is not None:
        reported += fill(" · {}", loud_behind_name(subscription.loud, chains))
    if subscription.account is None:
        who = _tokens(scope.contracts, subscription.label) + " in every account"
        return fill("#{} {}{}{}", str(number), who, _shown_beside_tokens(scope, chains), reported)
    who = account_name(subscription.account, subscription.label)
    return fill("#{} {}{}{}", str(number), who, show_scope(scope, chains), reported)
