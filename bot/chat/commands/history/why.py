"""`/why`: how a message came about, by the id at its end or as a reply to it; or why nothing came."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.chat.buttons.alert_buttons import TRANSFERS
from bot.chat.buttons.data import Screen, button, rows
from bot.chat.commands.arguments.addresses import read_words
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.lookup import find
from bot.chat.commands.command import (
    Answer,
    Command,
    Example,
    Feature,
    Missing,
    Request,
    Services,
    Who,
    usage,
)
from bot.chat.commands.history.lookup import first_changes
from bot.chat.commands.history.subject import ONLY_NAMED, Subject, find_subject, names_account, read_subject
from bot.chat.commands.history.transfers import find_transfers
from bot.chat.commands.words import typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.history.reasons import (
    account_lines,
    asset_lines,
    last_change,
    last_told,
    last_transfers,
    not_watched_on,
    traced_words,
)
from bot.chat.text.history.why import message_way, unknown_message
from bot.chat.text.html import EMPTY, Html, join
from bot.chat.text.wording import account_name, counted
from bot.domain.assets import Address, Asset
from bot.domain.deliver.message_ids import delivery_of, message_id, read_message_id
from bot.domain.history.changes import PastChange, Selection, Span
from bot.domain.history.reasons import Situation, reason_of
from bot.domain.places import Place
from bot.store.chats import subscriptions
from bot.store.history import changes, situations, ways
from bot.store.history.situations import ToldBefore
from bot.store.outbox import delivered
from bot.store.rows import LISTING_PARTS

WHY_COMMAND = Command(
    name="why",
    does="Explain an alert, or why none came",
    grammar="/why MESSAGE_ID, or /why WHO [TOKEN] [on CHAIN]",
    examples=(
        Example("/why 7KQ2F", "says how the alert with this id came about, line for line"),
        Example("/why Treasury USDC", "says why nothing came about it"),
        Example("/why", "explains the message that you reply to, or the last one here"),
    ),
    who=Who.READERS,
)


ACCOUNTS_SHOWN = 3
"""Of several that are meant; each may have much to say."""


@dataclass(frozen=True, slots=True)
class WhyRequest(Request):
    """`/why`."""

    needs = WHY_COMMAND.needs
    text: str
    """"": nothing is named."""

    @property
    def missing(self) -> Missing | None:
        """The message, which may be replied to; where a token alone is named, the account."""
        if not self.text:
            return Missing.MESSAGE
        names_it = names_account(self.text) or read_message_id(self.text) is not None
        return None if names_it else Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Explain the message that is named, or the newest one here; or why nothing came."""
        place = incoming.place
        if not self.text:
            newest = await services.db.run(ways.newest_message, place)
            explained = None if newest is None else await _explained(services, place, message_id(newest))
            return (usage(WHY_COMMAND) if explained is None else explained,)
        # Something may be called like an id; what people see in /list goes first.
        listed = await services.db.run(subscriptions.subscriptions_here, place)
        explained = None if find(listed, self.text) else await _explained(services, place, self.text)
        return (explained or await _silence(services, place, self.text),)


async def _explained(services: Services, place: Place, typed: str) -> Screen | None:
    """Return how a message of this place came about; None: it has none of that id."""
    spelled = read_message_id(typed)
    number = None if spelled is None else delivery_of(spelled)
    # Longer texts are ids of higher numbers only.
    if number is None or message_id(number) != spelled:
        return None
    now = await services.now_in(place)
    found = await services.db.run(ways.find_message, place, number, now)
    if found is None:
        return None
    about = await services.db.run(delivered.about, number)
    buttons = [button("Transfers", TRANSFERS, number)] if about.lacks_transfers else []
    return Screen(message_way(found, services.chains, now), rows(buttons))


async def _silence(services: Services, place: Place, text: str) -> Html | Screen:
    """Return why nothing came about what is named."""
    now = await services.now_in(place)
    refused = await _why_refused(services, place, text, now)
    # A word may be both the id of a message and a name; what has that name counts.
    if refused and read_message_id(text) is not None and refused.reason != ONLY_NAMED:
        return unknown_message(typed_word(text), services.history_days)
    # A token that was never seen here is no subject of the past; to whoever asks why, that is the answer.
    token = next((one.named for one in read_words(refused.word) if one.named), None) if refused else None
    others = text.replace(refused.word, "", 1).strip() if refused and token else ""
    subject = await read_subject(services, place, WHY_COMMAND, others or text, now)
    if isinstance(subject, Screen):
        return subject
    if token is not None and others:
        chains = subject.selection.chains or (await services.listing()).asked
        assets = frozenset(Asset(chain_id, token.address) for chain_id in chains)
        subject = replace(subject, selection=subject.selection._replace(assets=assets))
    return await _Silence(services, place, subject, now).explain()


async def _why_refused(services: Services, place: Place, text: str, now: datetime) -> LineRefused | None:
    """Return why a text means nothing that is known here; None: it does."""
    try:
        chains = ChainReader(services.chains, await services.listing())
        await find_subject(services.db, chains, place, text, now)
    except LineRefused as refused:
        return refused
    return None


class _Silence:
    """Answers why nothing came about one subject in one place."""

    def __init__(self, services: Services, place: Place, subject: Subject, now: datetime) -> None:
        self._services = services
        self._place = place
        self._subject = subject
        self._now = now
        self._db = services.db

    async def explain(self) -> Html:
        """Return the answer, a block for each account."""
        listed = await self._db.run(subscriptions.subscriptions_here, self._place)
        labels = {one.subscription.account: one.subscription.label for one in listed}
        accounts = sorted(self._subject.selection.accounts) or [one for one in labels if one is not None]
        if not accounts:  # tokens alone are watched
            return EMPTY + "No account is watched here. Name one."
        span = await self._db.run(changes.span_of, self._subject.destination_id)
        blocks = [
            join("\n", [account_name(one, labels.get(one, "")), *await self._lines(one, span)])
            for one in accounts[:ACCOUNTS_SHOWN]
        ]
        if len(accounts) > ACCOUNTS_SHOWN:
            more = counted(len(accounts) - ACCOUNTS_SHOWN, "more account")
            blocks.append(EMPTY + f"… and {more}. Name one of them.")
        since = await self._db.run(situations.traced_since)
        return join("\n\n", [*blocks, *([] if since is None else [traced_words(since, self._now)])])

    async def _lines(self, account: Address, span: Span | None) -> list[Html]:
        """Return why nothing came about an account or its tokens, and what came last."""
        found = await self._situations(account) if self._subject.selection.assets else []
        assets = [of.asset for of in found]
        newest = await self._newest(account, assets, span)
        lines = [last_change(one, self._now) for one in newest]
        lines.append(await self._last_told(account, assets, span))
        if assets:
            here = self._subject.destination_id
            known = await self._db.run(changes.with_known_counterparties, here, newest)
            lines += [line for one in known for line in last_transfers(one, self._services.chains, self._now)]
        of = await self._of_assets(found, span) if found else await self._of_account(account)
        return [*of, *filter(None, lines)]

    async def _situations(self, account: Address) -> list[Situation]:
        """Return how things stand with the assets that are meant: of several, those that are watched."""
        on, assets = self._subject.selection.chains, sorted(self._subject.selection.assets)
        known = await self._read(account, assets)
        found = [of for of in known if not on or of.asset.chain_id in on]
        # On a chain that is named and where no token is called so, the contract is not known either.
        contract = min(one.contract for one in assets)
        lacking = [Asset(chain_id, contract) for chain_id in sorted(on - {one.chain_id for one in assets})]
        found += [
            replace(of, is_named=True, description=known[0].description if known else of.description)
            for of in await self._read(account, lacking)
        ]
        return [of for of in found if of.is_watched or of.asset.chain_id in on] or found[:1]

    async def _read(self, account: Address, assets: Collection[Asset]) -> list[Situation]:
        return await self._db.run(
            situations.situations,
            self._place,
            account,
            assets,
            chains=(await self._services.listing()).asked,
            status=self._services.contract_status,
        )

    async def _newest(
        self, account: Address, assets: Sequence[Asset], span: Span | None
    ) -> Sequence[PastChange]:
        """Return the newest change of an account here, of these assets or of all; none if there is none."""
        chains = self._subject.selection.chains
        selection = Selection(frozenset({account}), frozenset(assets), chains)
        return (await first_changes(self._db, self._subject.destination_id, selection, span, 1)).changes

    async def _of_assets(self, found: Sequence[Situation], span: Span | None) -> list[Html]:
        known = [
            of
            if of.was_held
            else replace(of, was_held=bool(await self._newest(of.account, [of.asset], span)))
            for of in found
        ]
        reasons = [(of, reason_of(of)) for of in known]
        is_verified = self._services.contract_status == LISTING_PARTS[0]
        return asset_lines(reasons, self._services.chains, self._now, lists_verified=is_verified)

    async def _of_account(self, account: Address) -> list[Html]:
        chains, status = (await self._services.listing()).asked, self._services.contract_status
        of = await self._db.run(situations.account_situation, self._place, account, chains, status)
        on = self._subject.selection.chains or of.chains
        lines = account_lines(of.narrowed(on), self._services.chains, self._now)
        if not of.is_watched or on <= of.chains:
            return lines
        elsewhere = not_watched_on(on - of.chains, self._services.chains)
        return [*(lines if on & of.chains else ()), elsewhere]

    async def _last_told(self, account: Address, assets: Sequence[Asset], span: Span | None) -> Html:
        told = ToldBefore(None, None, span)
        while told.rest is not None:
            told = await self._db.run(
                situations.told_in, self._subject.destination_id, account, assets, told.rest
            )
        return last_told(told.message, told.sent_at, self._now, self._services.history_days)


def _read_why(rest: str, _chains: ChainReader) -> WhyRequest:
    return WhyRequest(" ".join(rest.split()))


WHY = Feature(WHY_COMMAND, _read_why, {TRANSFERS: find_transfers})
