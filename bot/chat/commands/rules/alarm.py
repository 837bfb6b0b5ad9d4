"""`/alarm`: amounts that are to stay above or below a level, and who takes care when one does not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from bot.chat.buttons import toasts
from bot.chat.buttons.alert_buttons import HAVE_IT
from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Press, Screen, in_pairs, rows
from bot.chat.commands.arguments.alarms import (
    TypedAlarm,
    may_begin_alarm,
    read_alarm,
    with_signs_apart,
    with_token_behind,
    write_alarm,
)
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import split_who
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.lookup import find
from bot.chat.commands.arguments.tokens import level_meant
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
from bot.chat.commands.rules.target import OFF, Said, refused_rule, target_name, unknown_target
from bot.chat.permissions import Incoming
from bot.chat.text.alarms import alarm_line, now_of
from bot.chat.text.conditions import show_level
from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import account_name, chain_names, counted, folded, length
from bot.domain.addresses import checksummed
from bot.domain.assets import NATIVE, Address
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.places import Place
from bot.domain.rules.alarms import Alarm, AlarmTerms, Side
from bot.domain.rules.conditions import Level, Unit
from bot.domain.subscriptions import ListedSubscription
from bot.store.balances.held_tokens import ever_held
from bot.store.chats import subscriptions
from bot.store.chats.rules import alarms
from bot.store.chats.rules.alarms import StoredAlarm
from bot.store.database.connection import DatabaseThread
from bot.store.outbox import delivered
from bot.store.polling import firings
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.firings import NothingComparedError, SetResult

ALARM_COMMAND = Command(
    name="alarm",
    does="Ring when a balance falls below a level, or rises above one",
    grammar="/alarm LABEL below|above AMOUNT [until AMOUNT] [again 6h] [on CHAIN,…] [total]",
    examples=(
        Example("/alarm Relayer below 0.5 ETH", "rings once on each chain where less is left"),
        Example("/alarm Relayer below 0.5 ETH again 6h", "says it again every 6 hours until there is enough"),
        Example("/alarm Treasury above $50000", "rings when all of it together is worth more"),
        Example("/alarm A2 off", "ends alarm A2; /alarm alone shows what is set"),
    ),
    who=Who.CHANGERS,
    aliases=("low", "alert"),
)

_NUMBER = re.compile(r"#?a(?P<number>[0-9]{1,9})", re.IGNORECASE | re.ASCII)
_NUMBERED = re.compile(r"a(?P<number>[0-9]{1,9}) (?P<who>.+)", re.IGNORECASE | re.ASCII)
"""How [Undo] sets an alarm again that was ended: it has its number back."""
_SHOWN_MOST = 20


def _terms(services: Services) -> ValueTerms:
    return ValueTerms(services.contract_status, services.chains)


@dataclass(frozen=True, slots=True)
class AlarmRequest(Request):
    """`/alarm` with anything behind it."""

    needs = ALARM_COMMAND.needs
    text: str
    missing: Missing | None = None
    side: Side | None = None
    """The side that is meant where the text names none."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Set an alarm, or end some."""
        place = incoming.place
        first, _, last = self.text.rpartition(" ")
        number = _NUMBER.fullmatch(first or self.text)
        if last.casefold() == OFF or (number and not first):
            return (await _end(services, incoming, first or self.text, is_off=last.casefold() == OFF),)
        listed = await services.db.run(subscriptions.subscriptions_here, place)
        who, rest = split_who(self.text, lambda named: bool(_numbered(listed, named).found), may_begin_alarm)
        who, rest = _with_token_behind(listed, who, rest)
        named = _numbered(listed, who)
        said = Said(named.who, named.found if who else tuple(listed), rest)
        if not said.found:
            return (await unknown_target(services, place, ALARM_COMMAND, said),)
        accounts = sorted({one.subscription.account for one in said.found if one.subscription.account})
        if len(accounts) != 1:
            return (await _which(services, place, said, accounts),)
        try:
            typed = read_alarm(rest, ChainReader(services.chains, await services.listing()), self.side)
            terms = await terms_meant(services.db, services.chains, place, accounts[0], typed)
            result = await services.db.run(
                firings.set_alarm,
                place,
                accounts[0],
                terms,
                incoming.actor(services.now()),
                by=_terms(services),
                number=named.number,
            )
        except LineRefused as refused:
            who = said.who or checksummed(accounts[0])
            return (await refused_rule(services, place, said, refused, lambda rest: f"/alarm {who} {rest}"),)
        except NothingComparedError:
            return (fill("{}: nothing of that is watched here, so no alarm is set.", target_name(said)),)
        return (await _set(services, place, result),)


@dataclass(frozen=True, slots=True)
class AlarmsRequest(Request):
    """`/alarm` alone: what is set, which everybody may see."""

    needs = Action.LOOK
    missing = Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show what is set."""
        return (await _shown(services, incoming.place),)


def _read_alarm(rest: str, _chains: ChainReader) -> AlarmRequest | AlarmsRequest | Usage:
    text = with_signs_apart(" ".join(rest.split()))
    if text.casefold() in {"", "list"}:
        return AlarmsRequest()
    # Whom a reply means stands before what is said.
    return AlarmRequest(text, None if split_who(text, bool, may_begin_alarm)[0] else Missing.ACCOUNT)


def _read_low(rest: str, chains: ChainReader) -> AlarmRequest | AlarmsRequest | Usage:
    request = _read_alarm(rest, chains)
    return replace(request, side=Side.BELOW) if isinstance(request, AlarmRequest) else request


async def terms_meant(
    db: DatabaseThread, chains: Chains, place: Place, account: Address, typed: TypedAlarm
) -> AlarmTerms:
    """Return an alarm with its tokens as what the account holds or held; raises LineRefused."""
    level = await level_meant(db, chains, place, typed.amount, typed.chains)
    if typed.amount.symbol and not typed.chains:
        level = await _where_it_was(db, account, level)
    return AlarmTerms(
        side=typed.side,
        level=level,
        until=typed.until.number if typed.until else None,
        again=typed.again,
        chains=typed.chains,
        is_total=typed.is_total and level.unit is Unit.TOKENS,
    )


async def _where_it_was(db: DatabaseThread, account: Address, level: Level) -> Level:
    """Return a level of the assets that the account ever held; a coin is one of many chains."""
    had = await db.run(ever_held, account, level.assets)
    if had:
        return replace(level, assets=had)
    if any(asset.contract == NATIVE for asset in level.assets):
        raise LineRefused(level.symbol, "was never held here. Say on which chains: “on base, optimism”.")
    return level


async def _which(services: Services, place: Place, said: Said, accounts: Sequence[Address]) -> Screen:
    """Ask for the account, where none or several are meant."""
    if not accounts:
        example = code("/alarm Relayer below 1 ETH")
        return Screen(fill("An alarm is about an account. Name one, as in {}.", example))
    names = {one.subscription.account: one.subscription.label for one in said.found}
    offers = [(names[one] or checksummed(one), f"/alarm {checksummed(one)} {said.rest}") for one in accounts]
    buttons = await services.button_commands.buttons(place, *offers[:OFFERED_MOST])
    return Screen(fill("Which account? An alarm is about one."), in_pairs(buttons))


async def _set(services: Services, place: Place, result: SetResult) -> Screen:
    alarm, former = result.alarm, result.former
    back = "/alarm A" + f"{alarm.number} {OFF}"
    if former is not None:
        back = write_alarm(checksummed(alarm.account), former, services.chains)
    offers = [("Undo", back)] if former != alarm.terms else []
    buttons = await services.button_commands.buttons(place, *offers)
    text = alarm_set(alarm, services.chains, await services.now_in(place))
    return Screen(text, rows(buttons))


async def _end(services: Services, incoming: Incoming, who: str, *, is_off: bool) -> Screen:
    """End the alarms that a text names, by number or by account; without `off` they are shown."""
    place, number = incoming.place, _NUMBER.fullmatch(who)
    here = await services.db.run(alarms.alarms_here, place)
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    # A label may look like the number of an alarm, but a button means that alarm, and no other later.
    if number and int(number["number"]) <= await services.db.run(alarms.numbered_here, place):
        named = [one for one in here if one.number == int(number["number"])]
        if not named:
            return Screen(fill("A{} is not set any more. {} shows what is.", number["number"], "/alarm"))
    else:
        named = _named(here, listed, "all" if who.casefold() == OFF else who)
    if not named or not is_off:
        return await _shown(services, place)
    known = {one.row for one in named}
    ended = await services.db.run(alarms.end_alarms, place, known, incoming.actor(services.now()))
    back = [
        (
            "Undo" if len(ended) == 1 else f"Undo A{one.number}",
            write_alarm(f"A{one.number} {checksummed(one.account)}", one.terms, services.chains),
        )
        for one in ended[:OFFERED_MOST]
    ]
    buttons = await services.button_commands.buttons(place, *back)
    names = {one.subscription.account: one.subscription.label for one in listed}
    return Screen(alarms_ended(ended, names), rows(buttons))


class _Numbered(NamedTuple):
    """Whom a text names, and the number that the alarm is to have; None: a new one."""

    who: str
    found: tuple[ListedSubscription, ...]
    number: int | None = None


def _numbered(listed: Sequence[ListedSubscription], who: str) -> _Numbered:
    found, numbered = find(listed, who), _NUMBERED.fullmatch(who)
    if found or numbered is None:
        return _Numbered(who, found)
    return _Numbered(numbered["who"], find(listed, numbered["who"]), int(numbered["number"]))


def _with_token_behind(listed: Sequence[ListedSubscription], who: str, rest: str) -> tuple[str, str]:
    """Return whom an alarm is about, and the alarm: of “Treasury USDC” and “below 40” USDC is a token."""
    account, _, token = who.rpartition(" ")
    moved = with_token_behind(token, rest)
    is_apart = account and not _numbered(listed, who).found and _numbered(listed, account).found
    return (account, moved) if is_apart and moved is not None else (who, rest)


def _named(here: Sequence[StoredAlarm], listed: Sequence[ListedSubscription], who: str) -> list[StoredAlarm]:
    found = find(listed, who)
    accounts = {one.subscription.account for one in found}
    if not found and who.casefold() == "all":
        return list(here)
    return [one for one in here if one.account in accounts]


async def _shown(services: Services, place: Place) -> Screen:
    """Return what is set, with buttons that end it."""
    now = await services.now_in(place)
    here = await services.db.run(firings.alarms_with_values, place, _terms(services), now)
    ends = [(f"End A{one.number}", f"/alarm A{one.number} {OFF}") for one in here[:OFFERED_MOST]]
    buttons = await services.button_commands.buttons(place, *ends)
    return Screen(alarms_shown(here, services.chains, now), in_pairs(buttons))


# ---------------------------------------------------------------- [I have it]


async def _find_ringing(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Note who takes care of what a message says that it rings."""
    found = await services.db.run(delivered.find_delivery, press.row, incoming.place.chat_id)
    if found is None or not found.about.is_alarm:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        actor = presser.actor(services.now())
        result = await services.db.run(firings.acknowledge, press.row, found.place, actor)
        if result.is_over:
            return CallbackResult(OVER, is_used_up=True)
        if result.by == actor.name:
            return CallbackResult(toasts.ALREADY)

        async def then() -> Answer:
            return () if found.place.is_private else (has_it(actor.name, result.by),)

        return CallbackResult(YOURS, then=then)

    # Anybody of the chat: who sees that something is wrong need not be an administrator.
    return CallbackAction(Action.LOOK, act, incoming.place if found.is_fallback else found.place)


# ---------------------------------------------------------------- words

OVER = "That one is over."
YOURS = "You have it: nothing is repeated for 24 h."


def has_it(name: str, before: str) -> Html:
    """Return what a group reads when somebody takes care of what rings."""
    instead = fill(" instead of {}", sanitized(before, "somebody")) if before else EMPTY
    return fill("⏰ {} has it{}.", bold(sanitized(name, "Somebody")), instead)


def alarm_set(alarm: Alarm, chains: Chains, now: datetime) -> Html:
    """Return the answer to an alarm that was set: what was taken, how things are, and when it ends."""
    terms = alarm.terms
    ends = show_level(replace(terms.level, number=terms.ends_at))
    repeated = f"; repeated every {length(terms.again)} until then" if terms.again else "; told once"
    lines = [
        fill("⏰ {}.", alarm_line(alarm, chains)),
        fill("{} Ends at {}{}.", now_of(alarm, chains, now), ends, repeated),
    ]
    if alarm.firings:
        on = [one.asset.chain_id for one in alarm.firings if one.asset is not None]
        what = chain_names(on, chains, last=" and ") if on else "It"
        verb = "is" if len(on) <= 1 else "are"
        lines.append(fill("{} {} {} already: that counts as told.", what, verb, terms.side))
    return join("\n", lines)


def alarms_shown(here: Sequence[Alarm], chains: Chains, now: datetime) -> Html:
    """Return the answer to /alarm alone."""
    if not here:
        return fill("No alarm is set here. Send for example {}.", code("/alarm Relayer below 0.5 ETH"))
    lines = [
        fill("{}\n{}", alarm_line(one, chains), now_of(one, chains, now, is_state=True))
        for one in here[:_SHOWN_MOST]
    ]
    more = [f"… and {counted(len(here) - _SHOWN_MOST, 'more alarm')}"] if len(here) > _SHOWN_MOST else []
    return join("\n", (f"Alarms here: {len(here):,}", *lines, *more))


def alarms_ended(ended: Sequence[StoredAlarm], names: dict[Address | None, str]) -> Html:
    """Return the answer to alarms that were ended."""
    named = [
        fill(
            "A{} · {} {} {}",
            str(one.number),
            account_name(one.account, names.get(one.account, "")),
            one.terms.side,
            show_level(one.terms.level),
        )
        for one in ended
    ]
    return fill("✓ No longer set: {}.", folded(named, last=" and "))


ALARM = Feature(ALARM_COMMAND, _read_alarm, {HAVE_IT: _find_ringing}, {"low": _read_low})
