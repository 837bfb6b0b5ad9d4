"""`balance-bot check` and `backup` over a database server: what they find, advise, and end with."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from bot.check.findings import Finding, exit_status
from bot.check.server_rows import (
    ReplicasThere,
    connections_row,
    content_row,
    durability_row,
    look,
    replicas_row,
    server_clock_row,
    server_row,
    server_rows,
    unused_backups_row,
)
from bot.domain.replicas.replica import Replica, ReplicaSeen
from bot.domain.replicas.roles import Role
from bot.settings.load import load_settings
from bot.settings.shared import shared_values
from bot.store.database.connection import DatabaseThread
from bot.store.database.inspect import DatabaseSeen, ServerSeen
from bot.store.database.moved import MoveMark, MoveState, write_mark
from bot.store.database.server.inspect import look_at_server
from bot.store.replicas.membership import ConfigurationDiffers, join
from tests.builders import NOON
from tests.config_files import TOKEN, telegram, written
from tests.program import ran
from tests.server.conftest import PASSWORD, Operator
from tests.waits import until

ME = Replica("", "here:8080", "1")
ALPHA = ReplicaSeen(
    id="1",
    name="alpha",
    version="1",
    seen_ago_seconds=2.0,
    up_seconds=60,
    clock_ahead_ms=0,
    troubles="",
    roles=frozenset({Role.SENDER, Role.CHORES}),
)
BETA = replace(ALPHA, id="2", name="beta", roles=frozenset())
SEEN: ServerSeen[ReplicasThere] = ServerSeen(
    place="db1:5432, database balance, user bot",
    version="17.2",
    is_encrypted=True,
    is_pooled=False,
    clock_ms=int(NOON.timestamp() * 1000),
    free_connections=50,
    loses_commits=False,
    standbys=0,
    lag_seconds=None,
    may_see_lag=True,
    waits_for_standby=False,
    database=None,
    also=None,
)


def config(directory: Path, url: str, *lines: str) -> Path:
    """Write a configuration whose neighbours can't be reached."""
    text = telegram('api_url = "http://127.0.0.1:1"') + '[indexer]\nurl = "http://127.0.0.1:1"\n'
    path = written(directory / "config.toml", text + f'[store]\nurl = "{url}"\n' + "\n".join(lines))
    path.chmod(0o600)
    return path


async def found(directory: Path, url: str, *lines: str) -> dict[str, Finding]:
    """Return what is found about the server."""
    settings = load_settings(config(directory, url, *lines))
    rows = server_rows(await look(settings, url, ME), datetime.now(UTC), None)
    return {row.what: row for row in rows}


# ---------------------------------------------------------------- the commands


async def test_check_looks_at_the_server_and_shows_no_password(operator: Operator, tmp_path: Path) -> None:
    url = operator.has("looked")

    result = await ran("check", "--config", config(tmp_path, url))

    assert result.row("database server").startswith("ok database server PostgreSQL 1")
    assert "database looked, user olga, without TLS" in result.row("database server")
    assert "new; the first start makes its tables" in result.out
    assert "data directory" not in result.out
    assert result.status == 1  # its neighbours are not there
    assert not [secret for secret in (PASSWORD, "sesame", TOKEN) if secret in result.out + result.err]


async def test_check_changes_nothing(operator: Operator, tmp_path: Path) -> None:
    url = operator.has("untouched")

    assert (await found(tmp_path, url))["database"] == content_row(None, None)
    assert (await found(tmp_path, url))["database"] == content_row(None, None)


async def test_check_ends_with_what_a_start_would_end_with(operator: Operator, tmp_path: Path) -> None:
    refused = await found(tmp_path, operator.url("postgres", password="wrong-one"))
    assert exit_status(list(refused.values())) == 5
    assert "check the password in store.url" in refused["database server"].advice

    away = await found(tmp_path, "postgresql://olga@127.0.0.1:1/bot")
    assert exit_status(list(away.values())) == 1
    assert away["database server"].advice.endswith("a running bot waits for it")

    mistaken = await found(tmp_path, operator.url("bot", behind="?sslmode=no"))
    assert exit_status(list(mistaken.values())) == 2


async def test_backup_says_which_program_makes_the_copy_and_that_there_is_none(
    operator: Operator, tmp_path: Path
) -> None:
    url = operator.has("copied")
    await (await DatabaseThread.open(url)).close()
    dest = tmp_path / "the copy.dump"

    result = await ran("backup", "--config", config(tmp_path, url), dest)

    assert result.status == 5
    assert "--username olga --dbname copied --format=custom --no-owner --file '" in result.err
    assert "sesame" not in result.out + result.err
    assert not dest.exists()


@pytest.mark.parametrize("lines", [(), ('replica = "rack-2"',)])
async def test_check_says_who_runs_and_whether_this_configuration_may_join(
    operator: Operator, tmp_path: Path, lines: tuple[str, ...]
) -> None:
    url = operator.has("joined")
    db = await DatabaseThread.open(url)
    values = shared_values(load_settings(config(tmp_path, url)))
    await db.run(join, Replica("1", "alpha", "1"), values, b"x" * 32)

    assert (await found(tmp_path, url, *lines))["replicas"] == Finding("replicas", "alpha (stands by)")

    other = await found(tmp_path, url, *lines, "history_days = 9")
    assert other["replicas"].status == 2
    assert "in store.history_days" in other["replicas"].said
    await db.close()


async def test_a_library_that_is_missing_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    (row,) = (await found(tmp_path, "postgresql://olga@127.0.0.1:1/bot")).values()

    assert (row.status, row.advice) == (2, 'pip install "balance-bot[postgres]"')


async def test_connections_are_counted_by_the_narrowest_limit(operator: Operator, tmp_path: Path) -> None:
    url = operator.has("narrow")
    assert (await found(tmp_path, url))["connections"].advice == ""

    operator.does("ALTER DATABASE narrow CONNECTION LIMIT 2")

    assert (await found(tmp_path, url))["connections"] == connections_row(1)


@pytest.mark.parametrize(("state", "status"), [(MoveState.LEAVING, 3), (MoveState.GONE, 5)])
async def test_data_that_moves_or_has_moved_is_a_failure(
    operator: Operator, tmp_path: Path, state: MoveState, status: int
) -> None:
    url = operator.has("moving")
    db = await DatabaseThread.open(url)
    later = await db.run(lambda db: db.now_ms()) + 60_000
    mark = MoveMark(state=state, here="here", other="there", is_server=True, source="x", at=later)
    await db.run(write_mark, mark)
    await db.close()

    (row,) = (await found(tmp_path, url)).values()

    assert (row.status, bool(row.advice)) == (status, True)


# ---------------------------------------------------------------- rows


def test_a_pooler_is_a_warning() -> None:
    assert not server_row(SEEN).advice
    assert "name the server itself" in server_row(replace(SEEN, is_pooled=True)).advice


def test_a_database_that_has_to_be_changed_first_is_a_warning() -> None:
    assert not content_row(DatabaseSeen(2, 1, 0, (), NOON), None).advice
    assert "stop all replicas" in content_row(DatabaseSeen(2, 1, 0, ("m040_more",), NOON), None).advice


@pytest.mark.parametrize("seen", [None, DatabaseSeen(0, 0, 0, (), None)])
def test_an_empty_server_beside_a_file_with_data_would_not_start(seen: DatabaseSeen | None) -> None:
    row = content_row(seen, Path("bot.sqlite3"))

    assert (row.status, row.said) == (5, "empty, and the file bot.sqlite3 has the data of a bot")
    assert row.advice.startswith("`balance-bot move` takes it along")
    assert not content_row(seen, None).status


def test_a_server_with_data_is_not_compared_with_a_file() -> None:
    assert not content_row(DatabaseSeen(2, 1, 0, (), NOON), Path("bot.sqlite3")).status


async def test_connections_of_other_users_are_counted(operator: Operator) -> None:
    """Who is no administrator sees little of them."""
    urls = operator.has("shared"), operator.server.url("shared")
    with psycopg.connect(operator.server.url("postgres")):

        def free() -> list[int]:
            return [look_at_server(url, lambda _: None).free_connections for url in urls]

        await until(lambda: len(set(free())) == 1)  # connections of tests before this one are still ending


def test_how_far_a_standby_is_behind_is_shown_to_who_may_see_it(operator: Operator) -> None:
    url = operator.has("behind")

    assert not look_at_server(url, lambda _: None).may_see_lag
    assert look_at_server(operator.server.url("behind"), lambda _: None).may_see_lag


@pytest.mark.parametrize(("free", "is_advised"), [(2, False), (1, True), (-1, True)])
def test_too_few_connections_are_a_warning(free: int, *, is_advised: bool) -> None:
    assert bool(connections_row(free).advice) == is_advised


@pytest.mark.parametrize(
    ("seen", "said", "is_advised"),
    [
        (SEEN, "what is committed is on disk; no standby", False),
        (replace(SEEN, loses_commits=True), "fsync or synchronous_commit is off; no standby", True),
        (replace(SEEN, standbys=1), "standbys 1, and none is waited for", True),
        (
            replace(SEEN, standbys=2, waits_for_standby=True, lag_seconds=0.25),
            "what is committed is on disk; standbys 2, up to 0.2 s behind",
            False,
        ),
        (
            replace(SEEN, standbys=1, waits_for_standby=True, lag_seconds=60.0),
            "standbys 1, up to 60.0 s behind",
            True,
        ),
        (
            replace(SEEN, standbys=1, waits_for_standby=True, may_see_lag=False),
            "what is committed is on disk; standbys 1 (only members of pg_monitor see how far behind)",
            False,
        ),
    ],
)
def test_what_a_crash_could_take_back_is_a_warning(
    seen: ServerSeen[ReplicasThere], said: str, *, is_advised: bool
) -> None:
    row = durability_row(seen)

    assert row.said == said
    assert bool(row.advice) == is_advised
    assert not row.status


def test_replicas_are_named_with_what_they_do() -> None:
    assert replicas_row(ReplicasThere()) == Finding("replicas", "none runs")
    assert replicas_row(ReplicasThere((ALPHA, BETA))) == Finding(
        "replicas", "alpha (chores, sender); beta (stands by)"
    )


def test_a_replica_that_is_away_is_a_warning() -> None:
    row = replicas_row(ReplicasThere((ALPHA, replace(BETA, seen_ago_seconds=60.0))))

    assert (row.said, row.status) == ("alpha (chores, sender); away beta", 0)
    assert row.advice


def test_another_configuration_is_a_mistake() -> None:
    difference = ConfigurationDiffers(("indexer.chains",), (ALPHA,), ME)

    row = replicas_row(ReplicasThere((ALPHA,), difference))

    assert row.status == 2
    assert row.advice.startswith("make it the same")


@pytest.mark.parametrize(
    ("seconds", "words"), [(4, ""), (-4, ""), (60, "60 s ahead of"), (-7200, "7,200 s behind")]
)
def test_a_clock_that_differs_from_the_servers_is_a_warning(seconds: int, words: str) -> None:
    row = server_clock_row(int(NOON.timestamp() * 1000), NOON + timedelta(seconds=seconds))

    assert words in row.said
    assert bool(row.advice) == bool(words)


def test_a_folder_for_copies_means_nothing_with_a_server() -> None:
    assert not unused_backups_row("").advice
    assert unused_backups_row("/var/backups").said == "store.backup_dir is not used"
