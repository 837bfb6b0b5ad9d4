"""`/export`: the changes of a time as a file for spreadsheets or programs."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.chat.buttons.data import Attachment, Screen, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import Answer, Command, Example, Feature, Missing, Request, Services, Who
from bot.chat.commands.history.export_writer import ExportWriter
from bot.chat.commands.history.periods import are_period, in_words
from bot.chat.commands.history.subject import Subject, names_account, read_subject
from bot.chat.commands.watchlist.export import WatchlistRequest
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.wording import counted, moment
from bot.domain.deliver.alerts import MuteKind
from bot.domain.deliver.traces import Silence
from bot.domain.history.export_files import ExportFormat
from bot.store.history import exports

DEFAULT_PERIOD = "90d"
DEFAULT_SPAN = timedelta(days=90)

BYTES_MOST = 10_000_000
"""Of one file: Telegram takes larger ones, but phones and the bot's memory would not."""

EXPORT_COMMAND = Command(
    name="export",
    does="Send changes as a file, for a spreadsheet or a program",
    grammar="/export [ACCOUNT] [TOKEN] [90d] [csv or json], or /export watchlist",
    examples=(
        Example("/export", "all changes here of the last 90 days, as CSV"),
        Example("/export Treasury USDC 1y", "those of one account and token, of a year"),
        Example("/export 30d json", "for programs; every number is a string"),
        Example("/export watchlist", "what is watched here, with its rules and alarms, as text for /import"),
    ),
    who=Who.READERS,
)


@dataclass(frozen=True, slots=True)
class ExportRequest(Request):
    """`/export` with what somebody typed."""

    needs = EXPORT_COMMAND.needs
    text: str
    written_as: ExportFormat = ExportFormat.CSV

    @property
    def missing(self) -> Missing | None:
        """The account, which the message replied to may name."""
        return None if names_account(self.text) else Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Make the file, beside whatever else is asked for meanwhile."""
        now = await services.now_in(incoming.place)
        # Counted back in UTC: a zone's own arithmetic ignores its changes of the clock.
        at = now.astimezone(UTC)
        subject = await read_subject(services, incoming.place, EXPORT_COMMAND, self.text, at)
        if isinstance(subject, Screen):
            others = _OTHER_FORMATS.intersection(self.text.casefold().split())
            return (other_format(min(others)) if others else subject,)
        export = _Export(services, incoming, subject, self.written_as, now)
        return await services.run_slowly(incoming.place, export.run)


def _read_export(rest: str, _chains: ChainReader) -> ExportRequest | WatchlistRequest:
    words = rest.split()
    if _WATCHLIST.fullmatch(" ".join(words)):
        return WatchlistRequest()
    # Only at one end, or before a length of time there: a label may contain the word.
    places = [place for place in reversed(range(len(words))) if are_period(words[place + 1 :])]
    for place in (*places, *range(len(words))[:1]):
        written_as = _FORMATS.get(words[place].casefold())
        if written_as is not None:
            return ExportRequest(" ".join([*words[:place], *words[place + 1 :]]), written_as)
    return ExportRequest(" ".join(words))


_WATCHLIST = re.compile(r"watch ?list(?: (?:as )?(?:txt|text|csv|json))?", re.IGNORECASE)
"""There is one form of it, whatever is asked for."""
_FORMATS = {one.value: one for one in ExportFormat}
_OTHER_FORMATS = frozenset({"excel", "ods", "pdf", "tsv", "txt", "xls", "xlsx", "xml"})


class _Export:
    """Makes one file for a place."""

    def __init__(
        self,
        services: Services,
        incoming: Incoming,
        subject: Subject,
        written_as: ExportFormat,
        now: datetime,
    ) -> None:
        self._services = services
        self._incoming = incoming
        self._place = incoming.place
        self._subject = subject
        self._since = subject.since or now.astimezone(UTC) - DEFAULT_SPAN
        self._period = subject.period or DEFAULT_PERIOD
        self._written_as = written_as
        self._now = now

    async def run(self, note: Callable[[Html], None]) -> Answer:
        """Return the file, or why there is none; nothing where the chat was closed meanwhile."""
        services, subject = self._services, self._subject
        writer = ExportWriter(services.db, services.chains, self._written_as)
        async for _ in writer.write(subject.destination_id, subject.selection, self._since):
            if services.permissions.was_closed(self._place.chat_id):
                return ()
            if writer.file.size > BYTES_MOST:
                return (await self._too_large(writer.last or self._now),)
            note(written_so_far(writer, self._now))
        if not writer.file.rows:
            return (nothing_changed(subject.of, self._now - self._since),)
        name = subject.typed.casefold() or "everything watched"
        what = f"{counted(writer.file.rows, 'change')} of {name}, {self._period}, {self._written_as}"
        await services.db.run(exports.note_export, self._place, what, self._incoming.actor(services.now()))
        return (
            Attachment(
                name=file_name(writer, self._written_as),
                content=writer.file.content(),
                caption=caption(subject.of, writer, self._now),
            ),
        )

    async def _too_large(self, reached: datetime) -> Screen:
        """Return the refusal, with the command for a time whose changes probably fit."""
        narrower = _rounded((reached - self._since) * _CAUTION)
        command = " ".join(filter(None, ("/export", self._subject.typed, narrower, self._written_as)))
        buttons = await self._services.button_commands.buttons(self._place, (f"Only {narrower}", command))
        return Screen(too_large(self._now - self._since, command), rows(buttons))


_CAUTION = 0.9
"""Later days may have more changes than those that filled the file."""


def _rounded(span: timedelta) -> str:
    """Return a span as it is typed, rounded down to days, or to hours where it is less than one."""
    days, hours = span // timedelta(days=1), span // timedelta(hours=1)
    return f"{days}d" if days else f"{max(1, hours)}h"


# ---------------------------------------------------------------- words


def file_name(writer: ExportWriter, written_as: ExportFormat) -> str:
    """Return what a file is called: the days of its first change and its last, in UTC."""
    days = dict.fromkeys(f"{one:%Y-%m-%d}" for one in (writer.first, writer.last) if one)
    return f"changes-{'-to-'.join(days)}.{written_as}"


def caption(of: Html, writer: ExportWriter, now: datetime) -> Html:
    """Return what stands under a file: how many changes, from when to when, and what is lacking."""
    # Each moment once: there may be one change alone.
    moments = list(dict.fromkeys(moment(one, now) for one in (writer.first, writer.last) if one))
    when = f"from {' to '.join(moments)}" if len(moments) > 1 else f"at {''.join(moments)}"
    lines = [fill("{}{}, {}", counted(writer.file.rows, "change"), of, when), *_not_sent(writer.reported)]
    if writer.raw_only:
        lines.append(EMPTY + f"In smallest units only, as nobody knows the decimals: {writer.raw_only:,}")
    return join("\n", (*lines, "Times in the file are in UTC"))


_WHY_NOT_SENT: Mapping[str, str] = {
    Silence.FILTER: "held back by /only",
    Silence.SETTLED: "held back by /only and undone since",
    Silence.DIGEST: "left to the digest",
    Silence.IGNORED: "ignored",
    Silence.UNITS: "only in the token's decimals",
    MuteKind.MUTE: "muted",
    MuteKind.QUIET: "kept back by /quiet",
    MuteKind.BUDGET: "kept back by /budget",
    "waiting": "waiting to be sent",
    "withdrawn": "withdrawn",
    "expired": "expired",
    "refused": "refused by Telegram",
}
"""By the words of the file."""


def _not_sent(reported: Counter[str]) -> list[Html]:
    """Return how many changes had no message here, and why."""
    why = Counter[str]()
    for word, count in reported.items():
        if word != "sent":
            why[_WHY_NOT_SENT.get(word, word)] += count
    if not why:
        return []
    parts = ", ".join(f"{count:,} {words}" for words, count in why.most_common())
    return [fill("Without a message of their own here: {}", parts)]


def written_so_far(writer: ExportWriter, now: datetime) -> Html:
    """Return how far a file is that is being written."""
    up_to = f", up to {moment(writer.last, now)}" if writer.last else ""
    so_far = f"{counted(writer.file.rows, 'change')} so far{up_to}"
    return EMPTY + f"⏳ I'm writing the file: {so_far}. If it doesn't come, please ask again."


def nothing_changed(of: Html, span: timedelta) -> Html:
    """Return the answer where there is nothing to export."""
    longer = code("/export 1y")
    return fill("No changes{} in the last {}. {} looks back a year.", of, in_words(span), longer)


def other_format(named: str) -> Html:
    """Return the answer to who asks for a file of a kind that is not written."""
    return fill(
        "I don't write {} files, but CSV, which spreadsheets open, and JSON: {} or {}.",
        named,
        code("/export csv"),
        code("/export json"),
    )


def too_large(span: timedelta, command: str) -> Html:
    """Return the answer where a file would be too large."""
    return fill(
        "The changes of the last {} don't fit into a file of {} MB. Try {}, or name an account or a token.",
        in_words(span),
        f"{BYTES_MOST // 1_000_000}",
        code(command),
    )


EXPORT = Feature(EXPORT_COMMAND, _read_export)
