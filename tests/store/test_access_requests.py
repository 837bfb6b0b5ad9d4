"""Who owns, who knocks, who did what."""

from datetime import datetime, timedelta

import pytest

from bot.domain.assets import ChainId
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.claims import ClaimResult, hashed, is_code
from bot.domain.chat.known_chats import AccessRequest
from bot.domain.deliver.delivery import Parking
from bot.domain.places import Place
from bot.domain.subscriptions import WatchSpec
from bot.store.chats import access_requests, audit, chats, ignore_list, migrate, owners, subscriptions
from tests.builders import NOON, TREASURY, VAULT, VERIFIED
from tests.new_database import sqlite_of
from tests.store.conftest import OLGA, OPS, Keeper, olga

MALLORY = Place(6001, "private", "Mallory")
CODE = hashed("A" * 43)
OTHER_CODE = hashed("B" * 43)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def by(place: Place, after: timedelta = timedelta(0)) -> Actor:
    return Actor(place.chat_id, place.title, NOON + after)


async def deeds(keeper: Keeper) -> list[tuple[AuditAction, int | None, str]]:
    entries, total = await keeper.db.run(audit.audit_page, 1, 100)
    assert total == len(entries)
    return [(entry.action, entry.chat_id, entry.subject) for entry in reversed(entries)]


# ---------------------------------------------------------------- claims


async def test_the_first_who_uses_the_code_owns_the_bot(keeper: Keeper) -> None:
    await keeper.db.run(owners.save_claim_code, CODE, NOON)

    assert await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA)) is ClaimResult.OWNED
    assert await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA)) is ClaimResult.OWNED
    assert await keeper.db.run(owners.use_claim_code, CODE, MALLORY, by(MALLORY)) is ClaimResult.USED

    assert await keeper.db.run(owners.owners_of, ()) == {OLGA.chat_id}
    assert await deeds(keeper) == [(AuditAction.CLAIM, None, "")]


async def test_a_code_nobody_printed_opens_nothing(keeper: Keeper) -> None:
    await keeper.db.run(owners.save_claim_code, CODE, NOON)

    assert await keeper.db.run(owners.use_claim_code, OTHER_CODE, MALLORY, by(MALLORY)) is ClaimResult.UNKNOWN
    assert await keeper.db.run(owners.owners_of, ()) == frozenset()


@pytest.mark.parametrize(
    ("after", "outcome"), [(DAY - timedelta(seconds=1), ClaimResult.OWNED), (DAY, ClaimResult.EXPIRED)]
)
async def test_a_code_is_good_for_a_day(keeper: Keeper, after: timedelta, outcome: ClaimResult) -> None:
    await keeper.db.run(owners.save_claim_code, CODE, NOON)

    assert await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA, after)) is outcome


async def test_a_new_code_ends_the_one_before(keeper: Keeper) -> None:
    await keeper.db.run(owners.save_claim_code, CODE, NOON)
    await keeper.db.run(owners.save_claim_code, OTHER_CODE, NOON + HOUR)

    assert await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA, HOUR)) is ClaimResult.EXPIRED
    assert await keeper.db.run(owners.use_claim_code, OTHER_CODE, OLGA, by(OLGA, HOUR)) is ClaimResult.OWNED


async def test_configured_owners_end_claims_for_good(keeper: Keeper) -> None:
    await keeper.db.run(owners.save_claim_code, CODE, NOON)
    await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA))

    await keeper.apply_configuration((), [1])

    assert await keeper.db.run(owners.owners_of, [1]) == {1}
    assert await keeper.db.run(owners.owners_of, ()) == frozenset()
    assert await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA)) is ClaimResult.UNKNOWN


async def test_the_code_itself_is_kept_nowhere(keeper: Keeper) -> None:
    code = "C" * 43
    assert is_code(code)
    await keeper.db.run(owners.save_claim_code, hashed(code), NOON)
    await keeper.db.run(owners.use_claim_code, hashed(code), OLGA, by(OLGA))

    dump = await keeper.db.run(lambda db: "\n".join(sqlite_of(db).iterdump()))
    assert code not in dump


async def test_an_owner_by_claim_is_told_what_owners_are_told(keeper: Keeper) -> None:
    await keeper.db.run(owners.save_claim_code, CODE, NOON)
    await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA))

    assert await keeper.rows("SELECT is_owner, open FROM chat WHERE telegram_id = ?", OLGA.chat_id) == [
        (1, 1)
    ]


# ---------------------------------------------------------------- knocks


async def test_a_chat_knocks_once_a_day(keeper: Keeper) -> None:
    knock = await keeper.db.run(access_requests.request_access, MALLORY, NOON)
    assert knock is not None
    await keeper.db.run_if_possible(access_requests.mark_request_announced, knock.row, NOON)

    assert await keeper.db.run(access_requests.request_access, MALLORY, NOON + DAY - HOUR) is None
    assert await keeper.db.run(access_requests.request_access, MALLORY, NOON + DAY) is not None


async def test_a_knock_nobody_was_told_of_is_told_the_next_time(keeper: Keeper) -> None:
    assert await keeper.db.run(access_requests.request_access, MALLORY, NOON) is not None

    assert await keeper.db.run(access_requests.request_access, MALLORY, NOON + HOUR) is not None


async def test_who_was_ignored_or_denied_does_not_knock(keeper: Keeper) -> None:
    knock = await keeper.db.run(access_requests.request_access, MALLORY, NOON)
    assert knock is not None
    assert await keeper.db.run(access_requests.ignore_request, knock.row, olga())
    assert not await keeper.db.run(access_requests.ignore_request, knock.row, olga())
    await keeper.deny(OPS)

    assert await keeper.db.run(access_requests.request_access, MALLORY, NOON + DAY) is None
    assert await keeper.db.run(access_requests.request_access, OPS, NOON + DAY) is None
    assert await keeper.db.run(access_requests.count_requests) == 0


async def test_who_is_let_in_no_longer_knocks(keeper: Keeper) -> None:
    await keeper.db.run(access_requests.request_access, MALLORY, NOON)
    assert await keeper.db.run(access_requests.count_requests) == 1

    await keeper.allow(MALLORY)

    assert await keeper.db.run(access_requests.count_requests) == 0


async def test_owners_are_told_of_so_many_a_day_and_the_last_one_says_so(keeper: Keeper) -> None:
    told = []
    for number in range(access_requests.REQUESTS_ANNOUNCED_A_DAY + 3):
        knock = await keeper.db.run(
            access_requests.request_access, Place(6000 + number, "private", "M"), NOON
        )
        if knock is not None:
            told.append(knock.is_last_today)
            await keeper.db.run_if_possible(access_requests.mark_request_announced, knock.row, NOON)

    assert told == [False] * (access_requests.REQUESTS_ANNOUNCED_A_DAY - 1) + [True]
    assert await keeper.db.run(access_requests.count_requests) == access_requests.REQUESTS_ANNOUNCED_A_DAY + 3
    assert (
        await keeper.db.run(access_requests.request_access, Place(9000, "private", "M"), NOON + DAY)
        is not None
    )


async def knock(
    keeper: Keeper, number: int, at: datetime = NOON, *, is_told: bool = False
) -> AccessRequest | None:
    made = await keeper.db.run(access_requests.request_access, Place(number, "private", str(number)), at)
    if made is not None and is_told:
        await keeper.db.run_if_possible(access_requests.mark_request_announced, made.row, at)
    return made


async def knocking(keeper: Keeper) -> list[int]:
    rows = await keeper.rows(
        "SELECT c.telegram_id FROM knock k JOIN chat c ON c.id = k.chat_id ORDER BY k.knocked_at"
    )
    return [number for (number,) in rows]


async def test_strangers_do_not_fill_the_database_and_the_newest_are_listed(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_requests, "REQUESTS_KEPT", 2)
    for number in range(6000, 6005):
        assert await knock(keeper, number, NOON + (number - 6000) * HOUR) is not None

    assert await knocking(keeper) == [6003, 6004]
    assert await keeper.value("SELECT count(*) FROM chat") == 2


async def test_what_owners_were_told_of_today_is_not_pushed_out_by_strangers(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_requests, "REQUESTS_KEPT", 3)
    for number in (6000, 6001):
        await knock(keeper, number, is_told=True)
    for number in range(6002, 6006):
        await knock(keeper, number, NOON + (number - 6000) * HOUR)

    assert await knocking(keeper) == [6000, 6001, 6005]


async def test_who_is_ignored_takes_no_place_and_stays_ignored(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_requests, "REQUESTS_KEPT", 1)
    first = await knock(keeper, 6000)
    assert first is not None
    await keeper.db.run(access_requests.ignore_request, first.row, olga())

    assert await knock(keeper, 6001, NOON + HOUR) is not None
    assert await knock(keeper, 6000, NOON + 2 * DAY) is None
    assert await knocking(keeper) == [6000, 6001]


async def test_of_those_ignored_the_oldest_are_forgotten(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_requests, "IGNORED_KEPT", 2)
    for number in range(6000, 6004):
        made = await knock(keeper, number, NOON + (number - 6000) * HOUR)
        assert made is not None
        await keeper.db.run(access_requests.ignore_request, made.row, olga())

    assert await knocking(keeper) == [6002, 6003]


@pytest.mark.parametrize(("days", "kept"), [(29, [6000, 6001]), (31, [6001])])
async def test_a_knock_that_nobody_answers_is_forgotten_after_a_month(
    keeper: Keeper, days: int, kept: list[int]
) -> None:
    await knock(keeper, 6000, is_told=True)

    await knock(keeper, 6001, NOON + days * DAY)

    assert await knocking(keeper) == kept


async def test_a_chat_that_is_more_than_a_stranger_outlives_its_knock(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_requests, "REQUESTS_KEPT", 1)
    await keeper.watch(place=OPS)
    await keeper.apply_configuration((), ())
    assert await keeper.value("SELECT open FROM chat WHERE telegram_id = ?", OPS.chat_id) == 0
    await knock(keeper, OPS.chat_id)

    await knock(keeper, 6001, NOON + HOUR)

    assert await knocking(keeper) == [6001]
    assert await keeper.value("SELECT count(*) FROM chat WHERE telegram_id = ?", OPS.chat_id) == 1


async def test_no_chat_has_the_number_of_one_that_is_forgotten(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    await knock(keeper, 6000)
    newest = await knock(keeper, 6001, NOON + HOUR)
    monkeypatch.setattr(access_requests, "REQUESTS_KEPT", 1)
    await knock(keeper, 6000, NOON + 2 * HOUR)
    assert await knocking(keeper) == [6000]

    next_one = await knock(keeper, 6002, NOON + 3 * HOUR)

    assert newest is not None
    assert next_one is not None
    assert next_one.row > newest.row


async def test_a_stranger_whose_group_became_another_leaves_nothing_behind(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_requests, "REQUESTS_KEPT", 1)
    await keeper.db.run(access_requests.request_access, Place(-5, "group", "Mine"), NOON)
    await keeper.migrate(-5, -105)

    for number in (6001, 6002):
        await knock(keeper, number, NOON + HOUR)

    assert await keeper.value("SELECT count(*) FROM chat WHERE telegram_id IN (-5, -105)") == 0


# ---------------------------------------------------------------- the chats


async def test_who_knocks_comes_first_and_closed_chats_last(keeper: Keeper) -> None:
    await keeper.deny(Place(-5, "group", "Former"))
    await keeper.allow(OPS)
    await keeper.watch(place=OPS)
    await keeper.db.run(chats.mark_unreachable, OPS.chat_id, Parking("kicked", None))
    await keeper.db.run(access_requests.request_access, MALLORY, NOON)

    page = await keeper.db.run(access_requests.known_chats, 1, 10)

    assert [
        (chat.place.title, chat.is_open, chat.subscriptions, chat.unavailable) for chat in page.chats
    ] == [
        ("Mallory", False, 0, None),
        ("Ops", True, 1, "kicked"),
        ("Former", False, 0, None),
    ]
    assert [chat.requested_at for chat in page.chats] == [NOON, None, None]


async def test_pages_hold_every_chat_once(keeper: Keeper) -> None:
    for number in range(7):
        await keeper.allow(Place(-number - 1, "group", str(number)))

    pages = [await keeper.db.run(access_requests.known_chats, page, 3) for page in (1, 2, 3)]

    assert [page.pages for page in pages] == [3, 3, 3]
    assert len({chat.row for page in pages for chat in page.chats}) == 7
    assert (await keeper.db.run(access_requests.known_chats, 99, 3)).page == 3


async def test_a_group_that_became_another_is_listed_once_and_its_buttons_mean_what_it_became(
    keeper: Keeper,
) -> None:
    group = Place(-5, "group", "Ops")
    await keeper.allow(group)
    (before,) = (await keeper.db.run(access_requests.known_chats, 1, 10)).chats

    await keeper.migrate(group.chat_id, OPS.chat_id)

    page = await keeper.db.run(access_requests.known_chats, 1, 10)
    assert [(chat.place.chat_id, chat.is_open) for chat in page.chats] == [(OPS.chat_id, True)]
    assert page.total == 1
    assert await keeper.db.run(access_requests.known_chat, before.row) == page.chats[0]


async def test_a_group_that_knocked_still_does_as_what_it_became(keeper: Keeper) -> None:
    await keeper.db.run(access_requests.request_access, Place(-5, "group", "Ops"), NOON)

    await keeper.migrate(-5, OPS.chat_id)

    ((chat,), knocking) = (
        (await keeper.db.run(access_requests.known_chats, 1, 10)).chats,
        await keeper.db.run(access_requests.count_requests),
    )
    assert (chat.place.chat_id, chat.requested_at, knocking) == (OPS.chat_id, NOON, 1)


# ---------------------------------------------------------------- who did what


async def test_each_change_is_kept_and_what_changes_nothing_is_not(keeper: Keeper) -> None:
    await keeper.allow(OPS)
    await keeper.allow(OPS)
    await keeper.subscribe(WatchSpec(TREASURY, label="Till"), place=OPS)
    await keeper.subscribe(WatchSpec(TREASURY, label="Till"), place=OPS)
    await keeper.subscribe(WatchSpec(TREASURY, label="Vault"), place=OPS)
    await keeper.unsubscribe(OPS, [1, 2])
    await keeper.unsubscribe(OPS, [1])
    await keeper.believe_losses(ChainId(1))
    await keeper.deny(OPS)

    assert await deeds(keeper) == [
        (AuditAction.ALLOW, OPS.chat_id, ""),
        (AuditAction.WATCH, OPS.chat_id, f"{TREASURY} as Till"),
        (AuditAction.RELABEL, OPS.chat_id, f"{TREASURY} as Vault"),
        (AuditAction.UNWATCH, OPS.chat_id, f"{TREASURY} as Vault"),
        (AuditAction.DENY, OPS.chat_id, ""),
    ]


async def test_a_page_behind_the_last_one_is_the_last_one_however_large_its_number(keeper: Keeper) -> None:
    for number in range(3):
        await keeper.allow(Place(-2000 - number, "group", "Ops"))
    last, _ = await keeper.db.run(audit.audit_page, 2, 2)

    for page in (3, 10**18 - 1):
        assert await keeper.db.run(audit.audit_page, page, 2) == (last, 3)
        assert (await keeper.db.run(access_requests.known_chats, page, 2)).page == 2
        assert (await keeper.db.run(ignore_list.ignored_here, OLGA, page, 2)).page == 1


async def test_who_did_it_is_kept_under_the_name_of_then(keeper: Keeper) -> None:
    await keeper.db.run(chats.allow, OPS, Actor(None, "Ops", NOON))

    ((entry,), _) = await keeper.db.run(audit.audit_page, 1, 10)

    assert (entry.actor, entry.chat_title) == (Actor(None, "Ops", NOON), "Ops")


async def test_a_change_that_fails_leaves_no_trace(keeper: Keeper) -> None:
    await keeper.refuse_inserts("audit")

    with pytest.raises(Exception, match="disk on fire"):
        await keeper.watch(VAULT)

    assert await keeper.db.run(subscriptions.subscriptions_here, OLGA) == []


# ---------------------------------------------------------------- by name


async def test_a_chat_is_known_by_its_title_and_its_username_in_any_casing(keeper: Keeper) -> None:
    olga = Place(7001, "private", "Olga  Smith", username="Olga_S")
    await keeper.allow(olga)
    await keeper.allow(Place(-5, "group", "Ops"))

    for name in ("olga smith", " Olga Smith", "@olga_s"):
        found = await keeper.db.run(access_requests.chats_named, name)
        assert [chat.place for chat in found.exact] == [olga], name
        assert found.similar == ()


async def test_a_beginning_of_a_word_is_only_similar(keeper: Keeper) -> None:
    await keeper.allow(Place(7001, "private", "Olga Smith", username="olga"))

    for name in ("ol", "SMI"):
        found = await keeper.db.run(access_requests.chats_named, name)
        assert (len(found.exact), len(found.similar)) == (0, 1), name
    for name in ("lga", "mith", "@olg", "olga smith jr"):
        found = await keeper.db.run(access_requests.chats_named, name)
        assert (found.exact, found.similar) == ((), ()), name


async def test_a_group_is_found_as_the_supergroup_it_became(keeper: Keeper) -> None:
    await keeper.allow(Place(-5, "group", "Ops"))
    await keeper.db.run(migrate.migrate, -5, -1005, VERIFIED, NOON)

    for chat_id in (-5, -1005):
        found = await keeper.db.run(access_requests.chat_at, chat_id)
        assert found is not None
        assert found.place.chat_id == -1005
    assert await keeper.db.run(access_requests.chat_at, -6) is None


# ---------------------------------------------------------------- several owners


async def test_the_last_owner_is_not_removed(keeper: Keeper) -> None:
    await keeper.db.run(owners.save_claim_code, CODE, NOON)
    await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA))
    assert await keeper.db.run(owners.add_owner, MALLORY, by(OLGA))
    assert not await keeper.db.run(owners.add_owner, MALLORY, by(OLGA))

    assert await keeper.db.run(owners.remove_owner, OLGA.chat_id, by(MALLORY), (), VERIFIED)
    assert not await keeper.db.run(owners.remove_owner, MALLORY.chat_id, by(MALLORY), (), VERIFIED)
    assert not await keeper.db.run(owners.remove_owner, OLGA.chat_id, by(MALLORY), (), VERIFIED)

    assert await keeper.db.run(owners.owners_of, ()) == {MALLORY.chat_id}
    assert await keeper.db.run(owners.use_claim_code, CODE, OLGA, by(OLGA)) is ClaimResult.USED
    assert [deed for deed, _, _ in await deeds(keeper)] == [
        AuditAction.CLAIM,
        AuditAction.ADD_OWNER,
        AuditAction.REMOVE_OWNER,
    ]


async def test_the_chat_of_who_is_removed_is_closed_unless_it_is_open_for_another_reason(
    keeper: Keeper,
) -> None:
    opened, named, only_owner = (Place(number, "private", str(number)) for number in (1, 2, 3))
    for place in (OLGA, opened, named, only_owner):
        await keeper.db.run(owners.add_owner, place, by(OLGA))
    await keeper.allow(opened)

    for place in (opened, named, only_owner):
        await keeper.db.run(owners.remove_owner, place.chat_id, by(OLGA), {named.chat_id}, VERIFIED)

    known = await keeper.db.run(access_requests.known_chats, 1, 10)
    assert {chat.place.title: (chat.is_open, chat.is_owner) for chat in known.chats} == {
        "Olga": (True, True),
        "1": (True, False),
        "2": (True, False),
        "3": (False, False),
    }
