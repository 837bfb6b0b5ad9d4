"""`/loud`: which changes ring, and whom they call; all others arrive without sound."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Screen, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import read_condition, refuse_counterparties, split_who
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.loud_rules import USERNAME, refuse_no_username, write_loud_rule
from bot.chat.commands.arguments.tokens import condition_meant
from bot.chat.commands.command import (
    Answer,
    Command,
    Example,
    Feature,
    Missing,
    Request,
    Services,
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
from bot.chat.text.html import EMPTY, Html, code, fill, join
from bot.chat.text.loud import BELL, loud_words
from bot.chat.text.untrusted import sanitized
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.places import Place
from bot.domain.rules.conditions import EVERYTHING
from bot.domain.rules.loud import MENTIONS_MOST, LoudRule, Mention, distinct
from bot.domain.subscriptions import ListedSubscription
from bot.store.chats import subscriptions
from bot.store.chats.rules import loud_rules

LOUD_COMMAND = Command(
    name="loud",
    does="Choose which changes ring, and whom they mention",
    grammar="/loud [LABEL, ADDRESS or #NUMBER] [in|out] [min AMOUNT] [on CHAIN,…] [@name…]",
    examples=(
        Example("/loud min $1000", "rings for such changes; all others arrive without sound"),
        Example("/loud Treasury out @olga", "rings for what goes out of one account, and mentions Olga"),
        Example("/loud off", "lets every change ring again"),
    ),
    who=Who.CHANGERS,
)

_ALL = "all"
_ON = "on"
_USUAL = (("$100 and more", "/loud min $100"), ("$1,000 and more", "/loud min $1000"))
_OF_ALL = "the one for all"
_NAME_CHARACTERS_MOST = 32
"""As long as a username may be."""
_NAMELESS = "somebody"


@dataclass(frozen=True, slots=True)
class LoudRequest(Request):
    """`/loud` with anything behind it."""

    needs = LOUD_COMMAND.needs
    text: str
    missing: Missing | None = None

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Set a loud rule, or end it."""
        if self.text.casefold() == OFF:
            return (await _end_all(services, incoming),)
        if self.text.casefold() == _ON:
            buttons = await services.button_commands.buttons(incoming.place, *_USUAL)
            return (Screen(which_ring(), rows(buttons)),)
        text, mentions = await _mentions(services, incoming, self.text)
        try:
            refuse_no_username(text)
        except LineRefused as refused:
            return (refused.sentence,)
        said = await read_target(services, incoming.place, text)
        if said.is_unknown:
            said = said._replace(rest=_join(said.rest, _names(mentions)))
            return (await unknown_target(services, incoming.place, LOUD_COMMAND, said),)
        try:
            rule = await _rule(services, incoming.place, said, mentions)
        except LineRefused as refused:
            names = _names(mentions)
            return (
                await refused_rule(
                    services,
                    incoming.place,
                    said,
                    refused,
                    lambda rest: _join("/loud", said.who or _ALL, rest, names),
                ),
            )
        return (await _set(services, incoming, said, rule),)


@dataclass(frozen=True, slots=True)
class LoudRulesRequest(Request):
    """`/loud` alone: what is set, which everybody may see."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show what is set."""
        return (await _shown(services, incoming.place),)


def _read_loud(rest: str, _chains: ChainReader) -> LoudRequest | LoudRulesRequest:
    text = " ".join(rest.split())
    if not text:
        return LoudRulesRequest()
    # Nobody is known here: whom it is about are all words before the rule itself.
    who, _ = split_who(" ".join(USERNAME.sub(" ", text).split()), lambda _: False)
    return LoudRequest(text, Missing.ACCOUNT if not who or text.casefold() == OFF else None)


async def _mentions(services: Services, incoming: Incoming, text: str) -> tuple[str, tuple[Mention, ...]]:
    """Return a text without those whom it mentions, and these, with their numbers where they are known."""
    found: list[Mention] = []
    for one in incoming.people:
        before, named, after = text.rpartition(one.name)
        if named and not one.name.startswith("@"):
            text = f"{before} {after}"
            name = sanitized(one.name).visible[:_NAME_CHARACTERS_MOST]
            found.append(Mention(name or _NAMELESS, one.user_id))
    names = [name[1] for name in USERNAME.finditer(text)]
    known = await services.db.run(loud_rules.known_people, names) if names else {}
    known |= {one.name[1:].casefold(): one.user_id for one in incoming.people if one.user_id is not None}
    found += [Mention(f"@{name}", known.get(name.casefold())) for name in names]
    return " ".join(USERNAME.sub(" ", text).split()), distinct(found)


async def _rule(
    services: Services, place: Place, said: Said, mentions: tuple[Mention, ...]
) -> LoudRule | None:
    """Return the rule that is meant; None: none any more. Raises LineRefused."""
    word = said.rest.casefold()
    if word == OFF and not mentions:
        return None
    if len(mentions) > MENTIONS_MOST:
        raise LineRefused(mentions[MENTIONS_MOST].name, f"is too many: {MENTIONS_MOST} people at most.")
    if word == _ALL:
        return LoudRule(mentions=mentions)
    typed = read_condition(said.rest, ChainReader(services.chains, await services.listing()))
    refuse_counterparties(typed)
    return LoudRule(await condition_meant(services.db, services.chains, place, typed), mentions)


async def _set(services: Services, incoming: Incoming, said: Said, rule: LoudRule | None) -> Screen:
    actor = incoming.actor(services.now())
    former = await services.db.run(loud_rules.set_loud_rule, incoming.place, said.ids, rule, actor)
    if rule is None:
        line = fill("{}: no loud rule of its own any more.", target_name(said))
    else:
        line = fill("{} {}: {}.", BELL, target_name(said), loud_words(rule, services.chains))
    lines = [line, await _others(services, incoming.place)]
    undo = []
    if len(set(former)) == 1 and former[0] != rule and (said.who or not said.found):
        undo = _typed(said.who, former[0], services.chains, "Undo")
    buttons = await services.button_commands.buttons(incoming.place, *undo)
    return Screen(join("\n", lines), rows(buttons))


async def _end_all(services: Services, incoming: Incoming) -> Screen:
    """Let everything ring again; what was set is offered once more, each rule by itself."""
    place = incoming.place
    of_place = await services.db.run(loud_rules.place_loud_rule, place)
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    former = [("", of_place)] if of_place is not None else []
    former += [(f"#{one.number}", rule) for one in listed if (rule := one.subscription.loud) is not None]
    ended = await services.db.run(loud_rules.end_loud_rules, place, incoming.actor(services.now()))
    if not ended:
        return Screen(EMPTY + "Every change rings here already: there is no loud rule.")
    undo = [
        pair
        for who, rule in former[:OFFERED_MOST]
        for pair in _typed(
            who, rule, services.chains, "Undo" if len(former) == 1 else f"Undo {who or _OF_ALL}"
        )
    ]
    buttons = await services.button_commands.buttons(place, *undo)
    return Screen(EMPTY + f"{BELL} Every change rings here again.", rows(buttons))


async def _others(services: Services, place: Place) -> Html:
    """Return what becomes of changes that no rule means."""
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    of_place = await services.db.run(loud_rules.place_loud_rule, place)
    if of_place is None and not any(one.subscription.loud for one in listed):
        return EMPTY + "Every change rings here."
    if of_place is not None and of_place.condition == EVERYTHING:
        return fill("That is every change here. {} ends it.", code("/loud all off"))
    return EMPTY + "All other changes here arrive without sound. Alarms and notices always ring."


async def _shown(services: Services, place: Place) -> Screen:
    """Return what is set, with buttons that end it."""
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    if not listed:
        return Screen(nothing_watched())
    of_place = await services.db.run(loud_rules.place_loud_rule, place)
    own = [one for one in listed if one.subscription.loud is not None]
    lines: list[Html] = []
    if of_place is not None:
        lines.append(
            fill("{} {}: {}.", BELL, target_name(Said("", (), "")), loud_words(of_place, services.chains))
        )
    lines += [_own(one, services.chains) for one in own]
    lines.append(await _others(services, place))
    lines.append(fill("To set one, send for example {}.", code("/loud min $1000 @olga")))
    ends = [("End the one for all", "/loud all off")] if of_place is not None else []
    ends += [(f"End #{one.number}", f"/loud #{one.number} off") for one in own]
    everything = [("Ring for everything", "/loud off")] if ends else []
    buttons = await services.button_commands.buttons(place, *ends[:OFFERED_MOST], *everything)
    return Screen(join("\n", lines), rows(*([one] for one in buttons)))


def which_ring() -> Html:
    """Return the question that /loud on leaves open."""
    return fill(
        "Which changes are to ring? All others arrive without sound then. Send for example {}.",
        code("/loud Treasury out"),
    )


def _own(one: ListedSubscription, chains: Chains) -> Html:
    rule = one.subscription.loud
    assert rule is not None
    name = target_name(Said("", (one,), ""))
    return fill("{} #{} {}: {}.", BELL, str(one.number), name, loud_words(rule, chains))


def _typed(who: str, rule: LoudRule | None, chains: Chains, button: str) -> list[tuple[str, str]]:
    """Return the button that types a rule; none where it mentions somebody who can't be typed."""
    if rule is None:
        return [(button, _join("/loud", who or _ALL, OFF))]
    if not all(one.name.startswith("@") for one in rule.mentions):
        return []
    return [(button, _join("/loud", who or _ALL, write_loud_rule(rule, chains)))]


def _names(mentions: Iterable[Mention]) -> str:
    return " ".join(one.name for one in mentions)


def _join(*words: str) -> str:
    return " ".join(filter(None, words))


LOUD = Feature(LOUD_COMMAND, _read_loud)
