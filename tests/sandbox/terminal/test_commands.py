from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.terminal.commands import (
    WORDS,
    Become,
    Break,
    Command,
    GoTo,
    Heal,
    LagChain,
    Misunderstood,
    MoveBalance,
    OneWord,
    PressButton,
    Rebuild,
    SaveFile,
    Say,
    SendFile,
    read_command,
)


@pytest.mark.parametrize(
    "typed",
    [
        "/watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 as Treasury",
        "/help",
        "/move is no command of the bot, and still said to it",
        "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9",
        "0X8E3E",
        "hello",
        "hello, move something",
        "status",
        "thanks!",
    ],
)
def test_what_is_no_word_of_the_director_is_said_to_the_bot(typed: str) -> None:
    assert read_command(typed) == Say(typed)


def test_several_lines_can_be_said_at_once() -> None:
    assert read_command(r"/watch 0xA as One\n0xB as Two") == Say("/watch 0xA as One\n0xB as Two")


def test_say_says_what_looks_like_a_word_of_the_director() -> None:
    assert read_command("say move  over") == Say("move  over")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("as alice in ops-group", Become("alice", "ops-group")),
        ("As Bob", Become("Bob")),
        ("in treasury-topic", GoTo("treasury-topic")),
        ("press Undo", PressButton("Undo")),
        ("press 2", PressButton("2")),
        ("press Mute 1 h", PressButton("Mute 1 h")),
        ("file list.csv", SendFile("list.csv")),
        ("file ~/list.csv /import to alerts", SendFile("~/list.csv", "/import to alerts")),
        ("save chart.png", SaveFile("chart.png")),
        ("move -1250 usdc on polygon", MoveBalance(Decimal(-1250), "usdc", chain="polygon")),
        ("move -5 usdc to payroll", MoveBalance(Decimal(-5), "usdc", counterparty="payroll")),
        (
            "move 5 usdc from nobody on base",
            MoveBalance(Decimal(5), "usdc", chain="base", counterparty="nobody"),
        ),
        ("move 0.5 eth of vault", MoveBalance(Decimal("0.5"), "eth", account="vault")),
        (
            "move +1,250.5 USDC of vault on base",
            MoveBalance(Decimal("1250.5"), "USDC", None, "base", "vault"),
        ),
        ("move −3 pol", MoveBalance(Decimal(-3), "pol")),
        ("move 1 skywvr #65600", MoveBalance(Decimal(1), "skywvr", 65_600)),
        ("break chain polygon", Break("polygon")),
        ("break polygon", Break("polygon")),
        ("BREAK gateway", Break("gateway")),
        ("break telegram", Break("telegram")),
        ("lag polygon", LagChain("polygon")),
        ("rebuild index of polygon", Rebuild("polygon")),
        ("rebuild polygon", Rebuild("polygon")),
        ("heal", Heal(None)),
        ("heal all", Heal(None)),
        ("heal polygon", Heal("polygon")),
        ("heal chain polygon", Heal("polygon")),
        ("exit", OneWord.QUIT),
        *((plain.value, plain) for plain in OneWord),
        ("  Quiet  ", OneWord.QUIET),
    ],
)
def test_a_word_of_the_director_is_carried_out(typed: str, meant: Command) -> None:
    assert read_command(typed) == meant


@pytest.mark.parametrize(
    ("typed", "grammar"),
    [
        ("brake chain polygon", "break chain CHAIN"),
        ("mvoe 1 pol", "move AMOUNT"),
        ("haal", "heal [WHAT]"),
        ("worlds", "world"),
        ("hepl", "help"),
    ],
)
def test_a_mistyped_word_is_explained_by_the_nearest_one(typed: str, grammar: str) -> None:
    misunderstood = read_command(typed)

    assert isinstance(misunderstood, Misunderstood)
    assert f"Did you mean `{grammar}" in misunderstood.reason
    assert f"`say {typed}`" in misunderstood.reason


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("as", "Who?"),
        ("as alice in", "`in` which chat?"),
        ("in", "Where?"),
        ("press", "Which one?"),
        ("file", "Which one?"),
        ("save", "Where to?"),
        ("save a b", "Where to?"),
        ("say", "say TEXT"),
        ("move", "How much of what?"),
        ("move 5", "How much of what?"),
        ("move usdc 5", "“usdc” is no amount."),
        ("move 0 usdc", "“0” is no amount."),
        ("move NaN usdc", "“NaN” is no amount."),
        ("move 1e5 usdc", "“1e5” is no amount."),
        ("move 1.2.3 usdc", "“1.2.3” is no amount."),
        ("move 5 usdc on", "`on` which chain?"),
        ("move 5 usdc to payroll", "What comes is `from` somebody."),
        ("move -5 usdc from payroll", "What leaves goes `to` somebody."),
        ("move -5 usdc to", "`to` which person or account?"),
        ("move 5 usdc on polygon base", "`on` which chain?"),
        ("break", "What?"),
        ("break chain", "What?"),
        ("lag", "Which chain?"),
        ("rebuild index", "Which chain's?"),
        ("heal polygon base", "One thing at a time"),
        ("help me", "`help` stands alone; `say help me` sends it to the bot."),
    ],
)
def test_a_word_that_lacks_something_says_what(typed: str, reason: str) -> None:
    misunderstood = read_command(typed)

    assert isinstance(misunderstood, Misunderstood)
    assert reason in misunderstood.reason


def test_a_word_that_lacks_something_shows_how_it_is_used() -> None:
    misunderstood = read_command("move 5")

    assert isinstance(misunderstood, Misunderstood)
    assert "move AMOUNT ASSET [#ITEM] [on CHAIN] [of ACCOUNT] [to|from WHO]" in misunderstood.reason


def test_every_word_of_the_help_is_read_as_one() -> None:
    for explained in WORDS:
        assert not isinstance(read_command(explained.word), Say), explained.word


def test_every_word_that_stands_alone_is_in_the_help() -> None:
    assert {plain.value for plain in OneWord} <= {explained.word for explained in WORDS}


texts = st.text(max_size=80).filter(str.strip)
words = st.lists(
    st.sampled_from(
        [*(word.word for word in WORDS), "on", "of", "in", "1", "-1.5", "usdc", "#7", "chain", "all"]
    ),
    min_size=1,
    max_size=8,
)


@given(texts | words.map(" ".join))
def test_no_text_makes_reading_fail(typed: str) -> None:
    read_command(typed)


@given(texts)
def test_whatever_begins_with_a_slash_is_said(typed: str) -> None:
    assert read_command(f"/{typed}") == Say(f"/{typed}".strip().replace("\\n", "\n"))
