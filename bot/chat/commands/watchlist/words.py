"""What is answered about watchlists: what of one is new, what was added, what was not taken and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.watch.grammar import show_scope
from bot.chat.commands.words import bold_label, typed_word
from bot.chat.text.conditions import filter_words
from bot.chat.text.html import EMPTY, Html, Section, fill, join, paged
from bot.chat.text.loud import BELL, loud_words
from bot.chat.text.wording import account_name, counted, folded, short_address, token_names
from bot.domain.chains import Chains
from bot.domain.chat.watchlist import Watchlist
from bot.domain.subscriptions import WatchSpec

SHOWN_MOST = 10
"""Lines of one kind; how many more there are is said."""

NOT_IMPORTED = "Nothing was imported."
IMPORTED_ALREADY = "It was imported already. /unwatch stops what it added."
TOO_LATE = "That was too long ago. Send the list again."
UNDONE_ALREADY = "Nothing of it is watched any more."
SECOND_NAME = "is a second name of what stands before it in this list; the first line counts."
NOTHING_IN_IT = "There is nothing in it that I could watch."


def not_fetched(file_name: str, reason: str) -> Html:
    """Return the answer where a file can't be had; the reason is in words."""
    return fill("I can't read {}: {}.", typed_word(file_name), reason)


def in_line(number: int, warning: Html) -> Html:
    """Return a warning with the line that it is about, of a text of several."""
    return fill("Line {}: {}", str(number), warning)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is shown of a watchlist before anything is done."""

    new: Watchlist
    known: int
    kept: Sequence[tuple[int, WatchSpec, str]]
    """What is watched under another name: the line, what it asks for, the name that stays."""
    bad: Sequence[BadLine]
    no_room: int
    limit: int
    standing: int
    in_use: Sequence[str]
    """Settings that are left out, since they would change what is watched already."""
    unused: Sequence[str]
    """The titles of columns that aren't used."""


def preview(shown: Preview, chains: Chains) -> Html:
    """Return what would become of a watchlist: numbers first, then what is new, then what is not taken."""
    new = shown.new
    counts = [
        f"{len(new.specs):,} new",
        f"{shown.known:,} known" if shown.known else "",
        counted(len(shown.kept), "other label") if shown.kept else "",
        f"{len(shown.bad):,} not taken" if shown.bad else "",
        f"{shown.no_room:,} without room" if shown.no_room else "",
    ]
    sections = [Section("", [fill("📥 {}", ", ".join(filter(None, counts)))])]
    if new.specs:
        # Named are those that are shown: a checksum takes its time, and there may be thousands.
        names = [spec_name(spec, chains) for spec in new.specs[:SHOWN_MOST]]
        sections.append(Section("New:", names + _more(len(new.specs))))
    if shown.kept:
        sections.append(Section("Watched here under another name, which stays:", _first(_kept(shown.kept))))
    if shown.bad:
        lines = [fill("Line {}: {}", str(one.line_number), one.sentence) for one in shown.bad]
        sections.append(Section("Not taken:", _first(lines)))
    beside = [*_beside(new, chains), *_left_out(shown)]
    if beside:
        sections.append(Section("", beside))
    (page,) = paged(sections, EMPTY + "Nothing is changed yet." if has_news(new) else EMPTY, most=1)
    return page


def has_news(new: Watchlist) -> bool:
    """Whether there is anything to add."""
    return new != Watchlist()


def in_list(watchlist: Watchlist) -> Html:
    """Return what there is in a watchlist: `12 accounts, 2 filters and 1 alarm`."""
    accounts = sum(spec.account is not None for spec in watchlist.specs)
    tokens = len(watchlist.specs) - accounts
    filters = sum(spec.filter is not None for spec in watchlist.specs) + (watchlist.filter is not None)
    loud = sum(spec.loud is not None for spec in watchlist.specs) + (watchlist.loud is not None)
    return folded(
        [
            EMPTY + counted(count, what)
            for count, what in (
                (accounts, "account"),
                (tokens, "token"),
                (filters, "filter"),
                (loud, "loud rule"),
                (len(watchlist.ignored), "ignored token"),
                (len(watchlist.names), "name"),
                (len(watchlist.alarms), "alarm"),
            )
            if count
        ],
        last=" and ",
    )


def spec_name(spec: WatchSpec, chains: Chains) -> Html:
    """Return what is to be watched, with what limits it."""
    if spec.account is not None:
        return account_name(spec.account, spec.label) + show_scope(spec.scope, chains)
    named = token_names(spec.scope.contracts)
    who = fill("{} · {}", bold_label(spec.label), named) if spec.label else named
    return who + " in every account" + show_scope(replace(spec.scope, contracts=frozenset()), chains)


def _first(lines: Sequence[Html]) -> list[Html]:
    return [*lines[:SHOWN_MOST], *_more(len(lines))]


def _more(count: int) -> list[Html]:
    return [EMPTY + f"… and {count - SHOWN_MOST:,} more"] if count > SHOWN_MOST else []


def _kept(kept: Sequence[tuple[int, WatchSpec, str]]) -> list[Html]:
    return [
        fill(
            "Line {}: {} is {} here",
            str(number),
            fill("{} · {}", bold_label(spec.label), short_address(spec.account))
            if spec.account
            else bold_label(spec.label),
            bold_label(name) if name else EMPTY + "without a name",
        )
        for number, spec, name in kept
    ]


def _beside(new: Watchlist, chains: Chains) -> list[Html]:
    """Return what comes with the accounts: their rules, and what is for the whole chat."""
    filters = sum(spec.filter is not None for spec in new.specs)
    loud = sum(spec.loud is not None for spec in new.specs)
    parts = [
        counted(filters, "filter") if filters else "",
        counted(loud, "loud rule") if loud else "",
        counted(len(new.names), "name") if new.names else "",
        counted(len(new.alarms), "alarm") if new.alarms else "",
    ]
    named = [EMPTY + part for part in parts if part]
    lines = [fill("With {}.", folded(named, last=" and "))] if named else []
    if new.filter is not None:
        lines.append(fill("For all that is watched here: {}.", filter_words(new.filter, chains)))
    if new.loud is not None:
        lines.append(fill("{} For all that is watched here: {}.", BELL, loud_words(new.loud, chains)))
    if new.ignored:
        lines.append(fill("Ignored from then on: {}.", counted(len(new.ignored), "token")))
    return lines


def _left_out(shown: Preview) -> list[Html]:
    lines = []
    if shown.in_use:
        lines.append(
            fill(
                "Left out, since it would change what is watched here already: {}.",
                folded([EMPTY + one for one in shown.in_use], last=" and "),
            )
        )
    if shown.no_room:
        lines.append(
            fill(
                "No room for {}: this chat can watch {} at most. Make room with /unwatch.",
                f"{shown.no_room:,}",
                f"{shown.limit:,}",
            )
        )
    if shown.unused:
        named = folded([typed_word(title) for title in shown.unused], last=" and ")
        lines.append(fill("Not used: the {} {}.", "column" if len(shown.unused) == 1 else "columns", named))
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of a press on [Import]."""

    specs: Sequence[WatchSpec]
    alarms: int
    is_all_read: bool
    """Whether all that was added had been read before."""
    lost: Sequence[str]
    """What was shown and not added, with the reason."""


def imported(done: Imported, chains: Chains) -> Html:
    """Return what was added, and what was not, as things are otherwise by now."""
    # Only the first are shown of many, and named.
    names = [spec_name(spec, chains) for spec in done.specs[:SHOWN_MOST]]
    names += [EMPTY] * (len(done.specs) - len(names))
    lines = []
    if names:
        count = f"{len(names):,}: " if len(names) > 1 else ""
        lines.append(fill("👁 Imported {}{}.", count, folded(names, last=" and ")))
    elif not done.lost:
        lines.append(EMPTY + "✓ Imported.")
    if done.alarms:
        lines.append(fill("⏰ {} set.", counted(done.alarms, "alarm")))
    if done.lost:
        lines.append(fill("Not as it was shown: {}.", "; ".join(done.lost)))
    if names:
        promise = (
            "every change from now on"
            if done.is_all_read
            else "what they hold in a moment, then every change"
        )
        lines.append(EMPTY + f"I'll post {promise}.")
    return join("\n", lines)
