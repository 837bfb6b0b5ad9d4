"""`balance-bot check`: what it finds, what it advises, and what it ends with."""

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.chat.telegram.connection import TokenRefused
from bot.chat.telegram.probe import TelegramProbe, TelegramUnavailable
from bot.chat.telegram.transport import ProxyUnusable
from bot.check.check import (
    GatewaySeen,
    _made_private,
    chains_row,
    check,
    clock_row,
    configuration_row,
    gateway_row,
    history_rows,
    key_rows,
    owners_row,
    telegram_row,
)
from bot.check.file_rows import backup_rows, database_row, directory_row, disk_row
from bot.check.findings import Finding, exit_status, table
from bot.domain.assets import ChainId
from bot.indexer.errors import (
    AccessRefused,
    ChainRefused,
    IndexerError,
    QuotaExceeded,
    Unavailable,
    WrongEndpoint,
)
from bot.sandbox.gateway.faults.kinds import AnswerError
from bot.sandbox.telegram.server import SANDBOX_TOKEN
from bot.settings.load import load_settings
from bot.settings.sections import shipped_chains
from bot.store.chats import owners
from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import DatabaseInUse, DatabaseUnusable
from bot.store.database.file import DirectoryLock
from bot.store.database.inspect import DatabaseSeen, DirectorySeen, look_at_database
from tests.builders import BASE, ETHEREUM, NOON, POLYGON
from tests.program import Ran, ran
from tests.stack import ACCESS_KEY, Stack, open_stack
from tests.store.conftest import OLGA, olga
from tests.web.watcher import open_watcher

CHAINS = shipped_chains()
LISTED = frozenset({ETHEREUM, POLYGON, BASE})
SEEN = GatewaySeen(LISTED, frozenset(), 0.4)
SOUND = DatabaseSeen(2, 1, 0, (), NOON)


@pytest.fixture
async def quiet_stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Build the neighbours without a bot."""
    async with open_stack(tmp_path) as stack:
        yield stack


async def checked(stack: Stack) -> Ran:
    """Run the command, and see that no secret is shown."""
    stack.config.chmod(0o600)
    result = await ran("check", "--config", stack.config)
    for secret in (SANDBOX_TOKEN, SANDBOX_TOKEN.partition(":")[2], ACCESS_KEY, "Traceback"):
        assert secret not in result.out + result.err
    assert result.err == ""
    return result


async def found(stack: Stack) -> dict[str, Finding]:
    """Return what it finds, without starting the program."""
    findings = await check(stack.config, load_settings(stack.config), NOON)
    return {finding.what: finding for finding in findings}


# ---------------------------------------------------------------- the command


@pytest.mark.about_the_file
async def test_where_all_is_well_it_says_so_and_changes_nothing(quiet_stack: Stack) -> None:
    result = await checked(quiet_stack)

    assert result.status == 0
    assert result.out.endswith("All is well.\n")
    assert result.row("Telegram").startswith("ok Telegram @")
    assert result.row("indexer") == "ok indexer it accepts the key; it lists 5 chains"
    assert result.row("transfers") == "ok transfers the indexer lists them"
    assert result.row("database") == "ok database none yet; the first start makes it"
    assert {path.name for path in quiet_stack.directory.iterdir()} == {"config.toml"}


@pytest.mark.about_the_file
async def test_it_works_while_the_bot_runs_and_does_not_disturb_it(stack: Stack) -> None:
    await stack.watches()

    result = await checked(stack)

    assert result.status == 0
    assert result.row("data directory").endswith("private, held by a running bot")
    assert "subscriptions 1, open chats 1" in result.row("database")
    await stack.asked(2)


async def test_every_mistake_of_the_configuration_is_a_row_and_it_ends_with_2(quiet_stack: Stack) -> None:
    quiet_stack.lines["indexer"] = ["poll_interval_seconds = 0", 'chains = ["atlantis"]']

    result = await checked(quiet_stack)

    assert result.status == 2
    rows = [line for line in result.out.splitlines() if line.startswith("FAIL")]
    assert [row.split()[2] for row in rows] == ["indexer.chains.0:", "indexer.poll_interval_seconds:"]


async def test_a_configuration_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    result = await ran("check", "--config", tmp_path / "nowhere.toml")

    assert result.status == 2
    assert "can't be read: No such file" in result.row("configuration")


async def test_a_refused_key_shows_though_the_list_of_chains_needs_none(quiet_stack: Stack) -> None:
    quiet_stack.lines["indexer"] = ['access_key = "AQAAAAAAAAnotherKey"']

    result = await checked(quiet_stack)

    assert result.status == 4
    assert "refused the access key" in result.row("indexer")
    assert "-> check indexer.access_key" in result.row("indexer")
    assert "AQAAAAAAAAnotherKey" not in result.out


async def test_a_refused_token_ends_with_4(quiet_stack: Stack) -> None:
    quiet_stack.lines["telegram"] = [f'token = "{SANDBOX_TOKEN}x"']

    result = await checked(quiet_stack)

    assert result.status == 4
    assert "FAIL Telegram it refuses the token" in result.row("Telegram")


@pytest.mark.about_the_file
async def test_a_damaged_database_ends_with_5_and_stays_as_it_is(quiet_stack: Stack) -> None:
    path = quiet_stack.directory / "data" / "bot.sqlite3"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"no database" * 1000)

    result = await checked(quiet_stack)

    assert result.status == 5
    assert "it is no database -> restore a backup" in result.row("database")
    assert path.read_bytes() == b"no database" * 1000


async def test_neighbours_that_are_not_there_are_failures_and_it_ends_with_1(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        config = stack.config
        config.chmod(0o600)

    result = await ran("check", "--config", config)

    assert result.status == 1
    assert result.row("Telegram").startswith("FAIL Telegram it can't be reached")
    assert "-> check the network and indexer.url" in result.row("indexer")
    assert result.row("chains").startswith("warn chains not checked")


# ---------------------------------------------------------------- statuses


def failing(*statuses: int) -> list[Finding]:
    return [Finding("one", "said", "advice", status) for status in statuses]


@pytest.mark.parametrize(
    ("statuses", "status"),
    [((), 0), ((0, 0), 0), ((0, 1), 1), ((4, 5), 4), ((2, 4), 2), ((1, 5), 5), ((1, 4, 5), 4)],
)
def test_it_ends_with_what_the_first_failure_would_end_the_bot_with(
    statuses: tuple[int, ...], status: int
) -> None:
    assert exit_status(failing(*statuses)) == status


def test_a_warning_is_no_failure() -> None:
    assert exit_status([Finding("disk", "little room", "make room")]) == 0


def test_the_table_shows_the_state_of_each_and_what_to_do() -> None:
    lines = table(
        [
            Finding("disk", "much room"),
            Finding("clock", "odd", "set it"),
            Finding("database", "broken", "restore it", 5),
        ]
    )

    assert lines == [
        "ok    disk      much room",
        "warn  clock     odd",
        "                -> set it",
        "FAIL  database  broken",
        "                -> restore it",
        "",
        "The bot would not start (exit status 5).",
    ]


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(("mode", "is_advised"), [(0o600, False), (0o640, False), (0o644, True)])
def test_secrets_that_everybody_can_read_are_a_warning(
    tmp_path: Path, mode: int, *, is_advised: bool
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('token = "secret"')
    config.chmod(mode)

    assert bool(configuration_row(config, ["secret"]).advice) == is_advised
    assert not configuration_row(config, ["elsewhere"]).advice


@pytest.mark.parametrize(
    ("configured", "database", "said"),
    [
        ([7001, 7002], SOUND, "2, named in access.owners"),
        ([7001], replace(SOUND, owners=1), "1, named in access.owners"),
        ([], replace(SOUND, owners=1), "1, through the owner link"),
        ([], SOUND, "none yet: run prints a link, and whoever opens it first owns the bot"),
        ([], None, "none yet: run prints a link, and whoever opens it first owns the bot"),
        ([], DatabaseUnusable("odd"), "not known while the database can't be read"),
    ],
)
def test_it_says_who_owns_the_bot(
    configured: list[int], database: DatabaseSeen | DatabaseUnusable | None, said: str
) -> None:
    assert owners_row(configured, database) == Finding("owners", said)


async def test_an_owner_by_claim_is_known_from_the_database(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    db = await DatabaseThread.open(path)
    await db.run(owners.save_claim_code, b"hash", NOON)
    assert look_at_database(path) == DatabaseSeen(0, 0, 0, (), None, owners=0)
    await db.run(owners.use_claim_code, b"hash", OLGA, olga())

    seen = look_at_database(path)

    assert seen is not None
    assert seen.owners == 1
    await db.close()


@pytest.mark.parametrize(
    ("key", "is_warned"), [("", False), ("abc", True), ("abcd", False), (ACCESS_KEY, False)]
)
def test_a_key_too_short_to_be_kept_out_of_logs_is_a_warning(key: str, *, is_warned: bool) -> None:
    rows = key_rows(key)

    assert bool(rows) == is_warned
    assert all(row.advice and not row.status for row in rows)


async def test_a_contract_is_asked_for_whether_it_is_verified_or_not(quiet_stack: Stack) -> None:
    await found(quiet_stack)

    (asked,) = [one for one in quiet_stack.gateway.requests if one.method == "GetTokenBalancesSummary"]
    assert '"contractStatus": "ALL"' in json.dumps(asked.body)


@pytest.mark.parametrize(
    ("user", "advice"),
    [
        (1000, "chmod 600 config.toml"),
        (10001, "as root, and where it is mounted from, chown 10001 config.toml and chmod 600 config.toml"),
        (0, "chown it to the user that the bot runs as, then chmod 600 config.toml"),
    ],
)
def test_the_advice_leaves_the_file_readable_for_the_bot(user: int, advice: str) -> None:
    assert _made_private(Path("config.toml"), owner=1000, user=user) == advice


def test_a_chain_that_the_gateway_does_not_know_is_a_mistake_that_names_it_and_the_others() -> None:
    finding = chains_row([POLYGON, ChainId(10)], CHAINS, SEEN)

    assert (finding.status, finding.said) == (2, "the gateway does not know optimism")
    assert finding.advice == "the gateway knows mainnet, polygon, base"


def test_chains_that_the_gateway_knows_are_fine() -> None:
    assert chains_row([POLYGON, BASE], CHAINS, SEEN) == Finding("chains", "polygon, base")
    assert chains_row([], CHAINS, SEEN) == Finding("chains", "every mainnet the gateway lists: 3")


def test_a_chain_that_gives_no_answer_now_is_a_warning() -> None:
    finding = chains_row([POLYGON, BASE], CHAINS, GatewaySeen(LISTED, frozenset({BASE}), None))

    assert (finding.status, finding.advice) == (0, "no answer from base just now; it is asked again")


def test_a_chain_that_the_key_may_not_ask_is_a_mistake_of_the_chains_and_not_of_the_key() -> None:
    assert chains_row([POLYGON], CHAINS, ChainRefused()).status == 2
    assert gateway_row(ChainRefused()) == Finding("indexer", "it accepts the key")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AccessRefused(), 4),
        (WrongEndpoint(), 2),
        (Unavailable(), 1),
        (QuotaExceeded(), 1),
        (IndexerError(), 1),
    ],
)
def test_what_the_gateway_refuses_ends_it_as_it_would_the_bot(error: IndexerError, status: int) -> None:
    finding = gateway_row(error)

    assert finding.status == status
    assert finding.advice


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (WrongEndpoint(), "has no history"),
        (AccessRefused(), "the access key may not ask"),
        (Unavailable("no route"), "no route"),
    ],
)
def test_a_gateway_that_lists_no_transfers_is_a_warning(trouble: IndexerError, words: str) -> None:
    (finding,) = history_rows(replace(SEEN, history_trouble=trouble))

    assert (finding.status, bool(finding.advice)) == (0, True)
    assert words in finding.said


def test_one_that_lists_them_is_fine_and_of_one_that_does_not_answer_its_own_row_says_enough() -> None:
    assert history_rows(SEEN) == [Finding("transfers", "the indexer lists them")]
    assert history_rows(Unavailable()) == []


async def test_a_history_that_is_refused_keeps_no_bot_from_starting(quiet_stack: Stack) -> None:
    refusal = AnswerError(name="AccessKeyMismatch", code=1102, status=403, method="GetTransactionHistory")
    quiet_stack.gateway.faults.add(refusal)

    result = await checked(quiet_stack)

    assert result.status == 0
    assert result.row("transfers").startswith("warn transfers the access key may not ask for them")
    assert result.row("indexer").startswith("ok")


@pytest.mark.parametrize(
    ("seen", "status", "words"),
    [
        (TelegramProbe("a_bot", 3, "", joins_groups=True), 0, "@a_bot; updates waiting: 3"),
        (TelegramProbe("a_bot", 0, "", joins_groups=False), 0, "may not join groups"),
        (TelegramProbe("a_bot", 0, "example.org", joins_groups=True), 1, "webhook at example.org"),
        (ProxyUnusable(), 2, "the proxy that the environment names can't be used"),
        (TokenRefused(), 4, "refuses the token"),
        (TelegramUnavailable("it takes too long to answer"), 1, "too long"),
    ],
)
def test_what_telegram_says_is_told_with_what_to_do(
    seen: TelegramProbe | ProxyUnusable | TokenRefused | TelegramUnavailable, status: int, words: str
) -> None:
    finding = telegram_row(seen)

    assert finding.status == status
    assert words in finding.said
    assert bool(finding.advice) == ("updates" not in words)


async def test_a_proxy_that_cannot_be_used_is_a_mistake_and_its_password_is_not_shown(
    quiet_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://user:a-password@127.0.0.1:9")

    findings = await found(quiet_stack)

    assert findings["Telegram"].status == 2
    assert "a-password" not in str(findings)


async def test_pages_that_cannot_be_served_are_a_mistake(quiet_stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        quiet_stack.lines["web"] = [f'listen = "127.0.0.1:{taken.getsockname()[1]}"']

        finding = (await found(quiet_stack))["web pages"]

    assert finding.status == 2
    assert "in use" in finding.said


async def test_a_heartbeat_is_shown_by_its_host_and_not_called(quiet_stack: Stack) -> None:
    async with open_watcher() as watcher:
        quiet_stack.lines["web"] = ['listen = ""', f'heartbeat_url = "{watcher.url}/0a1b2c3d"']

        findings = await found(quiet_stack)

    assert findings["heartbeat"].said == "calls 127.0.0.1; not tried here"
    assert "0a1b2c3d" not in str(findings)
    assert watcher.paths == []


async def test_pages_that_can_be_served_are_fine(quiet_stack: Stack) -> None:
    quiet_stack.lines["web"] = ['listen = "127.0.0.1:0"']

    assert (await found(quiet_stack))["web pages"].status == 0


@pytest.mark.about_the_file
async def test_a_directory_that_is_held_is_fine_and_the_pages_are_taken_to_be_of_who_holds_it(
    quiet_stack: Stack,
) -> None:
    lock = DirectoryLock(quiet_stack.directory / "data")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        quiet_stack.lines["web"] = [f'listen = "127.0.0.1:{taken.getsockname()[1]}"']

        findings = await found(quiet_stack)

    assert findings["data directory"].said.endswith("private, held by a running bot")
    assert (findings["data directory"].status, findings["web pages"].status) == (0, 0)
    lock.release()


@pytest.mark.about_the_file
@pytest.mark.parametrize(
    ("mode", "status", "is_advised"),
    [(0o700, 0, False), (0o750, 0, True), (0o777, 5, True), (0o770, 5, True)],
)
async def test_others_may_not_write_into_the_data_directory_and_should_not_look_in(
    quiet_stack: Stack, mode: int, status: int, *, is_advised: bool
) -> None:
    data = quiet_stack.directory / "data"
    data.mkdir()
    data.chmod(mode)

    finding = (await found(quiet_stack))["data directory"]

    assert finding.status == status
    assert ("chmod 700" in finding.advice) == is_advised


@pytest.mark.about_the_file
async def test_a_data_directory_that_is_a_file_is_unusable(quiet_stack: Stack) -> None:
    (quiet_stack.directory / "data").touch()

    finding = (await found(quiet_stack))["data directory"]

    assert finding.status == 5
    assert "is no directory" in finding.said


@pytest.mark.about_the_file
async def test_a_data_directory_under_a_file_can_not_be_made(quiet_stack: Stack) -> None:
    (quiet_stack.directory / "file").touch()
    quiet_stack.lines["store"] = [f'path = "{quiet_stack.directory}/file/data/bot.sqlite3"']

    assert (await found(quiet_stack))["data directory"].status == 5


@pytest.mark.about_the_file
async def test_a_database_of_today_is_sound_and_stays_untouched(quiet_stack: Stack) -> None:
    path = quiet_stack.directory / "data" / "bot.sqlite3"
    path.parent.mkdir(mode=0o700)
    await (await DatabaseThread.open(path)).close()
    before = path.read_bytes()

    finding = (await found(quiet_stack))["database"]

    assert finding == Finding("database", "sound; subscriptions 0, open chats 0, alerts waiting 0")
    assert path.read_bytes() == before


def test_a_database_of_an_earlier_version_is_a_warning() -> None:
    finding = database_row(DatabaseSeen(2, 1, 0, ("m002_due",), NOON))

    assert finding.status == 0
    assert "earlier version" in finding.advice


def test_what_is_wrong_with_the_data_is_told_apart_from_what_to_do() -> None:
    error = DatabaseUnusable("the database bot.sqlite3 is damaged (page 5: odd): restore a backup")

    assert database_row(error) == Finding(
        "database", "the database bot.sqlite3 is damaged (page 5: odd)", "restore a backup", 5
    )
    assert directory_row(Path("data"), error).status == 5
    assert directory_row(
        Path("/data"), DirectorySeen(exists=True, is_held=False, is_private=True)
    ) == Finding("data directory", "/data, private")


def test_data_that_is_being_moved_is_held() -> None:
    assert database_row(DatabaseInUse("it is being moved: wait")) == Finding(
        "database", "it is being moved", "wait", 3
    )


@pytest.mark.parametrize(
    ("free_mb", "status", "is_advised"), [(5000, 0, False), (100, 0, True), (3, 5, True)]
)
def test_a_disk_that_is_nearly_full_is_a_warning_and_a_full_one_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, status: int, *, is_advised: bool
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free_mb * 2**20}))

    finding = disk_row(tmp_path / "data" / "bot.sqlite3")

    assert (finding.status, bool(finding.advice)) == (status, is_advised)
    assert str(tmp_path) in finding.said


def test_a_folder_for_copies_has_to_be_there_if_one_is_named(tmp_path: Path) -> None:
    assert backup_rows("")[0].status == 0
    assert backup_rows(str(tmp_path))[0] == Finding("backups", f"daily, to {tmp_path}")
    assert backup_rows(str(tmp_path / "copies"))[0].status == 1


@pytest.mark.parametrize(
    ("now", "ahead", "words"),
    [
        (NOON, 0.4, "as the indexer's"),
        (NOON, None, "12:00:00 UTC"),
        (NOON, 300.0, "300 s ahead of the indexer's"),
        (NOON, -7200.0, "7,200 s behind the indexer's"),
        (NOON - timedelta(days=1), None, "but the database is of 2026-03-01 12:00:00 UTC"),
    ],
)
def test_a_clock_that_is_wrong_is_a_failure(now: datetime, ahead: float | None, words: str) -> None:
    finding = clock_row(now, SOUND, GatewaySeen(LISTED, frozenset(), ahead))

    assert words in finding.said
    assert bool(finding.status) == (("indexer's" in words and "as" not in words) or "database" in words)


async def test_a_gateway_that_dates_its_answers_tells_the_time(quiet_stack: Stack) -> None:
    findings = await found(quiet_stack)

    assert findings["indexer"].status == 0
    assert "indexer's" in findings["clock"].said
