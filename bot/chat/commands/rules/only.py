"""`/only`: which changes are reported; what is less adds up until it is enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

from bot.chat.buttons import toasts
from bot.chat.buttons.alert_buttons import ONLY_ABOVE
from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Press, Screen, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import read_condition, split_who, write_condition
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.tokens import condition_meant
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
    Usage,
    Who,
)
from bot.chat.commands.rules.target import (
    OFF,
    Said,
    read_target,
    refused_rule,
    target_name,
    unknown_target,
)
from bot.chat.commands.words import nothing_watched
from bot.chat.permissions import Incoming
from bot.chat.text.conditions import filter_words, show_condition
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.wording import counted
from bot.domain.addresses import checksummed
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.places import Place
from bot.domain.rules.conditions import EVERYTHING, Condition, Judgement, Level, Unit
from bot.domain.subscriptions import ListedSubscription
from bot.store.chats import subscriptions
from bot.store.chats.rules import filters
from bot.store.outbox import delivered
from bot.store.polling.rehearsal import CHANGES_REPLAYED, Rehearsal, rehearse

ONLY_COMMAND = Command(
    name="only",
    does="Report only the changes that matter",
    grammar="/only [LABEL, ADDRESS or #NUMBER] [in|out|from NAME|to NAME] [min AMOUNT] [on CHAIN,…]",
    examples=(
        Example("/only min $100", "reports changes of $100 and more; what is less adds up until it is"),
        Example("/only Treasury out min 1000 USDC", "of one account only what goes out"),
        Example("/only Treasury to Payroll, Tax", "only what goes to these, by name or address"),
        Example("/only Treasury min 5% ?", "says what that would have reported, and changes nothing"),
        Example("/only Treasury off", "reports every change again"),
    ),
    who=Who.CHANGERS,
    aliases=("filter", "min"),
)

REHEARSED = timedelta(days=30)

_ALL = "all"


@dataclass(frozen=True, slots=True)
class OnlyRequest(Request):
    """`/only` with anything behind it."""

    needs = ONLY_COMMAND.needs
    text: str
    is_rehearsal: bool = False
    """Whether it only asks what a filter would do."""
    missing: Missing | None = None

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Set a filter, or show what is set."""
        place = incoming.place
        said = await read_target(services, place, self.text)
        if said.is_unknown:
            return (await unknown_target(services, place, ONLY_COMMAND, said),)
        if not said.rest:
            return (await _shown(services, place, said),)
        try:
            condition = await self._condition(services, place, said)
        except LineRefused as refused:
            return (await refused_rule(services, place, said, refused, partial(_command, said)),)
        if self.is_rehearsal:
            return (await _rehearsed(services, place, said, condition or EVERYTHING),)
        return (await _set(services, incoming, said, condition),)

    async def _condition(self, services: Services, place: Place, said: Said) -> Condition | None:
        """Return what is to be reported; None: as the place says, and of the place everything."""
        word = said.rest.casefold()
        if word == OFF or (word == _ALL and not said.found):
            return None
        if word == _ALL:
            return EVERYTHING
        chains = ChainReader(services.chains, await services.listing())
        typed = read_condition(said.rest, chains)
        return await condition_meant(services.db, services.chains, place, typed)


@dataclass(frozen=True, slots=True)
class FiltersRequest(Request):
    """`/only` alone: what is set, which everybody may see."""

    needs = Action.LOOK
    missing = Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show what is set."""
        return (await _shown(services, incoming.place, Said("", (), "")),)


def _read_only(rest: str, _chains: ChainReader) -> OnlyRequest | FiltersRequest | Usage:
    text = " ".join(rest.split())
    if not text:
        return FiltersRequest()
    is_rehearsal = text.endswith("?")
    text = text.rstrip("? ")
    if not text:
        return Usage(ONLY_COMMAND, "Before “?” belongs what you would like to try.")
    # Whom a reply means stands before what is said.
    return OnlyRequest(text, is_rehearsal, None if split_who(text, lambda _: False)[0] else Missing.ACCOUNT)


async def _set(services: Services, incoming: Incoming, said: Said, condition: Condition | None) -> Screen:
    now = services.now()
    result = await services.db.run(
        filters.set_filter, incoming.place, said.ids, condition, incoming.actor(now)
    )
    lines = [_now_reported(said, condition, services.chains)]
    if condition not in {None, EVERYTHING}:
        assert condition is not None
        replayed = await services.db.run(
            rehearse,
            incoming.place,
            said.ids,
            condition,
            since=now - REHEARSED,
            chains=services.chains,
        )
        lines += [_replayed(replayed), *_if_unknown(condition)]
    if result.released:
        lines.append(fill("What was held back of {} comes now.", counted(result.released, "balance")))
    if not said.found:
        lines += await _with_their_own(services, incoming.place)
    undo = _undo(said, result.former, condition, services.chains)
    buttons = await services.button_commands.buttons(incoming.place, *undo)
    return Screen(join("\n", lines), rows(buttons))


def _undo(
    said: Said, former: Sequence[Condition | None], condition: Condition | None, chains: Chains
) -> list[tuple[str, str]]:
    """Return the button that sets again what was set before; none where that was several things."""
    is_all = not said.found
    if len(set(former)) != 1 or former[0] == condition or (not said.who and not is_all):
        return []
    return [("Undo", _command(said, _typed(former[0], chains)))]


def _command(said: Said, typed: str) -> str:
    """Return the command that sets a rule for the same: "all" is typed, as a label may begin like a rule."""
    return f"/only {said.who or _ALL} {typed}"


def _typed(condition: Condition | None, chains: Chains) -> str:
    return OFF if condition is None else write_condition(condition, chains) or _ALL


async def _rehearsed(services: Services, place: Place, said: Said, condition: Condition) -> Screen:
    replayed = await services.db.run(
        rehearse, place, said.ids, condition, since=services.now() - REHEARSED, chains=services.chains
    )
    what = fill("{}, only {}:", target_name(said), show_condition(condition, services.chains))
    typed = _command(said, _typed(condition, services.chains))
    buttons = await services.button_commands.buttons(place, ("Set it", typed))
    lines = [what, _replayed(replayed), *_if_unknown(condition), EMPTY + "Nothing was changed."]
    return Screen(join("\n", lines), rows(buttons))


async def _shown(services: Services, place: Place, said: Said) -> Screen:
    """Return what is set, of some of what is watched or of all, with buttons that end it."""
    listed = said.found or tuple(await services.db.run(subscriptions.subscriptions_here, place))
    if not listed:
        return Screen(nothing_watched())
    of_place = await services.db.run(filters.place_filter, place)
    own = [one for one in listed if one.subscription.filter is not None]
    lines = [_now_reported(Said("", (), ""), of_place, services.chains)] if not said.found or of_place else []
    lines += [_own(one, services.chains) for one in own]
    if said.found and not own:
        lines.append(fill("{}: nothing of its own is set.", target_name(said)))
    lines.append(fill("To set it, send for example {}.", code("/only min $100")))
    ends = [("Report all", _command(said, OFF))] if of_place is not None and not said.found else []
    ends += [(f"End #{one.number}", f"/only #{one.number} off") for one in own]
    buttons = await services.button_commands.buttons(place, *ends[:OFFERED_MOST])
    return Screen(join("\n", lines), rows(*([one] for one in buttons)))


async def _with_their_own(services: Services, place: Place) -> list[Html]:
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    own = [f"#{one.number}" for one in listed if one.subscription.filter is not None]
    if not own:
        return []
    return [fill("Not for {}, which {} a filter of {} own.", ", ".join(own), *_HAVE[len(own) > 1])]


_HAVE = {False: ("has", "its"), True: ("have", "their")}


# ---------------------------------------------------------------- under an alert

_ABOVE = Condition(levels=(Level(Decimal(100), Unit.DOLLARS),))


async def _find_alert(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Report only what is worth $100 and more of the accounts that a message is about."""
    found = await services.db.run(delivered.find_delivery, press.row, incoming.place.chat_id)
    if found is None or not found.about.accounts:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        # The filter is of the topic that the alert was for, even where it was sent elsewhere.
        there = Incoming(found.place, presser.author)
        listed = await services.db.run(subscriptions.subscriptions_here, there.place)
        theirs = tuple(one for one in listed if one.subscription.account in found.about.accounts)
        if not theirs:
            return CallbackResult(toasts.NOT_WATCHED, is_used_up=True)
        accounts = sorted(found.about.accounts)
        said = Said(checksummed(accounts[0]) if len(accounts) == 1 else "", theirs, "")
        # Whoever set something else meant it: one press must not undo that.
        is_set = any(one.subscription.filter is not None for one in theirs)
        answer = _shown(services, there.place, said) if is_set else _set(services, there, said, _ABOVE)
        screen = await answer

        async def then() -> Answer:
            return (screen,)

        return CallbackResult(is_used_up=True, then=then)

    return CallbackAction(ONLY_COMMAND.needs, act, incoming.place if found.is_fallback else found.place)


# ---------------------------------------------------------------- words


def _now_reported(said: Said, condition: Condition | None, chains: Chains) -> Html:
    who = target_name(said)
    if condition is None and said.found:
        return fill("{}: no filter of its own any more.", who)
    if condition in {None, EVERYTHING}:
        return fill("{}: every change is reported.", who)
    assert condition is not None
    return fill("{}: only {}.", who, show_condition(condition, chains))


def _own(one: ListedSubscription, chains: Chains) -> Html:
    who = fill("#{} {}", str(one.number), target_name(Said("", (one,), "")))
    return fill("{}: {}", who, filter_words(one.subscription.filter, chains))


def _replayed(replayed: Rehearsal) -> Html:
    if not replayed.changes:
        return EMPTY + "Nothing changed in the last 30 days to compare with."
    changes = (
        f"the newest {CHANGES_REPLAYED:,} changes" if replayed.is_cut else counted(replayed.changes, "change")
    )
    reported = f"{replayed.alerts:,}" if replayed.alerts else "none"
    unknown = [
        f"{replayed.unknown[reason]:,} {lacking}"
        for reason, lacking in _LACKING.items()
        if replayed.unknown[reason]
    ]
    why = f"; {' and '.join(unknown)}, so I report that too" if unknown else ""
    return EMPTY + f"Of {changes} in the last 30 days this would have reported {reported}{why}."


def _if_unknown(condition: Condition) -> list[Html]:
    """Return what happens where a counterparty is named and nobody can say who it was."""
    unknown = "Where the transfers behind such a change can't be told in time, it is reported too."
    return [EMPTY + unknown] if condition.counterparties else []


_LACKING = {
    Judgement.NO_PRICE: "without a price",
    Judgement.NO_DECIMALS: "without known decimals",
    Judgement.NO_IDS: "without known ids",
    Judgement.NO_TRANSFERS: "without known transfers",
}

ONLY = Feature(ONLY_COMMAND, _read_only, {ONLY_ABOVE: _find_alert})
