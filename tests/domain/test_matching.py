"""Who hears what, and under which label."""

from bot.domain.matching import hearers, labels
from bot.domain.model import NATIVE_PART, ChainId, DestinationId, Part, Subscription
from bot.domain.plan import wishes
from tests.builders import (
    BASE,
    BROAD,
    DAI,
    DEGEN,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    subscription,
)


def hearing(
    *subscriptions: Subscription, parts: frozenset[Part] = BROAD, chain_id: ChainId = POLYGON
) -> dict[DestinationId, str]:
    return hearers(wishes(subscriptions), TREASURY, chain_id, parts, VERIFIED)


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


def test_each_destination_has_labels_of_its_own() -> None:
    given = labels(
        [
            subscription(TREASURY, destination=1),
            subscription(TREASURY, destination=1, label="Treasury"),
            subscription(TREASURY, destination=1, label="Later"),
            subscription(TREASURY, destination=2, label="Money"),
            subscription(VAULT, destination=2),
            subscription(None, destination=2, contracts=[USDC], label="Dollars"),
        ]
    )

    assert given == {(1, TREASURY): "Treasury", (2, TREASURY): "Money"}
