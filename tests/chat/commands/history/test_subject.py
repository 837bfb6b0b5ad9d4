"""Whom and what people ask the past about: `[WHO] [TOKEN] [on CHAIN] [7d]`, in any order."""

from datetime import timedelta

import pytest

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.history.subject import Subject, find_subject, names_account
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, Asset, ChainId, Description
from bot.domain.history.changes import Selection
from bot.domain.places import Place
from bot.store.chats import names
from tests.builders import (
    BASE,
    DAI,
    ETHEREUM,
    NOON,
    POLYGON,
    REGISTRY,
    TREASURY,
    USDC,
    VAULT,
    address,
    asset,
    coin,
    reading,
)
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper, keeper, olga

__all__ = ["keeper"]

FAKE = address(7)
SAFE = address(99)
CHAINS = ChainReader(REGISTRY)
SYMBOLS = {asset(USDC): "USDC", asset(USDC, BASE): "USDC", asset(DAI): "DAI", asset(FAKE): "USDC"}


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga watches two accounts, of which one holds tokens on two chains; another chat watches a third."""
    keeper.limit = 20
    await keeper.watch(label="Treasury")
    await keeper.watch(VAULT, label="Cold on Base 2d")
    await keeper.watch(SAFE, place=OPS, label="Safe")
    for amount in (1, 2):
        await keeper.record(
            reading({USDC: amount, DAI: 5}, native=1),
            reading({USDC: amount}, native=1, chain_id=BASE),
            reading({FAKE: amount}, native=1, account=SAFE),
            descriptions={one: Description("ERC20", symbol, 6) for one, symbol in SYMBOLS.items()},
        )
    return keeper


async def subject(keeper: Keeper, text: str, place: Place = OLGA) -> Subject:
    found = await find_subject(keeper.db, CHAINS, place, text, NOON)
    assert found is not None
    return found


def of(*accounts: Address, assets: tuple[Asset, ...] = (), on: tuple[ChainId, ...] = ()) -> Selection:
    return Selection(frozenset(accounts), frozenset(assets), frozenset(on))


ALL_USDC = (asset(USDC), asset(USDC, BASE))


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("", of()),
        ("all", of()),
        ("Treasury", of(TREASURY)),
        ("treasury", of(TREASURY)),
        ("#1", of(TREASURY)),
        (checksummed(TREASURY), of(TREASURY)),
        ("Cold on Base 2d", of(VAULT)),
        ("Treasury Cold on Base 2d", of(TREASURY, VAULT)),
        ("Treasury USDC", of(TREASURY, assets=ALL_USDC)),
        ("usdc Treasury", of(TREASURY, assets=ALL_USDC)),
        ("USDC DAI", of(assets=(*ALL_USDC, asset(DAI)))),
        ("USDC on base", of(assets=(asset(USDC, BASE),), on=(BASE,))),
        ("Treasury base", of(TREASURY, on=(BASE,))),
        ("on polygon and base", of(on=(POLYGON, BASE))),
        (checksummed(USDC), of(assets=ALL_USDC)),
        (f"polygon:{checksummed(USDC)}", of(assets=(asset(USDC),))),
        (f"Treasury token {USDC}", of(TREASURY, assets=ALL_USDC)),
    ],
)
async def test_accounts_tokens_and_chains_are_read_in_any_order(
    watching: Keeper, text: str, selection: Selection
) -> None:
    found = await subject(watching, text)

    assert found.selection == selection
    assert found.since is None
    again = await subject(watching, found.typed)
    assert (again.selection, again.typed) == (selection, found.typed)


async def test_a_chain_that_is_typed_counts_and_not_those_on_which_the_account_is_watched(
    keeper: Keeper,
) -> None:
    await keeper.watch(chains=[POLYGON], label="Treasury")

    assert (await subject(keeper, "Treasury")).selection == of(TREASURY, on=(POLYGON,))
    assert (await subject(keeper, "Treasury on base")).selection == of(TREASURY, on=(BASE,))


async def test_a_coin_is_called_by_its_symbol_on_all_of_its_chains(watching: Keeper) -> None:
    found = await subject(watching, "Treasury eth")

    assert {coin(ETHEREUM), coin(BASE)} <= found.selection.assets
    assert coin(POLYGON) not in found.selection.assets
    assert (await subject(watching, found.typed)).selection == found.selection


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("7d", timedelta(days=7)),
        ("24h", timedelta(hours=24)),
        ("2w", timedelta(weeks=2)),
        ("3mo", timedelta(days=90)),
        ("1y", timedelta(days=365)),
        ("last 2 days", timedelta(days=2)),
        ("3 Months", timedelta(days=90)),
        ("today", timedelta(days=1)),
        ("since yesterday", timedelta(days=2)),
        ("last week", timedelta(days=7)),
        ("this Month", timedelta(days=30)),
        ("past quarter", timedelta(days=90)),
        ("year", timedelta(days=365)),
        ("2 days ago", timedelta(days=2)),
    ],
)
async def test_a_length_of_time_stands_anywhere(watching: Keeper, text: str, span: timedelta) -> None:
    for typed in (text, f"Treasury {text}", f"{text} USDC"):
        assert (await subject(watching, typed)).since == NOON - span
    for typed in (f"on base {text}", f"token USDC {text}"):
        assert (await subject(watching, typed)).since == NOON - span


@pytest.mark.parametrize(
    ("text", "typed", "last"),
    [
        ("7 days", "7d", "7 days"),
        ("7DAYS", "7d", "7 days"),
        ("1w", "7d", "7 days"),
        ("month", "30d", "30 days"),
        ("24h", "1d", "24 hours"),
        ("36h", "36h", "36 hours"),
        ("1h", "1h", "hour"),
        ("1y", "1y", "365 days"),
        ("", "", ""),
    ],
)
async def test_a_length_of_time_reads_alike_however_it_was_typed(
    watching: Keeper, text: str, typed: str, last: str
) -> None:
    found = await subject(watching, text)

    assert (found.period, found.last) == (typed, last)
    assert (await subject(watching, typed)).since == found.since


async def test_an_account_called_like_a_time_is_meant_by_its_name(watching: Keeper) -> None:
    await watching.watch(SAFE, label="Week")

    assert (await subject(watching, "week")).selection == of(SAFE)
    assert (await subject(watching, "week 7d")).since == NOON - timedelta(days=7)


async def test_a_number_like_a_year_is_a_chain_only_if_there_is_one(watching: Keeper) -> None:
    with pytest.raises(LineRefused):
        await subject(watching, "2026")
    assert (await subject(watching, "1868")).selection == of(on=(ChainId(1868),))


async def test_changes_are_named_by_account_and_chain(watching: Keeper) -> None:
    for text, named in (("", ""), ("on base", " on Base"), ("USDC on base", " of USDC on Base")):
        assert (await subject(watching, text)).of.visible == named


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Treasuri", "Nothing here is called “Treasuri”. Did you mean Treasury?"),
        ("Treasury USDX", "Nothing here is called “USDX”. Did you mean USDC?"),
        ("Safe", "Nothing here is called “Safe”. /list shows what is watched."),
        ("#3", "Nothing here is called “#3”. /list shows what is watched."),
        ("WBTC", "Nothing here is called “WBTC”. /list shows what is watched."),
        ("30m", "30m could be months. Write 30mo, or a time in hours, such as 3h."),
        ("USDX 5m", "5m could be months. Write 5mo, or a time in hours, such as 3h."),
        (
            "since Monday",
            "Monday is no length of time. I look back from now: send one like 24h, 7d, 2w, 3mo or 1y.",
        ),
        (
            "november 2026",
            "november 2026 is no length of time. I look back from now: send one like 24h, 7d, 2w, 3mo or 1y.",
        ),
        (
            "2026-02-01",
            "2026-02-01 is no length of time. I look back from now: send one like 24h, 7d, 2w, 3mo or 1y.",
        ),
        ("today week", "week is a second length of time. One is enough."),
        ("7d 2w", "2w is a second length of time. One is enough."),
        ("0d", "0d is no time to look back. Send one like 24h, 7d, 2w, 3mo or 1y."),
        (
            "vitalik.eth",
            "vitalik.eth is a name, and I can't look names up. Send the address that it stands for (0x…).",
        ),
        ("on Poligon", "I don't know a chain called “Poligon”. Did you mean Polygon?"),
        (checksummed(SAFE), "0x00000000…0063 was never watched here, and is no token that was held here."),
        (
            checksummed(address(5)),
            "0x00000000…0005 was never watched here, and is no token that was held here.",
        ),
        (checksummed(FAKE), "0x00000000…0007 was never watched here, and is no token that was held here."),
        ("a " * 61, "Those are too many words. Name an account, a token, or a time such as 7d."),
    ],
)
async def test_what_is_not_known_here_is_refused_with_what_was_probably_meant(
    watching: Keeper, text: str, sentence: str
) -> None:
    with pytest.raises(LineRefused) as refused:
        await subject(watching, text)
    assert refused.value.sentence.visible == sentence


async def test_who_only_has_a_name_is_said_to_be_no_account_that_is_watched(watching: Keeper) -> None:
    await watching.db.run(names.give_name, OLGA, address(5), "Payroll", olga())

    with pytest.raises(LineRefused) as refused:
        await subject(watching, "payroll 7d")

    sentence = refused.value.sentence.visible
    assert sentence == "payroll isn't watched: ask about the account that paid it, or was paid by it."


async def test_a_symbol_of_several_tokens_of_a_chain_is_asked_about(watching: Keeper) -> None:
    await watching.watch(SAFE, label="Safe")

    with pytest.raises(LineRefused) as refused:
        await subject(watching, "USDC")

    offers = refused.value.offers
    assert refused.value.sentence.visible == "USDC may mean any of several tokens held here. Which one?"
    assert [offer.text.split()[1] for offer in offers] == ["Polygon", "Polygon", "Base"]
    assert [(await subject(watching, offer.line)).selection.assets for offer in offers] == [
        {one} for one in [*sorted([asset(USDC), asset(FAKE)]), asset(USDC, BASE)]
    ]
    # Of an account that holds one of them it is clear.
    assert (await subject(watching, "USDC Treasury")).selection.assets == set(ALL_USDC)


async def test_an_account_that_was_watched_here_is_known_by_its_address_and_its_name(
    watching: Keeper,
) -> None:
    await watching.unsubscribe(OLGA, [1])

    for text in ("Treasury USDC", f"{TREASURY} USDC"):
        found = await subject(watching, text)
        assert found.selection == of(TREASURY, assets=ALL_USDC)
        assert found.typed == (await subject(watching, found.typed)).typed
    with pytest.raises(LineRefused):
        await subject(watching, "Treasury", OPS)


async def test_a_name_is_that_of_the_account_that_has_it_now(watching: Keeper) -> None:
    await watching.unsubscribe(OLGA, [1])
    await watching.watch(VAULT, label="Treasury")

    assert (await subject(watching, "Treasury")).selection == of(VAULT)


async def test_tokens_and_chains_that_a_name_stands_for_are_meant_with_it(watching: Keeper) -> None:
    await watching.watch(None, contracts=[USDC], label="Stables")
    await watching.watch(chains=[BASE], label="Hot")

    assert (await subject(watching, "Stables")).selection == of(assets=ALL_USDC)
    assert (await subject(watching, "Hot")).selection == of(TREASURY, on=(BASE,))


async def test_a_token_that_nobody_ever_held_is_not_everything(watching: Keeper) -> None:
    await watching.watch(None, contracts=[address(1234)], label="New")

    found = await subject(watching, "New")

    assert found.selection.assets == {Asset(ChainId(0), address(1234))}


async def test_nothing_is_to_be_asked_where_nothing_was_ever_watched(watching: Keeper) -> None:
    assert await find_subject(watching.db, CHAINS, ALERTS_TOPIC, "", NOON) is None


def test_a_text_names_an_account_for_certain_by_an_address_or_a_number() -> None:
    assert names_account(f"USDC {TREASURY}")
    assert names_account("#3 7d")
    assert not names_account("USDC 7d")
