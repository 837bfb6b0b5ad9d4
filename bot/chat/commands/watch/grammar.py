"""How one line of /watch is read: an address, `contract TOKEN`, `on CHAIN`, `out min AMOUNT`, `as LABEL`.

A line is taken as a whole or refused as a whole, so that nobody has to guess which half counted. What a word
may mean that stands where none is expected is offered, not assumed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from bot.chat.commands.arguments.addresses import (
    WORD,
    NamedAddress,
    Word,
    names_address,
    no_address,
    read_words,
)
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import (
    LOUD,
    NOTHING_SAID,
    ONLY,
    TypedCondition,
    begins_condition,
    begins_rule,
    read_condition,
    write_filter,
)
from bot.chat.commands.arguments.errors import BadLine, LineRefused, Offer
from bot.chat.commands.arguments.loud_rules import TypedLoudRule, read_loud_rule, write_loud_rule
from bot.chat.text.html import EMPTY, Html, fill
from bot.chat.text.wording import chain_names, token_names
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.labels import CHARACTERS_MOST
from bot.domain.subscriptions import EVERYTHING, Scope, WatchSpec

_LIST_NUMBER = re.compile(r"^\s*[0-9]{1,4}[.):]\s+")
_PREPOSITIONS = ("in ", "at ")

_QUOTED = re.compile(r"[\"“”„](?P<label>.*)[\"“”]")
_CLAUSE_AT_END = re.compile(
    r"(?P<name>.*[^\s,;])[\s,;]+(?P<clause>(?P<word>on|contract) (?P<rest>.+))", re.IGNORECASE
)
_ALL_CHAINS = re.compile(r"(?:all|every|any|each)(?: (?:chain|network)s?)?|everywhere", re.IGNORECASE)
_SYMBOL = re.compile(r"[\w.$]{2,11}")
_MAY_END = re.compile(r"\s(?:on|to|in|contract)\s", re.IGNORECASE)
"""What a chain, a channel or a token follows, where it may end a line."""

_LIKE_NUMBER_OR_ADDRESS = re.compile(r"#\s?[0-9]+|0x[0-9a-f]*(?:(?:…|\.{2,3})[0-9a-f]*)?", re.IGNORECASE)

NO_ADDRESS = "There is no address in it. Send one: 0x and 40 digits."
LITERALS = frozenset({"contract", "on", "as"})

_CONDITION = "min"
"""The clause that says which changes are reported, in any of its words."""
_RULES = frozenset({ONLY, LOUD})
_END_RULES = frozenset({"contract", "as"})
"""What a rule does not contain: words such as “on” are its own."""
_ON_CHAIN = re.compile(r"\s+on\s", re.IGNORECASE)
_NOT_LISTS = frozenset({_CONDITION, *_RULES})
_ALARM = re.compile(
    r"[\s,;](?:alarm )?(?P<alarm>(?:below|under|<) ?\$?\.?[0-9].*?)(?=\sas\s|$)", re.IGNORECASE | re.ASCII
)
"""What is an alarm, and no part of a line: no change is “below” anything."""
_ABOVE = re.compile(r"(?:above|over|>) ?(?P<amount>\$?\.?[0-9].*)", re.IGNORECASE | re.ASCII)
"""What may be an alarm, or the least change that is reported."""
_HAS_ADDRESS = re.compile(r"0x|[0-9a-f]{40}", re.IGNORECASE)


class UnclearLabel(LineRefused):
    """A label that ends like another clause, which may be part of it or limit the line."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """What a line says."""

    named: tuple[NamedAddress, ...]
    """Each once."""
    scope: Scope = EVERYTHING
    label: str = ""
    symbols: tuple[str, ...] = ()
    """What names tokens by their symbol, behind “contract”."""
    others: str = ""
    """What stands among the addresses and is none, as it was typed."""
    condition: TypedCondition = NOTHING_SAID
    """Which changes are to be reported."""
    loud: TypedLoudRule | None = None
    """Which of them ring; None: nothing is said about that."""


def read_clauses(line: str, chains: ChainReader) -> Clauses:
    """Return what a line says; `contract` and `on` come in any order, the label runs to the end.

    Raises LineRefused; not for words among the addresses, since what they are is for the command to say.
    """
    _refuse_alarm(line)
    # By clause, "" before the first; a word that returns (`on polygon on base`) adds to its clause.
    texts: dict[str, str] = {"": ""}
    clause, begins, ends, label = "", 0, len(line), ""
    address = _HAS_ADDRESS.search(line)
    for match in WORD.finditer(line):
        literal, behind = match.group().casefold(), line[match.end() :]
        # Before the address the same words are part of a name: “Cash out: 0x…”.
        is_behind = address is not None and address.end() <= match.start()
        is_rule = is_behind and begins_rule(literal, behind)
        if clause in _RULES and literal not in _END_RULES and not is_rule:
            continue
        if is_behind and literal == ONLY and _ON_CHAIN.match(behind):
            # “only on polygon”: the clause is the chain's.
            texts[clause] += line[begins : match.start()] + ","
            begins = match.end()
            continue
        is_condition = is_behind and begins_condition(literal, behind)
        if literal not in LITERALS and not is_condition and not is_rule:
            continue
        texts[clause] += line[begins : match.start()] + ("" if clause in _NOT_LISTS else ",")
        begins = match.start() if is_condition else match.end()
        # A label may hold any word, `on` too: nothing after `as` is a clause.
        if literal == "as":
            label, begins = _certain_label(line[: match.start()].strip(" ,;"), line[begins:], chains), ends
            break
        clause = _CONDITION if is_condition else literal
        texts.setdefault(clause, "")
    texts[clause] += line[begins:ends]
    named, others = read_subject(texts[""], chains.chains)
    contracts, symbols = _contracts(texts.get("contract"), named)
    scope = Scope(contracts, _chain_ids(texts.get("on"), chains))
    return Clauses(
        named=named,
        scope=scope,
        label=label,
        symbols=symbols,
        others=others,
        condition=_condition(texts, chains),
        loud=read_loud_rule(texts[LOUD].strip(" ,;"), chains) if LOUD in texts else None,
    )


def _condition(texts: Mapping[str, str], chains: ChainReader) -> TypedCondition:
    plain, only = (texts.get(clause, "").strip(" ,;") for clause in (_CONDITION, ONLY))
    condition = read_condition(f"{only} {plain}".strip(), chains)
    return replace(condition, text=f"{ONLY} {condition.text}") if only else condition


def read_subject(text: str, chains: Chains) -> tuple[tuple[NamedAddress, ...], str]:
    """Return the addresses in a text, each once, and the other words in it; raises LineRefused."""
    words = read_words(text)
    refused = next((word.refused for word in words if word.refused), None)
    if refused is not None:
        raise refused
    return tuple(dict.fromkeys(word.named for word in words if word.named)), other_words(words, chains)


def other_words(words: Iterable[Word], chains: Chains) -> str:
    """Return what stands among addresses and is none, nor a chain that is attached to one (`eth:0x…`)."""
    typed = [
        word.text if word.named is None else word.before
        for word in words
        if word.named is None or word.named.chain(chains) is None
    ]
    return " ".join(filter(None, (one.rstrip(":=") for one in typed)))


def read_label(text: str) -> str:
    """Return a label, one space between its words; raises LineRefused."""
    label = _unquoted(" ".join(text.split()))
    if not label:
        raise LineRefused("as", "is followed by nothing. A name comes after it.")
    if names_address(label):
        raise LineRefused(
            label, "is no name: there is an address in it. Give each account a line of its own."
        )
    if len(label) > CHARACTERS_MOST:
        raise LineRefused(label, f"has {len(label)} characters; a name has {CHARACTERS_MOST} at most.")
    if _LIKE_NUMBER_OR_ADDRESS.fullmatch(label):
        raise LineRefused(label, "is no name: a name can't look like a number of /list or an address.")
    return label


def write_label(label: str) -> str:
    """Return the clause that `read_label` reads as this label, with a blank before it; "" for none.

    It is in quotes where its words might be taken for a chain or a channel, or where it has quotes itself.
    """
    if not label:
        return ""
    is_plain = not _MAY_END.search(label) and not _ALARM.search(f" {label}") and _unquoted(label) == label
    return f" as {label}" if is_plain else f' as "{label}"'


def is_quoted(text: str) -> bool:
    """Whether a label is in quotes, so that every word in it belongs to it."""
    return _QUOTED.fullmatch(text.strip()) is not None


def _unquoted(label: str) -> str:
    quoted = _QUOTED.fullmatch(label)
    return quoted["label"].strip() if quoted else label


def _refuse_alarm(line: str) -> None:
    """Raise LineRefused where a line has an alarm in it, which is a command of its own."""
    found, label = _ALARM.search(line), re.search(r"\sas\s", line, re.IGNORECASE)
    if found is None or (label and label.end() <= found.start() + 1 and is_quoted(line[label.end() :])):
        return
    before, alarm = line[: found.start()].strip(" ,;"), found["alarm"]
    named = next((word.named for word in read_words(before) if word.named), None)
    if named is None:
        return
    command = f"/alarm {checksummed(named.address)} {alarm}"
    why = f"is an alarm, and no part of /watch. Watch the account first, then send {command}"
    # What follows may belong to the alarm as well as to the line.
    is_certain = not _ON_CHAIN.search(alarm) and not before.casefold().endswith(" as")
    offers = [Offer("Watch it without", before + line[found.end() :])] if is_certain else []
    raise LineRefused(alarm, why).offering(*offers)


def _certain_label(before: str, text: str, chains: ChainReader) -> str:
    """Return the label of a line; raises UnclearLabel where it may end in a clause, with both meanings."""
    label = read_label(text)
    ending = None if is_quoted(text) else _CLAUSE_AT_END.fullmatch(label)
    clause = _clause_meant(ending["word"].casefold(), ending["rest"], chains) if ending else None
    if ending is None or clause is None:
        return label
    meant, written = clause
    name, offers = ending["name"], [Offer(f"Name it {label}", before + write_label(label))]
    if written is not None:
        offers.insert(
            0, Offer(f"{meant[0].upper()}{meant[1:]} as {name}", before + written + write_label(name))
        )
    raise UnclearLabel(
        ending["clause"],
        f"may be part of the name, or mean {meant}."
        " The name comes last, after “as”; a name in quotes is taken whole.",
    ).offering(*offers)


def _clause_meant(word: str, rest: str, chains: ChainReader) -> tuple[str, str | None] | None:
    """Return what a clause behind a name may mean, and how it is written before it; None: it is none.

    In place of how it is written stands None where it can't be carried out.
    """
    if word == "contract":
        return (f"only {rest}", f" contract {rest}") if _SYMBOL.fullmatch(rest) else None
    if _ALL_CHAINS.fullmatch(rest):
        return "on all chains", ""
    on = chains.meant(rest)
    if on:
        return f"only {_on(on, chains)}", write_scope(Scope(chains=on), chains.chains)
    return ("a chain that the source does not list", None) if chains.chains.find(rest) is not None else None


def write_scope(scope: Scope, chains: Chains) -> str:
    """Return the clauses that `read_clauses` reads as this scope, with a blank before each."""
    contracts = " ".join(map(checksummed, sorted(scope.contracts)))
    on = ", ".join(chains.get(chain_id).name for chain_id in sorted(scope.chains))
    return (f" contract {contracts}" if contracts else "") + (f" on {on}" if on else "")


def write_line(account: Address, scope: Scope, label: str, chains: Chains, reported: str = "") -> str:
    """Return the line that is read as this; `reported` is its condition, as it is typed."""
    condition = f" {reported}" if reported else ""
    return f"{checksummed(account)}{write_scope(scope, chains)}{condition}{write_label(label)}"


def write_spec(spec: WatchSpec, chains: Chains) -> str:
    """Return what follows /watch to ask for this, exactly."""
    rules = [write_filter(spec.filter, chains)]
    rules += [f"{LOUD} {write_loud_rule(spec.loud, chains)}"] if spec.loud else []
    reported = " ".join(filter(None, rules))
    if spec.account is not None:
        return write_line(spec.account, spec.scope, spec.label, chains, reported)
    contracts = " ".join(map(checksummed, sorted(spec.scope.contracts)))
    on = write_scope(replace(spec.scope, contracts=frozenset()), chains)
    return f"token {contracts}{on}{f' {reported}' if reported else ''}{write_label(spec.label)}"


def show_scope(scope: Scope, chains: Chains) -> Html:
    """Return what a scope leaves of an account, to be read behind its name; nothing for everything."""
    only = fill(", only {}", token_names(scope.contracts)) if scope.contracts else EMPTY
    on = sorted(scope.chains)
    return only + f" on {chain_names(on, chains, last=' and ')}" if on else only


def _contracts(
    text: str | None, named: tuple[NamedAddress, ...]
) -> tuple[frozenset[Address], tuple[str, ...]]:
    """Return the contracts and the symbols; the page of another holder is refused, since it names two."""
    words = read_words(text or "")
    if text is not None and not words:
        raise LineRefused("contract", "is followed by nothing. The token's address comes after it.")
    accounts = {one.address for one in named}
    contracts: set[Address] = set()
    symbols: list[str] = []
    for word in words:
        if word.refused is not None:
            raise word.refused
        if word.named is None:
            symbols.append(word.text)
            continue
        if word.named.token is not None and word.named.address not in accounts:
            raise LineRefused(word.text, "names a holder too. Send the token's address itself.")
        contracts.add(word.named.contract)
    return frozenset(contracts), tuple(dict.fromkeys(symbols))


def _chain_ids(text: str | None, chains: ChainReader) -> frozenset[ChainId]:
    if text is not None and not WORD.search(text):
        raise LineRefused("on", "is followed by nothing. A chain comes after it, such as polygon.")
    return chains.several(text or "")


# ---------------------------------------------------------------- what a line asks for


@dataclass(frozen=True, slots=True)
class WatchEntry:
    """One account to watch."""

    line_number: int
    account: Address
    scope: Scope = EVERYTHING
    label: str = ""
    symbols: tuple[str, ...] = ()
    """Tokens that are named by their symbol; with the contracts of the scope, all it is about."""
    chain: ChainId | None = field(default=None, compare=False)
    """The chain that is named beside the address (`eth:0x…`, an explorer's link): it is offered, no limit."""
    is_token_page: bool = field(default=False, compare=False)
    """Whether the address came as the link of a token's page, so that the token may be meant."""
    condition: TypedCondition = NOTHING_SAID
    """Which changes are to be reported."""
    loud: TypedLoudRule | None = None
    """Which of them ring; None: nothing is said about that."""

    @property
    def rules(self) -> str:
        """Its rules as they are typed."""
        loud = f"{LOUD} {self.loud.text}" if self.loud else ""
        return " ".join(filter(None, (self.condition.text, loud)))


def entries_of(number: int, clauses: Clauses, chains: ChainReader) -> list[WatchEntry]:
    """Return what a line asks for; raises LineRefused, with what it may have meant."""
    if not clauses.named:
        raise no_address(clauses.others) if clauses.others else LineRefused("", NO_ADDRESS)
    if clauses.others:
        raise _unclear(number, clauses, chains)
    accounts = {one.address for one in clauses.named}
    if clauses.label and len(accounts) > 1:
        raise LineRefused(
            "", f"A name fits one address; this line has {len(accounts)}. Give each a line of its own."
        )
    return [
        WatchEntry(
            line_number=number,
            account=one.address,
            scope=replace(clauses.scope, contracts=clauses.scope.contracts | one.tokens),
            label=clauses.label,
            symbols=clauses.symbols,
            chain=None if clauses.scope.chains else one.chain(chains.chains),
            is_token_page=one.is_token_page,
            condition=clauses.condition,
            loud=clauses.loud,
        )
        for one in clauses.named
    ]


def without_repeats(entries: Iterable[WatchEntry]) -> tuple[WatchEntry, ...]:
    """Return each entry once, with the line where it stood first."""
    first: dict[WatchEntry, WatchEntry] = {}
    for entry in entries:
        first.setdefault(replace(entry, line_number=0), entry)
    return tuple(first.values())


def _unclear(number: int, clauses: Clauses, chains: ChainReader) -> LineRefused:
    """Return why words beside an address are not taken, with what they may mean: a name, a chain, nothing."""
    words, plain = clauses.others, replace(clauses, others="")
    place = words[3:] if words.casefold().startswith(_PREPOSITIONS) else words
    above = _ABOVE.fullmatch(words)
    if above and clauses.condition == NOTHING_SAID:
        return _above(number, plain, above["amount"], chains)
    on = frozenset() if clauses.scope.chains else chains.possible(place)
    may_be_name = (
        place == words and not clauses.label and len(clauses.named) == 1 and len(words) <= CHARACTERS_MOST
    )
    if on and may_be_name:
        refused = LineRefused(words, "may be a chain or a name. A chain comes after “on”, a name after “as”.")
    elif on:
        refused = LineRefused(words, "is a chain; chains come after “on”.")
    else:
        refused = LineRefused(words, "isn't an address. A name comes after “as”.")
    meant: list[tuple[str, Clauses]] = []
    if may_be_name:
        meant.append((f"Name it {words}", replace(plain, label=words)))
    if on:
        meant.append((f"Only {_on(on, chains)}", replace(plain, scope=replace(plain.scope, chains=on))))
    elif words.casefold().startswith("token "):
        symbols = tuple(words.split()[1:])
        meant.append((f"Only the {words}", replace(plain, symbols=(*clauses.symbols, *symbols))))
    elif may_be_name and not clauses.scope.chains:
        meant += [
            (
                f"{name}, {_on(there, chains)}",
                replace(plain, scope=replace(plain.scope, chains=there), label=name),
            )
            for name, there in _name_and_chains(words, chains)
        ]
    is_sure = len(meant) == 1 and not on
    meant.append(("Without a name" if may_be_name else "Without it", plain))
    offers = [
        Offer(text, "\n".join(_written(one, chains.chains) for one in entries_of(number, clauses, chains)))
        for text, clauses in meant
    ]
    return refused.offering(*offers, is_sure=is_sure)


def _above(number: int, plain: Clauses, amount: str, chains: ChainReader) -> LineRefused:
    """Return that “above” may be about changes or about balances, with a button for the former."""
    least = replace(plain, condition=read_condition(f"{_CONDITION} {amount}", chains))
    command = f"/alarm {checksummed(plain.named[0].address)} above {amount}"
    refused = LineRefused(
        f"above {amount}", f"may be about changes or about the balance. For the balance send {command}"
    )
    offers = [
        Offer(text, "\n".join(_written(one, chains.chains) for one in entries_of(number, clauses, chains)))
        for text, clauses in ((f"Only changes from {amount}", least), ("Watch it without", plain))
    ]
    return refused.offering(*offers)


def _name_and_chains(words: str, chains: ChainReader) -> list[tuple[str, frozenset[ChainId]]]:
    """Return how words may be a name before or after a chain, as in a spreadsheet's row."""
    first, _, rest = words.partition(" ")
    begin, _, last = words.rpartition(" ")
    halves = ((begin, last), (rest, first))
    return [
        (name, on)
        for name, chain in halves
        if name and not chain.isdigit() and (on := _nearly(chain, chains))
    ]


def _nearly(word: str, chains: ChainReader) -> frozenset[ChainId]:
    """Return the chain that a word names, mistyped too; the mere beginning of one (`Main`) may be a name."""
    start, on = word.casefold(), chains.possible(word)
    return on or frozenset(
        one
        for one in chains.meant(word)
        if not any(name.startswith(start) for name in chains.chains.words(one))
    )


def _on(chain_ids: frozenset[ChainId], chains: ChainReader) -> str:
    return f"on {chain_names(sorted(chain_ids), chains.chains, last=' and ')}"


def _written(entry: WatchEntry, chains: Chains) -> str:
    line = write_line(entry.account, entry.scope, "", chains)
    # The first clause of its kind: a word that returns adds to it.
    symbols = f" contract {' '.join(entry.symbols)}" if entry.symbols else ""
    reported = f" {entry.rules}" if entry.rules else ""
    return line + symbols + reported + write_label(entry.label)


# ---------------------------------------------------------------- lines


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say anything, each with its number, from 1, and without that of a list (`2.`)."""
    lines = ((number, _LIST_NUMBER.sub("", line)) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in lines if WORD.search(line)]


def is_token_line(line: str) -> bool:
    """Whether a line begins with the word “token”."""
    first = WORD.search(line)
    return first is not None and first.group().casefold() == "token"


def contracts_of(clauses: Clauses) -> tuple[Address, ...]:
    """Return what a line names where contracts are expected: of a holder's page the token.

    Raises LineRefused where it names none, not by a symbol either.
    """
    if not clauses.named and not clauses.others:
        raise LineRefused("", NO_ADDRESS)
    return tuple(dict.fromkeys(one.contract for one in clauses.named))


def read_token_line(line: str, chains: ChainReader) -> Clauses:
    """Return what stands behind the word “token”, where the addresses are the contracts.

    Raises LineRefused.
    """
    clauses = read_clauses(line, chains)
    if clauses.scope.contracts or clauses.symbols:
        raise LineRefused("contract", "isn't needed: after “token”, the addresses are the contracts.")
    if any(one.token for one in clauses.named):
        raise LineRefused("", "A link names a holder too. Send it after /watch, without “token”.")
    contracts_of(clauses)
    return clauses


def bad_line(number: int, line: str, refused: LineRefused) -> BadLine:
    """Return a refused line with what it may have meant."""
    correction = refused.correction or _corrected(line, refused)
    return BadLine(
        number, refused.typed, refused.reason, refused.lead, correction, refused.offers, refused.word
    )


def _corrected(line: str, refused: LineRefused) -> str:
    """Return the line with the word that was probably meant."""
    # A word that stands twice: nobody can tell which of them was mistyped.
    if not refused.meant or line.count(refused.word) != 1:
        return ""
    return line.replace(refused.word, refused.meant).strip()
