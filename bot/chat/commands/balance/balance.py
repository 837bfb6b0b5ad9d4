"""`/balance`: what accounts hold, from what is stored, or asked live where nobody watches them here."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.chat.buttons import alert_buttons
from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import BACK, FORTH, Button, ButtonAction, Press, Screen, button, in_pairs, rows
from bot.chat.commands.arguments.addresses import is_service_name, no_address, read_words
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.lookup import closest_label, find
from bot.chat.commands.balance import words
from bot.chat.commands.balance.holdings import NamedHoldings, balances, by_worth, on_page, pages_of, table
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
from bot.chat.commands.words import EXAMPLE_ACCOUNT, no_account_watched, not_watched, nothing_watched
from bot.chat.permissions import Incoming
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import Address, ChainId
from bot.domain.history.sparkline import sparkline
from bot.domain.observe.holdings import ChainHoldings, with_sparklines
from bot.domain.observe.prices import price_kept
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription
from bot.store.balances.daily_amounts import daily_amounts
from bot.store.chats import ignore_list, subscriptions
from bot.store.outbox import delivered
from bot.store.polling import holdings

OTHERS_OFFERED = 3
"""Buttons for other accounts, under the balances of the first account of an alert."""

ACCOUNTS_AT_ONCE = 20
"""More are not read in one go: that would keep the next command waiting."""

BALANCE_COMMAND = Command(
    name="balance",
    does="Show what an account holds",
    grammar="/balance [LABEL, ADDRESS or #NUMBER]",
    examples=(
        Example("/balance Treasury", "shows what it holds, and what that is worth"),
        Example("/balance", "shows all accounts watched here"),
        Example(f"/balance {EXAMPLE_ACCOUNT}", "asks at once, if nobody watches it here"),
    ),
    who=Who.READERS,
    aliases=("balances",),
)

SHOW_PAGE = ButtonAction("balance")
"""Shows what a subscription's account holds, as it is now; the row is the subscription."""
SHOW_APART = ButtonAction("holds")
"""Shows the same in a message of its own."""
SHOW_ALL = ButtonAction("balances")
"""Shows a page of several accounts; the row is the one subscription that they are of, 0 if all are meant."""


@dataclass(frozen=True, slots=True)
class BalanceOfRequest(Request):
    """`/balance`; None: everything watched here."""

    needs = BALANCE_COMMAND.needs
    who: str | None

    @property
    def missing(self) -> Missing | None:
        """The account, where everything is meant unless a message is replied to."""
        return None if self.who else Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show what accounts hold that are watched here; of others the source is asked."""
        listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
        found = find(listed, self.who) if self.who else ()
        # Something may be called “all”: only where nothing is, the word means everything.
        who = self.who if found or (self.who or "").casefold() != "all" else None
        meant = tuple(listed) if who is None else found
        if not meant:
            return await _unwatched_balance(services, incoming.place, listed, who)
        accounts = _accounts(meant, listed)
        if not accounts:
            return (no_account_watched(),)
        named = await _named(services, incoming.place, accounts, meant)
        if len(named) == 1:
            return (await _balance_page(services, incoming.place, named[0], listed, 1),)
        row = meant[0].subscription.id if len(meant) == 1 else 0
        return (await _table_page(services, incoming.place, named, listed, row=row),)


def _read_balance(rest: str, _chains: ChainReader) -> BalanceOfRequest:
    return BalanceOfRequest(" ".join(rest.split()) or None)


async def _find_subscription(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show the balances of a subscription's account anew, or another page of them."""
    found = await _pressed(services, incoming, press)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        page = await _subscription_page(services, presser.place, found, press.page or 1)
        return CallbackResult(words.REFRESHED, page, is_only_to_see=True)

    return CallbackAction(BALANCE_COMMAND.needs, act, incoming.place)


async def _find_apart(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show the balances of a subscription's account in a message of their own."""
    found = await _pressed(services, incoming, press)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        async def then() -> Answer:
            return (await _subscription_page(services, presser.place, found, 1),)

        return CallbackResult(then=then)

    return CallbackAction(BALANCE_COMMAND.needs, act, incoming.place)


async def _pressed(services: Services, incoming: Incoming, press: Press) -> ListedSubscription | None:
    """Return the subscription of this place that a button names, if it is of an account."""
    listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
    return next(
        (one for one in listed if one.subscription.id == press.row and one.subscription.account), None
    )


async def _subscription_page(
    services: Services, place: Place, found: ListedSubscription, page: int
) -> Screen:
    """Return one page of what a subscription's account holds, under the name that it has there."""
    account, label = found.subscription.account, found.subscription.label
    assert account is not None
    named = await _named(services, place, [account], [found])
    # An account has a name for each subscription that labels it: shown is the one that was pressed.
    one = next((one for one in named if one.label == label), named[0])
    return await _balance_page(services, place, one, [found], page)


async def _find_all(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show another page of several accounts, as they are now."""

    async def act(presser: Incoming) -> CallbackResult:
        listed = await services.db.run(subscriptions.subscriptions_here, presser.place)
        meant = [one for one in listed if press.row in {0, one.subscription.id}]
        accounts = _accounts(meant, listed)
        if not accounts:
            return CallbackResult(words.NO_LONGER_WATCHED)
        named = await _named(services, presser.place, accounts, meant)
        page = press.page or 1
        shown = await _table_page(services, presser.place, named, listed, row=press.row, page=page)
        return CallbackResult(redraw=shown, is_only_to_see=True)

    return CallbackAction(BALANCE_COMMAND.needs, act, incoming.place)


async def _table_page(
    services: Services,
    place: Place,
    named: Sequence[NamedHoldings],
    listed: Sequence[ListedSubscription],
    *,
    row: int,
    page: int = 1,
) -> Screen:
    """Return one page of several accounts, those that are worth most first, with a button for each.

    `row` is what the buttons to other pages carry.
    """
    shown = by_worth(named, services.chains)
    page = min(max(1, page), pages_of(shown))
    now, accounts = await services.now_in(place), len({one.account for one in named})
    text = table(shown, services.chains, now, accounts=accounts, page=page)
    buttons = [_account_button(one, SHOW_APART, listed) for one in on_page(shown, page)]
    before = [button(BACK, SHOW_ALL, row, page - 1)] if page > 1 else []
    after = [button(FORTH, SHOW_ALL, row, page + 1)] if page < pages_of(shown) else []
    return Screen(text, in_pairs(buttons) + rows(before + after))


async def _find_alert(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show in one message what the accounts hold that an alert is about, as far as they are watched."""
    found = await services.db.run(delivered.find_delivery, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(_: Incoming) -> CallbackResult:
        listed = await services.db.run(subscriptions.subscriptions_here, found.place)
        watched = [account for account in found.about.accounts if account in _accounts(listed, listed)]
        if not watched:
            return CallbackResult(words.NO_LONGER_WATCHED)

        async def then() -> Answer:
            first = watched[: 1 + OTHERS_OFFERED]
            named = await _named(services, found.place, first, listed, found.about.chains)
            others = [_account_button(one, SHOW_PAGE, listed) for one in named[1 : 1 + OTHERS_OFFERED]]
            page = await _balance_page(services, found.place, named[0], listed, 1)
            return (replace(page, keyboard=page.keyboard + rows(others)),)

        return CallbackResult(then=then)

    # An alert whose topic is lost stands elsewhere in the chat: the answer comes where it was pressed.
    return CallbackAction(BALANCE_COMMAND.needs, act, incoming.place if found.is_fallback else found.place)


async def _balance_page(
    services: Services, place: Place, one: NamedHoldings, listed: Sequence[ListedSubscription], page: int
) -> Screen:
    """Return one page of what an account holds; the button in the middle shows it anew."""
    listing = await services.listing()
    now = await services.now_in(place)
    here = listed[0].subscription.destination_id
    days = await services.db.run(daily_amounts, here, [one.account], now)
    shapes = {asset: sparkline(amounts) for (_, asset), amounts in days.items()}
    known = with_sparklines(one.known, shapes)
    pages = balances(one.account, one.label, known, services.chains, now, listing=listing)
    page = min(max(1, page), len(pages))
    row = _row_of(one, listed)
    before = [button(BACK, SHOW_PAGE, row, page - 1)] if page > 1 else []
    after = [button(FORTH, SHOW_PAGE, row, page + 1)] if page < len(pages) else []
    anew = [button("Refresh", SHOW_PAGE, row, page)]
    return Screen(pages[page - 1], rows([*before, *anew, *after]))


def _account_button(one: NamedHoldings, action: ButtonAction, listed: Iterable[ListedSubscription]) -> Button:
    """Return the button that shows what an account holds under a label."""
    return button(one.label or shortened(one.account), action, _row_of(one, listed), 1)


async def _named(
    services: Services,
    place: Place,
    accounts: Sequence[Address],
    meant: Collection[ListedSubscription],
    first: AbstractSet[ChainId] = frozenset(),
) -> list[NamedHoldings]:
    """Return what is known of accounts, name by name, where what is meant covers any of their chains.

    Before the others of an account come the names that it has on the chains that are to be `first`.
    """
    named: list[NamedHoldings] = []
    for start in range(0, len(accounts), ACCOUNTS_AT_ONCE):
        known = await _known(services, place, accounts[start : start + ACCOUNTS_AT_ONCE])
        for account, on_chains in known.items():
            named += _by_name(account, on_chains, meant, first)
    return named


def _by_name(
    account: Address,
    known: Iterable[ChainHoldings],
    meant: Iterable[ListedSubscription],
    first: AbstractSet[ChainId],
) -> list[NamedHoldings]:
    by_label: dict[str, list[ChainHoldings]] = defaultdict(list)
    for on_chain in known:
        by_label[on_chain.label].append(on_chain)
    # A subscription without an account watches a token in all accounts, so it covers this one too.
    covering = [entry.subscription for entry in meant if entry.subscription.account in {account, None}]
    named = [
        NamedHoldings(account, label, theirs)
        for label, theirs in by_label.items()
        if any(
            subscription.scope.covers_chain(on_chain.chain_id)
            for subscription in covering
            for on_chain in theirs
        )
    ]
    label = next(
        (subscription.label for subscription in covering if subscription.label and subscription.account), ""
    )
    named.sort(key=lambda one: first.isdisjoint(on_chain.chain_id for on_chain in one.known))
    return named or [NamedHoldings(account, label, [])]


async def _known(
    services: Services, place: Place, accounts: Collection[Address]
) -> dict[Address, list[ChainHoldings]]:
    """Return what is known of accounts, with the prices that the last sweeps brought."""
    sweeps, listing = await services.sweeps(), await services.listing()
    return await services.db.run(
        holdings.holdings_of,
        place,
        accounts,
        listing.asked,
        services.contract_status,
        prices_since=services.now() - price_kept(sweeps.late_after_seconds),
        seen_since=services.now() - timedelta(seconds=sweeps.late_after_seconds),
    )


async def _unwatched_balance(
    services: Services, here: Place, listed: Sequence[ListedSubscription], who: str | None
) -> Answer:
    """Ask the source about an address that is not watched here; a name that nothing has is refused."""
    typed = read_words(who or "")
    accounts = list(dict.fromkeys(word.named.address for word in typed if word.named))
    if len(accounts) == 1:
        rules = await services.db.run(ignore_list.rules_here, here)
        return await services.ask_live(here, accounts[0], rules)
    if accounts:
        offers = [
            (shortened(account), f"/balance {checksummed(account)}") for account in accounts[:OFFERED_MOST]
        ]
        buttons = await services.button_commands.buttons(here, *offers)
        return (Screen(words.one_at_a_time(len(accounts)), in_pairs(buttons)),)
    refused = next((word.refused for word in typed if word.refused), None)
    if refused is None and who is not None and is_service_name(who):
        refused = no_address(who)
    if refused is not None:
        return (refused.sentence,)
    if who is None or not listed:
        return (nothing_watched(),)
    closest = closest_label(listed, who)
    offered = [(closest, f"/balance {closest}")] if closest else []
    buttons = await services.button_commands.buttons(here, *offered)
    if closest and who.casefold().startswith(closest.casefold() + " "):
        return (Screen(words.shows_everything(closest), rows(buttons)),)
    return (Screen(not_watched(who, closest), rows(buttons)),)


def _row_of(named: NamedHoldings, listed: Iterable[ListedSubscription]) -> int:
    """Return the row that buttons carry for an account under a label: its first subscription with it."""
    of_account = [entry.subscription for entry in listed if entry.subscription.account == named.account]
    return next(
        (subscription.id for subscription in of_account if subscription.label == named.label),
        of_account[0].id,
    )


def _accounts(
    meant: Iterable[ListedSubscription], listed: Iterable[ListedSubscription]
) -> tuple[Address, ...]:
    """Return the accounts of these subscriptions; a contract alone means all accounts."""
    chosen = list(meant)
    if any(entry.subscription.account is None for entry in chosen):
        chosen = list(listed)
    accounts = (entry.subscription.account for entry in chosen)
    return tuple(dict.fromkeys(account for account in accounts if account is not None))


BALANCE = Feature(
    BALANCE_COMMAND,
    _read_balance,
    {
        SHOW_PAGE: _find_subscription,
        SHOW_APART: _find_apart,
        SHOW_ALL: _find_all,
        alert_buttons.LOOK: _find_alert,
    },
)
