"""In a destination each name means one address, and each address has one name, whoever gave which first."""

from bot.domain.assets import Address
from bot.domain.chat.audit import AuditAction
from bot.domain.chat.names import NAMES_MOST, GivenName, NameOutcome, NameResult
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome
from bot.domain.places import Place
from bot.domain.subscriptions import WatchSpec
from bot.store.chats import audit, chats, names, rename, subscriptions, unsubscribe
from tests.builders import POLYGON, TREASURY, VAULT, VERIFIED
from tests.store.conftest import ALERTS_TOPIC, LIMIT, OLGA, OPS, Keeper, olga

PAYROLL = Address("0x" + "91c4" * 10)
RENT = Address("0x" + "07be" * 10)


async def give(keeper: Keeper, address: Address, name: str, place: Place = OLGA) -> NameResult:
    return await keeper.db.run(names.give_name, place, address, name, olga())


async def given(keeper: Keeper, place: Place = OLGA) -> dict[Address, str]:
    page = await keeper.db.run(names.names_here, place, 1, 1_000)
    return {one.address: one.name for one in page.names}


async def found(keeper: Keeper, who: str, place: Place = OLGA) -> GivenName | None:
    return await keeper.db.run(names.name_here, place, who)


async def test_an_address_has_the_last_name_that_it_was_given(keeper: Keeper) -> None:
    assert (await give(keeper, PAYROLL, "Payroll")).outcome is NameOutcome.GIVEN
    assert await give(keeper, PAYROLL, "Salaries") == NameResult(NameOutcome.CHANGED, "Payroll")
    assert await give(keeper, PAYROLL, "Salaries") == NameResult(NameOutcome.SAME, "Salaries")

    assert await given(keeper) == {PAYROLL: "Salaries"}


async def test_a_name_means_one_address_whatever_its_case(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Straße")

    result = await give(keeper, RENT, "STRASSE")

    assert result == NameResult(NameOutcome.TAKEN, taken=LabelTaken(PAYROLL, "STRASSE 2"))
    assert await given(keeper) == {PAYROLL: "Straße"}


async def test_an_address_may_spell_its_own_name_otherwise(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "payroll")

    assert (await give(keeper, PAYROLL, "Payroll")).outcome is NameOutcome.CHANGED


async def test_the_same_name_means_something_else_in_another_place(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Payroll", OPS)
    await give(keeper, RENT, "Payroll", ALERTS_TOPIC)

    assert await given(keeper, OPS) == {PAYROLL: "Payroll"}
    assert await given(keeper, ALERTS_TOPIC) == {RENT: "Payroll"}


async def test_a_label_of_what_is_watched_is_a_name_already(keeper: Keeper) -> None:
    await keeper.watch(label="Treasury")

    assert (await give(keeper, PAYROLL, "treasury")).taken == LabelTaken(TREASURY, "treasury 2")
    assert await give(keeper, TREASURY, "Main") == NameResult(NameOutcome.WATCHED, watched_as="Treasury")


async def test_what_is_watched_gets_no_label_that_names_another_address(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Payroll")
    await give(keeper, VAULT, "Vault")

    (taken, own) = await keeper.db.run(
        subscriptions.subscribe,
        OLGA,
        [WatchSpec(TREASURY, label="PAYROLL"), WatchSpec(VAULT, label="Vault")],
        olga(),
        limit=LIMIT,
        status=VERIFIED,
    )

    assert (taken.outcome, taken.taken) == (SubscribeOutcome.TAKEN, LabelTaken(PAYROLL, "PAYROLL 2"))
    assert own.outcome is SubscribeOutcome.CREATED
    (one,) = await keeper.db.run(subscriptions.subscriptions_here, OLGA)
    again = await keeper.db.run(rename.rename, OLGA, [one.subscription.id], "payroll", olga())
    assert again == LabelTaken(PAYROLL, "payroll 2")


async def test_what_returns_gets_a_free_label_where_its_own_was_given_away(keeper: Keeper) -> None:
    await keeper.watch(label="Payroll")
    (one,) = await keeper.db.run(subscriptions.subscriptions_here, OLGA)
    ended = await keeper.db.run(unsubscribe.unsubscribe, OLGA, [one.number], olga(), VERIFIED)
    await give(keeper, PAYROLL, "Payroll")

    assert ended.row is not None
    await keeper.db.run(unsubscribe.undo_unsubscribe, ended.row, OLGA, olga(), limit=LIMIT, status=VERIFIED)

    (back,) = await keeper.db.run(subscriptions.subscriptions_here, OLGA)
    assert back.subscription.label == "Payroll 2"


async def test_a_label_counts_before_the_name_for_as_long_as_it_is_watched(keeper: Keeper) -> None:
    await give(keeper, TREASURY, "Old name")
    await give(keeper, PAYROLL, "Payroll")
    await keeper.watch(label="Treasury")
    await keeper.watch(account=VAULT)
    destination_id = await keeper.db.run(chats.destination_here, OLGA)
    assert destination_id is not None

    called = await keeper.db.run(names.names_of, destination_id)

    assert called == {TREASURY: "Treasury", PAYROLL: "Payroll"}


async def test_a_name_is_found_by_its_address_and_by_what_it_says(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Payroll")

    by_name = await found(keeper, "PAYROLL")

    assert by_name is not None
    assert by_name == await found(keeper, PAYROLL)
    assert await found(keeper, "Pay") is None
    assert await found(keeper, "Payroll", OPS) is None


async def test_a_name_is_taken_away_once_and_only_where_it_was_given(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Payroll")
    one = await found(keeper, PAYROLL)
    assert one is not None
    assert await keeper.db.run(names.find_name, one.row, OPS.chat_id) is None
    button = await keeper.db.run(names.find_name, one.row, OLGA.chat_id)
    assert button is not None

    assert await keeper.db.run(names.remove_name, button, olga())
    assert not await keeper.db.run(names.remove_name, button, olga())
    assert await given(keeper) == {}


async def test_a_button_about_a_former_name_leaves_the_new_one(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Payroll")
    one = await found(keeper, PAYROLL)
    assert one is not None
    button = await keeper.db.run(names.find_name, one.row, OLGA.chat_id)
    assert button is not None
    await give(keeper, PAYROLL, "Salaries")

    assert not await keeper.db.run(names.remove_name, button, olga())
    assert await given(keeper) == {PAYROLL: "Salaries"}


async def test_there_is_room_for_so_many_names(keeper: Keeper) -> None:
    for number in range(NAMES_MOST):
        await give(keeper, Address(f"0x{number + 1:040x}"), f"Name {number}")

    assert (await give(keeper, PAYROLL, "Payroll")).outcome is NameOutcome.FULL
    assert (await give(keeper, Address(f"0x{1:040x}"), "Another")).outcome is NameOutcome.CHANGED
    assert len(await given(keeper)) == NAMES_MOST


async def test_names_come_in_pages_by_the_alphabet(keeper: Keeper) -> None:
    for number, name in enumerate(("delta", "Alpha", "charlie", "Bravo"), 1):
        await give(keeper, Address(f"0x{number:040x}"), name)

    pages = [await keeper.db.run(names.names_here, OLGA, page, 3) for page in (1, 2, 9)]

    assert [[one.name for one in page.names] for page in pages] == [
        ["Alpha", "Bravo", "charlie"],
        ["delta"],
        ["delta"],
    ]
    assert [(page.page, page.pages, page.total) for page in pages] == [(1, 2, 4), (2, 2, 4), (2, 2, 4)]


async def test_giving_and_taking_away_a_name_is_noted_and_what_changes_nothing_is_not(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Payroll")
    await give(keeper, PAYROLL, "Payroll")
    await give(keeper, RENT, "Payroll")
    one = await found(keeper, PAYROLL)
    assert one is not None
    button = await keeper.db.run(names.find_name, one.row, OLGA.chat_id)
    assert button is not None
    await keeper.db.run(names.remove_name, button, olga())

    entries, _ = await keeper.db.run(audit.audit_page, 1, 10)

    subject = f"{PAYROLL} as Payroll"
    assert [(one.action, one.subject) for one in entries] == [
        (AuditAction.UNNAME, subject),
        (AuditAction.NAME, subject),
    ]
    assert all(one.chat_id == OLGA.chat_id for one in entries)


async def test_the_names_of_a_group_go_along_to_its_supergroup(keeper: Keeper) -> None:
    group = Place(-77, "group", "Ops")
    there = Place(-1077, "supergroup", "Ops")
    await give(keeper, PAYROLL, "Payroll", group)
    await give(keeper, RENT, "Rent", group)
    await give(keeper, VAULT, "Vault", group)
    await give(keeper, RENT, "House", there)
    await give(keeper, Address("0x" + "12" * 20), "payroll", there)

    await keeper.migrate(group.chat_id, there.chat_id)

    assert await given(keeper, there) == {
        Address("0x" + "12" * 20): "payroll",
        PAYROLL: "Payroll 2",
        RENT: "House",
        VAULT: "Vault",
    }
    assert await given(keeper, group) == {}


async def test_a_name_keeps_clear_of_what_is_watched_in_the_supergroup(keeper: Keeper) -> None:
    group = Place(-77, "group", "Ops")
    there = Place(-1077, "supergroup", "Ops")
    await give(keeper, PAYROLL, "Treasury", group)
    await keeper.watch(place=there, chains=[POLYGON], label="Treasury")

    await keeper.migrate(group.chat_id, there.chat_id)

    assert await given(keeper, there) == {PAYROLL: "Treasury 2"}


async def test_names_of_what_is_not_watched_are_told_apart(keeper: Keeper) -> None:
    await give(keeper, PAYROLL, "Payroll")
    await give(keeper, RENT, "Rent")
    assert await keeper.db.run(names.unwatched_names_here, OPS) == {}

    await keeper.watch(account=RENT, label="House")

    assert await keeper.db.run(names.unwatched_names_here, OLGA) == {PAYROLL: "Payroll"}
