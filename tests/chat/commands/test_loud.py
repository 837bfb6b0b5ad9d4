"""How /loud is read, and what its rules are called."""

from decimal import Decimal

import pytest

from bot.chat.commands.command import Missing
from bot.chat.commands.rules.loud import LoudRequest, LoudRulesRequest
from bot.chat.text.loud import loud_behind_name, loud_words, mention_line
from bot.domain.chat.access import Action
from bot.domain.rules.conditions import Condition, Direction, Level, Unit
from bot.domain.rules.loud import LoudRule, Mention
from tests.chat.commands.builders import parsed
from tests.chat.reading import CHAINS

OLGA, PETR = Mention("@olga", 7001), Mention("@petr")
LARGE = Condition(Direction.OUT, (Level(Decimal(1_000), Unit.DOLLARS),))


@pytest.mark.parametrize("typed", ["out", "min $5 @petr_t", "@petr_t", "in, @petr_t", "off", "on polygon"])
def test_a_reply_says_whom_a_rule_is_about_that_names_nobody(typed: str) -> None:
    request = parsed(f"/loud {typed}")

    assert isinstance(request, LoudRequest)
    assert request.missing is Missing.ACCOUNT


@pytest.mark.parametrize("typed", ["Treasury", "Treasury out", "#3 @petr_t", "all min $5", "Treasury off"])
def test_a_rule_that_names_somebody_is_about_them(typed: str) -> None:
    request = parsed(f"/loud {typed}")

    assert isinstance(request, LoudRequest)
    assert request.missing is None


def test_everybody_may_see_the_rules_and_only_changers_set_them() -> None:
    shown, changed = parsed("/loud"), parsed("/loud out")

    assert isinstance(shown, LoudRulesRequest)
    assert isinstance(changed, LoudRequest)
    assert (shown.needs, changed.needs) == (Action.LOOK, Action.CHANGE)


@pytest.mark.parametrize(
    ("rule", "words", "short"),
    [
        (LoudRule(), "every change rings", "🔔 every change"),
        (LoudRule(mentions=(OLGA,)), "every change rings and mentions @olga", "🔔 every change @olga"),
        (
            LoudRule(LARGE, (OLGA, PETR)),
            "outgoing changes of $1,000.00 and more ring and mention @olga @petr",
            "🔔 outgoing changes of $1,000.00 and more @olga @petr",
        ),
    ],
)
def test_a_rule_is_shown_without_calling_anybody(rule: LoudRule, words: str, short: str) -> None:
    assert loud_words(rule, CHAINS).source == words
    assert loud_behind_name(rule, CHAINS).source == short


def test_only_an_alert_calls_people() -> None:
    assert mention_line((OLGA, PETR)).source == '🔔 <a href="tg://user?id=7001">@olga</a> @petr'
    assert not mention_line(())
