"""`/history`: what changed, newest first, what became of each change, and when nothing could be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from bot.chat.buttons import toasts
from bot.chat.buttons.data import BACK, FORTH, ButtonAction, Press, Screen, button, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Missing,
    Request,
    Services,
    Who,
)
from bot.chat.commands.history.lookup import first_changes
from bot.chat.commands.history.subject import Subject, names_account, read_subject
from bot.chat.permissions import Incoming
from bot.chat.text.history.history import HistoryPage, history_page
from bot.chat.text.html import EMPTY, Html, bold, fill
from bot.chat.text.wording import counted, moment
from bot.domain.history.changes import PastChange, Span
from bot.domain.places import Place
from bot.store.chats import button_commands
from bot.store.database.door import Database
from bot.store.history import changes, gaps
from bot.store.outbox.muted import mutes_of

HISTORY_COMMAND = Command(
    name="history",
    does="Show past changes, newest first",
    grammar="/history [LABEL, ADDRESS or #NUMBER] [TOKEN] [on CHAIN,…] [7d]",
    examples=(
        Example("/history", "lists what changed here, and what was held back and why"),
        Example("/history Treasury USDC 7d", "only one account, one token and the last 7 days"),
    ),
    who=Who.READERS,
    aliases=("changes",),
)

OLDER = ButtonAction("older")
"""Shows the page before a change; `row` keeps what was asked, and the page is the number of that change."""
NEWER = ButtonAction("newer")
"""Shows the page after a change."""

CHANGES_A_PAGE = 10


@dataclass(frozen=True, slots=True)
class HistoryRequest(Request):
    """`/history`."""

    needs = HISTORY_COMMAND.needs
    text: str

    @property
    def missing(self) -> Missing | None:
        """The account, where none is named for certain: then a message that is replied to may say which."""
        return None if names_account(self.text) else Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show the newest changes."""
        subject = await read_subject(services, incoming.place, HISTORY_COMMAND, self.text, services.now())
        if isinstance(subject, Screen):
            return (subject,)
        found = await _older(services, subject, None)
        kept = await services.db.run_if_possible(
            button_commands.save_button_commands,
            incoming.place,
            [f"/{HISTORY_COMMAND.name} {_asked(subject)}"],
            services.now(),
        )
        return (await _screen(services, incoming.place, subject, found, kept[0] if kept else None),)


def _read_history(rest: str, _chains: ChainReader) -> HistoryRequest:
    return HistoryRequest(" ".join(rest.split()))


def _asked(subject: Subject) -> str:
    """Return what follows a command about the same."""
    return f"{subject.typed} {subject.period}".strip()


# ---------------------------------------------------------------- pages


class _Found(NamedTuple):
    """What is found for a page: one change more than it shows, if there is one."""

    changes: Sequence[PastChange]
    """The newest first."""
    is_first: bool


async def _older(services: Services, subject: Subject, before: int | None) -> _Found:
    """Return the changes before one of a number, or with None the newest."""
    span = await services.db.run(changes.span_of, subject.destination_id, subject.since)
    if span is not None and before is not None:
        # No further than there are changes: a forged button may name any number.
        span = Span(span.oldest, min(before - 1, span.newest)) if before > span.oldest else None
    found = await first_changes(
        services.db, subject.destination_id, subject.selection, span, CHANGES_A_PAGE + 1
    )
    return _Found(found.changes, is_first=before is None)


async def _newer(services: Services, subject: Subject, after: int) -> _Found:
    """Return the changes after one of a number; where they don't fill a page, the newest ones."""
    span = await services.db.run(changes.span_of, subject.destination_id, subject.since)
    if span is None or after >= span.newest:
        return await _older(services, subject, None)
    found = await first_changes(
        services.db,
        subject.destination_id,
        subject.selection,
        Span(max(span.oldest, after + 1), span.newest),
        CHANGES_A_PAGE + 1,
        newest_first=False,
    )
    is_first = len(found.changes) <= CHANGES_A_PAGE
    return await _older(services, subject, None if is_first else found.changes[-2].id + 1)


async def _find_older(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show the page before a change."""
    return await _find_page(services, incoming, press, is_older=True)


async def _find_newer(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show the page after a change."""
    return await _find_page(services, incoming, press, is_older=False)


async def _find_page(
    services: Services, incoming: Incoming, press: Press, *, is_older: bool
) -> CallbackAction | None:
    kept = await services.db.run(button_commands.find_button_command, press.row, incoming.place.chat_id)
    begin = f"/{HISTORY_COMMAND.name}"
    # Anybody can forge a press with the row of another button.
    if kept is None or press.page is None or kept.command.partition(" ")[0] != begin:
        return None
    at, text = press.page, kept.command.removeprefix(begin)

    async def act(presser: Incoming) -> CallbackResult:
        # “7d” are those before the first page was shown, or the last one would move on under the reader.
        subject = await read_subject(services, presser.place, HISTORY_COMMAND, text, kept.made_at)
        if isinstance(subject, Screen):
            return CallbackResult(toasts.NOT_HERE)
        found = await (_older if is_older else _newer)(services, subject, at)
        screen = await _screen(services, presser.place, subject, found, press.row)
        return CallbackResult(redraw=screen, is_only_to_see=True)

    return CallbackAction(HISTORY_COMMAND.needs, act, kept.place)


# ---------------------------------------------------------------- what it shows


async def _screen(
    services: Services, place: Place, subject: Subject, found: _Found, row: int | None
) -> Screen:
    """Return a page with its buttons; without a `row` that keeps what was asked none leads to others."""
    page = await services.db.run(_Page, services, subject, found, await services.now_in(place))
    count = min(len(found.changes), CHANGES_A_PAGE)
    while not (text := page.text(count)).fits and count > 1:
        count -= 1
    is_first, is_last = found.is_first or not count, count == len(found.changes)
    newer = [] if is_first or row is None else [button(f"{BACK} Newer", NEWER, row, found.changes[0].id)]
    older = (
        [] if is_last or row is None else [button(f"Older {FORTH}", OLDER, row, found.changes[count - 1].id)]
    )
    offers = [("All times", f"/{HISTORY_COMMAND.name} {subject.typed}")] if is_last and subject.period else []
    if found.changes:
        offers += [("Chart", f"/chart {_asked(subject)}"), ("CSV", f"/export {_asked(subject)} csv")]
    return Screen(text, rows([*newer, *older], await services.button_commands.buttons(place, *offers)))


class _Page:
    """All that is to be known for a page, read at once."""

    def __init__(
        self, db: Database, services: Services, subject: Subject, found: _Found, now: datetime
    ) -> None:
        self._services = services
        self._subject = subject
        self._changes = changes.with_known_counterparties(db, subject.destination_id, found.changes)
        self._now = now
        self._watched_since = gaps.watched_since(db, subject.destination_id, subject.selection.accounts)
        self._mutes = mutes_of(db, subject.destination_id)
        self._gaps = gaps.gaps_between(
            db,
            subject.destination_id,
            subject.selection,
            self._begin(len(found.changes)),
            None if found.is_first or not found.changes else found.changes[0].change.observed_at,
            now=now,
        )

    def text(self, count: int) -> Html:
        """Return the text of so many of the changes."""
        begin = self._begin(count)
        page = HistoryPage(
            heading=self._heading(),
            changes=self._changes[:count],
            gaps=[gap for gap in self._gaps if gap.until is None or gap.since > begin],
            mutes=self._mutes,
            closing=self._closing(count),
        )
        return history_page(page, self._services.chains, self._now)

    def _begin(self, count: int) -> datetime:
        """Return when a page of so many changes begins: what could not be read before stands on the next."""
        if count < len(self._changes):
            return self._changes[count].change.observed_at
        moments = [one for one in (self._subject.since, self._watched_since) if one is not None]
        return max(moments, default=self._changes[-1].change.observed_at if self._changes else self._now)

    def _heading(self) -> Html:
        name = self._subject.name or EMPTY + "All that is watched here"
        last = f", last {self._subject.last}" if self._subject.last else ""
        return bold(fill("{}{}{}", name, self._subject.on, last))

    def _closing(self, count: int) -> Html:
        """Return what stands below the oldest changes, or in place of any."""
        if count < len(self._changes):
            return EMPTY
        kept = f"Changes are kept for {counted(self._services.history_days, 'day')}."
        if self._subject.period:
            return EMPTY + ("Nothing older in that time." if count else "Nothing changed in that time.")
        if count:
            return EMPTY + f"Nothing older. {kept}"
        since = f" since {moment(self._watched_since, self._now)}" if self._watched_since else ""
        return EMPTY + f"Nothing has changed{since}; what changes will be listed here. {kept}"


HISTORY = Feature(HISTORY_COMMAND, _read_history, {OLDER: _find_older, NEWER: _find_newer})
