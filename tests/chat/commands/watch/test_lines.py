"""Many lines at once: spreadsheets, names without “as”, and what nobody can tell."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.command import Usage
from bot.chat.commands.watch.bare import BareRequest
from bot.chat.commands.watch.watch import WatchRequest
from bot.domain.assets import Address
from tests.chat.commands.builders import entries, parsed, refused, sentences, watched
from tests.chat.reading import BASE, POLYGON, TREASURY, USDC, VAULT

SHEET = [
    watched(3, TREASURY, chains=frozenset({POLYGON}), label="Treasury"),
    watched(4, VAULT, chains=frozenset({BASE}), label="Pay, roll"),
]


@pytest.mark.parametrize(
    "rows",
    [
        f"address name chain\n{TREASURY} Treasury polygon\n{VAULT} Pay, roll base mainnet",
        f"Name\tChain\tWallet\nTreasury\t137\t{TREASURY}\nPay, roll\tBase\t{VAULT}",
        f"network name address\nMatic Mainnet Treasury {TREASURY}\nbase Pay, roll {VAULT}",
        f"Name;Network;Wallet\nTreasury;polygon;{TREASURY}\nPay, roll;base;{VAULT}",
        f'chain_id,label,Account Address\n137,Treasury,{TREASURY}\n0x2105,"Pay, roll",{VAULT}',
        f'"Wallet","Label","Chain"\n"{TREASURY}","Treasury","137"\n"{VAULT}","Pay, roll","Base Mainnet"',
    ],
)
def test_a_spreadsheet_is_read_by_its_header(rows: str) -> None:
    assert entries(f"/watch\n{rows}") == SHEET


@pytest.mark.parametrize("row", ["{0},Treasury", "Treasury; {0}", "{0}, Treasury,"])
def test_a_row_without_a_header_has_an_address_and_a_name_in_any_order(row: str) -> None:
    assert entries(f"/watch {row.format(TREASURY)}") == [watched(1, TREASURY, label="Treasury")]


def test_a_row_without_a_header_may_name_a_chain_beside_the_name() -> None:
    on_polygon = [watched(1, TREASURY, chains=frozenset({POLYGON}), label="Treasury")]

    assert entries(f"/watch {TREASURY},Treasury,polygon") == on_polygon
    assert entries(f"/watch polygon;Treasury;{TREASURY}") == on_polygon


def test_a_header_without_names_is_enough() -> None:
    assert entries(f"/watch address chain\n{TREASURY} matic mainnet\n{VAULT}") == [
        watched(2, TREASURY, chains=frozenset({POLYGON})),
        watched(3, VAULT),
    ]


def test_commas_between_addresses_and_chains_are_no_spreadsheet() -> None:
    assert entries(f"/watch {TREASURY}, {VAULT} on polygon, base") == [
        watched(1, account, chains=frozenset({POLYGON, BASE})) for account in (TREASURY, VAULT)
    ]
    assert entries(f"/watch {TREASURY} as Main, old") == [watched(1, TREASURY, label="Main, old")]


def test_a_token_column_limits_its_row() -> None:
    assert entries(f"/watch\naddress,token\n{TREASURY},{USDC}\n{VAULT},") == [
        watched(3, TREASURY, contracts=frozenset({USDC})),
        watched(4, VAULT),
    ]


def test_columns_that_are_not_used_are_said() -> None:
    request = parsed(f"/watch\naddress,name,balance,notes\n{TREASURY},Treasury,12.5,keep")

    assert isinstance(request, WatchRequest)
    assert request.entries == (watched(3, TREASURY, label="Treasury"),)
    assert request.unused == ("balance", "notes")


def test_the_numbers_of_a_list_are_no_names() -> None:
    assert entries(f"/watch 1. {TREASURY}\n2) {VAULT} as Vault") == [
        watched(1, TREASURY),
        watched(2, VAULT, label="Vault"),
    ]
    assert parsed(f"1. {TREASURY}\n2. {VAULT}") == BareRequest((watched(1, TREASURY), watched(2, VAULT)), ())


def test_a_name_before_the_address_of_a_row_may_have_a_chain_behind_it() -> None:
    assert entries(f"/watch Treasury: {TREASURY} on polygon\nPayroll: {VAULT} on base") == [
        watched(1, TREASURY, chains=frozenset({POLYGON}), label="Treasury"),
        watched(2, VAULT, chains=frozenset({BASE}), label="Payroll"),
    ]


def test_a_sentence_before_the_address_of_a_row_is_no_name() -> None:
    request = parsed(f"/watch please look at {TREASURY} on polygon\nPayroll: {VAULT} on base")

    assert isinstance(request, WatchRequest)
    assert [bad.line_number for bad in request.bad] == [1]


def test_a_header_alone_asks_for_nothing() -> None:
    assert isinstance(parsed("/watch address,name"), Usage)


@pytest.mark.parametrize(
    ("line", "sentence", "offers"),
    [
        (
            f"{TREASURY} Main Vault",
            "Main Vault isn't an address. A name comes after “as”.",
            {"Name it Main Vault": "{} as Main Vault", "Without a name": "{}"},
        ),
        (
            f"Treasury: {TREASURY} on base",
            "Treasury isn't an address. A name comes after “as”.",
            {"Name it Treasury": "{} on base as Treasury", "Without a name": "{} on base"},
        ),
        (
            f"{TREASURY}, polygon",
            "polygon may be a chain or a name. A chain comes after “on”, a name after “as”.",
            {"Name it polygon": "{} as polygon", "Only on Polygon": "{} on polygon", "Without a name": "{}"},
        ),
        (
            f"{TREASURY} Main Vault polygon",
            "Main Vault polygon isn't an address. A name comes after “as”.",
            {
                "Name it Main Vault polygon": "{} as Main Vault polygon",
                "Main Vault, on Polygon": "{} on polygon as Main Vault",
                "Without a name": "{}",
            },
        ),
        (
            f"{TREASURY} in polygon",
            "in polygon is a chain; chains come after “on”.",
            {"Only on Polygon": "{} on polygon", "Without it": "{}"},
        ),
        (
            f"{TREASURY} token USDC",
            "token USDC isn't an address. A name comes after “as”.",
            {
                "Name it token USDC": "{} as token USDC",
                "Only the token USDC": "{} contract USDC",
                "Without a name": "{}",
            },
        ),
        (
            f"please {TREASURY} thanks as Till",
            "please thanks isn't an address. A name comes after “as”.",
            {"Without it": "{} as Till"},
        ),
        (
            f"7,{TREASURY},Treasury,12.50",
            "7 Treasury 12.50 isn't an address. A name comes after “as”.",
            {"Name it 7 Treasury 12.50": "{} as 7 Treasury 12.50", "Without a name": "{}"},
        ),
    ],
)
def test_words_of_which_nobody_can_tell_what_they_are_are_offered_and_not_assumed(
    line: str, sentence: str, offers: dict[str, str]
) -> None:
    (bad,) = refused(f"/watch {line}")

    assert sentences([bad]) == [sentence]
    written = "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
    assert {offer.text: offer.line for offer in bad.offers} == {
        text: typed.format(written) for text, typed in offers.items()
    }
    for offer in bad.offers:
        assert [entry.account for entry in entries(f"/watch {offer.line}")] == [TREASURY]


def test_in_a_list_words_beside_an_address_are_its_name() -> None:
    assert entries(f"/watch {TREASURY} Main Vault\n{VAULT} Payroll on base\nTill: {USDC}") == [
        watched(1, TREASURY, label="Main Vault"),
        watched(2, VAULT, chains=frozenset({BASE}), label="Payroll"),
        watched(3, USDC, label="Till"),
    ]


@pytest.mark.parametrize(
    "line", ["{} Vault polygon", "{} Vault polygn", "{} polygon", "please {} thanks", "One {} two"]
)
def test_in_a_list_what_may_be_a_chain_or_a_sentence_is_no_name(line: str) -> None:
    request = parsed(f"/watch {line.format(TREASURY)}\n{VAULT} Payroll")

    assert isinstance(request, WatchRequest)
    assert request.entries == (watched(2, VAULT, label="Payroll"),)
    assert [bad.line_number for bad in request.bad] == [1]


def test_cells_beyond_the_header_are_refused_and_not_dropped() -> None:
    assert sentences(refused(f"/watch\naddress,name\n{TREASURY},Till,more")) == [
        "more stands in a column without a title."
    ]


ACCOUNTS = st.binary(min_size=20, max_size=20).map(lambda some: Address("0x" + some.hex()))
NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(ACCOUNTS, NAMES), min_size=1, max_size=5), st.permutations(["address", "name"]))
def test_every_row_under_a_header_is_taken_or_refused(
    rows: list[tuple[Address, str]], order: list[str]
) -> None:
    lines = [";".join(row if order[0] == "address" else reversed(row)) for row in rows]
    request = parsed("\n".join(["/watch", ";".join(order), *lines]))

    assert isinstance(request, WatchRequest)
    taken = {entry.line_number for entry in request.entries} | {bad.line_number for bad in request.bad}
    same = {line for line in range(3, 3 + len(rows)) if lines.index(lines[line - 3]) != line - 3}
    assert taken | same == set(range(3, 3 + len(rows)))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"0x{number:040x},Wallet {number},polygon" for number in range(500)),
        "x" * 10_000,
        "0x" * 5_000,
        "a" * 10_000 + ":" + TREASURY,
        "a." * 5_000,
        "://" * 3_000,
        "https://" + "a/" * 4_000 + TREASURY,
        f"https://etherscan.io/token/{USDC}?" + f"a={VAULT}&" * 180,
        " ".join([f"https://etherscan.io/address/{TREASURY}"] * 180),
        f"{TREASURY} on " + "polygon base " * 700,
        f"{TREASURY} on " + "x " * 4_000,
        "0x7a…" * 2_000,
        "," * 10_000,
        '"' * 10_000,
        "eip155:" * 1_400 + TREASURY,
        "@" * 10_000,
        "f" * 10_000,
        "\t" * 10_000,
        "· " * 5_000,
    ],
    ids=lambda text: str(text)[:20],
)
@pytest.mark.parametrize("command", ["", "/watch ", "/ignore ", "/balance "])
def test_the_longest_paste_is_read_in_a_moment(command: str, text: str) -> None:
    began = time.process_time()
    parsed(command + text)

    assert time.process_time() - began < 1


@pytest.mark.parametrize("word", ["#3", "0x8e3E…d8B9"])
def test_what_can_be_no_name_is_refused_in_a_list_too(word: str) -> None:
    (bad,) = refused(f"/watch {VAULT}\n{TREASURY} {word}")

    assert bad.line_number == 2
