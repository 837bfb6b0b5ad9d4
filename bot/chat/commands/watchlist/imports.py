"""`/import`: a watchlist or a spreadsheet is shown as what is new of it, and added once somebody says so."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat.buttons import toasts
from bot.chat.buttons.data import ButtonAction, Press, Screen, button, rows
from bot.chat.commands.arguments.addresses import holds_possible_key
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.arguments.recovery_phrase import holds_recovery_phrase
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Request,
    Services,
    Who,
    usage,
)
from bot.chat.commands.watch.unwatch import end
from bot.chat.commands.watch.words import why_label_taken
from bot.chat.commands.watchlist import words
from bot.chat.commands.watchlist.files import BYTES_MOST, FileRefused, read_text
from bot.chat.commands.watchlist.meaning import MeantWatchlist, watchlist_meant
from bot.chat.commands.watchlist.reader import TypedWatchlist, read_watchlist
from bot.chat.commands.watchlist.words import Imported, Preview, imported, preview
from bot.chat.commands.watchlist.writer import write_watchlist
from bot.chat.commands.words import EXAMPLE_ACCOUNT, possible_key, recovery_phrase
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html
from bot.chat.text.wording import counted
from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.chat.watchlist import Fit, ImportPlan
from bot.domain.places import Place
from bot.domain.subscriptions import WatchSpec
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.polling.alarm_values import ValueTerms
from bot.store.watchlists import imports

IMPORT_COMMAND = Command(
    name="import",
    does="Watch what a list names, once you have seen what is new",
    grammar="/import, as the caption of a file, in reply to one, or with lines behind it",
    examples=(
        Example(
            "/import", "under a list as text or CSV: shows what of it is new, with a button that adds it"
        ),
        Example(
            f"/import {EXAMPLE_ACCOUNT} on polygon as Treasury",
            "the same for lines that follow /watch; /export watchlist writes such a list",
        ),
    ),
    who=Who.CHANGERS,
)

TAKE = ButtonAction("import")
"""Adds what was shown of a watchlist; `row` is the import's id, here and below."""
CANCEL = ButtonAction("dropimport")
"""Forgets it."""
UNDO_IMPORT = ButtonAction("unimport")
"""Stops what it added, as far as that is still watched."""

# ---------------------------------------------------------------- what is shown


@dataclass(frozen=True, slots=True)
class ImportRequest(Request):
    """`/import` of a file, or of the lines behind it."""

    needs = IMPORT_COMMAND.needs
    text: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show what is new of a list."""
        text = self.text
        if incoming.document is not None:
            content = await services.download(incoming.document, BYTES_MOST)
            if isinstance(content, str):
                return (words.not_fetched(incoming.document.file_name, content),)
            try:
                text = await asyncio.to_thread(read_text, content)
            except FileRefused as refused:
                return (refused.sentence,)
        if not text.strip():
            return (usage(IMPORT_COMMAND),)
        return (await show(services, incoming.place, text),)


def _read_import(rest: str, _chains: ChainReader) -> ImportRequest:
    return ImportRequest(rest)


async def show(services: Services, place: Place, text: str) -> Html | Screen:
    """Return what would become of a list; nothing but what is new of it is kept."""
    if holds_recovery_phrase(text):
        return recovery_phrase()
    if holds_possible_key(text):
        return words.in_line(_line_with_key(text), possible_key())
    meant, typed = await _read(services, place, text)
    if not meant.specs and not typed.commands and not meant.bad:
        return EMPTY + words.NOTHING_IN_IT
    limit = services.max_subscriptions_per_chat
    plan = await services.db.run(imports.plan_import, place, meant.watchlist, limit=limit)
    new = imports.new_of(meant.watchlist, plan)
    shown = preview(await _preview(services, place, meant, typed, plan), services.chains)
    if not words.has_news(new):
        return shown
    content = await asyncio.to_thread(write_watchlist, new, services.chains)
    row = await services.db.run(imports.save_import, place, content, services.now())
    count = f" {len(new.specs):,}" if new.specs else ""
    return Screen(shown, rows([button(f"Import{count}", TAKE, row), button("Cancel", CANCEL, row)]))


def _line_with_key(text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if holds_possible_key(line))


async def _read(services: Services, place: Place, text: str) -> tuple[MeantWatchlist, TypedWatchlist]:
    chains = ChainReader(services.chains, await services.listing())
    # In a thread, as is writing: five thousand lines take a second.
    typed = await asyncio.to_thread(read_watchlist, text, chains)
    return await watchlist_meant(services.db, chains, place, typed), typed


async def _preview(
    services: Services, place: Place, meant: MeantWatchlist, typed: TypedWatchlist, plan: ImportPlan
) -> Preview:
    listed = await services.db.run(subscriptions_here, place)
    names = {one.number: one.subscription.label for one in listed}
    kept: list[tuple[int, WatchSpec, str]] = []
    bad = list(meant.bad)
    for (line, spec), result in zip(meant.specs, plan.results, strict=True):
        if result.outcome is SubscribeOutcome.KEPT and result.number in names:
            kept.append((line, spec, names[result.number]))
        elif result.outcome is SubscribeOutcome.KEPT:
            bad.append(BadLine(line, spec.label, words.SECOND_NAME))
        if result.taken is not None:
            bad.append(BadLine(line, spec.label, why_label_taken(result.taken)))
    bad += [
        BadLine(line, "", "The account of the alarm is not watched, here or in the list.")
        for (line, _), fit in zip(meant.alarms, plan.alarms, strict=True)
        if fit is Fit.UNWATCHED
    ]
    outcomes = Counter(result.outcome for result in plan.results)
    fits = [*plan.alarms, *plan.ignored, *plan.names, *filter(None, (plan.filter, plan.loud))]
    return Preview(
        new=imports.new_of(meant.watchlist, plan),
        known=outcomes[SubscribeOutcome.ALREADY] or (0 if meant.specs else fits.count(Fit.KNOWN)),
        kept=kept,
        bad=sorted(bad, key=lambda one: one.line_number),
        no_room=outcomes[SubscribeOutcome.FULL],
        limit=services.max_subscriptions_per_chat,
        standing=plan.standing,
        in_use=_in_use(plan),
        unused=typed.unused,
    )


def _in_use(plan: ImportPlan) -> list[str]:
    """Return what is left out, as it would change what is watched already."""
    ignored, names = plan.ignored.count(Fit.IN_USE), plan.names.count(Fit.IN_USE)
    return [
        *(["/only all"] if plan.filter is Fit.IN_USE else []),
        *(["/loud all"] if plan.loud is Fit.IN_USE else []),
        *(["the loud rules"] if plan.own_loud_rules is Fit.IN_USE else []),
        *([f"{counted(ignored, 'ignored token')}"] if ignored else []),
        *([f"{counted(names, 'name')} in use"] if names else []),
    ]


# ---------------------------------------------------------------- what is done


async def _find_to_take(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Add what was shown."""
    found = await services.db.run(imports.find_import, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        if found.is_done:
            return CallbackResult(words.IMPORTED_ALREADY, ends_buttons=True)
        if found.is_over(services.now()):
            return CallbackResult(words.TOO_LATE, ends_buttons=True)

        async def then() -> Answer:
            return await _take(services, presser, found)

        return CallbackResult(ends_buttons=True, then=then)

    return CallbackAction(IMPORT_COMMAND.needs, act, found.place)


async def _take(services: Services, presser: Incoming, pending: imports.PendingImport) -> Answer:
    meant, _ = await _read(services, pending.place, pending.content)
    result = await services.db.run(
        imports.carry_out_import,
        pending,
        meant.watchlist,
        presser.actor(services.now()),
        limit=services.max_subscriptions_per_chat,
        status=services.contract_status,
        by=ValueTerms(services.contract_status, services.chains),
    )
    if result.is_repeated:
        return (EMPTY + words.IMPORTED_ALREADY,)
    created = [
        (spec, one)
        for (_, spec), one in zip(meant.specs, result.plan.results, strict=True)
        if one.outcome is SubscribeOutcome.CREATED
    ]
    done = Imported(
        specs=[spec for spec, _ in created],
        alarms=result.plan.alarms.count(Fit.NEW) - result.uncompared,
        is_all_read=all(one.known is not None for _, one in created),
        lost=_lost(meant.bad, result),
    )
    undo = [button("Undo", UNDO_IMPORT, pending.row)] if created else []
    return (Screen(imported(done, services.chains), rows(undo)),)


def _lost(bad: Sequence[BadLine], result: imports.ImportResult) -> list[str]:
    """Return what was shown and was not added, as things have changed since."""
    outcomes = Counter(one.outcome for one in result.plan.results)
    known = outcomes[SubscribeOutcome.ALREADY] + outcomes[SubscribeOutcome.KEPT]
    alarms = len(result.plan.alarms) - result.plan.alarms.count(Fit.NEW)
    taken, full = outcomes[SubscribeOutcome.TAKEN], outcomes[SubscribeOutcome.FULL]
    return [
        *([f"{known:,} watched here by now"] if known else []),
        *([f"the name of {taken:,} is in use here by now"] if taken else []),
        *([f"no room for {full:,} any more"] if full else []),
        *([f"{len(bad):,} that can't be read any more"] if bad else []),
        *([f"{counted(alarms, 'alarm')} that can't be set any more"] if alarms else []),
        *(
            [f"{counted(result.uncompared, 'alarm')} on nothing that is watched of the account"]
            if result.uncompared
            else []
        ),
        *_in_use(result.plan),
    ]


async def _find_to_cancel(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Forget what was shown."""
    found = await services.db.run(imports.find_import, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(_: Incoming) -> CallbackResult:
        if not await services.db.run(imports.drop_import, press.row):
            return CallbackResult(words.IMPORTED_ALREADY, ends_buttons=True)
        return CallbackResult(words.NOT_IMPORTED, Screen(EMPTY + words.NOT_IMPORTED))

    return CallbackAction(IMPORT_COMMAND.needs, act, found.place)


async def _find_to_undo(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Stop what an import added."""
    found = await services.db.run(imports.find_import, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        listed = await services.db.run(subscriptions_here, found.place)
        added = tuple(one for one in listed if one.subscription.id in found.added)
        if not added:
            return CallbackResult(words.UNDONE_ALREADY, is_used_up=True)

        async def then() -> Answer:
            return await end(services, presser, added)

        return CallbackResult(toasts.UNDONE, is_used_up=True, then=then)

    return CallbackAction(IMPORT_COMMAND.needs, act, found.place)


IMPORT = Feature(
    IMPORT_COMMAND,
    _read_import,
    {TAKE: _find_to_take, CANCEL: _find_to_cancel, UNDO_IMPORT: _find_to_undo},
)
