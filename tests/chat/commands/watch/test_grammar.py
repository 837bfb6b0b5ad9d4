"""What follows /watch and /unwatch, line by line."""

from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.addresses import NO_0X
from bot.chat.commands.arguments.amounts import TypedAmount
from bot.chat.commands.arguments.conditions import NOTHING_SAID, TypedCondition
from bot.chat.commands.arguments.loud_rules import TypedLoudRule
from bot.chat.commands.watch.bare import BareRequest
from bot.chat.commands.watch.grammar import NO_ADDRESS, WatchEntry, write_label, write_spec
from bot.chat.commands.watch.unwatch import UnwatchRequest
from bot.chat.commands.watch.watch import WatchRequest, WatchTokenRequest
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, ChainId
from bot.domain.rules.conditions import EVERYTHING as EVERY_CHANGE
from bot.domain.rules.conditions import Condition, Counterparty, Direction, Level, Unit
from bot.domain.rules.loud import LoudRule, Mention
from bot.domain.subscriptions import Scope, WatchSpec
from tests.chat.commands.builders import entries, parsed, refused, sentences, text, watched
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
)


class Rules(NamedTuple):
    filter: Condition | None
    loud: LoudRule | None = None


DOLLARS = Level(Decimal(1_000), Unit.DOLLARS)
PAYROLL, TAX = Counterparty(VAULT, "Payroll"), Counterparty(OTHER)
WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
CHECKSUM = (
    "isn't an address: its checksum is wrong, so at least one digit or capital is mistyped. Copy it again."
)
ONE_SHORT = "isn't an address: an address has 40 digits after 0x, this has 39. Copy it again."
ADDRESS_IN_NAME = "is no name: there is an address in it. Give each account a line of its own."
ALL_CHAINS = "isn't needed: for all chains leave out “on” and what follows it."
THOUSAND = TypedAmount(Decimal(1_000), Unit.DOLLARS)
SEND_ONE = "Send its name or number, such as polygon or 137."


def test_one_address_is_one_entry() -> None:
    assert entries(f"/watch {TREASURY}") == [watched(1, TREASURY)]


def test_an_alias_means_the_same() -> None:
    assert entries(f"/add {TREASURY}") == entries(f"/watch {TREASURY}")


def test_clauses_say_which_contracts_chains_and_label() -> None:
    whole = watched(
        1,
        TREASURY,
        contracts=frozenset({USDC, OTHER}),
        chains=frozenset({ETHEREUM, POLYGON}),
        label="Main as it is, on paper",
    )

    assert entries(
        f"/watch {TREASURY} contract {USDC}, {OTHER} on ethereum,polygon as Main  as it is, on paper"
    ) == [whole]
    assert entries(
        f"/watch {TREASURY} ON Polygon Mainnet, Ethereum CONTRACT {USDC} {OTHER} AS Main as it is, on paper"
    ) == [whole]


def test_tokens_may_be_named_by_their_symbol() -> None:
    (entry,) = entries(f"/watch {TREASURY} contract USDC, {OTHER} USDC on base")
    token = parsed("/watch token USDC.e on base as Dollars")

    assert (entry.symbols, entry.scope) == (("USDC",), Scope(frozenset({OTHER}), frozenset({BASE})))
    assert token == WatchTokenRequest(Scope(chains=frozenset({BASE})), "Dollars", (), ("USDC.e",))


def test_several_addresses_share_what_follows() -> None:
    shared = frozenset({BASE})

    assert entries(f"/watch {TREASURY}, {VAULT} {TREASURY} on base") == [
        watched(1, TREASURY, chains=shared),
        watched(1, VAULT, chains=shared),
    ]


def test_many_lines_are_many_entries_and_the_first_shares_the_line_of_the_command() -> None:
    assert entries(f"/watch {TREASURY} as Treasury\n\n{VAULT} on base\r\n{OTHER} as Other") == [
        watched(1, TREASURY, label="Treasury"),
        watched(3, VAULT, chains=frozenset({BASE})),
        watched(4, OTHER, label="Other"),
    ]


def test_a_list_may_begin_below_the_command() -> None:
    assert entries(f"/watch@OurBot\n{TREASURY}") == [watched(2, TREASURY)]


def test_the_same_wish_twice_is_one() -> None:
    assert entries(f"/watch {TREASURY}\n{TREASURY}") == [watched(1, TREASURY)]


def test_another_wish_for_the_same_account_stays() -> None:
    assert entries(f"/watch {TREASURY}\n{TREASURY} as Treasury") == [
        watched(1, TREASURY),
        watched(2, TREASURY, label="Treasury"),
    ]


def test_a_label_loses_what_cannot_be_seen_and_keeps_the_rest() -> None:
    assert entries(f"/watch {TREASURY} as \u202e\u200b <b>Ops\u00a0& Co</b> 🦄, by Base ")[0].label == (
        "<b>Ops & Co</b> 🦄, by Base"
    )


@pytest.mark.parametrize(
    ("label", "meant", "offers"),
    [
        (
            "Treasury on polygon",
            "on polygon may be part of the name, or mean only on Polygon.",
            {
                "Only on Polygon as Treasury": "{} on polygon as Treasury",
                "Name it Treasury on polygon": '{} as "Treasury on polygon"',
            },
        ),
        (
            "Main  Treasury, on Base and polygon",
            "on Base and polygon may be part of the name, or mean only on Polygon and Base.",
            {
                "Only on Polygon and Base as Main Treasury": "{} on polygon, base as Main Treasury",
                "Name it Main Treasury, on Base and polygon": '{} as "Main Treasury, on Base and polygon"',
            },
        ),
        (
            "Till on base on polygn",
            "on polygn may be part of the name, or mean only on Polygon.",
            {
                "Only on Polygon as Till on base": '{} on polygon as "Till on base"',
                "Name it Till on base on polygn": '{} as "Till on base on polygn"',
            },
        ),
        (
            "Treasury contract USDC",
            "contract USDC may be part of the name, or mean only USDC.",
            {
                "Only USDC as Treasury": "{} contract USDC as Treasury",
                "Name it Treasury contract USDC": '{} as "Treasury contract USDC"',
            },
        ),
        (
            "Till on all chains",
            "on all chains may be part of the name, or mean on all chains.",
            {
                "On all chains as Till": "{} as Till",
                "Name it Till on all chains": '{} as "Till on all chains"',
            },
        ),
    ],
)
def test_a_label_that_ends_like_another_clause_is_asked_about(
    label: str, meant: str, offers: dict[str, str]
) -> None:
    rule = "The name comes last, after “as”; a name in quotes is taken whole."
    for typed in (f"/watch {TREASURY} as {label}", f"{TREASURY} as {label}"):
        request = parsed(typed)
        assert isinstance(request, WatchRequest | BareRequest)
        (bad,) = request.bad
        assert request.entries == ()
        assert text(bad.sentence) == f"{meant} {rule}"
        assert {offer.text: offer.line for offer in bad.offers} == {
            shown: line.format(TREASURY) for shown, line in offers.items()
        }
        assert len([entries(f"/watch {offer.line}") for offer in bad.offers]) == 2


def test_a_label_of_tokens_that_ends_like_a_chain_is_asked_about_as_well() -> None:
    request = parsed(f"/watch token {USDC} as Dollars on polygon")

    assert isinstance(request, WatchTokenRequest)
    assert [offer.line for offer in request.bad[0].offers] == [
        f"token {USDC} on polygon as Dollars",
        f'token {USDC} as "Dollars on polygon"',
    ]


@pytest.mark.parametrize(
    "label",
    [
        "Life on Mars",
        "on base",
        "Base",
        "Polygon on hill",
        "Carry on",
        "Vesting contract",
        "Contract with the old team",
    ],
)
def test_a_label_that_ends_like_no_chain_is_taken(label: str) -> None:
    assert entries(f"/watch {TREASURY} as {label}")[0].label == label


def test_a_label_of_tokens_that_ends_like_a_contract_can_only_be_its_name() -> None:
    request = parsed(f"/watch token {USDC} as Dollars contract DAI")

    assert isinstance(request, WatchTokenRequest)
    assert [offer.line for offer in request.bad[0].offers] == [f'token {USDC} as "Dollars contract DAI"']


@pytest.mark.parametrize("label", ['"Till on base"', "“Till on base”", "„Till on base“"])
def test_a_label_in_quotes_is_taken_whole(label: str) -> None:
    assert entries(f"/watch {TREASURY} as {label}")[0].label == "Till on base"


@pytest.mark.parametrize("label", ["#3", "# 12", "0x1234", "0xAB", "0x8e3E…d8B9", "0x8e3E...d8B9", '"#3"'])
def test_a_label_that_looks_like_a_number_of_the_list_or_an_address_is_refused(label: str) -> None:
    reason = "is no name: a name can't look like a number of /list or an address."
    assert sentences(refused(f"/watch {TREASURY} as {label}")) == [f"{label.strip(chr(34))} {reason}"]


@pytest.mark.parametrize("label", ["3", "#3 Till", "#ops", "0xSplits", "0x12 Vault", "Vault 0x12"])
def test_a_label_that_only_resembles_one_is_taken(label: str) -> None:
    assert entries(f"/watch {TREASURY} as {label}")[0].label == label


@pytest.mark.parametrize(
    "label", ["", "Till", "Till on base", "Till to Ops", '"Till"', '""', "Known as Till"]
)
def test_a_label_that_is_written_is_read_back(label: str) -> None:
    assert entries(f"/watch {TREASURY}{write_label(label)}")[0].label == label


def test_a_label_of_64_characters_is_taken() -> None:
    assert entries(f"/watch {TREASURY} as {'x' * 64}")[0].label == "x" * 64


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (WRONG_CHECKSUM, f"0x8E3E38fe…d8B9 {CHECKSUM}"),
        (TREASURY[:-1], f"0x8e3e38fe…8d8b {ONE_SHORT}"),
        ("Treasury", f"Treasury {NO_0X}"),
        ("0x8e3E…d8B9", "0x8e3E…d8B9 is shortened. Send the whole address, 0x and 40 digits."),
        (
            "treasury.eth",
            "treasury.eth is a name, and I can't look names up. Send the address that it stands for (0x…).",
        ),
        (f"{TREASURY} Treasury", "Treasury isn't an address. A name comes after “as”."),
        (f"{TREASURY} as", "as is followed by nothing. A name comes after it."),
        (f"{TREASURY} as {'x' * 65}", "xxxxxxxxxx…xxxx has 65 characters; a name has 64 at most."),
        (f"{TREASURY} as Till {VAULT} as Vault", f"Till 0xaba…ault {ADDRESS_IN_NAME}"),
        (f"{TREASURY} as {VAULT}", f"0xabababab…abab {ADDRESS_IN_NAME}"),
        (f"{TREASURY} on all", f"all {ALL_CHAINS}"),
        (f"{TREASURY} on every chain", f"every {ALL_CHAINS}"),
        (
            f"{TREASURY} {VAULT} as Both",
            "A name fits one address; this line has 2. Give each a line of its own.",
        ),
        ("as Treasury", NO_ADDRESS),
        (f"contract {USDC}", NO_ADDRESS),
        (f"{TREASURY} contract", "contract is followed by nothing. The token's address comes after it."),
        (f"{TREASURY} on", "on is followed by nothing. A chain comes after it, such as polygon."),
        (f"{TREASURY} on polygn", "I don't know a chain called “polygn”. Did you mean Polygon?"),
        (f"{TREASURY} on Ethere", "I don't know a chain called “Ethere”. Did you mean Ethereum?"),
        *(
            (f"{TREASURY} on {typed}", f"I don't know a chain called “{shown}”. {SEND_ONE}")
            for typed, shown in (
                *((word, word) for word in ("solana", "zzz", "0", "²")),
                ("9" * 5_000, "9999999999…9999"),
            )
        ),
        (
            f"{TREASURY} on base {VAULT}",
            "0xabababab…abab stands after “on”, where a chain belongs. Addresses come before it.",
        ),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_what_to_type(line: str, sentence: str) -> None:
    bad = refused(f"/watch {line}")

    assert sentences(bad) == [sentence]
    assert bad[0].line_number == 1


def test_a_line_with_a_mistyped_chain_knows_what_was_probably_meant() -> None:
    (bad,) = refused(f"/watch {TREASURY} on polygn, base as Till")

    assert bad.correction == f"{TREASURY} on Polygon, base as Till"


def test_a_line_of_which_nobody_can_tell_what_was_meant_is_not_mended() -> None:
    assert [bad.correction for bad in refused(f"/watch {TREASURY} on xyzzyx\n{WRONG_CHECKSUM}")] == ["", ""]
    assert [bad.correction for bad in refused(f"/watch {TREASURY} on polygn as polygn")] == [""]


def test_a_bad_line_does_not_stop_the_others() -> None:
    request = parsed(f"/watch {TREASURY}\n{VAULT} {WRONG_CHECKSUM}\n{OTHER}")

    assert isinstance(request, WatchRequest)
    assert request.entries == (watched(1, TREASURY), watched(3, OTHER))
    assert [(bad.line_number, text(bad.sentence)) for bad in request.bad] == [
        (2, f"0x8E3E38fe…d8B9 {CHECKSUM}")
    ]


def test_a_token_line_among_accounts_is_refused() -> None:
    assert [(bad.line_number, text(bad.sentence)) for bad in refused(f"/watch {TREASURY}\ntoken {USDC}")] == [
        (2, "token belongs in a message of its own, which starts with /watch token.")
    ]


def test_a_token_is_watched_in_all_accounts() -> None:
    assert parsed(f"/watch Token {USDC}, {OTHER} on base as Stables") == WatchTokenRequest(
        Scope(contracts=frozenset({USDC, OTHER}), chains=frozenset({BASE})), "Stables", ()
    )


def test_tokens_may_go_on_over_lines() -> None:
    assert parsed(f"/watch token\n{USDC}\n{OTHER}") == WatchTokenRequest(
        Scope(contracts=frozenset({USDC, OTHER})), "", ()
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"token {WRONG_CHECKSUM}", f"0x8E3E38fe…d8B9 {CHECKSUM}"),
        (
            f"token {USDC} contract {OTHER}",
            "contract isn't needed: after “token”, the addresses are the contracts.",
        ),
        (
            f"token\n{USDC}\n{OTHER} on base",
            "Chains and a name belong in the first line; they are for all tokens.",
        ),
        ("token on base", NO_ADDRESS),
    ],
)
def test_a_bad_token_line_says_what_is_wrong(line: str, sentence: str) -> None:
    request = parsed(f"/watch {line}")

    assert isinstance(request, WatchTokenRequest)
    assert sentences(request.bad) == [sentence]


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("min $1,000", TypedCondition(None, (THOUSAND,))),
        ("out min $1000", TypedCondition(Direction.OUT, (THOUSAND,))),
        ("min $1000 out", TypedCondition(Direction.OUT, (THOUSAND,))),
        ("in", TypedCondition(Direction.IN)),
        ("in min 1k USDC", TypedCondition(Direction.IN, (TypedAmount(Decimal(1_000), symbol="USDC"),))),
    ],
)
def test_a_line_says_which_changes_are_reported(clauses: str, expected: TypedCondition) -> None:
    for line in (
        f"{TREASURY} {clauses} on polygon as Till",
        f"{TREASURY} on polygon {clauses} as Till",
        f"{TREASURY}, {clauses}, on polygon as Till",
    ):
        (entry,) = entries(f"/watch {line}")
        assert (entry.condition, entry.scope.chains, entry.label) == (expected, frozenset({POLYGON}), "Till")


@pytest.mark.parametrize("name", ["Cash out", "Cash in", "min wage"])
def test_the_same_words_in_a_name_are_no_condition(name: str) -> None:
    (behind,) = entries(f"/watch {TREASURY} as {name}")
    (before,) = entries(f"/watch {name}: {TREASURY}\n{VAULT} as Vault")[:1]

    assert (behind.label, behind.condition) == (name, NOTHING_SAID)
    assert (before.label, before.condition) == (name, NOTHING_SAID)


def test_a_chain_behind_in_is_no_direction() -> None:
    (bad,) = refused(f"/watch {TREASURY} in polygon")

    assert [offer.line for offer in bad.offers][:1] == [f"{checksummed(TREASURY)} on polygon"]


OUT_FROM_THOUSAND = TypedCondition(Direction.OUT, (THOUSAND,), frozenset({BASE}))


@pytest.mark.parametrize(
    "clauses",
    [
        "on polygon only out min $1000 on base loud all @olga @bob_1",
        "on polygon loud all @olga @bob_1 only out on base min $1000",
        "only on polygon, loud @olga all @bob_1, only min $1000 out on base",
    ],
)
def test_rules_behind_only_and_loud_have_chains_of_their_own(clauses: str) -> None:
    (entry,) = entries(f"/watch {TREASURY} {clauses} as Till")

    assert (entry.scope.chains, entry.label) == (frozenset({POLYGON}), "Till")
    assert entry.condition == OUT_FROM_THOUSAND
    assert entry.loud == TypedLoudRule(TypedCondition(is_all=True), ("olga", "bob_1"))


def test_only_before_a_chain_limits_what_is_watched() -> None:
    (entry,) = entries(f"/watch {TREASURY} only on polygon as Till")

    assert (entry.scope.chains, entry.condition) == (frozenset({POLYGON}), NOTHING_SAID)


@pytest.mark.parametrize("name", ["Only Fans", "Loud Mouth", "only"])
def test_the_words_of_rules_may_begin_a_name(name: str) -> None:
    (bad,) = refused(f"/watch {TREASURY} {name}")

    assert bad.offers[0].line == f"{checksummed(TREASURY)} as {name}"


def test_a_rule_that_mentions_nobody_of_telegram_is_refused() -> None:
    (sentence,) = sentences(refused(f"/watch {TREASURY} loud all @o"))

    assert sentence.startswith("@o is no @name of Telegram's")


def test_a_token_is_watched_with_rules_of_its_own() -> None:
    request = parsed(f"/watch token {USDC} out min $1000 loud min $1000 as Dollars")

    assert isinstance(request, WatchTokenRequest)
    assert (request.condition, request.label) == (TypedCondition(Direction.OUT, (THOUSAND,)), "Dollars")
    assert request.loud == TypedLoudRule(TypedCondition(None, (THOUSAND,)))


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        (Rules(Condition(Direction.OUT, (DOLLARS,))), "out min $1000"),
        (Rules(Condition(chains=frozenset({BASE}))), "only all on base"),
        (
            Rules(Condition(Direction.OUT, (DOLLARS,), counterparties=(PAYROLL, TAX))),
            f"to {checksummed(PAYROLL.address)}, {checksummed(TAX.address)} min $1000",
        ),
        (
            Rules(Condition(Direction.IN, (), frozenset({BASE}), (PAYROLL,)), LoudRule()),
            f"only from {checksummed(PAYROLL.address)} on base loud all",
        ),
        (Rules(Condition(Direction.IN, chains=frozenset({BASE}))), "only in on base"),
        (Rules(EVERY_CHANGE), "only all"),
        (Rules(None, LoudRule()), "loud all"),
        (Rules(None, LoudRule(EVERY_CHANGE, (Mention("Olga", 7), Mention("@bob_1")))), "loud all @bob_1"),
        (Rules(EVERY_CHANGE, LoudRule(Condition(chains=frozenset({BASE})))), "only all loud on base"),
    ],
)
def test_rules_are_written_as_they_are_read(rules: Rules, line: str) -> None:
    spec = WatchSpec(TREASURY, Scope(chains=frozenset({POLYGON})), "Till", rules.filter, rules.loud)

    assert write_spec(spec, CHAINS) == f"{checksummed(TREASURY)} on polygon {line} as Till"
    (entry,) = entries(f"/watch {write_spec(spec, CHAINS)}")
    assert entry.scope == spec.scope
    assert (entry.condition != NOTHING_SAID, entry.loud is not None) == (
        rules.filter is not None,
        rules.loud is not None,
    )
    assert entry.rules == line


def test_an_amount_that_is_none_refuses_the_line() -> None:
    assert sentences(refused(f"/watch {TREASURY} min 1,5")) == ["1,5 could be 1.5 or 15. Write one of these."]


def test_unwatch_keeps_the_words_and_the_whole() -> None:
    assert parsed("/unwatch  Main Treasury, #3  #3") == UnwatchRequest(
        ("Main", "Treasury", "#3"), "Main Treasury, #3 #3"
    )


def test_unwatch_takes_all_for_a_word() -> None:
    assert parsed("/remove all") == UnwatchRequest(("all",), "all")


@given(
    st.lists(st.sampled_from([TREASURY, VAULT]), min_size=1, max_size=1),
    st.frozensets(st.sampled_from([USDC, OTHER])),
    st.frozensets(st.sampled_from([ETHEREUM, ARBITRUM, BASE])),
    st.sampled_from(["", "Treasury", "on base", "contract 0x12", "as"]),
    st.booleans(),
)
def test_what_is_written_by_the_grammar_is_read_back(
    accounts: list[Address],
    contracts: frozenset[Address],
    chains: frozenset[ChainId],
    label: str,
    chains_first: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    clauses = [
        f"contract {', '.join(contracts)}" if contracts else "",
        f"on {', '.join(CHAINS.get(chain).title for chain in chains)}" if chains else "",
    ]
    named = f"as {label}" if label else ""

    typed = " ".join(["/watch", *accounts, *(reversed(clauses) if chains_first else clauses), named])

    assert entries(typed) == [WatchEntry(1, accounts[0], Scope(contracts, chains), label)]


@pytest.mark.parametrize(
    ("typed", "alarm", "offered"),
    [
        ("{} below 5 eth", "below 5 eth", ["{}"]),
        ("{} on polygon below 5 eth", "below 5 eth", ["{} on polygon"]),
        ("{} alarm below $5 as Till", "below $5", ["{} as Till"]),
        ("{} as Till under 5 eth", "under 5 eth", ["{} as Till"]),
        ("{} below 5 eth on polygon", "below 5 eth on polygon", []),
        ("{} as below 5", "below 5", []),
    ],
)
def test_an_alarm_is_no_part_of_a_line_and_is_said_how_to_set(
    typed: str, alarm: str, offered: list[str]
) -> None:
    account = checksummed(TREASURY)
    (bad,) = refused(f"/watch {typed.format(account)}")

    assert text(bad.sentence) == (
        f"{alarm} is an alarm, and no part of /watch. Watch the account first, then send"
        f" /alarm {account} {alarm}"
    )
    assert [offer.line for offer in bad.offers] == [line.format(account) for line in offered]


def test_above_may_be_about_changes_or_the_balance() -> None:
    account = checksummed(TREASURY)
    (bad,) = refused(f"/watch {account} above 5 eth")

    assert text(bad.sentence) == (
        "above 5 eth may be about changes or about the balance."
        f" For the balance send /alarm {account} above 5 eth"
    )
    assert [offer.line for offer in bad.offers] == [f"{account} min 5 eth", account]


@pytest.mark.parametrize("typed", ['{} as "Till below 5"', '{} as "below 5"'])
def test_a_name_may_read_like_an_alarm(typed: str) -> None:
    (entry,) = entries(f"/watch {typed.format(checksummed(TREASURY))}")

    assert "below 5" in entry.label.casefold()
    assert entries(f"/watch {checksummed(TREASURY)}{write_label(entry.label)}") == [entry]
