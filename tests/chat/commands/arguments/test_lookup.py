"""Which subscription a text means, where it could mean several."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.lookup import closest_label, find, find_all, mentioned
from bot.chat.commands.watch.words import watch_list
from bot.chat.text.wording import account_name, short_address
from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.subscriptions import DestinationId, ListedSubscription, Scope, Subscription, SubscriptionId
from tests.chat.reading import BASE, CHAINS, ETHEREUM, HOSTILE_NAMES, OTHER, POLYGON, TREASURY, USDC


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


def test_the_first_words_of_a_label_propose_it_where_no_other_begins_so() -> None:
    main = (listed(1, TREASURY, "Main treasury of the team"), listed(2, OTHER, "Payroll"))
    both = (*main, listed(3, USDC, "Main vault of the whole team"))

    assert closest_label(main, "main") == "Main treasury of the team"
    assert closest_label(main, "mai") == ""
    assert closest_label(both, "main") == ""


def test_more_words_behind_a_label_propose_the_longest_that_they_begin_with() -> None:
    cold = (listed(1, TREASURY, "T"), listed(2, OTHER, "T cold"))

    assert closest_label(cold, "t on all the chains") == "T"
    assert closest_label(cold, "t cold on all the chains") == "T cold"
    assert closest_label(cold, "tea on all the chains") == ""


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


# ---------------------------------------------------------------- what the bot itself prints

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda some: Address("0x" + some.hex()))
LABELS = st.one_of(
    st.text(max_size=64).map(lambda text: " ".join(text.split())), st.sampled_from(HOSTILE_NAMES)
)
SUBSCRIPTIONS = st.builds(
    Subscription,
    st.just(SubscriptionId(1)),
    st.just(DestinationId(1)),
    st.none() | ADDRESSES,
    st.builds(
        Scope,
        contracts=st.frozensets(ADDRESSES, min_size=1, max_size=4),
        chains=st.frozensets(st.sampled_from([ETHEREUM, POLYGON, BASE]), max_size=3),
    ),
    LABELS,
)


@given(st.lists(SUBSCRIPTIONS, min_size=1, max_size=5))
def test_every_line_of_the_list_names_its_entry(subscriptions: list[Subscription]) -> None:
    here = [ListedSubscription(number, one) for number, one in enumerate(subscriptions, 1)]
    page = watch_list(here, len(here), CHAINS)
    lines = [line for line in page.visible.split("\n") if line.startswith("#")]

    for number, line in enumerate(lines, 1):
        assert [one.number for one in find(here, line)] == [number]


@given(st.lists(SUBSCRIPTIONS, min_size=1, max_size=5, unique_by=lambda one: one.account))
def test_every_name_of_an_account_in_an_answer_names_it(subscriptions: list[Subscription]) -> None:
    here = [ListedSubscription(number, one) for number, one in enumerate(subscriptions, 1)]
    for number, one in enumerate(subscriptions, 1):
        if one.account is None:
            continue
        for shown in (account_name(one.account, one.label), short_address(one.account)):
            assert number in [entry.number for entry in find(here, shown.visible)]
            assert mentioned(here, f"Watching {shown.visible}.") == [one.account]


def test_a_printed_line_names_nothing_once_its_number_is_anothers() -> None:
    assert [one.number for one in find(SOME, "#1 Payroll · 0x8e3E…d8B9")] == [1]
    assert find(SOME, "#2 Payroll · 0x8e3E…d8B9") == ()
    assert find(SOME, "Treasury · 0x8e3E…d8B9") == ()
    assert [one.number for one in find(SOME, "0x8E3e...D8b9")] == [1]
