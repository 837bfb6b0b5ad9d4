"""One address may have a name on one chain and another elsewhere: each thing is told under its own."""

from collections.abc import Iterable

import pytest

from bot.chat.commands.arguments.lookup import find
from bot.domain.assets import NATIVE_PART, Address, ChainId
from bot.domain.chat.audit import AuditAction
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome
from bot.domain.deliver.alerts import Baseline, Blind, ChangeAlert, Gap, SeenAgain
from bot.domain.places import Place
from bot.domain.subscriptions import WatchSpec
from bot.store.chats import audit, rename, subscriptions, unsubscribe
from tests.builders import BASE, ETHEREUM, TREASURY, USDC, VAULT, VERIFIED, held, reading
from tests.store.conftest import ALERTS_TOPIC, CHAINS, LIMIT, OLGA, OPS, Keeper, olga

BOTH = (ETHEREUM, BASE)
PARTS = frozenset({NATIVE_PART, VERIFIED})


async def read(keeper: Keeper, amount: int, chains: Iterable[ChainId] = BOTH) -> None:
    await keeper.record(
        *(reading({USDC: held(amount, block=amount)}, native=1, chain_id=one) for one in chains)
    )


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Let Olga watch one address under two names, each for a chain."""
    await keeper.watch(chains=[ETHEREUM], label="Safe ETH")
    await keeper.watch(chains=[BASE], label="Safe Base")
    return keeper


async def test_a_first_reading_is_told_under_the_name_of_each_chain(watching: Keeper) -> None:
    await read(watching, 5)

    assert await watching.baselines() == [
        Baseline(TREASURY, "Safe ETH", 2, (ETHEREUM,), ()),
        Baseline(TREASURY, "Safe Base", 2, (BASE,), ()),
    ]


async def test_under_one_name_a_first_reading_is_told_once(keeper: Keeper) -> None:
    for chain_id in BOTH:
        await keeper.watch(chains=[chain_id], label="Safe")
    await read(keeper, 5)

    assert await keeper.baselines() == [Baseline(TREASURY, "Safe", 4, BOTH, ())]


async def test_a_chain_without_an_answer_belongs_to_its_own_name(watching: Keeper) -> None:
    await watching.record(
        reading({USDC: 5}, native=1, chain_id=ETHEREUM), reading(None, native=None, chain_id=BASE)
    )

    assert await watching.baselines() == [Baseline(TREASURY, "Safe ETH", 2, (ETHEREUM,), ())]


async def test_a_change_is_told_under_the_name_of_its_chain(watching: Keeper) -> None:
    await read(watching, 5)
    await watching.alerts()
    await read(watching, 6)

    changes = [one for one in await watching.alerts() if isinstance(one, ChangeAlert)]
    assert {one.change.asset.chain_id: one.label for one in changes} == {
        ETHEREUM: "Safe ETH",
        BASE: "Safe Base",
    }


async def test_a_gap_and_its_end_are_told_under_the_name_of_the_chain(watching: Keeper) -> None:
    other = [(TREASURY, chain_id, PARTS) for chain_id in BOTH]
    await read(watching, 5)
    await watching.reach(0, dict.fromkeys(BOTH, 1))
    await watching.alerts()

    await watching.reach(700, dict.fromkeys(BOTH, 1), other)
    await watching.reach(1400, dict.fromkeys(BOTH, 1), other)
    (blind,) = await watching.notices()
    assert isinstance(blind, Blind)
    await read(watching, 5)
    await watching.reach(2000, dict.fromkeys(BOTH, 1))
    (seen,) = await watching.notices()
    assert isinstance(seen, SeenAgain)

    for gaps in (blind.gaps, seen.gaps):
        assert names(gaps) == {ETHEREUM: "Safe ETH", BASE: "Safe Base"}


async def test_status_names_an_account_as_it_is_called_on_the_chain(watching: Keeper) -> None:
    for chain_id in BOTH:
        await watching.watch(VAULT, chains=[chain_id])
    await read(watching, 5)
    await watching.record(*(reading({}, native=1, chain_id=one, account=VAULT) for one in BOTH))
    await watching.reach(0, dict.fromkeys(BOTH, 1))
    await watching.reach(700, dict.fromkeys(BOTH, 1), [(TREASURY, chain_id, PARTS) for chain_id in BOTH])

    here = await watching.watched_here(OLGA, CHAINS)

    assert names(here.gaps) == {ETHEREUM: "Safe ETH", BASE: "Safe Base"}


def names(gaps: Iterable[Gap]) -> dict[ChainId, str]:
    return {gap.chain_id: gap.label for gap in gaps}


# ---------------------------------------------------------------- one label, one address

TAKEN = SubscribeOutcome.TAKEN


async def called(keeper: Keeper, place: Place = OLGA) -> list[tuple[Address | None, str]]:
    listed = await keeper.db.run(subscriptions.subscriptions_here, place)
    return [(one.subscription.account, one.subscription.label) for one in listed]


async def test_a_label_that_names_another_address_is_refused_with_a_free_one(keeper: Keeper) -> None:
    await keeper.watch(label="Till")

    refused = await keeper.watch(VAULT, label="TILL")

    assert (refused.outcome, refused.taken) == (TAKEN, LabelTaken(TREASURY, "TILL 2"))
    assert await called(keeper) == [(TREASURY, "Till")]


async def test_the_same_address_may_have_its_label_on_many_chains(keeper: Keeper) -> None:
    first = await keeper.watch(chains=[BASE], label="Till")
    second = await keeper.watch(chains=[ETHEREUM], label="till")

    assert [first.outcome, second.outcome] == [SubscribeOutcome.CREATED] * 2


async def test_in_another_topic_the_label_is_free(keeper: Keeper) -> None:
    await keeper.watch(label="Till", place=OPS)

    assert (await keeper.watch(VAULT, label="Till", place=ALERTS_TOPIC)).outcome is SubscribeOutcome.CREATED


async def test_of_many_lines_the_second_with_a_label_is_refused(keeper: Keeper) -> None:
    outcomes = await keeper.subscribe(
        WatchSpec(TREASURY, label="Till"), WatchSpec(VAULT, label="Till"), WatchSpec(VAULT, label="Vault")
    )

    assert [one.outcome for one in outcomes] == [SubscribeOutcome.CREATED, TAKEN, SubscribeOutcome.CREATED]


async def test_a_new_label_that_names_another_address_leaves_the_old_one(keeper: Keeper) -> None:
    await keeper.watch(label="Till")
    await keeper.watch(VAULT, label="Vault")

    assert (await keeper.watch(VAULT, label="till")).outcome is TAKEN

    assert await called(keeper) == [(TREASURY, "Till"), (VAULT, "Vault")]


async def test_a_label_that_was_given_up_is_free(keeper: Keeper) -> None:
    await keeper.watch(label="Till")

    outcomes = await keeper.subscribe(WatchSpec(TREASURY, label="Vault"), WatchSpec(VAULT, label="Till"))

    assert [one.outcome for one in outcomes] == [SubscribeOutcome.RELABELLED, SubscribeOutcome.CREATED]


async def test_a_label_of_tokens_names_no_account(keeper: Keeper) -> None:
    await keeper.watch(None, contracts=[USDC], label="Dollars")

    refused = await keeper.watch(label="dollars")

    assert refused.taken == LabelTaken(USDC, "dollars 2")


async def test_what_comes_back_finds_its_label_taken_and_gets_a_free_one(keeper: Keeper) -> None:
    await keeper.watch(label="Till")
    parting = await keeper.db.run(unsubscribe.unsubscribe, OLGA, [1], olga(), VERIFIED)
    await keeper.watch(VAULT, label="Till")
    assert parting.row is not None

    undone = await keeper.db.run(
        unsubscribe.undo_unsubscribe, parting.row, OLGA, olga(), limit=LIMIT, status=VERIFIED
    )

    assert [one.spec.label for one in undone.ones] == ["Till 2"]
    assert sorted(await called(keeper)) == sorted([(VAULT, "Till"), (TREASURY, "Till 2")])


async def test_what_moves_to_where_its_label_is_taken_gets_a_free_one(keeper: Keeper) -> None:
    group, supergroup = Place(-55, "group", "Ops"), Place(-100_55, "supergroup", "Ops")
    await keeper.watch(label="Till", place=group)
    await keeper.watch(VAULT, label="Till", place=supergroup)
    await keeper.watch(USDC, label="Other", place=group)

    await keeper.migrate(group.chat_id, supergroup.chat_id)

    assert sorted(await called(keeper, supergroup)) == sorted(
        [(VAULT, "Till"), (TREASURY, "Till 2"), (USDC, "Other")]
    )


async def test_labels_that_two_addresses_had_before_stay_and_can_be_found(keeper: Keeper) -> None:
    await keeper.watch(label="Till")
    await keeper.watch(VAULT, label="Vault")
    await keeper.script("UPDATE subscription SET label = 'Till'")

    assert (await keeper.watch(VAULT, label="Till")).outcome is SubscribeOutcome.ALREADY
    assert len(find(await keeper.db.run(subscriptions.subscriptions_here, OLGA), "till")) == 2


# ---------------------------------------------------------------- another label


async def renamed(
    keeper: Keeper, *numbers: int, label: str, place: Place = OLGA
) -> tuple[str, ...] | LabelTaken:
    """Rename these entries of /list, and return their labels, or why they keep them."""
    listed = await keeper.db.run(subscriptions.subscriptions_here, place)
    ids = [one.subscription.id for one in listed if one.number in numbers]
    result = await keeper.db.run(rename.rename, OLGA, ids, label, olga())
    return result if isinstance(result, LabelTaken) else tuple(one.subscription.label for one in result)


async def deeds(keeper: Keeper) -> list[tuple[AuditAction, str]]:
    entries, _ = await keeper.db.run(audit.audit_page, 1, 100)
    return [(entry.action, entry.subject) for entry in entries]


async def test_a_renamed_entry_is_called_so_here_and_by_its_old_name_elsewhere(keeper: Keeper) -> None:
    await keeper.watch(label="Till")
    await keeper.watch(label="Till", place=OPS)

    assert await renamed(keeper, 1, label="Vault") == ("Vault",)

    assert await called(keeper) == [(TREASURY, "Vault")]
    assert await called(keeper, OPS) == [(TREASURY, "Till")]
    assert (await deeds(keeper))[0] == (AuditAction.RELABEL, f"{TREASURY} as Vault")


async def test_a_name_can_be_taken_away_and_is_free_then(keeper: Keeper) -> None:
    await keeper.watch(label="Till")
    await keeper.watch(VAULT)

    assert await renamed(keeper, 1, label="") == ("",)
    assert await renamed(keeper, 2, label="till") == ("till",)

    assert await called(keeper) == [(TREASURY, ""), (VAULT, "till")]


async def test_what_is_called_so_already_is_no_change(keeper: Keeper) -> None:
    await keeper.watch(label="Till")
    before = await deeds(keeper)

    assert await renamed(keeper, 1, label="Till") == ("Till",)
    assert await deeds(keeper) == before
    assert await renamed(keeper, 1, label="TILL") == ("TILL",)
    assert len(await deeds(keeper)) == len(before) + 1


async def test_a_name_of_something_else_leaves_all_names_as_they_were(keeper: Keeper) -> None:
    for chain_id in BOTH:
        await keeper.watch(chains=[chain_id], label="Till")
    await keeper.watch(VAULT, label="Vault")
    before = await deeds(keeper)

    assert await renamed(keeper, 1, 2, label="VAULT") == LabelTaken(VAULT, "VAULT 2")

    assert await called(keeper) == [(TREASURY, "Till"), (TREASURY, "Till"), (VAULT, "Vault")]
    assert await deeds(keeper) == before


async def test_entries_of_another_place_are_not_renamed(keeper: Keeper) -> None:
    await keeper.watch(label="Till", place=OPS)

    assert await renamed(keeper, 1, label="Vault", place=OPS) == ()

    assert await called(keeper, OPS) == [(TREASURY, "Till")]
