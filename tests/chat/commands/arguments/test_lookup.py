"""Which subscription a text means, where it could mean several."""

from dataclasses import replace

import pytest

from bot.chat.commands.arguments.lookup import closest_label, find, find_all
from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.subscriptions import DestinationId, ListedSubscription, Scope, Subscription, SubscriptionId
from tests.chat.reading import OTHER, TREASURY, USDC


def listed(number: int, account: Address | None, label: str = "") -> ListedSubscription:
    contracts = frozenset() if account else frozenset({USDC})
    subscription = Subscription(
        SubscriptionId(number), DestinationId(1), account, Scope(contracts=contracts), label
    )
    return ListedSubscription(number, subscription)


HERE = (
    listed(1, TREASURY, "Cold"),
    listed(2, OTHER, "#1"),
    listed(3, None, checksummed(TREASURY)),
    listed(4, None, "1"),
    listed(5, None, "#9"),
)


@pytest.mark.parametrize(
    ("who", "numbers"),
    [
        ("#1", [1]),
        ("#2", [2]),
        ("cold", [1]),
        ("1", [4]),
        ("2", [2]),
        ("#9", [5]),
        (TREASURY, [1]),
        (checksummed(TREASURY), [1]),
        (USDC, [3, 4, 5]),
        (f"https://polygonscan.com/address/{TREASURY}", [1]),
        (f"etherscan.io/token/{USDC}#balances", [3, 4, 5]),
        (f"https://polygonscan.com/tx/{TREASURY}", []),
        ("#7", []),
        ("", []),
    ],
)
def test_what_is_written_out_beats_a_label_that_reads_like_it(who: str, numbers: list[int]) -> None:
    assert [one.number for one in find(HERE, who)] == numbers


def test_a_label_like_an_address_that_is_not_watched_is_a_label() -> None:
    assert [one.number for one in find(HERE[2:], checksummed(TREASURY))] == [3]


def test_a_label_is_proposed_only_if_it_names_what_it_labels() -> None:
    odd = (listed(1, TREASURY, "Payroll"), listed(2, OTHER, "#1"), listed(3, USDC, checksummed(TREASURY)))

    assert closest_label(odd, "Pairoll") == "Payroll"
    assert closest_label(odd, "#12") == ""
    assert closest_label(odd[1:], "#12") == "#1"
    assert closest_label(odd, checksummed(TREASURY)[:-1]) == ""


SOME_TOKEN = listed(1, None).subscription
SOME = (listed(1, TREASURY, "Payroll"), listed(2, OTHER, "Treasury"), listed(3, None, "Vault 2"))


PAGE = "https://etherscan.io/token/{}?a={}"
TOKENS = (
    listed(1, TREASURY, "Cold"),
    replace(listed(2, TREASURY), subscription=replace(SOME_TOKEN, account=TREASURY)),
    listed(3, OTHER),
)


def test_a_holders_page_means_what_watches_that_token_there_or_else_the_holder() -> None:
    assert [one.number for one in find(TOKENS, PAGE.format(USDC, TREASURY))] == [2]
    assert [one.number for one in find(TOKENS, PAGE.format(USDC, OTHER))] == [3]
    assert find(TOKENS, PAGE.format(TREASURY, USDC)) == ()


def test_the_watch_of_all_that_a_holder_has_is_not_ended_by_the_page_of_one_token() -> None:
    page, other = PAGE.format(USDC, TREASURY), PAGE.format(USDC, OTHER)

    assert {who: [one.number for one in ones] for who, ones in find_all(TOKENS, page, [page]).items()} == {
        page: [2]
    }
    assert find_all(TOKENS, other, [other]) == {other: ()}


@pytest.mark.parametrize(
    ("whole", "numbers"),
    [
        ("Vault 2", {"Vault 2": [3]}),
        ("Valt 2", {"Valt 2": []}),
        ("Payroll 2", {"Payroll": [1], "2": [2]}),
        ("Payroll #7", {"Payroll": [1], "#7": []}),
        ("#7 #8", {"#7": [], "#8": []}),
        ("Payroll and Treasury", {"Payroll and Treasury": []}),
    ],
)
def test_words_count_only_where_each_is_something_else_they_are_a_label(
    whole: str, numbers: dict[str, list[int]]
) -> None:
    found = find_all(SOME, whole, whole.split())
    assert {word: [one.number for one in ones] for word, ones in found.items()} == numbers
