"""From a message to what it asks for, for every command, and the laws of reading."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.chat.commands.balance.balance import BalanceOfRequest
from bot.chat.commands.balance.status import StatusRequest
from bot.chat.commands.basics import HELP_COMMAND, HelpRequest, IdRequest, StartRequest
from bot.chat.commands.command import Command, Request, Usage
from bot.chat.commands.dispatch import (
    NotForUs,
    PlainRequest,
    PossibleKeyRequest,
    UnknownRequest,
    command_word,
    parse,
    without_mention,
)
from bot.chat.commands.ignore import (
    IGNORE_COMMAND,
    UNIGNORE_COMMAND,
    IgnoredRequest,
    IgnoreRequest,
    UnignoreRequest,
)
from bot.chat.commands.mute import MUTE_COMMAND, MuteRequest, UnmuteRequest
from bot.chat.commands.owners.access import AllowRequest, DenyRequest
from bot.chat.commands.owners.believe import BELIEVE_COMMAND, BelieveRequest
from bot.chat.commands.registry import COMMANDS
from bot.chat.commands.watch.grammar import NO_ADDRESS
from bot.chat.commands.watch.unwatch import UNWATCH_COMMAND
from bot.chat.commands.watch.watch import WATCH_COMMAND, WatchRequest, WatchTokenRequest
from bot.chat.commands.watch.watch_list import HereRequest, ListRequest
from bot.domain.assets import ChainId
from tests.chat.commands.arguments.test_recovery_phrase import PHRASE
from tests.chat.commands.builders import parsed, usage_of
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    HOSTILE_NAMES,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
)

SEND_ONE = "Send its name or number, such as polygon or 137."
HOUR = timedelta(hours=1)
WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"


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
        ("/allow", AllowRequest("")),
        ("/allow -1001234567890", AllowRequest("-1001234567890")),
        ("/allow  Mallory  Smith", AllowRequest("Mallory Smith")),
        ("/deny 42", DenyRequest("42")),
        ("/deny\n42", DenyRequest("42")),
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
        ("/ignore USDC, DAI on polygon", IgnoreRequest((), frozenset({POLYGON}), ("USDC", "DAI"))),
        ("/unignore usdc", UnignoreRequest((), ("usdc",))),
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


def test_the_blank_before_an_address_may_be_missing() -> None:
    assert parsed(f"/watch{TREASURY} as Till") == parsed(f"/watch {TREASURY} as Till")
    assert parsed(f"/zzz{TREASURY} x") == UnknownRequest(
        f"zzz{TREASURY}", None, addressed=False, rest=f"{TREASURY} x"
    )


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
        ("/stop", UnknownRequest("stop", MUTE_COMMAND, addressed=False)),
        ("/cancel", UnknownRequest("cancel", UNWATCH_COMMAND, addressed=False)),
        ("/settings", UnknownRequest("settings", HELP_COMMAND, addressed=False)),
    ],
)
def test_an_unknown_command_names_the_closest_one(call: str, unknown: UnknownRequest) -> None:
    assert parsed(call) == unknown


@pytest.mark.parametrize(
    "text", ["", " ", "hello", "/", "/ list", "//list", "/usr/bin", "/list, please", "see /list", "lists"]
)
def test_what_is_no_command_is_plain_words(text: str) -> None:
    assert parsed(text) == PlainRequest()


def test_plain_words_in_a_group_may_be_meant_for_others() -> None:
    assert PlainRequest().is_talk


@pytest.mark.parametrize(
    ("text", "meant"), [("list", "/list"), ("Balance  Main Treasury", "/balance Main Treasury")]
)
def test_a_command_without_its_slash_is_offered(text: str, meant: str) -> None:
    assert parsed(text) == PlainRequest(meant)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("@OurBot hello", " hello"),
        ("hello @ourbot!", "hello !"),
        ("@OurBot, hello", " hello"),
        ("@OurBotToo hello", None),
        ("me@ourbot.example", None),
        ("/list@OurBot", None),
    ],
)
def test_a_mention_is_our_name_as_a_word(text: str, without: str | None) -> None:
    assert without_mention(text, "OurBot") == (text if without is None else without, without is not None)


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


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("polygn", "I don't know a chain called “polygn”. Did you mean Polygon?"),
        ("zzz", f"I don't know a chain called “zzz”. {SEND_ONE}"),
        ("polygon base", f"I don't know a chain called “polygon base”. {SEND_ONE}"),
        ("0", f"I don't know a chain called “0”. {SEND_ONE}"),
        ("9" * 5_000, f"I don't know a chain called “9999999999…9999”. {SEND_ONE}"),
        ("", ""),
    ],
)
def test_a_chain_to_believe_that_is_none_is_refused_with_the_reason(typed: str, reason: str) -> None:
    assert usage_of(f"/believe {typed}") == (BELIEVE_COMMAND, reason)


@pytest.mark.parametrize("typed", ["/mute 0m", "/mute 31d", "/mute Treasury 9999h", "/mute 0 days"])
def test_a_mute_that_is_too_short_or_too_long_is_refused(typed: str) -> None:
    assert parsed(typed) == Usage(MUTE_COMMAND, "A mute lasts from 1m to 30d.")


@pytest.mark.parametrize(
    ("typed", "command", "reason"),
    [
        (
            f"/ignore {USDC} on",
            IGNORE_COMMAND,
            "on is followed by nothing. A chain comes after it, such as polygon.",
        ),
        ("/ignore on polygon", IGNORE_COMMAND, NO_ADDRESS),
        (
            f"/ignore {USDC} as Spam",
            IGNORE_COMMAND,
            "as isn't needed: an ignored token has no name of its own.",
        ),
        (
            f"/ignore {USDC} contract {USDC}",
            IGNORE_COMMAND,
            "contract isn't needed: the contracts come first.",
        ),
        (
            f"/unignore {USDC} on polygon",
            UNIGNORE_COMMAND,
            "/unignore is for every chain; for one line only, use the buttons of /ignore.",
        ),
    ],
)
def test_what_is_no_token_to_ignore_is_refused_with_the_reason(
    typed: str, command: Command, reason: str
) -> None:
    assert usage_of(typed) == (command, reason)


# ---------------------------------------------------------------- the table and the laws


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
        assert request.scope.contracts or request.symbols or request.bad


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


# ---------------------------------------------------------------- recovery phrases


@pytest.mark.parametrize("text", [PHRASE, f"/watch {PHRASE}", f"/wathc {PHRASE}", f"/rename #1 as {PHRASE}"])
def test_a_recovery_phrase_is_warned_of_and_never_repeated(text: str) -> None:
    request = parsed(text)

    assert request == PossibleKeyRequest(addressed=True, is_phrase=True)
    assert not request.is_talk


def test_among_words_a_phrase_in_a_group_may_be_meant_for_others() -> None:
    assert parsed(f"the words are {PHRASE}") == PossibleKeyRequest(addressed=False, is_phrase=True)


@pytest.mark.parametrize(
    ("text", "word"),
    [("/mute 2h", "mute"), (f"/watch{TREASURY}", "watch"), ("/Test@OurBot", "test"), ("hello", "")],
)
def test_the_command_that_somebody_tried_is_named(text: str, word: str) -> None:
    assert command_word(text) == word
