"""`/chart`: a picture of how a balance moved, or of what an account was worth."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.chart.picture import chart
from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Attachment, Screen, in_pairs, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.lookup import find
from bot.chat.commands.command import Answer, Command, Example, Feature, Missing, Request, Services, Who
from bot.chat.commands.history.export import EXPORT_COMMAND
from bot.chat.commands.history.lookup import read_series
from bot.chat.commands.history.subject import Subject, names_account, read_subject
from bot.chat.permissions import Incoming
from bot.chat.text.history.charts import ChartSubject, caption, not_in_worth, spec_of, too_few
from bot.chat.text.html import EMPTY, Html, fill
from bot.chat.text.wording import RAW_UNITS, asset_name, token_words
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import Address, Asset
from bot.domain.history.series import Series, WorthOnDay, worth_series
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.holdings import ChainHoldings, NamedBalance
from bot.domain.observe.prices import price_kept
from bot.domain.observe.worth import dollars_held, worth_of
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription
from bot.store.chats import subscriptions
from bot.store.history import series as stored
from bot.store.polling import holdings

CHART_COMMAND = Command(
    name="chart",
    does="Draw how a balance moved",
    grammar="/chart LABEL, ADDRESS or #NUMBER [TOKEN [on CHAIN] or usd] [30d]",
    examples=(
        Example("/chart Treasury USDC", "draws the last 30 days of one balance"),
        Example("/chart Treasury usd 1y", "draws what the account was worth on each day of a year"),
        Example("/chart Treasury", "asks which token"),
    ),
    who=Who.READERS,
    aliases=("graph",),
)

_USUAL_PERIOD, _USUAL_SPAN = "30d", timedelta(days=30)
_PERIODS = (("7 days", "7d"), ("30 days", "30d"), ("1 year", "1y"))
_IN_DOLLARS = frozenset({"usd", "$", "worth", "dollars"})
_FEWEST_STEPS = 2


@dataclass(frozen=True, slots=True)
class ChartRequest(Request):
    """`/chart`."""

    needs = CHART_COMMAND.needs
    text: str

    @property
    def missing(self) -> Missing | None:
        """The account, where none is named for certain: then a message that is replied to may say which."""
        return None if names_account(self.text) else Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Draw it, or ask what is meant."""
        place = incoming.place
        listed = await services.db.run(subscriptions.subscriptions_here, place)
        text, is_dollars = _without_dollars(self.text, listed)
        asked_at = services.now()
        subject = await read_subject(services, place, CHART_COMMAND, text, asked_at)
        if isinstance(subject, Screen):
            return (subject,)
        accounts = sorted(subject.selection.accounts)
        if not accounts:
            accounts = list(
                dict.fromkeys(one.subscription.account for one in listed if one.subscription.account)
            )
        if len(accounts) != 1:
            return (await _which_account(services, place, accounts, listed, subject, is_dollars=is_dollars),)
        (account,) = accounts
        period = _USUAL_SPAN if subject.since is None else asked_at - subject.since
        maker = await _Maker.prepare(services, place, subject, account, listed, period=period)
        made = await services.chart_turns.take(maker.worth if is_dollars else maker.balance)
        return made or (EMPTY + "Too many charts at once. Please ask again in a minute.",)


def _read_chart(rest: str, _chains: ChainReader) -> ChartRequest:
    return ChartRequest(" ".join(rest.split()))


def _without_dollars(text: str, listed: Sequence[ListedSubscription]) -> tuple[str, bool]:
    """Return the text without the word for dollars, and whether there was one; a label may contain it."""
    words = text.split()
    for place in reversed(range(len(words))):
        rest = " ".join([*words[:place], *words[place + 1 :]])
        if words[place].casefold() in _IN_DOLLARS and not find(listed, text):
            return rest, True
    return text, False


async def _which_account(
    services: Services,
    place: Place,
    accounts: Sequence[Address],
    listed: Sequence[ListedSubscription],
    subject: Subject,
    *,
    is_dollars: bool,
) -> Screen:
    """Ask which account is meant, with what else was typed."""
    labels = {one.subscription.account: one.subscription.label for one in listed if one.subscription.label}
    tail = " ".join(
        filter(
            None,
            (
                subject.typed if not subject.selection.accounts else "",
                "usd" if is_dollars else "",
                subject.period,
            ),
        )
    )
    offers = [
        (
            labels.get(account) or shortened(account),
            f"/{CHART_COMMAND.name} {checksummed(account)} {tail}".rstrip(),
        )
        for account in accounts[:OFFERED_MOST]
    ]
    buttons = await services.button_commands.buttons(place, *offers)
    if not accounts:
        return Screen(EMPTY + "No account is watched here. Name one.")
    return Screen(EMPTY + "A chart is of one account. Which one?", in_pairs(buttons))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Makes one chart of one account."""

    services: Services
    place: Place
    subject: Subject
    account: Address
    label: str
    period: timedelta
    now: datetime
    known: Sequence[ChainHoldings]
    """What the place sees of the account at the moment."""

    @classmethod
    async def prepare(
        cls,
        services: Services,
        place: Place,
        subject: Subject,
        account: Address,
        listed: Sequence[ListedSubscription],
        *,
        period: timedelta,
    ) -> "_Maker":
        sweeps, listing = await services.sweeps(), await services.listing()
        late_after = timedelta(seconds=sweeps.late_after_seconds)
        now = await services.now_in(place)
        known = await services.db.run(
            holdings.holdings_of,
            place,
            [account],
            listing.asked,
            services.contract_status,
            prices_since=now - price_kept(sweeps.late_after_seconds),
            seen_since=now - late_after,
        )
        labels = [one.subscription.label for one in listed if one.subscription.account == account]
        return cls(
            services=services,
            place=place,
            subject=subject,
            account=account,
            label=next(filter(None, labels), ""),
            period=period,
            now=now,
            known=known[account],
        )

    @property
    def _held(self) -> dict[Asset, NamedBalance]:
        return {one.asset: one for chain in self.known for one in chain.held}

    # ---------------------------------------------------------------- one balance

    async def balance(self) -> Answer:
        """Return the chart of one balance, or buttons for each that may be meant."""
        wanted = self.subject.selection.assets
        if not wanted:
            return (await self._which_token(self._by_worth(), EMPTY + "Which balance?"),)
        candidates = [asset for asset in self._held if asset in wanted]
        others = sorted(wanted.difference(candidates))
        candidates += await self.services.db.run(
            stored.changed_assets, self.subject.destination_id, self.account, others
        )
        on = self.subject.selection.chains
        candidates = [asset for asset in candidates if not on or asset.chain_id in on]
        if len(candidates) > 1:
            is_one_a_chain = len({asset.chain_id for asset in candidates}) == len(candidates)
            question = "On which chain?" if is_one_a_chain else "Which balance?"
            return (await self._which_token(candidates, EMPTY + question),)
        if not candidates:
            name = self.subject.name + self.subject.on
            return (fill("{} was not seen there.", name) if name else EMPTY + "Nothing was seen there.",)
        return await self._chart_of(candidates[0])

    async def _chart_of(self, asset: Asset) -> Answer:
        services, subject = self.services, self.subject
        key = await services.db.run(stored.find_balance, subject.destination_id, self.account, asset)
        held = self._held.get(asset)
        series: Series | None = None
        description = held.description if held else None
        is_alike = held is not None and held.is_look_alike
        if key is not None:
            description, is_alike = key.description, is_alike or key.is_look_alike
            series = await self._series(key, asset, held)
        assert description is not None
        alike = frozenset({asset}) if is_alike else frozenset()
        name = asset_name(asset, description, services.chains, alike)
        title = services.chains.get(asset.chain_id).title
        raw = f" {RAW_UNITS}" if decimals_of(asset, description, services.chains) is None else ""
        about = ChartSubject(
            account=self.account,
            label=self.label,
            what=fill("{}{} on {}", name, raw, title),
            period=self.period,
        )
        return await self._answer(about, series, self._typed(asset), ())

    async def _series(self, key: stored.BalanceKey, asset: Asset, held: NamedBalance | None) -> Series | None:
        since = self.now - self.period
        first = min(filter(None, (key.known_since, key.oldest)), default=since)
        since = min(max(since, first), self.now)
        return await read_series(
            self.services.db,
            key,
            since=since,
            until=self.now,
            amount_raw=None if held is None else held.amount.amount_raw,
            decimals=decimals_of(asset, key.description, self.services.chains),
        )

    def _typed(self, asset: Asset) -> str:
        """Return how the balance is named for certain."""
        chain = self.services.chains.get(asset.chain_id)
        token = (
            f"eip155:{asset.chain_id}:{checksummed(asset.contract)}"
            if asset.contract
            else chain.native_symbol
        )
        return f"{checksummed(self.account)} token {token} on {chain.name}"

    def _by_worth(self) -> list[Asset]:
        chains = self.services.chains
        return sorted(
            self._held, key=lambda asset: dollars_held(self._held[asset], chains) or 0, reverse=True
        )

    async def _which_token(self, assets: Sequence[Asset], question: Html) -> Screen:
        """Ask which balance is meant, or offer what all is worth."""
        offers = [
            (
                self._words(asset),
                f"/{CHART_COMMAND.name} {self._typed(asset)} {self.subject.period}".rstrip(),
            )
            for asset in assets[: OFFERED_MOST - 1]
        ]
        in_dollars = f"/{CHART_COMMAND.name} {checksummed(self.account)} usd {self.subject.period}".rstrip()
        buttons = await self.services.button_commands.buttons(
            self.place, *offers, ("All of it in dollars", in_dollars)
        )
        return Screen(question, rows(*([one] for one in buttons)))

    def _words(self, asset: Asset) -> str:
        """Return a balance for a button."""
        chain, held = self.services.chains.get(asset.chain_id), self._held.get(asset)
        symbol = held.description.symbol if held else None
        token = token_words(asset.contract, symbol or "") if asset.contract else chain.native_symbol
        return f"{token} {chain.title}"

    # ---------------------------------------------------------------- dollars

    async def worth(self) -> Answer:
        """Return the chart of what the account was worth."""
        days = await self.services.db.run(
            stored.daily_worth, self.subject.destination_id, self.account, self.now - self.period
        )
        worth = worth_of(self.known, self.services.chains)
        is_partial = bool(worth.unknown or worth.last_known)
        # What is no longer watched has no worth now, and without a price it is unknown.
        if worth.priced or (self.known and not worth.unpriced and not is_partial):
            days.append(WorthOnDay(self.now, worth.usd, worth.unpriced, is_partial=is_partial))
        about = ChartSubject(
            account=self.account,
            label=self.label,
            what=EMPTY + "worth",
            period=self.period,
            is_dollars=True,
        )
        series = worth_series(days, self.now)
        return await self._answer(about, series, f"{checksummed(self.account)} usd", not_in_worth(days))

    # ---------------------------------------------------------------- the answer

    async def _answer(
        self, about: ChartSubject, series: Series | None, typed: str, notes: Iterable[Html | str]
    ) -> Answer:
        shown = self.subject.period or _USUAL_PERIOD
        others = [
            (text, f"/{CHART_COMMAND.name} {typed} {period}") for text, period in _PERIODS if period != shown
        ]
        others.append(("CSV", f"/{EXPORT_COMMAND.name} {typed.removesuffix(' usd')} {shown}"))
        buttons = rows(await self.services.button_commands.buttons(self.place, *others))
        if series is None or len(series.steps) < _FEWEST_STEPS:
            return (Screen(too_few(about, series, self.now), buttons),)
        spec = spec_of(about, series, self.now.tzinfo or UTC)
        picture = await asyncio.to_thread(chart, spec)
        text = caption(about, series, self.now, list(notes))
        return (
            Attachment(name="chart.png", content=picture, caption=text, keyboard=buttons, is_picture=True),
        )


CHART = Feature(CHART_COMMAND, _read_chart)
