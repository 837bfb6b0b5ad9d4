"""Laws of watchlists: what is written is read as the same, by an empty place, and adds nothing twice."""

import asyncio
import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.arguments.typed_text import clean
from bot.chat.commands.watch.grammar import read_label
from bot.chat.commands.watchlist.files import FileRefused, read_text
from bot.chat.commands.watchlist.meaning import ALARMS_MOST, watchlist_meant
from bot.chat.commands.watchlist.reader import read_watchlist
from bot.chat.commands.watchlist.writer import write_watchlist
from bot.domain.addresses import checksummed
from bot.domain.assets import NATIVE, Address, Asset, ChainId
from bot.domain.chat.watchlist import Watchlist
from bot.domain.places import Place
from bot.domain.rules.alarms import AlarmTerms, Side
from bot.domain.rules.conditions import Condition, Counterparty, Direction, Level, Unit
from bot.domain.rules.loud import LoudRule, Mention
from bot.domain.subscriptions import Scope, WatchSpec
from bot.store.chats import ignore_list, names
from bot.store.chats.rules import filters, loud_rules
from bot.store.polling import firings
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.chains import choose_chains
from bot.store.polling.firings import NothingComparedError
from bot.store.watchlists import imports
from bot.store.watchlists.content import watchlist_here
from tests.builders import DAI, NOON, REGISTRY, TREASURY, USDC, VAULT, VERIFIED, address
from tests.examples import examples
from tests.store.conftest import OLGA, OPS, Keeper, olga, open_new_keeper

READER = ChainReader(REGISTRY)
TERMS = ValueTerms(VERIFIED, REGISTRY)
LIMIT = 5_000
ACCOUNTS = (TREASURY, VAULT, address(0xABCDEF))
CHAINS = tuple(map(ChainId, (1, 137, 8453, 424_242_424)))
"""The last one is in no registry."""
WITH_ETH = tuple(map(ChainId, (1, 8453)))
OLD_LABELS = (
    "Treasury",
    "Cash on polygon",
    "as it is, out min $5 as well",
    'the "old" one',
    '"quoted"',
    "“typographic”",
    "loud all @olga",
    "Payroll; 2,000 a month",
    "token contract 0x",
    "محفظة الخزينة",
    "💰 金庫",
    "only out",
    "x" * 64,
)

# ---------------------------------------------------------------- anything that may be watched


def is_label(text: str) -> bool:
    with suppress(LineRefused):
        return read_label(f'"{text}"') == text == clean(text)
    return False


LABELS = st.just("") | st.sampled_from(OLD_LABELS) | st.text(max_size=64).map(clean).filter(is_label)
NUMBERS = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(10**30), places=6).map(
    lambda number: number.normalize()
)
SOME_CHAINS = st.frozensets(st.sampled_from(CHAINS), max_size=2)


@st.composite
def levels(draw: st.DrawFn, chains: frozenset[ChainId]) -> Level:
    number, kind = draw(NUMBERS), draw(st.sampled_from(["dollars", "percent", "any", "contract", "coin"]))
    with_eth = [
        chain for chain in chains or REGISTRY.mainnets() if REGISTRY.get(chain).native_symbol == "ETH"
    ]
    if kind == "contract":
        on = draw(st.frozensets(st.sampled_from(sorted(chains or CHAINS)), min_size=1))
        return Level(number, Unit.TOKENS, frozenset(Asset(chain, USDC) for chain in on))
    if kind == "coin" and with_eth:
        return Level(number, Unit.TOKENS, frozenset(Asset(chain, NATIVE) for chain in with_eth), "ETH")
    units = {"dollars": Unit.DOLLARS, "percent": Unit.PERCENT}
    return Level(number, units.get(kind, Unit.TOKENS))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    chains = draw(SOME_CHAINS)
    found = draw(st.lists(levels(chains), max_size=3))
    kinds = {frozenset(asset.contract for asset in level.assets): level for level in found}
    direction = draw(st.sampled_from([None, *Direction]))
    return Condition(direction, tuple(kinds.values()), chains)


@st.composite
def wanted(draw: st.DrawFn) -> Condition:
    condition = draw(conditions())
    if condition.direction is None:
        return condition
    addresses = draw(st.lists(st.sampled_from(ACCOUNTS), max_size=2, unique=True))
    return replace(condition, counterparties=tuple(map(Counterparty, addresses)))


@st.composite
def loud(draw: st.DrawFn) -> LoudRule:
    names = draw(st.lists(st.sampled_from(["@olga", "@bob_1", "@Petr"]), max_size=2, unique=True))
    return LoudRule(draw(conditions()), tuple(map(Mention, names)))


@st.composite
def specs(draw: st.DrawFn) -> WatchSpec:
    account = draw(st.sampled_from([*ACCOUNTS, None]))
    contracts = draw(st.frozensets(st.sampled_from([USDC, DAI]), min_size=account is None, max_size=2))
    return WatchSpec(
        account,
        Scope(contracts, draw(SOME_CHAINS)),
        draw(LABELS),
        draw(st.none() | wanted()),
        draw(st.none() | loud()),
    )


@st.composite
def alarms(draw: st.DrawFn) -> AlarmTerms:
    side, number = draw(st.sampled_from(Side)), draw(NUMBERS)
    on = draw(st.frozensets(st.sampled_from(WITH_ETH), min_size=1))
    level = draw(
        st.sampled_from(
            [
                Level(number, Unit.DOLLARS),
                Level(number, Unit.TOKENS, frozenset(Asset(chain, NATIVE) for chain in on), "ETH"),
                Level(number, Unit.TOKENS, frozenset(Asset(chain, USDC) for chain in on)),
            ]
        )
    )
    beyond = draw(st.none() | st.just(number * 2 if side is Side.BELOW else number / 2))
    again = draw(st.none() | st.integers(5, 30 * 24 * 60))
    return AlarmTerms(
        side,
        level,
        beyond.normalize() if beyond else None,
        timedelta(minutes=again) if again else None,
        draw(st.sampled_from([frozenset[ChainId](), on])),
        is_total=level.unit is Unit.TOKENS and draw(st.booleans()),
    )


@dataclass
class Wanted:
    """What somebody sets one after the other."""

    specs: Sequence[WatchSpec]
    alarms: Sequence[tuple[Address, AlarmTerms]]
    filter: Condition | None
    loud: LoudRule | None
    ignored: Sequence[tuple[Address, frozenset[ChainId]]]
    names: Sequence[tuple[Address, str]]


WANTED = st.builds(
    Wanted,
    st.lists(specs(), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from(ACCOUNTS), alarms()), max_size=3),
    st.none() | wanted().filter(lambda one: one != Condition()),
    st.none() | loud(),
    st.lists(st.tuples(st.sampled_from([USDC, DAI]), SOME_CHAINS), max_size=3),
    st.lists(st.tuples(st.sampled_from([*ACCOUNTS, DAI, address(0x91C4)]), LABELS.filter(bool)), max_size=4),
)

# ---------------------------------------------------------------- the law


async def set_up(keeper: Keeper, place: Place, wanted: Wanted) -> None:
    if wanted.filter is not None:
        await keeper.db.run(filters.set_filter, place, (), wanted.filter, olga())
    if wanted.loud is not None:
        await keeper.db.run(loud_rules.set_loud_rule, place, (), wanted.loud, olga())
    for contract, chains in wanted.ignored:
        await keeper.db.run(ignore_list.ignore, place, [contract], chains, olga())
    for named, name in wanted.names:
        await keeper.db.run(names.give_name, place, named, name, olga())
    await keeper.subscribe(*wanted.specs, place=place)
    for account, terms in wanted.alarms:
        with suppress(NothingComparedError):
            await keeper.db.run(firings.set_alarm, place, account, terms, olga(), by=TERMS)


async def exported(keeper: Keeper, place: Place) -> str:
    return write_watchlist(await keeper.db.run(watchlist_here, place), REGISTRY)


async def read(keeper: Keeper, place: Place, text: str) -> Watchlist:
    """Return what a text means there; nothing of it may be refused."""
    meant = await watchlist_meant(keeper.db, READER, place, read_watchlist(text, READER))
    assert [(one.line_number, one.sentence.visible) for one in meant.bad] == []
    return meant.watchlist


async def new_in(keeper: Keeper, place: Place, text: str) -> Watchlist:
    wanted = await read(keeper, place, text)
    plan = await keeper.db.run(imports.plan_import, place, wanted, limit=LIMIT)
    return imports.new_of(wanted, plan)


async def take(keeper: Keeper, place: Place, text: str) -> imports.ImportResult:
    """Add a list as the bot does: what is new of it is kept as text, and read again."""
    kept = write_watchlist(await new_in(keeper, place, text), REGISTRY)
    row = await keeper.db.run(imports.save_import, place, kept, NOON)
    pending = await keeper.db.run(imports.find_import, row, place.chat_id)
    assert pending is not None
    wanted = await read(keeper, place, pending.content)
    return await keeper.db.run(
        imports.carry_out_import, pending, wanted, olga(), limit=LIMIT, status=VERIFIED, by=TERMS
    )


@given(WANTED)
@settings(max_examples=examples(60))
def test_what_is_exported_is_imported_as_the_same_and_only_once(wanted: Wanted) -> None:
    async def law(path: Path) -> None:
        keeper = replace(await open_new_keeper(path), limit=LIMIT)
        try:
            # The bot knows which chains it reads, or no alarm could be about any.
            await keeper.db.run(choose_chains, CHAINS, [])
            await set_up(keeper, OPS, wanted)
            text = await exported(keeper, OPS)

            result = await take(keeper, OLGA, text)

            assert await exported(keeper, OLGA) == text
            assert result.uncompared == 0
            for place in (OLGA, OPS):
                assert await new_in(keeper, place, text) == Watchlist()
                await take(keeper, place, text)
                assert await exported(keeper, place) == text
        finally:
            await keeper.db.close()

    with TemporaryDirectory() as directory:
        asyncio.run(law(Path(directory) / "bot.sqlite3"))


# ---------------------------------------------------------------- spreadsheets

TITLES = {
    "address": ("address", "Wallet Address", "ACCOUNT"),
    "name": ("Name", "label", "Title"),
    "chain": ("network", "Chains", "chain_id"),
    "token": ("token address", "contracts", "Token"),
}
PLAIN = st.builds(
    WatchSpec,
    st.sampled_from(ACCOUNTS),
    st.builds(Scope, st.frozensets(st.sampled_from([USDC, DAI]), max_size=2), SOME_CHAINS),
    LABELS,
)


@given(
    st.lists(PLAIN, min_size=1, max_size=5),
    st.permutations(list(TITLES)),
    st.integers(0, 2),
    st.tuples(
        st.sampled_from(",;\t"),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        st.sampled_from(["\n", "\r\n"]),
    ),
)
def test_a_spreadsheet_is_read_like_the_lines_that_say_the_same(
    wanted: list[WatchSpec], order: list[str], spelled: int, form: tuple[str, str, str]
) -> None:
    delimiter, encoding, ending = form
    written = io.StringIO(newline="")
    table = csv.writer(written, delimiter=delimiter, lineterminator=ending)
    table.writerow([TITLES[column][spelled] for column in order])
    for spec in wanted:
        cells = {
            "address": checksummed(spec.account or VAULT),
            "name": spec.label,
            "chain": ", ".join(REGISTRY.get(chain).name for chain in sorted(spec.scope.chains)),
            "token": " ".join(sorted(spec.scope.contracts)),
        }
        table.writerow([cells[column] for column in order])

    table_read = read_watchlist(read_text(written.getvalue().encode(encoding)), READER)
    lines_read = read_watchlist(write_watchlist(Watchlist(tuple(wanted)), REGISTRY), READER)

    assert [one.sentence.visible for one in (*table_read.bad, *lines_read.bad)] == []
    assert table_read.lines == lines_read.lines


def test_a_row_may_begin_with_a_number_as_its_name_and_a_line_for_people_is_left_out() -> None:
    row = f"#7 cold,{checksummed(VAULT)}"

    assert [line.label for line in read_watchlist(f"name,address\n{row}\n# from March", READER).lines] == [
        "#7 cold"
    ]
    assert not read_watchlist(row, READER).lines
    assert not read_watchlist(f"address,name\n#{checksummed(VAULT)},Old", READER).lines


# ---------------------------------------------------------------- what is damaged


def test_accents_are_composed_but_for_those_of_a_line_that_is_refused_for_its_length() -> None:
    assert read_text("Tre\u0301sor\n".encode()) == "Trésor"

    # Putting these in order takes as many steps as there are pairs: twenty seconds.
    endless = "a" + 60_000 * "\u0301" + 60_000 * "\u0327"

    assert read_text(endless.encode()) == endless
    (refused,) = read_watchlist(endless, READER).bad
    assert "120,001 characters" in refused.sentence.visible


async def test_a_list_sets_so_many_alarms_and_says_which_are_too_many(tmp_path: Path) -> None:
    keeper = await open_new_keeper(tmp_path / "bot.sqlite3")
    lines = [f"/alarm {TREASURY} below ${number}" for number in range(1, ALARMS_MOST + 3)]
    typed = read_watchlist("\n".join([TREASURY, *lines]), READER)

    meant = await watchlist_meant(keeper.db, READER, OLGA, typed)
    await keeper.db.close()

    assert len(meant.alarms) == ALARMS_MOST
    assert [one.line_number for one in meant.bad] == [ALARMS_MOST + 2, ALARMS_MOST + 3]
    assert f"a list sets {ALARMS_MOST}" in meant.bad[0].sentence.visible


@given(st.binary(max_size=300))
def test_whatever_a_file_is_it_is_read_or_refused_with_a_sentence(content: bytes) -> None:
    refused, text = "", ""
    try:
        text = read_text(content)
    except FileRefused as why:
        refused = why.sentence.visible
    read = read_watchlist(text, READER)

    assert bool(refused) != bool(text)
    assert all(one.sentence.visible for one in read.bad)


@given(st.lists(specs(), min_size=1, max_size=3), st.data())
def test_whatever_is_damaged_is_taken_or_refused_line_by_line(
    wanted: list[WatchSpec], data: st.DataObject
) -> None:
    text = write_watchlist(Watchlist(tuple(wanted)), REGISTRY)
    begins = data.draw(st.integers(0, len(text)))
    ends = data.draw(st.integers(begins, min(len(text), begins + 40)))
    between = data.draw(
        st.text(max_size=10) | st.sampled_from(["\n/alarm ", '"', "as", ";;", "\t", "0x", "/only"])
    )

    read = read_watchlist(text[:begins] + between + text[ends:], READER)

    assert all(one.sentence.visible for one in read.bad)


def test_a_line_that_returns_counts_once() -> None:
    lines = f"{TREASURY} as Till\n{TREASURY} as Till\n{TREASURY} as Safe\n"

    assert [one.label for one in read_watchlist(lines, READER).lines] == ["Till", "Safe"]
