"""What /status and /balance learn from the store."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.assets import NATIVE, NATIVE_PART, Address, Amount, ChainId, Description, Part
from bot.domain.deliver.alerts import Gap
from bot.domain.observe.holdings import ChainHoldings, ChainSight, PartKind, PartSeen, WatchedHere
from bot.store.chats import mutes
from tests.builders import (
    BASE,
    DAI,
    ETHEREUM,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    asset,
    at,
    reading,
)
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, olga

POLYGON_ONLY = frozenset({POLYGON})
TWO_CHAINS = frozenset({POLYGON, BASE})


async def swept(
    keeper: Keeper,
    *chain_ids: ChainId,
    seconds: float = 0,
    unknown: Mapping[tuple[Address, ChainId], frozenset[Part]] | None = None,
) -> None:
    """Let the newest sweep end: these chains answered, these parts did not."""
    gaps = [(account, chain_id, parts) for (account, chain_id), parts in (unknown or {}).items()]
    await keeper.reach(seconds, dict.fromkeys(chain_ids), gaps)


async def here(keeper: Keeper, chains: frozenset[ChainId] = POLYGON_ONLY) -> WatchedHere:
    return await keeper.watched_here(OLGA, chains)


async def parts(keeper: Keeper, account: Address = TREASURY) -> tuple[PartSeen, ...]:
    (chain,) = await keeper.holdings_of(OLGA, account, POLYGON_ONLY)
    return chain.parts


def held(part: PartSeen) -> list[tuple[Address, int]]:
    return [(one.asset.contract, one.amount.amount_raw) for one in part.held]


def state(part: PartSeen) -> tuple[PartKind, datetime | None, datetime | None]:
    return part.kind, part.seen_at, part.unknown_since


# ---------------------------------------------------------------- what a destination watches


async def test_where_nothing_is_watched_there_is_nothing_to_see(keeper: Keeper) -> None:
    assert await here(keeper) == WatchedHere(0, 0, 0, (), (), 0, None, None)


async def test_a_chain_never_read_has_no_age(keeper: Keeper) -> None:
    await keeper.watch()

    assert (await here(keeper)).chains == (ChainSight(POLYGON, None, 1, 1),)


async def test_what_was_read_is_as_old_as_the_last_sweep_that_saw_the_chain(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await swept(keeper, POLYGON, seconds=60)

    watched = await here(keeper)

    assert watched.chains == (ChainSight(POLYGON, at(60), 1, 0),)
    assert (watched.accounts, watched.balances, watched.gaps) == (1, 2, ())


async def test_an_account_of_which_a_part_was_not_read_counts_as_unread(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(VAULT)
    await keeper.record(reading({}, native=100), reading(native=100, account=VAULT))

    (chain,) = (await here(keeper)).chains

    assert (chain.accounts, chain.unread) == (2, 1)


async def test_only_what_this_destination_asked_for_counts(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC])
    await keeper.watch(VAULT, chains=[ETHEREUM])
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5, DAI: 3}, native=100, named={USDC: 5}))

    watched = await here(keeper)

    assert (watched.accounts, watched.balances) == (2, 1)
    assert watched.chains == (ChainSight(ETHEREUM, None, 1, 1), ChainSight(POLYGON, at(0), 1, 0))


async def test_an_unknown_part_is_a_gap_with_the_label_of_this_destination(keeper: Keeper) -> None:
    await keeper.watch(label="Treasury")
    await keeper.watch(VAULT)
    await keeper.record(reading({}, native=1), reading({}, native=1, account=VAULT))
    await swept(keeper, POLYGON, seconds=60)

    await swept(keeper, POLYGON, seconds=120, unknown={(TREASURY, POLYGON): frozenset({VERIFIED})})

    assert (await here(keeper)).gaps == (Gap(POLYGON, TREASURY, "Treasury", at(60)),)


async def test_where_every_account_is_blind_the_chain_is(keeper: Keeper) -> None:
    await keeper.watch(label="Treasury")
    await keeper.watch(VAULT)
    await keeper.record(reading({}, native=1), reading({}, native=1, account=VAULT))
    blind = dict.fromkeys([(TREASURY, POLYGON), (VAULT, POLYGON)], frozenset({NATIVE_PART, VERIFIED}))

    await swept(keeper, POLYGON, seconds=60, unknown=blind)

    assert (await here(keeper)).gaps == (Gap(POLYGON, None, "", at(0)),)


async def test_what_another_destination_is_blind_for_is_no_gap_here(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC])
    await keeper.watch(place=OPS)
    await keeper.record(reading({}, native=1, named={USDC: 5}))

    await swept(keeper, POLYGON, seconds=60, unknown={(TREASURY, POLYGON): frozenset({NATIVE_PART})})

    assert (await here(keeper)).gaps == ()
    assert len((await keeper.watched_here(OPS, POLYGON_ONLY)).gaps) == 1


async def test_alerts_not_told_yet_are_counted_until_they_are(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(place=ALERTS_TOPIC)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.record(reading({USDC: 6}, native=100), when=at(60))

    waiting = await here(keeper)
    due = await keeper.due(at(120))
    bound = await here(keeper)
    for delivery in due:
        await keeper.sent(delivery, at(120))
    told = await here(keeper)

    assert (waiting.alerts, waiting.alerts_since) == (2, at(0))
    assert (bound.alerts, bound.alerts_since) == (2, at(0))
    assert (told.alerts, told.alerts_since) == (0, None)


async def test_what_a_mute_held_is_on_its_way_since_its_end_composed_or_not(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.db.run(mutes.mute, OLGA, (), timedelta(hours=1), olga())
    await keeper.record(reading({USDC: 6}, native=100), when=at(1))
    assert (await here(keeper)).alerts == 0

    await keeper.outbox(at(3600))
    waiting = await here(keeper)
    await keeper.due(at(3600))
    bound = await here(keeper)

    assert (waiting.alerts, waiting.alerts_since) == (2, at(3600)), "with the receipt"
    assert (bound.alerts, bound.alerts_since) == (2, at(3600))


async def test_a_chat_on_hold_says_until_when(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.script("UPDATE chat SET hold_until = 1772366460000")

    assert (await here(keeper)).paused_until == at(60)


# ---------------------------------------------------------------- what one account holds


async def test_balances_stand_with_their_parts_natives_first(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(
        reading({USDC: 5, DAI: 3}, native=100),
        descriptions={asset(DAI): Description("ERC20", "dai", 18), asset(USDC): Description("ERC20", "USDC")},
    )

    natives, tokens = await parts(keeper)

    assert state(natives) == (PartKind.NATIVES, at(0), None)
    assert state(tokens) == (PartKind.TOKENS, at(0), None)
    assert held(natives) == [(Address(""), 100)]
    assert held(tokens) == [(DAI, 3), (USDC, 5)]
    assert tokens.held[0].description == Description("ERC20", "dai", 18)


async def test_a_part_that_went_blind_says_since_when_and_keeps_what_it_held(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await swept(keeper, POLYGON, seconds=60)
    await swept(keeper, POLYGON, seconds=120, unknown={(TREASURY, POLYGON): frozenset({VERIFIED})})

    natives, tokens = await parts(keeper)

    assert state(natives) == (PartKind.NATIVES, at(120), None)
    assert state(tokens) == (PartKind.TOKENS, at(120), at(60))
    assert held(tokens) == [(USDC, 5)]


async def test_a_part_never_read_holds_nothing_that_is_known(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading(native=100))

    natives, tokens = await parts(keeper)

    assert state(natives) == (PartKind.NATIVES, at(0), None)
    assert tokens == PartSeen(PartKind.TOKENS, None)


async def test_chains_never_read_are_there_without_an_age(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({}, native=100))

    polygon, base = await keeper.holdings_of(OLGA, TREASURY, TWO_CHAINS)

    assert polygon.chain_id == POLYGON
    assert base == ChainHoldings(BASE, (PartSeen(PartKind.NATIVES, None), PartSeen(PartKind.TOKENS, None)))


async def test_a_named_token_is_a_part_of_its_own_and_shown_once(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC])
    await keeper.record(reading({USDC: 5, DAI: 3}, native=100, named={USDC: 5}))

    _, tokens, named = await parts(keeper)

    assert named.kind is PartKind.NAMED
    assert (held(tokens), held(named)) == ([(DAI, 3)], [(USDC, 5)])


async def test_what_another_chat_names_is_not_shown_here(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC], place=OPS)
    await keeper.record(reading({DAI: 3}, native=100, named={USDC: 5}))

    _, tokens = await parts(keeper)

    assert held(tokens) == [(DAI, 3)]


async def test_an_account_that_is_not_watched_here_has_no_chains(keeper: Keeper) -> None:
    await keeper.watch(place=OPS)
    await keeper.record(reading({}, native=100))

    assert await keeper.holdings_of(OLGA, TREASURY, POLYGON_ONLY) == []


async def test_a_price_is_shown_with_its_asset_alone_and_while_it_is_not_too_old(keeper: Keeper) -> None:
    await keeper.watch()
    described = {asset(USDC): Description("ERC20", "USDC", 6, price_usd="1")}
    await keeper.record(reading({USDC: 5, DAI: 3}, native=100), when=at(60), descriptions=described)

    async def prices(since: datetime) -> dict[Address, str | None]:
        (chain,) = await keeper.holdings_of(OLGA, TREASURY, POLYGON_ONLY, since)
        return {one.asset.contract: one.description.price_usd for one in chain.held}

    assert await prices(at(60)) == {NATIVE: None, USDC: "1", DAI: None}
    assert await prices(at(61)) == {NATIVE: None, USDC: None, DAI: None}


async def test_what_was_read_is_late_once_its_chain_was_seen_too_long_ago(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC])
    await keeper.watch(contracts=[DAI])
    await keeper.record(reading({}, native=100, named={USDC: 5}), when=at(60))

    async def late(since: datetime) -> list[bool]:
        (chain,) = await keeper.holdings_of(OLGA, TREASURY, POLYGON_ONLY, since, since)
        return [part.is_late for part in chain.parts]

    assert not any(await late(at(60)))
    unread = [part.seen_at is None for part in await parts(keeper)]
    assert await late(at(61)) == [not one for one in unread]


async def test_a_collection_keeps_its_ids(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: Amount(7, 3, 12)}, native=1))

    _, tokens = await parts(keeper)

    assert tokens.held[0].amount == Amount(7, 3, 12)
