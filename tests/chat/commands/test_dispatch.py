from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.chat.commands.arguments.addresses import NamedAddress
from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.balance.balance import BALANCE_COMMAND, BalanceOfRequest
from bot.chat.commands.balance.status import STATUS_COMMAND, StatusRequest
from bot.chat.commands.basics import HELP_COMMAND, HelpRequest, IdRequest, StartRequest
from bot.chat.commands.command import Command, Request, Usage, Who
from bot.chat.commands.dispatch import NotForUs, PossibleKeyRequest, UnknownRequest, parse
from bot.chat.commands.ignore import (
    IGNORE_COMMAND,
    UNIGNORE_COMMAND,
    IgnoredRequest,
    IgnoreRequest,
    UnignoreRequest,
)
from bot.chat.commands.mute import MUTE_COMMAND, MuteRequest, UnmuteRequest
from bot.chat.commands.owners.access import ALLOW_COMMAND, DENY_COMMAND, AllowRequest, DenyRequest
from bot.chat.commands.owners.believe import BELIEVE_COMMAND, BelieveRequest
from bot.chat.commands.registry import COMMANDS
from bot.chat.commands.watch.bare import BareRequest
from bot.chat.commands.watch.grammar import WatchEntry
from bot.chat.commands.watch.unwatch import UNWATCH_COMMAND, UnwatchRequest
from bot.chat.commands.watch.watch import WATCH_COMMAND, WatchRequest, WatchTokenRequest
from bot.chat.commands.watch.watch_list import LIST_COMMAND, HereRequest, ListRequest
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Listing
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    HOSTILE_NAMES,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
)

HOUR = timedelta(hours=1)
WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
ADDRESS_IN_LABEL = "there is an address in this label; each account needs a line of its own"
ALL_CHAINS = "for all chains leave out the word “on” and what follows it"
REASON_CHECKSUM = "its checksum is wrong, so at least one digit or capital is mistyped"

REASON_NO_LABEL = "an address starts with 0x, and a label comes after the word “as”"
REASON_ORDER = "addresses stand before the word “on”, chains after it"


def parsed(text: str) -> Request | Usage | UnknownRequest | NotForUs | None:
    return parse(text, "OurBot", CHAINS)


def entries(text: str) -> list[WatchEntry]:
    request = parsed(text)
    assert isinstance(request, WatchRequest)
    assert request.bad == ()
    return list(request.entries)


def refused(text: str) -> list[BadLine]:
    request = parsed(text)
    assert isinstance(request, WatchRequest)
    return list(request.bad)


def watched(
    line: int,
    account: Address,
    *,
    contracts: frozenset[Address] = frozenset(),
    chains: frozenset[ChainId] = frozenset(),
    label: str = "",
) -> WatchEntry:
    return WatchEntry(line, account, contracts, chains, label)


# ---------------------------------------------------------------- what is for us


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("/start", StartRequest("")),
        ("/start w_0xab-1", StartRequest("w_0xab-1")),
        ("/start not a payload", StartRequest("")),
        ("/start " + "a" * 65, StartRequest("")),
        ("/help", HelpRequest("")),
        ("/help watch", HelpRequest("watch")),
        ("/help /remove", HelpRequest("remove")),
        ("/help me", HelpRequest("me")),
        ("/id", IdRequest()),
        ("/id please", IdRequest()),
        ("/list", ListRequest()),
        ("/balance", BalanceOfRequest(None)),
        ("/balance  Main  Treasury ", BalanceOfRequest("Main Treasury")),
        ("/balances #3", BalanceOfRequest("#3")),
        ("/allow", AllowRequest(None)),
        ("/allow -1001234567890", AllowRequest(-1001234567890)),
        ("/allow −1001234567890", AllowRequest(-1001234567890)),
        ("/deny 42", DenyRequest(42)),
        ("/deny\n42", DenyRequest(42)),
        ("/believe polygon", BelieveRequest(POLYGON)),
        ("/believe  Arbitrum  One", BelieveRequest(ARBITRUM)),
        ("/believe 987654321", BelieveRequest(ChainId(987654321))),
        ("/here", HereRequest()),
        ("/ignore", IgnoredRequest()),
        (" /ignore ,", IgnoredRequest()),
        (f"/ignore {USDC}", IgnoreRequest((USDC,), frozenset())),
        (
            f"/ignore token {USDC},{TREASURY} on polygon, base",
            IgnoreRequest((USDC, TREASURY), frozenset({POLYGON, BASE})),
        ),
        (f"/ignore {USDC}\non polygon", IgnoreRequest((USDC,), frozenset({POLYGON}))),
        ("/unignore", IgnoredRequest()),
        (f"/unignore {USDC}", UnignoreRequest((USDC,))),
        ("/mute", MuteRequest("", "", HOUR)),
        ("/mute 30m", MuteRequest("30m", "", HOUR / 2)),
        ("/mute for 2 Hours", MuteRequest("for 2 Hours", "", 2 * HOUR)),
        ("/mute Cold Store, 1d", MuteRequest("Cold Store, 1d", "Cold Store", 24 * HOUR)),
        ("/mute #3 90 min", MuteRequest("#3 90 min", "#3", 1.5 * HOUR)),
        ("/mute Treasury", MuteRequest("Treasury", "Treasury", HOUR)),
        ("/mute Team2h", MuteRequest("Team2h", "Team2h", HOUR)),
        ("/mute 30", MuteRequest("30", "30", HOUR)),
        ("/unmute", UnmuteRequest("")),
        ("/unmute  Cold  Store", UnmuteRequest("Cold Store")),
        ("/status", StatusRequest()),
        ("/status now", StatusRequest()),
    ],
)
def test_a_command_is_read(text: str, request_: Request) -> None:
    assert parsed(text) == request_


@pytest.mark.parametrize(
    "call", ["/list", "/LIST", "/list@OurBot", "/List@OURBOT", "  /list  ", "\u200b/list\u00a0"]
)
def test_a_command_is_ours_in_any_casing_and_with_our_name(call: str) -> None:
    assert parsed(call) == ListRequest()


def test_our_name_may_come_with_its_sign() -> None:
    assert parse("/list@OurBot", "@OurBot", CHAINS) == ListRequest()


@pytest.mark.parametrize("call", ["/list@OtherBot", "/nothing@OtherBot", "/watch@OurBotToo 0x"])
def test_a_command_for_another_bot_is_not_ours(call: str) -> None:
    assert parsed(call) == NotForUs()


@pytest.mark.parametrize(
    ("call", "unknown"),
    [
        ("/wathc 0x", UnknownRequest("wathc", WATCH_COMMAND, addressed=False, rest="0x")),
        ("/remov@OurBot x", UnknownRequest("remov", UNWATCH_COMMAND, addressed=True, rest="x")),
        ("/zzz", UnknownRequest("zzz", None, addressed=False)),
    ],
)
def test_an_unknown_command_names_the_closest_one(call: str, unknown: UnknownRequest) -> None:
    assert parsed(call) == unknown


@pytest.mark.parametrize(
    "text", ["", " ", "hello", "/", "/ list", "//list", "/usr/bin", "/list, please", "see /list"]
)
def test_what_is_no_command_is_nothing(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/watch", WATCH_COMMAND),
        ("/watch \n , ", WATCH_COMMAND),
        ("/watch token", WATCH_COMMAND),
        ("/unwatch", UNWATCH_COMMAND),
    ],
)
def test_a_command_that_lacks_something_explains_itself(text: str, command: Command) -> None:
    assert parsed(text) == Usage(command, "")


@pytest.mark.parametrize("number", ["abc", "-", "0", "1 2", "@channel", "1e5", "9" * 17, "٣"])
def test_a_chat_id_that_is_none_is_refused_with_the_reason(number: str) -> None:
    reason = "A chat id is a number like -1001234567890; /id shows it in the chat itself."

    assert parsed(f"/allow {number}") == Usage(ALLOW_COMMAND, reason)
    assert parsed(f"/deny {number}") == Usage(DENY_COMMAND, reason)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("polygn", "polygn: no chain is called that; did you mean Polygon?"),
        ("zzz", "zzz: no chain is called that"),
        ("polygon base", "polygon base: no chain is called that"),
        ("0", "0: no chain is called that"),
        ("9" * 5_000, "9999999999…9999: no chain is called that"),
        ("", ""),
    ],
)
def test_a_chain_to_believe_that_is_none_is_refused_with_the_reason(typed: str, reason: str) -> None:
    assert parsed(f"/believe {typed}") == Usage(BELIEVE_COMMAND, reason)


@pytest.mark.parametrize("typed", ["/mute 0m", "/mute 31d", "/mute Treasury 9999h", "/mute 0 days"])
def test_a_mute_that_is_too_short_or_too_long_is_refused(typed: str) -> None:
    assert parsed(typed) == Usage(MUTE_COMMAND, "A mute lasts from 1m to 30d.")


@pytest.mark.parametrize(
    ("typed", "command", "reason"),
    [
        ("/ignore USDC", IGNORE_COMMAND, "USDC: an address starts with 0x"),
        (f"/ignore {USDC} on", IGNORE_COMMAND, "on: a chain has to follow"),
        ("/ignore on polygon", IGNORE_COMMAND, "there is no address in it"),
        (f"/ignore {USDC} as Spam", IGNORE_COMMAND, "as: an ignored token needs no label"),
        (
            f"/ignore {USDC} contract {USDC}",
            IGNORE_COMMAND,
            "contract: the contracts come first, without this word",
        ),
        ("/unignore #1", UNIGNORE_COMMAND, "#1: an address starts with 0x"),
        (
            f"/unignore {USDC} on polygon",
            UNIGNORE_COMMAND,
            "A token is told again on every chain; the buttons of /ignore take back one line.",
        ),
    ],
)
def test_what_is_no_token_to_ignore_is_refused_with_the_reason(
    typed: str, command: Command, reason: str
) -> None:
    assert parsed(typed) == Usage(command, reason)


# ---------------------------------------------------------------- watching accounts


def test_one_address_is_one_entry() -> None:
    assert entries(f"/watch {TREASURY}") == [watched(1, TREASURY)]


def test_an_alias_means_the_same() -> None:
    assert entries(f"/add {TREASURY}") == entries(f"/watch {TREASURY}")


@pytest.mark.parametrize(
    "address", [TREASURY, checksummed(TREASURY), TREASURY.upper(), f"\u200b{TREASURY}\ufeff", f",{TREASURY},"]
)
def test_an_address_is_taken_however_it_is_written(address: str) -> None:
    assert entries(f"/watch {address}") == [watched(1, TREASURY)]


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


@pytest.mark.parametrize(
    ("words", "chains"),
    [
        ("Arbitrum One", {ARBITRUM}),
        ("arbitrum one, base", {ARBITRUM, BASE}),
        ("arbitrum", {ARBITRUM}),
        ("137", {POLYGON}),
        ("137 polygon", {POLYGON}),
        ("987654321", {ChainId(987654321)}),
    ],
)
def test_a_chain_is_named_by_slug_title_or_number(words: str, chains: set[ChainId]) -> None:
    assert entries(f"/watch {TREASURY} on {words}") == [watched(1, TREASURY, chains=frozenset(chains))]


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
    assert entries(f"/watch {TREASURY} as \u202e\u200b <b>Ops\u00a0& Co</b> 🦄, on base ")[0].label == (
        "<b>Ops & Co</b> 🦄, on base"
    )


def test_a_label_of_64_characters_is_taken() -> None:
    assert entries(f"/watch {TREASURY} as {'x' * 64}")[0].label == "x" * 64


@pytest.mark.parametrize(
    ("line", "typed", "reason"),
    [
        (WRONG_CHECKSUM, "0x8E3E38fe…d8B9", REASON_CHECKSUM),
        (TREASURY[:-1], "0x8e3e38fe…8d8b", "an address has 40 digits after 0x, this has 39"),
        ("Treasury", "Treasury", "an address starts with 0x"),
        (
            f"{TREASURY} Treasury",
            "Treasury",
            "an address starts with 0x, and a label comes after the word “as”",
        ),
        (f"{TREASURY} as", "as", "a label has to follow"),
        (f"{TREASURY} as {'x' * 65}", "xxxxxxxxxx…xxxx", "a label has at most 64 characters, this has 65"),
        (f"{TREASURY} as Till {VAULT} as Vault", "Till 0xaba…ault", ADDRESS_IN_LABEL),
        (f"{TREASURY} as {VAULT}", "0xabababab…abab", ADDRESS_IN_LABEL),
        (f"{TREASURY} on all", "all", ALL_CHAINS),
        (f"{TREASURY} on every chain", "every", ALL_CHAINS),
        (f"{TREASURY} {VAULT} as Both", "Both", "a label names one address, and this line has 2"),
        ("as Treasury", "", "there is no address in it"),
        (f"contract {USDC}", "", "there is no address in it"),
        (f"{TREASURY} contract", "contract", "an address has to follow"),
        (f"{TREASURY} contract USDC", "USDC", "an address starts with 0x"),
        (f"{TREASURY} on", "on", "a chain has to follow"),
        (f"{TREASURY} on polygn", "polygn", "no chain is called that; did you mean Polygon?"),
        (f"{TREASURY} on Ethere", "Ethere", "no chain is called that; did you mean Ethereum?"),
        (f"{TREASURY} on solana", "solana", "no chain is called that"),
        (f"{TREASURY} on zzz", "zzz", "no chain is called that"),
        (f"{TREASURY} on 0", "0", "no chain is called that"),
        (f"{TREASURY} on ²", "²", "no chain is called that"),
        (f"{TREASURY} on {'9' * 5_000}", "9999999999…9999", "no chain is called that"),
        (
            f"{TREASURY} on base {VAULT}",
            "0xabababab…abab",
            "addresses stand before the word “on”, chains after it",
        ),
    ],
)
def test_a_bad_line_names_what_was_typed_and_why(line: str, typed: str, reason: str) -> None:
    (bad,) = refused(f"/watch {line}")

    assert (bad.line_number, bad.typed, bad.reason) == (1, typed, reason)


def test_a_line_with_a_mistyped_chain_knows_what_was_probably_meant() -> None:
    (bad,) = refused(f"/watch {TREASURY} on polygn, base as Till")

    assert bad.correction == f"{TREASURY} on Polygon, base as Till"


def test_a_line_of_which_nobody_can_tell_what_was_meant_is_not_mended() -> None:
    assert [bad.correction for bad in refused(f"/watch {TREASURY} on xyzzyx\n{WRONG_CHECKSUM}")] == ["", ""]
    assert [bad.correction for bad in refused(f"/watch {TREASURY} on polygn as polygn")] == [""]


@pytest.mark.parametrize(
    "link",
    [
        f"https://polygonscan.com/address/{TREASURY}",
        f"https://etherscan.io/token/{TREASURY}",
        f"https://etherscan.io/token/{TREASURY}?a=7804#inventory",
        f"https://etherscan.io/tokenholdings?a={TREASURY}",
        f"https://blockscout.com/xdai/mainnet/address/{TREASURY}?tab=tokens",
        f"http://basescan.org/address/{TREASURY}#tokentxns",
        f"etherscan.io/address/{TREASURY}/",
        f"https://explorer.example/polygon/address/{TREASURY}",
    ],
)
def test_a_page_of_an_explorer_is_read_as_its_address(link: str) -> None:
    assert parsed(link) == BareRequest((NamedAddress(TREASURY),), ())
    assert parsed(f"/watch {link} as Till") == WatchRequest((watched(1, TREASURY, label="Till"),), ())


@pytest.mark.parametrize(
    "text",
    [
        "https://etherscan.io/",
        f"https://etherscan.io/tx/0x{'ab' * 32}",
        f"look at https://etherscan.io/address/{TREASURY}",
        f"https://etherscan.io/address/{TREASURY}00",
    ],
)
def test_another_link_or_a_sentence_asks_for_nothing(text: str) -> None:
    assert parse(text, "OurBot", CHAINS) is None


def test_a_bad_line_does_not_stop_the_others() -> None:
    assert parsed(f"/watch {TREASURY}\n{VAULT} {WRONG_CHECKSUM}\n{OTHER}") == WatchRequest(
        (watched(1, TREASURY), watched(3, OTHER)), (BadLine(2, "0x8E3E38fe…d8B9", REASON_CHECKSUM),)
    )


def test_a_token_line_among_accounts_is_refused() -> None:
    assert refused(f"/watch {TREASURY}\ntoken {USDC}") == [
        BadLine(2, "token", "tokens go into a message of their own, which starts with /watch token")
    ]


# ---------------------------------------------------------------- watching tokens


def test_a_token_is_watched_in_all_accounts() -> None:
    assert parsed(f"/watch Token {USDC}, {OTHER} on base as Stables") == WatchTokenRequest(
        frozenset({USDC, OTHER}), frozenset({BASE}), "Stables", ()
    )


def test_tokens_may_go_on_over_lines() -> None:
    assert parsed(f"/watch token\n{USDC}\n{OTHER}") == WatchTokenRequest(
        frozenset({USDC, OTHER}), frozenset(), "", ()
    )


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        (f"token {WRONG_CHECKSUM}", BadLine(1, "0x8E3E38fe…d8B9", REASON_CHECKSUM)),
        (
            f"token {USDC} contract {OTHER}",
            BadLine(1, "contract", "after the word “token”, the addresses are the contracts"),
        ),
        (
            f"token\n{USDC}\n{OTHER} on base",
            BadLine(3, "", "chains and a label stand in the first line, for all tokens"),
        ),
        ("token on base", BadLine(1, "", "there is no address in it")),
    ],
)
def test_a_bad_token_line_names_what_was_typed_and_why(text: str, bad: BadLine) -> None:
    request = parsed(f"/watch {text}")

    assert isinstance(request, WatchTokenRequest)
    assert request.bad == (bad,)


# ---------------------------------------------------------------- the rest


def test_unwatch_keeps_the_words_and_the_whole() -> None:
    assert parsed("/unwatch  Main Treasury, #3  #3") == UnwatchRequest(
        ("Main", "Treasury", "#3"), "Main Treasury, #3 #3"
    )


def test_unwatch_takes_all_for_a_word() -> None:
    assert parsed("/remove all") == UnwatchRequest(("all",), "all")


def test_addresses_alone_are_an_offer() -> None:
    assert parsed(f"{TREASURY}\n{checksummed(USDC)}, {TREASURY}") == BareRequest(
        (NamedAddress(TREASURY), NamedAddress(USDC)), ()
    )


def test_an_address_alone_with_a_mistake_says_so() -> None:
    assert parsed(WRONG_CHECKSUM) == BareRequest((), (BadLine(1, "0x8E3E38fe…d8B9", REASON_CHECKSUM),))


@pytest.mark.parametrize("text", [f"look at {TREASURY}", f"{TREASURY}!", "0x12", "token"])
def test_addresses_among_other_words_are_no_offer(text: str) -> None:
    assert parsed(text) is None


# ---------------------------------------------------------------- the table and the laws


def test_every_word_of_the_table_is_a_command_of_its_own() -> None:
    words = [word for command in COMMANDS for word in (command.name, *command.aliases)]

    assert len(words) == len(set(words))
    for word in words:
        assert word.isascii()
        assert word.isidentifier()
        assert not isinstance(parsed(f"/{word}"), UnknownRequest)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_row_of_the_table_fits_telegrams_menu(command: Command) -> None:
    assert 1 <= len(command.name) <= 32
    assert 1 <= len(command.does) <= 256
    assert command.grammar.startswith(f"/{command.name}")


@pytest.mark.parametrize("text", [example.text for command in COMMANDS for example in command.examples])
def test_every_example_works(text: str) -> None:
    request = parsed(text)

    assert request is not None
    assert not isinstance(request, Usage | UnknownRequest | NotForUs)
    assert getattr(request, "bad", ()) == ()


def test_looking_is_for_everybody_and_opening_for_owners() -> None:
    assert {LIST_COMMAND.who, BALANCE_COMMAND.who, STATUS_COMMAND.who} == {Who.READERS}
    assert {WATCH_COMMAND.who, UNWATCH_COMMAND.who} == {Who.CHANGERS}
    assert {ALLOW_COMMAND.who, DENY_COMMAND.who, BELIEVE_COMMAND.who} == {Who.OWNERS}
    assert HELP_COMMAND.who is Who.ANYONE


WORDS = st.one_of(
    st.sampled_from(
        ["contract", "on", "as", "token", "base", "polygn", "#3", ",", "\n", "0x", TREASURY, VAULT]
    ),
    st.sampled_from([WRONG_CHECKSUM, "²", "9" * 5_000, *HOSTILE_NAMES]),
    st.text(st.characters(), max_size=10),
)


@given(st.one_of(st.text(st.characters()), st.sampled_from(HOSTILE_NAMES)))
@example("/watch@")
@example("/allow ²")
def test_no_text_makes_it_raise(text: str) -> None:
    parsed(text)


@given(st.sampled_from([command.name for command in COMMANDS]), st.lists(WORDS))
def test_no_words_after_a_command_make_it_raise(name: str, words: list[str]) -> None:
    request = parsed(f"/{name} {' '.join(words)}")

    if isinstance(request, WatchRequest):
        assert request.entries or request.bad
        assert all(len(entry.label) <= 64 for entry in request.entries)
        assert all("\n" not in bad.typed and len(bad.typed) <= 24 for bad in request.bad)
    if isinstance(request, WatchTokenRequest):
        assert request.contracts or request.bad


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

    text = " ".join(["/watch", *accounts, *(reversed(clauses) if chains_first else clauses), named])

    assert entries(text) == [WatchEntry(1, accounts[0], contracts, chains, label)]


# ---------------------------------------------------------------- chains as people call them

LISTED = frozenset({ETHEREUM, POLYGON, BASE, ARBITRUM})
GNOSIS = ChainId(100)


def chains_of(words: str) -> frozenset[ChainId]:
    (entry,) = entries(f"/watch {TREASURY} on {words}")
    return entry.chains


@pytest.mark.parametrize(
    ("words", "chains"),
    [
        ("Base Mainnet", {BASE}),
        ("base mainnet polygon", {BASE, POLYGON}),
        ("base, mainnet", {BASE, ETHEREUM}),
        ("base and mainnet", {BASE, ETHEREUM}),
        ("polygon and base", {POLYGON, BASE}),
        ("polygon & base", {POLYGON, BASE}),
        ("polygon/base", {POLYGON, BASE}),
        ("polygon, amoy", {POLYGON, ChainId(80002)}),
        ("polygon amoy", {ChainId(80002)}),
        ("0x89, eth", {POLYGON, ETHEREUM}),
        ("polygon on base", {POLYGON, BASE}),
    ],
)
def test_two_names_are_two_chains_only_where_they_stand_apart(words: str, chains: set[ChainId]) -> None:
    assert chains_of(words) == chains


@given(
    st.lists(st.sampled_from(CHAINS.registered()), min_size=1, unique=True), st.sampled_from([", ", " and "])
)
def test_titles_in_a_row_are_these_chains_and_no_others(chain_ids: list[ChainId], between: str) -> None:
    titles = [CHAINS.get(chain_id).title for chain_id in chain_ids]

    assert chains_of(between.join(titles)) == frozenset(chain_ids)
    assert chains_of(between.join(f"{title} mainnet" for title in titles)) == frozenset(chain_ids)


def test_a_token_is_ignored_on_the_one_chain_that_is_named_and_lines_keep_chains_apart() -> None:
    assert parsed(f"/ignore {USDC} on base mainnet") == IgnoreRequest((USDC,), frozenset({BASE}))
    assert parsed(f"/ignore {USDC} on base\nmainnet") == IgnoreRequest((USDC,), frozenset({BASE, ETHEREUM}))


def read_with_list(text: str) -> Request | Usage | UnknownRequest | NotForUs | None:
    return parse(text, "OurBot", CHAINS, Listing(now=LISTED, ever=LISTED))


NOT_LISTED = "the source does not list Gnosis Chain; it lists Ethereum, Polygon, Arbitrum One and Base"


@pytest.mark.parametrize("typed", ["gnosis", "Gnosis Chain", "100", "0x64"])
def test_a_chain_that_the_source_does_not_list_is_refused_with_those_it_does(typed: str) -> None:
    refused_line = BadLine(1, typed, NOT_LISTED)

    assert read_with_list(f"/watch {TREASURY} on {typed}") == WatchRequest((), (refused_line,))
    assert read_with_list(f"/watch token {USDC} on {typed}") == WatchTokenRequest(
        frozenset(), frozenset(), "", (refused_line,)
    )
    assert read_with_list(f"/ignore {USDC} on {typed}") == Usage(IGNORE_COMMAND, f"{typed}: {NOT_LISTED}")
    assert read_with_list(f"/believe {typed}") == Usage(BELIEVE_COMMAND, f"{typed}: {NOT_LISTED}")


def test_a_chain_that_the_operator_has_asked_for_is_taken_whatever_the_source_lists() -> None:
    listing = Listing(now=LISTED, ever=LISTED, configured=frozenset({GNOSIS}))
    taken = WatchRequest((watched(1, TREASURY, chains=frozenset({GNOSIS})),), ())

    assert parse(f"/watch {TREASURY} on gnosis", "OurBot", CHAINS, listing) == taken


def test_a_chain_that_the_source_lists_or_listed_once_is_taken() -> None:
    once = Listing(now=LISTED, ever=LISTED | {GNOSIS})
    taken = WatchRequest((watched(1, TREASURY, chains=frozenset({GNOSIS, BASE})),), ())

    assert parse(f"/watch {TREASURY} on gnosis, base", "OurBot", CHAINS, once) == taken
    assert parse(f"/watch {TREASURY} on gnosis, base", "OurBot", CHAINS) == taken


def test_many_listed_chains_are_folded() -> None:
    listing = Listing(now=frozenset(CHAINS.mainnets()) - {GNOSIS})
    request = parse(f"/watch {TREASURY} on gnosis", "OurBot", CHAINS, listing)

    assert isinstance(request, WatchRequest)
    assert request.bad[0].reason == (
        "the source does not list Gnosis Chain; it lists Ethereum, Polygon, BNB Smart Chain, Optimism, "
        "Arbitrum One, Arbitrum Nova and 17 more"
    )


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("polygn", "no chain is called that; did you mean Polygon?"),
        ("poly", "no chain is called that; did you mean Polygon?"),
        ("etherum", "no chain is called that; did you mean Ethereum?"),
        *(
            (typed, "no chain is called that; the source lists Ethereum, Polygon, Arbitrum One and Base")
            for typed in ("solana", "somnai", "gnosi", "avalance", "zzz", "p")
        ),
    ],
)
def test_only_a_listed_chain_that_is_really_near_is_suggested(typed: str, reason: str) -> None:
    request = read_with_list(f"/watch {TREASURY} on {typed}")

    assert isinstance(request, WatchRequest)
    assert request.bad[0].reason == reason


# ---------------------------------------------------------------- links

HOLDING = NamedAddress(VAULT, USDC)


@pytest.mark.parametrize(
    "link",
    [
        f"https://etherscan.io/token/{USDC}?a={VAULT}",
        f"https://polygonscan.com/token/{checksummed(USDC)}?a={checksummed(VAULT)}#transfers",
        f"https://etherscan.io/token/{USDC}#balances?a={VAULT}",
        f"https://etherscan.io/token/{USDC}?tab=x&a={VAULT}",
        f"etherscan.io/nft/{USDC}?a={VAULT}",
    ],
)
def test_the_page_of_a_holder_is_of_the_holder_and_the_token(link: str) -> None:
    entry = watched(1, VAULT, contracts=frozenset({USDC}), label="Vault")

    assert entries(f"/watch {link} as Vault") == [entry]
    assert parsed(link) == BareRequest((HOLDING,), ())
    assert parsed(f"/ignore {link}") == IgnoreRequest((USDC,), frozenset())
    assert parsed(f"/unignore {link}") == UnignoreRequest((USDC,))
    assert entries(f"/watch {VAULT} contract {link}") == [watched(1, VAULT, contracts=frozenset({USDC}))]


SEVERAL = "this link names several addresses; send the one you mean"
WHOSE = "I can't tell whose page this is; send the address itself"


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (f"https://etherscan.io/token/{USDC}?b={VAULT}", SEVERAL),
        (f"https://etherscan.io/token/{USDC}?a={VAULT}&a={OTHER}", SEVERAL),
        (f"https://etherscan.io/address/{TREASURY}?a={VAULT}", SEVERAL),
        (f"https://etherscan.io/tokenholdings?b={VAULT}", SEVERAL),
        ("https://etherscan.io/tokenholdings?a=7", WHOSE),
        (f"https://app.safe.global/home?safe=eth:{TREASURY}", WHOSE),
        (f"https://debank.com/profile/{TREASURY}", WHOSE),
        (f"https://app.zerion.io/{TREASURY}/overview", WHOSE),
        (f"https://opensea.io/{TREASURY}", WHOSE),
        (f"https://etherscan.io/address/{TREASURY}00", WHOSE),
        (f"https://etherscan.io/address/{WRONG_CHECKSUM}", REASON_CHECKSUM),
        (f"https://etherscan.io/tx/0x{'ab' * 32}", "this is the page of a transaction, not of an address"),
        (f"eth:{TREASURY}", "an address starts with 0x: leave out what stands before it"),
        (f"eip155:137:{TREASURY}", "an address starts with 0x: leave out what stands before it"),
    ],
)
def test_a_link_that_could_be_misread_is_refused_with_the_reason(link: str, reason: str) -> None:
    assert [bad.reason for bad in refused(f"/watch {link} as Till")] == [reason]


def test_a_holder_is_not_dropped_where_a_contract_is_expected() -> None:
    link = f"https://etherscan.io/token/{USDC}?a={VAULT}"

    assert [bad.reason for bad in refused(f"/watch {TREASURY} contract {link}")] == [
        "this link names a holder too; send the contract's address itself"
    ]
    request = parsed(f"/watch token {link}")
    assert isinstance(request, WatchTokenRequest)
    assert [bad.reason for bad in request.bad] == [
        "a link names a holder too; send it after /watch, without the word “token”"
    ]


ADDRESSES = (TREASURY, VAULT, USDC, OTHER)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["contract", "on", "polygon", "base mainnet", ",", "\n", "and"]),
            st.sampled_from(ADDRESSES),
            st.builds(
                "https://etherscan.io/token/{}?a={}".format,
                st.sampled_from(ADDRESSES),
                st.sampled_from(ADDRESSES),
            ),
            st.builds(
                "https://etherscan.io/{}/{}?x={}".format,
                st.sampled_from(["address", "token", "x"]),
                st.sampled_from(ADDRESSES),
                st.sampled_from(ADDRESSES),
            ),
        ),
        max_size=8,
    )
)
def test_no_address_of_a_line_is_lost_in_silence(words: list[str]) -> None:
    text = " ".join(words)
    request = parsed(f"/watch {text}")

    if isinstance(request, WatchRequest) and not request.bad:
        taken = {address for entry in request.entries for address in (entry.account, *entry.contracts)}
        assert {address for address in ADDRESSES if address in text} == taken


# ---------------------------------------------------------------- what may be a private key

KEY = "a1" * 32


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        "0x" + KEY,
        "0X" + KEY.upper(),
        f"/watch 0x{KEY}",
        f"/watch {TREASURY} as {KEY}",
        f"/watch {TREASURY}\n{KEY} as Other",
        f"/balance {KEY}",
        f"/unwatch {KEY}",
        f"/ignore 0x{KEY} on base",
        f"/mute {KEY} 2h",
        f"/wathc {KEY}",
        f"/start {KEY}",
        f"/watch https://etherscan.io/address/0x{KEY}",
        f"/watch key={KEY}",
    ],
)
def test_64_digits_may_be_a_private_key_and_nothing_of_them_is_kept(text: str) -> None:
    assert parsed(text) == PossibleKeyRequest(addressed=True)


def test_64_digits_among_words_are_heard_where_nobody_else_is_meant() -> None:
    assert parsed(f"the key is {KEY}, keep it safe") == PossibleKeyRequest(addressed=False)
    assert parsed(f"/list@OtherBot {KEY}") == NotForUs()


@pytest.mark.parametrize("text", [KEY[1:], "0" + KEY, f"https://etherscan.io/tx/0x{KEY}", f"x{KEY[2:]}"])
def test_fewer_or_more_digits_and_the_page_of_a_transaction_are_no_key(text: str) -> None:
    assert not isinstance(parsed(text), PossibleKeyRequest)
    assert not isinstance(parsed(f"/watch {text}"), PossibleKeyRequest)
