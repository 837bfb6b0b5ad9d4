"""What the bot answers about what it does not tell, though it is watched."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import foreign, symbol
from bot.chat.text.wording import (
    account_name,
    age,
    chain_names,
    clock,
    counted,
    folded,
    length,
    short_address,
    token_name,
)
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.ignore_list import IGNORED_MOST, IgnoredToken, IgnoreListPage, IgnoreResult
from bot.domain.chat.mutes import ActiveMutes, Mute, MuteResult, UnmuteResult
from bot.domain.deliver.alerts import MuteOver
from bot.domain.places import Place

_MUTES_SHOWN = 5

# ---------------------------------------------------------------- ignored tokens


def ignoring(
    ignored: IgnoreResult, chains: Chains, *, named: Sequence[int] = (), is_watched: bool = False
) -> Html:
    """Return the answer to /ignore.

    `named` are the numbers of subscriptions that name one of the contracts, and are told all the same;
    `is_watched`: one of the addresses is watched as an account.
    """
    lines = []
    if ignored.new:
        lines.append(_ignored(ignored.new, chains, named))
    if ignored.already:
        lines.append(fill("Ignored already: {}.", folded([_token(one, chains) for one in ignored.already])))
    if ignored.over_limit:
        room = f"{ignored.over_limit:,}", f"{IGNORED_MOST:,}"
        lines.append(fill("No room for {} more: one chat ignores {} at most.", *room))
    if ignored.still_to_come:
        lines.append(EMPTY + f"{counted(ignored.still_to_come, 'change')} from before will still come.")
    if is_watched:
        lines.append(fill("As an account it is watched on: {} is for that.", code("/unwatch")))
    return join("\n", lines)


def ignored_list(here: IgnoreListPage, chains: Chains) -> Html:
    """Return a page of what is ignored; the numbers are those on the buttons."""
    if not here.total:
        return fill("Nothing is ignored here. {} ends what is told of a token.", code("/ignore 0x…"))
    of = f" · page {here.page}/{here.pages}" if here.pages > 1 else ""
    lines = [
        fill("{}. {}", str(number), _token(token, chains)) for number, token in enumerate(here.tokens, 1)
    ]
    return join("\n", (f"Ignored here: {here.total:,}{of}", *lines))


def heard_again(token: IgnoredToken, chains: Chains) -> Html:
    """Return what a message shows whose button took an /ignore back."""
    return fill("{} is told again. What changed of it meanwhile is not.", _token(token, chains))


def hearing_again(found: Sequence[Address], others: Sequence[Address]) -> Html:
    """Return the answer to /unignore."""
    lines = []
    if found:
        what = folded([short_address(contract) for contract in found], last=" and ")
        lines.append(
            fill("{} {} told again. What changed meanwhile is not.", what, "is" if len(found) == 1 else "are")
        )
    if others:
        what = folded([short_address(contract) for contract in others], last=" and ")
        lines.append(
            fill(
                "{} {} not ignored here. {} shows what is.",
                what,
                "is" if len(others) == 1 else "are",
                code("/ignore"),
            )
        )
    return join("\n", lines)


def token_words(contract: Address, spelled: str, *, is_look_alike: bool = False) -> str:
    """Return how a button calls a token: by its symbol, which must be no more than a name, or its address.

    A button has no code in which something could stand that reads like an amount.
    """
    shown = symbol(spelled)
    if shown.entities:
        return short_address(contract).visible
    return token_name(contract, spelled, is_look_alike=is_look_alike).visible


def _ignored(new: Sequence[IgnoredToken], chains: Chains, named: Sequence[int]) -> Html:
    what = folded([_token(token, chains) for token in new], last=" and ")
    is_one = len(new) == 1
    if not named:
        theirs, them = ("its changes are", "it") if is_one else ("their changes are", "them")
        return fill("Ignoring {}: {} no longer told here, and /balance leaves {} out.", what, theirs, them)
    numbers = folded([f"#{number}" for number in named], last=" and ")
    them = "it" if is_one else "some of them"
    verbs = ("watches", "is") if len(named) == 1 else ("watch", "are")
    return fill(
        "Ignoring {}, except for {}, which {} {} by name and {} still told.",
        what,
        numbers,
        verbs[0],
        them,
        verbs[1],
    )


def _token(token: IgnoredToken, chains: Chains) -> Html:
    shown = symbol(token.symbol)
    named = bold(shown) + " · " + short_address(token.contract) if shown else short_address(token.contract)
    return named + f" on {chain_names(sorted(token.chains), chains, last=' and ')}" if token.chains else named


# ---------------------------------------------------------------- mutes


def muted(muted: MuteResult, span: timedelta, place: Place, chains: Chains, now: datetime) -> Html:
    """Return the answer to /mute."""
    is_all = any(mute.account is None for mute in muted.mutes)
    is_one = is_all or len(muted.mutes) == 1
    what = EMPTY + _here(place) if is_all else _names(muted.mutes, chains)
    until = f"{length(span)}, until {_moment(muted.mutes[0].until, now)}"
    lines = [
        fill("🔕 {} {} muted{} for {}.", what, "is" if is_one else "are", "" if is_all else " here", until),
        EMPTY + "What happens meanwhile is kept, and told then.",
    ]
    if muted.still_to_come:
        lines.append(EMPTY + f"{counted(muted.still_to_come, 'change')} from before will still come.")
    return join("\n", lines)


def muted_already(until: datetime, now: datetime) -> str:
    """Return what is said for a moment where everything is muted already."""
    return f"Muted already, until {_moment(until, now)}."


def nothing_muted(who: str) -> Html:
    """Return the answer to /unmute of what is not muted; "": of everything."""
    what = code(foreign(who, "that").visible) + " is not muted here." if who else "Nothing is muted here."
    return fill("{} {} keeps alerts for later.", what, code("/mute 1h"))


def all_muted(until: datetime, place: Place, now: datetime) -> Html:
    """Return the answer to /unmute of one account where everything is muted."""
    where = _here(place).casefold()
    return fill("All of {} is muted until {}; {} ends it.", where, _moment(until, now), code("/unmute"))


def unmuted(unmuted: UnmuteResult, place: Place, chains: Chains, now: datetime) -> Html:
    """Return the answer to /unmute, and what a message shows whose button did the same."""
    is_all = any(mute.account is None for mute in unmuted.mutes)
    is_one = is_all or len(unmuted.mutes) == 1
    what = EMPTY + _here(place) if is_all else _names(unmuted.mutes, chains)
    told = fill("🔔 {} {} no longer muted.", what, "is" if is_one else "are")
    if unmuted.until is not None:
        rest = "this topic" if place.thread_id is not None else "this chat"
        return told + fill(" All of {} still is, until {}.", rest, _moment(unmuted.until, now))
    if not unmuted.changes:
        return told + " Nothing changed meanwhile."
    follow = "follows" if unmuted.changes == 1 else "follow"
    return told + f" {counted(unmuted.changes, 'change')} from meanwhile {follow}."


def mute_over(over: MuteOver, chains: Chains) -> Html:
    """Return what stands before all that a mute held."""
    span = length(over.until - over.since)
    changes = counted(over.changes, "change") if over.changes else "no changes"
    if over.account is None:
        return fill("🔔 Muted for {}: {} meanwhile.", span, changes)
    who = _account(over.account, over.label, over.chains, chains)
    return fill("🔔 {} was muted for {}: {} meanwhile.", who, span, changes)


def mutes_shown(here: ActiveMutes, place: Place, chains: Chains, now: datetime) -> list[Html]:
    """Return the lines about mutes that /list and /status show; none where nothing is muted."""
    lines = [
        fill(
            "🔕 {} is muted until {}, {} more",
            _muted(mute, place, chains),
            _moment(mute.until, now),
            age(_in_minutes(mute.until - now)),
        )
        for mute in here.mutes[:_MUTES_SHOWN]
    ]
    if len(here.mutes) > _MUTES_SHOWN:
        lines.append(fill("🔕 … and {}", counted(len(here.mutes) - _MUTES_SHOWN, "more account")))
    if here.held:
        lines.append(fill("Kept meanwhile: {}", counted(here.held, "change")))
    return lines


def only_accounts(who: str) -> Html:
    """Return the answer to /mute of a token."""
    return fill(
        "{} is a token; {} is for accounts, or for all of the chat. {} ends what is told of a token.",
        code(foreign(who, "That").visible),
        code("/mute"),
        code("/ignore 0x…"),
    )


def _moment(at: datetime, now: datetime) -> str:
    return f"{clock(at, now.astimezone(UTC).date(), pattern='%H:%M')} UTC"


def _in_minutes(span: timedelta) -> timedelta:
    """Return a length of time in whole minutes, the last one that has begun counted."""
    minute = timedelta(minutes=1)
    return -(-span // minute) * minute


def _here(place: Place) -> str:
    return "This topic" if place.thread_id is not None else "This chat"


def _muted(mute: Mute, place: Place, chains: Chains) -> Html:
    if mute.account is None:
        return EMPTY + _here(place)
    return _account(mute.account, mute.label, mute.chains, chains)


def _names(mutes: Sequence[Mute], chains: Chains) -> Html:
    named = [
        _account(mute.account, mute.label, mute.chains, chains) for mute in mutes if mute.account is not None
    ]
    return folded(named, last=" and ")


def _account(account: Address, label: str, on: Collection[ChainId], chains: Chains) -> Html:
    """Return an account, and on which chains, where it is not all of them."""
    named = account_name(account, label)
    return named + f" on {chain_names(sorted(on), chains, last=' and ')}" if on else named
