"""Who hears what, and under which label."""

from bot.domain.ask.plan import watches_by_account
from bot.domain.assets import NATIVE, NATIVE_PART, Amount, Asset, ChainId, Part
from bot.domain.observations import Move
from bot.domain.observe.recipients import (
    Rules,
    ignores,
    label_on,
    labels_of_parts,
    recipients,
    recipients_of_parts,
    unignored_parts,
)
from bot.domain.subscriptions import DestinationId, Subscription
from tests.builders import (
    BASE,
    BROAD,
    DAI,
    DEGEN,
    ETHEREUM,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    asset,
    coin,
    subscription,
)


def hearing(
    *subscriptions: Subscription, parts: frozenset[Part] = BROAD, chain_id: ChainId = POLYGON
) -> dict[DestinationId, str]:
    about = watches_by_account(subscriptions), TREASURY, chain_id, parts, VERIFIED
    labels = labels_of_parts(*about)

    assert labels == {one: found.label for one, found in recipients_of_parts(*about).items()}
    return labels


# ---------------------------------------------------------------- who


def test_a_destination_that_watches_the_account_hears() -> None:
    assert hearing(subscription(destination=1), subscription(VAULT, destination=2)) == {1: ""}


def test_a_destination_hears_once_however_many_subscriptions_match() -> None:
    heard = hearing(
        subscription(number=1),
        subscription(number=2, contracts=[USDC]),
        subscription(None, number=3, contracts=[USDC]),
        parts=frozenset({VERIFIED, Part(USDC)}),
    )

    assert heard == {1: ""}


def test_every_destination_that_matches_hears() -> None:
    assert hearing(subscription(destination=1), subscription(destination=2)) == {1: "", 2: ""}


def test_only_those_that_wish_the_part_hear() -> None:
    both = (subscription(destination=1), subscription(destination=2, contracts=[DEGEN]))

    assert hearing(*both, parts=frozenset({VERIFIED})) == {1: ""}
    assert hearing(*both, parts=frozenset({Part(DEGEN)})) == {2: ""}
    assert hearing(*both, parts=frozenset({VERIFIED, Part(DEGEN)})) == {1: "", 2: ""}


def test_who_names_a_contract_hears_of_no_other_and_of_no_coin() -> None:
    named = subscription(contracts=[DEGEN])

    assert hearing(named, parts=frozenset({Part(DAI)})) == {}
    assert hearing(named, parts=frozenset({NATIVE_PART})) == {}


def test_who_names_a_chain_hears_of_no_other() -> None:
    assert hearing(subscription(chains=[POLYGON])) == {1: ""}
    assert hearing(subscription(chains=[POLYGON]), chain_id=BASE) == {}


def test_a_contract_alone_is_heard_of_in_watched_accounts_only() -> None:
    token = subscription(None, contracts=[DEGEN])
    part = frozenset({Part(DEGEN)})

    assert hearing(subscription(TREASURY, contracts=[USDC]), token, parts=part) == {1: ""}
    assert hearing(subscription(VAULT), token, parts=part) == {}


def test_a_contract_alone_is_heard_of_only_on_chains_that_both_cover() -> None:
    part = frozenset({Part(DEGEN)})
    watch = subscription(TREASURY, contracts=[USDC], chains=[POLYGON])

    assert hearing(watch, subscription(None, contracts=[DEGEN], chains=[POLYGON]), parts=part) == {1: ""}
    assert hearing(watch, subscription(None, contracts=[DEGEN], chains=[BASE]), parts=part) == {}
    assert hearing(watch, subscription(None, contracts=[DEGEN]), parts=part, chain_id=BASE) == {}


def test_a_part_that_nobody_wishes_is_heard_by_nobody() -> None:
    assert hearing(subscription(), parts=frozenset()) == {}
    assert hearing() == {}


# ---------------------------------------------------------------- labels


def test_the_first_label_among_those_that_match_stands() -> None:
    heard = hearing(
        subscription(number=1),
        subscription(number=2, label="Treasury"),
        subscription(number=3, label="Old treasury"),
    )

    assert heard == {1: "Treasury"}


def test_a_contract_alone_is_told_under_the_label_of_the_account() -> None:
    heard = hearing(
        subscription(TREASURY, contracts=[USDC], label="Treasury"),
        subscription(None, contracts=[DEGEN], label="Hats"),
        parts=frozenset({Part(DEGEN)}),
    )

    assert heard == {1: "Treasury"}


def test_on_each_chain_the_label_of_what_is_watched_there_is_heard() -> None:
    wished = [
        subscription(TREASURY, chains=[ETHEREUM], label="Safe ETH"),
        subscription(TREASURY, chains=[BASE], label="Safe Base"),
    ]

    assert [hearing(*wished, chain_id=one) for one in (ETHEREUM, BASE, POLYGON)] == [
        {1: "Safe ETH"},
        {1: "Safe Base"},
        {},
    ]


def test_a_label_for_certain_chains_goes_before_one_for_all() -> None:
    wished = [
        subscription(TREASURY, label="Treasury"),
        subscription(TREASURY, chains=[BASE], label="On Base"),
        subscription(TREASURY, chains=[ETHEREUM]),
    ]
    pairs = watches_by_account(wished)[TREASURY]

    assert [label_on(pairs, chain_id) for chain_id in (BASE, POLYGON, ETHEREUM)] == [
        "On Base",
        "Treasury",
        "Treasury",
    ]
    assert hearing(*wished, chain_id=BASE) == {1: "On Base"}


def test_a_label_of_some_tokens_is_no_name_of_the_account() -> None:
    wished = [
        subscription(TREASURY, contracts=[USDC], chains=[BASE], label="Dollars"),
        subscription(TREASURY, label="Treasury"),
    ]

    assert label_on(watches_by_account(wished)[TREASURY], BASE) == "Treasury"
    assert hearing(*wished, chain_id=BASE, parts=frozenset({Part(USDC)})) == {1: "Dollars"}


def test_where_nothing_is_watched_an_account_has_no_label() -> None:
    pairs = watches_by_account([subscription(TREASURY, chains=[BASE], label="On Base")])[TREASURY]

    assert label_on(pairs, POLYGON) == label_on([], BASE) == ""


# ---------------------------------------------------------------- ignored contracts

EVERYWHERE: Rules = {USDC: frozenset()}
ON_BASE: Rules = {USDC: frozenset({BASE})}


def hearing_of(
    *subscriptions: Subscription, rules: Rules, what: Asset, parts: frozenset[Part] = frozenset({VERIFIED})
) -> set[DestinationId]:
    """Return who hears of an asset, where the first destination has rules."""
    found = recipients(
        Move(what, Amount(0), Amount(1), parts),
        watches=watches_by_account(subscriptions),
        ignored={DestinationId(1): rules},
        account=TREASURY,
        status=VERIFIED,
    )
    # Whoever watches it either wants it or ignores it.
    watching = recipients_of_parts(
        watches_by_account(subscriptions), TREASURY, what.chain_id, parts, VERIFIED
    )
    assert found.wanting.keys() | found.ignoring.keys() == watching.keys()
    assert not found.wanting.keys() & found.ignoring.keys()
    return set(found.wanting)


def test_who_ignores_a_contract_hears_nothing_of_it_and_others_do() -> None:
    both = (subscription(destination=1), subscription(destination=2))

    assert hearing_of(*both, rules=EVERYWHERE, what=asset(USDC)) == {2}
    assert hearing_of(*both, rules=EVERYWHERE, what=asset(DAI)) == {1, 2}


def test_what_is_ignored_on_one_chain_is_heard_on_another() -> None:
    assert hearing_of(subscription(), rules=ON_BASE, what=asset(USDC, BASE)) == set()
    assert hearing_of(subscription(), rules=ON_BASE, what=asset(USDC, POLYGON)) == {1}


def test_who_names_a_contract_hears_of_it_though_it_is_ignored() -> None:
    parts = frozenset({VERIFIED, Part(USDC)})
    broad, named = subscription(), subscription(number=2, contracts=[USDC])

    assert hearing_of(broad, named, rules=EVERYWHERE, what=asset(USDC), parts=parts) == {1}
    assert hearing_of(broad, rules=EVERYWHERE, what=asset(USDC), parts=parts) == set(), "another names it"


def test_the_coin_is_never_ignored() -> None:
    rules: Rules = {NATIVE: frozenset()}

    assert not ignores(rules, coin())
    assert hearing_of(subscription(), rules=rules, what=coin(), parts=frozenset({NATIVE_PART})) == {1}


def test_an_ignored_asset_counts_in_the_part_that_names_it_alone() -> None:
    assert unignored_parts(BROAD, EVERYWHERE, asset(USDC)) == frozenset()
    assert unignored_parts(BROAD | {Part(USDC)}, EVERYWHERE, asset(USDC)) == {Part(USDC)}
    assert unignored_parts(BROAD, EVERYWHERE, asset(DAI)) == BROAD
