"""`/mute` and `/unmute`: alerts kept for later, of all of a chat or of one account."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from bot.chat.buttons import alert_buttons, toasts
from bot.chat.buttons.data import ButtonAction, Press, Screen, button, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.lookup import address_meant, closest_label, find
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
from bot.chat.commands.words import not_watched, this_place, typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import account_on, counted, folded, length, moment
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.mutes import (
    DEFAULT,
    LONGEST,
    SHORTEST,
    Mute,
    MuteResult,
    MuteScope,
    UnmuteResult,
    all_muted_until,
)
from bot.domain.deliver.alerts import MuteKind
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription
from bot.domain.zones import moment_of
from bot.store.chats import mutes, subscriptions
from bot.store.chats.rules import alarms
from bot.store.outbox import delivered

MUTE_COMMAND = Command(
    name="mute",
    does="Pause alerts, of this chat or of one account",
    grammar="/mute [LABEL, ADDRESS or #NUMBER] [30m, 2h, 1w or until tomorrow 9:00]",
    examples=(
        Example("/mute", "pauses all alerts for 1 h; they come when it is over"),
        Example("/mute 8h Treasury", "pauses one account, on the chains of that label"),
        Example("/mute until tomorrow 9:00", "pauses until then, on the clock of this chat"),
    ),
    who=Who.CHANGERS,
)
UNMUTE_COMMAND = Command(
    name="unmute",
    does="Resume alerts, and send what was kept",
    grammar="/unmute [LABEL, ADDRESS or #NUMBER]",
    examples=(
        Example("/unmute all", "ends every mute here, as /unmute does"),
        Example("/unmute Treasury", "ends it for one account"),
    ),
    who=Who.CHANGERS,
)

END_MUTE = ButtonAction("unmute")
"""Ends a mute; `row` is the mute's id."""

KEEP_ALARMS = ButtonAction("alarmson")
"""Lets alarms pass a mute; `row` is the mute's id."""

_LENGTH = r"(?:for )?(?P<number>[0-9]{1,4}) ?(?P<unit>m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)"
_ENDS_IN_LENGTH = re.compile(rf"(?:^|[\s,]){_LENGTH}$", re.IGNORECASE | re.ASCII)
_BEGINS_WITH_LENGTH = re.compile(rf"^{_LENGTH}(?=[\s,])", re.IGNORECASE | re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY = r"(?P<day>today|tomorrow|[0-9]{4}-[0-9]{2}-[0-9]{2})"
_CLOCK = r"(?P<hour>[0-9]{1,2})(?P<minute>:[0-9]{2})?(?: ?(?P<half>am|pm))?(?P<utc> ?utc)?"
_MOMENT = re.compile(
    rf"(?:^|[\s,])(?P<until>until )?(?:{_DAY}(?:$| (?:at )?(?=[0-9])))?(?:{_CLOCK})?$",
    re.IGNORECASE | re.ASCII,
)
_MORNING = time(9)
"""When a day ends a mute for which no time was typed."""
_NOON = 12
_FOR = re.compile(r"^for ", re.IGNORECASE)
_TOO_LONG = "A mute lasts from 1m to 30d."
_ALL = "all"
_TIME = (
    r"[-+\u2212\u2013]?[0-9]+(?:[.,][0-9]+)? ?"
    r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|y|years?)"
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day(?: (?:at )?[0-9].*)?"
_LIKE_A_TIME = re.compile(
    rf"(?:^|[\s,])(?:(?:{_TIME}[ ,]*)+|(?:until|today|tomorrow|tonight)(?: .*)?|(?:next )?{_WEEKDAY}"
    r"|[0-9]+:[0-9].*)$|^[0-9]+$",
    re.IGNORECASE | re.ASCII,
)
"""What is written like a time that we don't take: `90 s`, `2 months`, `until Friday`, `25:00`, `90`."""

# ---------------------------------------------------------------- /mute


@dataclass(frozen=True, slots=True)
class Until:
    """A moment as it was typed, on the clock of the place."""

    day: str
    """`today`, `tomorrow`, a date, or "" for the next time that it is so late."""
    time: time
    is_utc: bool = False
    """Whether it was typed as one in UTC."""

    def after(self, now: datetime) -> datetime:
        """Return the moment in UTC; `now` is in the zone of the place.

        Raises ValueError for a date that there is none.
        """
        zone = UTC if self.is_utc or now.tzinfo is None else now.tzinfo
        today = now.astimezone(zone).date()
        tomorrow = today + timedelta(days=1)
        days = {"": today, "today": today, "tomorrow": tomorrow}
        day = days[self.day] if self.day in days else date.fromisoformat(self.day)
        at = moment_of(day, self.time, zone, is_end=True)
        return moment_of(tomorrow, self.time, zone, is_end=True) if not self.day and at <= now else at


@dataclass(frozen=True, slots=True)
class MuteRequest(Request):
    """`/mute`."""

    needs = MUTE_COMMAND.needs
    rest: str
    """All that follows it: a label may end like a length of time."""
    who: str
    """What is muted, without the length; "": everything."""
    how_long: timedelta | Until
    typed: str = field(default="", compare=False)
    """The length as it was typed, "" if none was."""

    @property
    def missing(self) -> Missing | None:
        """The account, where all of the chat is meant unless a message is replied to."""
        return None if self.who else Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Hold the alerts of this place, or of one account, for a while."""
        now = await services.now_in(incoming.place)
        span = _span(self.how_long, self.typed, now)
        if isinstance(span, Html):
            return (span,)
        listed = await services.db.run(subscriptions.subscriptions_here, incoming.place)
        # The whole text first: in "/mute Savings 2d", "Savings 2d" may be a label.
        found = (find(listed, self.rest) or find(listed, self.who)) if self.who else ()
        if not self.who or (not found and self.who.casefold() == _ALL):
            return (await _mute(services, incoming, span, ()),)
        is_address = any(address_meant(text) is not None for text in (self.rest, self.who))
        meant = _scopes(found, is_whole=is_address)
        if meant:
            return (await _mute(services, incoming, span, meant),)
        if found:
            return (only_accounts(self.who),)
        # "/mute 90" or "/mute 2 months" mean a time we don't take, not a label that is not here.
        if _LIKE_A_TIME.search(self.who):
            unknown = _LIKE_A_TIME.search(self.rest)
            return (unknown_time(unknown[0].strip(" ,") if unknown else self.who, now),)
        closest = closest_label(listed, self.who)
        offered = [(f"Mute {closest}", f"/mute {closest} {self.typed}")] if closest else []
        buttons = await services.button_commands.buttons(incoming.place, *offered)
        return (Screen(not_watched(self.who, closest), rows(buttons)),)


def _span(how_long: timedelta | Until, typed: str, now: datetime) -> timedelta | Html:
    """Return how long a mute lasts, or what is wrong with that."""
    if isinstance(how_long, timedelta):
        return how_long
    try:
        span = how_long.after(now) - now
    except ValueError:
        return unknown_time(typed, now)
    if span <= timedelta():
        return EMPTY + f"That moment is over: it is {moment(now, now)} here."
    return span if span <= LONGEST else EMPTY + _TOO_LONG


def _read_mute(rest: str, _chains: ChainReader) -> MuteRequest | Usage:
    text = " ".join(rest.split())
    moment_typed = _MOMENT.search(text)
    until = _until(moment_typed) if moment_typed else None
    if moment_typed is not None and until is not None:
        return MuteRequest(text, text[: moment_typed.start()].strip(" ,"), until, moment_typed[0].strip(" ,"))
    read = _ENDS_IN_LENGTH.search(text) or _BEGINS_WITH_LENGTH.search(text)
    if read is None:
        return MuteRequest(text, text, DEFAULT)
    span = _UNITS[read["unit"][0].casefold()] * int(read["number"])
    if not SHORTEST <= span <= LONGEST:
        return Usage(MUTE_COMMAND, _TOO_LONG)
    behind = _FOR.sub("", text[read.end() :].lstrip(" ,"))
    return MuteRequest(text, text[: read.start()].strip(" ,") or behind, span, read[0].strip(" ,"))


def _until(read: re.Match[str]) -> Until | None:
    """Return the moment that was typed; None: it is none, as 25:00 or a number alone."""
    day, hour = (read["day"] or "").casefold(), read["hour"]
    if hour is None:
        return Until(day, _MORNING) if day and day != "today" else None
    half, minute = (read["half"] or "").casefold(), read["minute"]
    # A number alone may be that of an entry, or the end of a label.
    if not (read["until"] or day or half or minute):
        return None
    if half and not 1 <= int(hour) <= _NOON:
        return None
    hours = int(hour) % _NOON + _NOON * (half == "pm") if half else int(hour)
    try:
        at = time(hours, int(minute[1:]) if minute else 0)
    except ValueError:
        return None
    return Until(day, at, is_utc=read["utc"] is not None)


async def _find_alert(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Mute for an hour where an alert was sent."""
    found = await services.db.run(delivered.find_delivery, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        here = await services.db.run(mutes.muted_here, found.place)
        # A second press must not prolong what the first one began; quiet hours may end before the mute.
        until = all_muted_until(one for one in here.mutes if one.kind is MuteKind.MUTE)
        if until is not None:
            return CallbackResult(muted_already(until, await services.now_in(presser.place)))
        # The mute is of the topic that the alert was for, even where it was sent elsewhere.
        there = Incoming(found.place, presser.author)
        screen = await _mute(services, there, DEFAULT, ())

        async def then() -> Answer:
            return (screen,)

        return CallbackResult(MUTED, then=then)

    return CallbackAction(MUTE_COMMAND.needs, act, incoming.place if found.is_fallback else found.place)


async def _mute(
    services: Services, incoming: Incoming, span: timedelta, scopes: tuple[MuteScope, ...]
) -> Screen:
    now = await services.now_in(incoming.place)
    result = await services.db.run(mutes.mute, incoming.place, scopes, span, incoming.actor(services.now()))
    here = await services.db.run(alarms.alarms_here, incoming.place)
    accounts = {scope.account for scope in scopes}
    kept = any(not accounts or one.account in accounts for one in here)
    kept = kept and not all(mute.alarms_pass for mute in result.mutes)
    text = muted(result, span, incoming.place, services.chains, now, keeps_alarms=kept)
    # One button ends one mute; of several, /unmute names which.
    single = [button("Unmute", END_MUTE, mute.row) for mute in result.mutes if len(result.mutes) == 1]
    alarms_on = [button("Keep alarms on", KEEP_ALARMS, result.mutes[0].row)] if kept and single else []
    return Screen(text, rows([*single, *alarms_on]))


async def _find_to_let_alarms_pass(
    services: Services, incoming: Incoming, press: Press
) -> CallbackAction | None:
    """Let alarms pass the mute that a button names."""
    found = await services.db.run(mutes.find_mute, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        mute = await services.db.run(mutes.let_alarms_pass, found, presser.actor(services.now()))
        if mute is None:
            return CallbackResult(toasts.ALREADY, is_used_up=True)
        now = await services.now_in(presser.place)
        shown = muted_but_for_alarms(mute, presser.place, services.chains, now)
        return CallbackResult(ALARMS_ON, Screen(shown, rows([button("Unmute", END_MUTE, mute.row)])))

    return CallbackAction(MUTE_COMMAND.needs, act, found.place)


# ---------------------------------------------------------------- /unmute


@dataclass(frozen=True, slots=True)
class UnmuteRequest(Request):
    """`/unmute`; "": everything that is muted here."""

    needs = UNMUTE_COMMAND.needs
    who: str

    @property
    def missing(self) -> Missing | None:
        """The account, where all of the chat is meant unless a message is replied to."""
        return None if self.who else Missing.ACCOUNT

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """End mutes; what they held is sent now."""
        meant = await _named(services, incoming.place, self.who)
        if self.who and not meant and self.who.casefold() != _ALL:
            return (await _nothing_muted(services, incoming.place, self.who),)
        ended = await services.db.run(mutes.unmute, incoming.place, meant, incoming.actor(services.now()))
        if not ended.mutes:
            return (await _nothing_muted(services, incoming.place, self.who if meant else ""),)
        now = await services.now_in(incoming.place)
        return (unmuted(ended, incoming.place, services.chains, now),)


def _read_unmute(rest: str, _chains: ChainReader) -> UnmuteRequest:
    return UnmuteRequest(" ".join(rest.split()))


async def _find_mute(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """End the mute that a button names."""
    found = await services.db.run(mutes.find_mute, press.row, incoming.place.chat_id)
    if found is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        ended = await services.db.run(mutes.end_mute, found, presser.actor(services.now()))
        if not ended.mutes:
            return CallbackResult(toasts.ALREADY, is_used_up=True)
        now = await services.now_in(presser.place)
        shown = unmuted(ended, presser.place, services.chains, now)
        return CallbackResult(UNMUTED, Screen(shown))

    return CallbackAction(UNMUTE_COMMAND.needs, act, found.place)


async def _nothing_muted(services: Services, place: Place, who: str) -> Html:
    """Return the answer to /unmute of what is not muted by itself; all of the place may be."""
    until = await _all_muted_until(services, place)
    if until is None:
        return nothing_muted(who)
    return all_muted(until, place, await services.now_in(place))


async def _all_muted_until(services: Services, place: Place) -> datetime | None:
    """Return until when everything is muted; None: it is not."""
    here = await services.db.run(mutes.muted_here, place)
    return all_muted_until(here.mutes)


async def _named(services: Services, place: Place, who: str) -> tuple[MuteScope, ...]:
    """Return the accounts that somebody means; an address counts even if it is watched no more."""
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    address = address_meant(who)
    if address is not None:
        return (MuteScope(address),)
    return _scopes(find(listed, who)) if who else ()


def _scopes(found: Iterable[ListedSubscription], *, is_whole: bool = False) -> tuple[MuteScope, ...]:
    """Return the accounts of subscriptions, each on the chains that they cover, or `is_whole`: on all."""
    # One label may be on chains of several subscriptions; one of them without chains covers all.
    on: dict[Address, list[frozenset[ChainId]]] = defaultdict(list)
    for entry in found:
        if entry.subscription.account is not None:
            on[entry.subscription.account].append(entry.subscription.scope.chains)
    return tuple(
        MuteScope(account, frozenset().union(*chains) if all(chains) and not is_whole else frozenset())
        for account, chains in sorted(on.items())
    )


# ---------------------------------------------------------------- words

MUTED = f"Muted for {length(DEFAULT)}."
UNMUTED = "No longer muted."
ALARMS_ON = "Alarms stay on."


def muted(
    result: MuteResult,
    span: timedelta,
    place: Place,
    chains: Chains,
    now: datetime,
    *,
    keeps_alarms: bool = False,
) -> Html:
    """Return the answer to /mute; `keeps_alarms`: there are some that it keeps back."""
    is_all = any(mute.account is None for mute in result.mutes)
    is_one = is_all or len(result.mutes) == 1
    what = EMPTY + this_place(place) if is_all else _names(result.mutes, chains)
    until = f"until {moment(result.mutes[0].until, now)}"
    # The length of a mute that was given an end is an odd number of seconds.
    how_long = until if span % timedelta(minutes=1) else f"for {length(span)}, {until}"
    quiet_until = result.quiet_until
    lines = [
        fill("🔕 {} {} muted{} {}.", what, "is" if is_one else "are", "" if is_all else " here", how_long),
        EMPTY + "Alerts are kept, and come then.",
    ]
    if is_all and quiet_until is not None and quiet_until > result.mutes[0].until:
        lines[1] = EMPTY + f"Quiet hours go on until {moment(quiet_until, now)}; alerts come then."
    if keeps_alarms:
        lines.append(EMPTY + "Alarms are kept too.")
    if result.still_to_come:
        lines.append(EMPTY + f"{counted(result.still_to_come, 'change')} from before will still come.")
    return join("\n", lines)


def muted_but_for_alarms(mute: Mute, place: Place, chains: Chains, now: datetime) -> Html:
    """Return what a message shows whose button let alarms pass a mute."""
    what = EMPTY + this_place(place) if mute.account is None else _names([mute], chains)
    return fill("🔕 {} is muted until {}; alarms come all the same.", what, moment(mute.until, now))


def muted_already(until: datetime, now: datetime) -> str:
    """Return what is said for a moment where everything is muted already."""
    return f"Muted already, until {moment(until, now)}."


def unknown_time(typed: str, now: datetime) -> Html:
    """Return the answer to what is meant as a time and is none that /mute takes."""
    times = (code("9:00"), code("tomorrow 9:00"), code("8h"))
    said = fill("I don't know the time “{}”. Send it as {}, {} or {}", typed_word(typed), *times)
    return fill("{}; it is {} here.", said, moment(now, now))


def only_accounts(who: str) -> Html:
    """Return the answer to /mute of a token."""
    return fill(
        "{} is a token; {} pauses accounts, or all of the chat. {} stops alerts about a token.",
        code(sanitized(who, "That").visible),
        code("/mute"),
        code("/ignore 0x…"),
    )


def unmuted(result: UnmuteResult, place: Place, chains: Chains, now: datetime) -> Html:
    """Return the answer to /unmute, and what a message shows whose button did the same."""
    is_all = any(mute.account is None for mute in result.mutes)
    is_one = is_all or len(result.mutes) == 1
    what = EMPTY + this_place(place) if is_all else _names(result.mutes, chains)
    answer = fill("🔔 {} {} no longer muted.", what, "is" if is_one else "are")
    if all(mute.kind is MuteKind.QUIET for mute in result.mutes):
        answer = fill("🔔 {} is no longer quiet, until its next quiet hours.", what)
    if result.until is not None:
        rest = "this topic" if place.thread_id is not None else "this chat"
        return answer + fill(" All of {} still is, until {}.", rest, moment(result.until, now))
    if not result.changes:
        return answer + " Nothing changed meanwhile."
    follow = "follows" if result.changes == 1 else "follow"
    return answer + f" {counted(result.changes, 'change')} from meanwhile {follow}."


def nothing_muted(who: str) -> Html:
    """Return the answer to /unmute of what is not muted; "": of everything."""
    what = typed_word(who) + " is not muted here." if who else "Nothing is muted here."
    return fill("{} {} pauses alerts.", what, code("/mute 1h"))


def all_muted(until: datetime, place: Place, now: datetime) -> Html:
    """Return the answer to /unmute of one account where everything is muted."""
    where = this_place(place).casefold()
    return fill("All of {} is muted until {}; {} ends it.", where, moment(until, now), code("/unmute"))


def _names(muted: Sequence[Mute], chains: Chains) -> Html:
    named = [
        account_on(mute.account, mute.label, mute.chains, chains)
        for mute in muted
        if mute.account is not None
    ]
    return folded(named, last=" and ")


_CALLBACKS = {alert_buttons.MUTE: _find_alert, KEEP_ALARMS: _find_to_let_alarms_pass}

MUTE = Feature(MUTE_COMMAND, _read_mute, _CALLBACKS)
UNMUTE = Feature(UNMUTE_COMMAND, _read_unmute, {END_MUTE: _find_mute})
