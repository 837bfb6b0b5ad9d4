"""The configuration: every key from file and environment, and secrets from files of their own."""

import json
from collections.abc import Mapping
from pathlib import Path

import psycopg.conninfo
import pytest

from bot.domain.secrets import REDACTED, Secrets
from bot.settings.sections import sandbox_settings
from bot.settings.shared import shared_values
from tests.builders import DAI, USDC
from tests.config_files import (
    KEY,
    TOKEN,
    clear_variables,
    keys_of,
    load,
    mistakes_in,
    put,
    section,
    telegram,
    written,
)

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "telegram": {"token_file": None, "api_url": "https://api.telegram.org"},
    "indexer": {
        "url": "https://indexer.sequence.app/rpc/IndexerGateway",
        "access_key_file": None,
        "access_key_header": "X-Access-Key",
        "chains": (),
        "contract_status": "VERIFIED",
        "contract_blacklist": (),
        "poll_interval_seconds": 60,
        "timeout_seconds": 30,
        "accounts_per_request": 50,
        "page_size": 1000,
        "max_concurrent_requests": 4,
        "stale_after_seconds": 600,
    },
    "store": {
        "path": Path("data/balance-bot.sqlite3"),
        "url_file": None,
        "replica": "",
        "history_days": 365,
        "backup_dir": "",
        "backups_kept": 7,
    },
    "access": {"owners": (), "chats": (), "max_subscriptions_per_chat": 500, "live_balances": True},
    "delivery": {
        "group_wait_seconds": 1.0,
        "explain_wait_seconds": 2.0,
        "messages_per_second": 25,
        "private_messages_per_second": 1,
        "group_messages_per_minute": 18,
        "expire_after_hours": 72,
    },
    "web": {"listen": "127.0.0.1:8080"},
    "log": {"level": "INFO", "format": "text"},
}
"""Every key but the secrets, which the tests of secrets look at."""

SECRETS = {
    "telegram": {"token"},
    "indexer": {"access_key"},
    "web": {"heartbeat_url"},
    "store": {"url"},
}

EXAMPLES: list[tuple[str, str, str, str, object]] = [
    ("telegram", "api_url", '"http://127.0.0.1:8081/"', "http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
    ("indexer", "url", '"http://127.0.0.1:9/rpc"', "http://127.0.0.1:9/rpc", "http://127.0.0.1:9/rpc"),
    ("indexer", "access_key_header", '"Api-Key"', "Api-Key", "Api-Key"),
    ("indexer", "chains", '["polygon", 8453, "1"]', "polygon, 8453,1", (137, 8453, 1)),
    ("indexer", "chains", '["Base Mainnet", "op", "0x89"]', "Base Mainnet, op,0x89", (8453, 10, 137)),
    ("indexer", "contract_status", '"ALL"', "ALL", "ALL"),
    ("indexer", "contract_blacklist", f'["{USDC}", "{DAI.upper()}"]', f"{USDC},{DAI}", (USDC, DAI)),
    ("indexer", "poll_interval_seconds", "0.2", "0.2", 0.2),
    ("indexer", "timeout_seconds", "0.5", "0.5", 0.5),
    ("indexer", "accounts_per_request", "100", "100", 100),
    ("indexer", "page_size", "40", "40", 40),
    ("indexer", "max_concurrent_requests", "32", "32", 32),
    ("indexer", "stale_after_seconds", "1.5", "1.5", 1.5),
    ("store", "path", '"/var/lib/bot.sqlite3"', "/var/lib/bot.sqlite3", Path("/var/lib/bot.sqlite3")),
    ("store", "replica", '"rack-2:8080"', "rack-2:8080", "rack-2:8080"),
    ("store", "history_days", "30", "30", 30),
    ("store", "backup_dir", '"/var/backups"', "/var/backups", "/var/backups"),
    ("store", "backups_kept", "2", "2", 2),
    ("access", "owners", "[7001, 7002]", "7001,7002", (7001, 7002)),
    ("access", "chats", "[-1001234567890]", "-1001234567890", (-1001234567890,)),
    ("access", "max_subscriptions_per_chat", "9", "9", 9),
    ("access", "live_balances", "false", "false", False),
    ("delivery", "group_wait_seconds", "0", "0", 0),
    ("delivery", "explain_wait_seconds", "0", "0", 0),
    ("delivery", "explain_wait_seconds", "0.5", "0.5", 0.5),
    ("delivery", "messages_per_second", "0.5", "0.5", 0.5),
    ("delivery", "private_messages_per_second", "0.5", "0.5", 0.5),
    ("delivery", "group_messages_per_minute", "5", "5", 5),
    ("delivery", "expire_after_hours", "0.1", "0.1", 0.1),
    ("web", "listen", '""', "", ""),
    ("log", "level", '"DEBUG"', "DEBUG", "DEBUG"),
    ("log", "format", '"json"', "json", "json"),
]
"""Section, key, value as TOML and as an environment variable, and what comes of it."""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_variables(monkeypatch)


# ---------------------------------------------------------------- keys


def test_a_token_is_all_that_has_to_be_given(tmp_path: Path) -> None:
    settings = load(tmp_path, telegram())

    assert settings.telegram.token.get_secret_value() == TOKEN
    assert settings.indexer.access_key.get_secret_value() == ""


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_key_has_its_default(tmp_path: Path, name: str) -> None:
    values = getattr(load(tmp_path, telegram()), name).model_dump(exclude=SECRETS.get(name))

    assert values == DEFAULTS[name]


def test_every_key_has_an_example_here() -> None:
    shown = {(section, key) for section, key, *_ in EXAMPLES}
    secrets = {("telegram", "token_file"), ("indexer", "access_key_file"), ("store", "url_file")}

    assert shown | secrets == {(section, key) for section, keys in DEFAULTS.items() for key in keys}


@pytest.mark.parametrize(("name", "key", "in_toml", "_", "value"), EXAMPLES, ids=lambda case: str(case)[:30])
def test_every_key_can_stand_in_the_file(
    tmp_path: Path, name: str, key: str, in_toml: str, _: str, value: object
) -> None:
    line = f"{key} = {in_toml}"

    settings = load(tmp_path, telegram(line) if name == "telegram" else section(name, line))

    assert getattr(getattr(settings, name), key) == value


@pytest.mark.parametrize(("name", "key", "_", "variable", "value"), EXAMPLES, ids=lambda case: str(case)[:30])
def test_every_key_can_be_a_variable(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    key: str,
    _: str,
    variable: str,
    value: object,
) -> None:
    put(monkeypatch, name, key, variable)

    settings = load(tmp_path, telegram())

    assert getattr(getattr(settings, name), key) == value


def test_a_variable_beats_the_file_and_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, "indexer", "page_size", "40")

    settings = load(tmp_path, section("indexer", "page_size = 500", "timeout_seconds = 5"))

    assert (settings.indexer.page_size, settings.indexer.timeout_seconds) == (40, 5)


def test_a_list_of_no_words_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "access", "owners", " , ")

    assert load(tmp_path, telegram()).access.owners == ()


def test_a_heartbeat_calls_nobody_unless_an_address_is_given_and_is_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path, telegram()).web.heartbeat_url.get_secret_value() == ""
    assert "" not in load(tmp_path, telegram()).secrets()

    settings = load(tmp_path, section("web", 'heartbeat_url = "https://hc-ping.com/0a1b?x=1"'))
    assert settings.web.heartbeat_url.get_secret_value() == "https://hc-ping.com/0a1b?x=1"
    assert "https://hc-ping.com/0a1b?x=1" in settings.secrets()
    assert "hc-ping" not in repr(settings)
    put(monkeypatch, "web", "heartbeat_url", "http://127.0.0.1:9/ping")
    assert load(tmp_path, telegram()).web.heartbeat_url.get_secret_value() == "http://127.0.0.1:9/ping"


def test_nothing_switches_the_pages_off(tmp_path: Path) -> None:
    assert load(tmp_path, section("web", 'listen = ""')).web.listen == ""


# ---------------------------------------------------------------- secrets


def test_secrets_can_be_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "telegram", "token", TOKEN)
    put(monkeypatch, "indexer", "access_key", KEY)

    assert load(tmp_path, "").secrets() == (TOKEN, KEY)


def test_secrets_can_stand_in_files_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, key = written(tmp_path / "token", f"{TOKEN}\n"), written(tmp_path / "key", f" {KEY} \r\n")
    put(monkeypatch, "indexer", "access_key_file", str(key))

    settings = load(tmp_path, f'[telegram]\ntoken_file = "{token}"')

    assert settings.secrets() == (TOKEN, KEY)


def test_secrets_are_those_that_are_given(tmp_path: Path) -> None:
    assert load(tmp_path, telegram()).secrets() == (TOKEN,)


def test_settings_never_show_their_secrets(tmp_path: Path) -> None:
    settings = load(tmp_path, section("indexer", f'access_key = "{KEY}"'))

    for shown in (repr(settings), str(settings), repr(settings.telegram), f"{settings.indexer}"):
        assert TOKEN not in shown
        assert KEY not in shown


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "can't be read: it is no text"),
    ],
)
@pytest.mark.parametrize(
    ("name", "key"), [("telegram", "token"), ("indexer", "access_key"), ("store", "url")]
)
def test_a_secret_file_that_says_nothing_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, key: str, content: bytes | None, why: str
) -> None:
    path = tmp_path / "missing" if content is None else written(tmp_path / "secret", content)
    put(monkeypatch, name, f"{key}_file", str(path))

    (mistake,) = mistakes_in(tmp_path, telegram() if name != "telegram" else "")

    assert mistake == f"{name}.{key}: the file {path} {why}"


@pytest.mark.parametrize("secret", [TOKEN, KEY, "a" * 300, "with\0nothing", f"postgresql://u:{KEY}@host/db"])
@pytest.mark.parametrize(
    ("name", "key"), [("telegram", "token"), ("indexer", "access_key"), ("store", "url")]
)
def test_a_secret_in_place_of_the_path_of_its_file_is_a_mistake_without_it(
    tmp_path: Path, *, name: str, key: str, secret: str
) -> None:
    text = f"[{name}]\n{key}_file = {json.dumps(secret)}\n"

    (mistake,) = mistakes_in(tmp_path, (telegram() if name != "telegram" else "") + text)

    assert mistake == (
        f"{name}.{key}: {key}_file names a file that doesn't exist "
        f"(it takes a path; the secret itself goes into {key})"
    )


def test_a_path_with_a_secret_in_it_is_not_shown(tmp_path: Path) -> None:
    (mistake,) = mistakes_in(tmp_path, f'[telegram]\ntoken_file = "/run/{KEY}"')

    assert mistake == "telegram.token: the file it names can't be read: No such file or directory"


def test_a_secret_given_twice_is_a_mistake(tmp_path: Path) -> None:
    path = written(tmp_path / "secret", TOKEN)

    mistakes = mistakes_in(
        tmp_path,
        telegram(f'token_file = "{path}"') + f'[indexer]\naccess_key = "{KEY}"\naccess_key_file = "{path}"',
    )

    assert keys_of(mistakes) == ["telegram.token", "indexer.access_key"]
    assert all("given twice" in mistake for mistake in mistakes)


def test_a_secret_in_the_file_and_another_named_by_a_variable_is_given_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, "telegram", "token_file", str(written(tmp_path / "secret", TOKEN)))

    assert keys_of(mistakes_in(tmp_path, telegram())) == ["telegram.token"]


# ---------------------------------------------------------------- the store

SERVER = f"postgresql://olga:{KEY}%2F@db1:5432,db2/balance?sslmode=verify-full&password={KEY}2"


def test_the_store_is_a_file_unless_a_server_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, telegram()).store.where == Path("data/balance-bot.sqlite3")
    assert load(tmp_path, section("store", 'path = "x.db"', 'url = ""')).store.where == Path("x.db")
    assert load(tmp_path, section("store", 'path = "x.db"', f'url = "{SERVER}"')).store.where == SERVER


def test_the_address_of_a_server_can_be_a_variable_or_stand_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "url", f"{SERVER}\n")
    assert load(tmp_path, section("store", f'url_file = "{path}"')).store.where == SERVER

    put(monkeypatch, "store", "url", SERVER)
    assert load(tmp_path, telegram()).store.where == SERVER


@pytest.mark.parametrize(
    "url",
    [
        "postgres://db",
        "postgresql://",
        "postgresql:///balance",
        "postgresql://olga@db.example.org/balance",
        "postgresql://olga:a:b?c#d@db/balance",
        "postgresql://%C3%BC:%25@db/b%20c",
        "postgresql://[::1]:5432,[fe80::1%25eth0],10.0.0.1:5433/balance?target_session_attrs=any",
        "postgresql://%2Frun%2Fpostgresql/balance",
        "postgresql:///balance?host=/run/postgresql&service=main",
    ],
)
def test_the_address_of_a_server_is_what_libpq_takes(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, section("store", f'url = "{url}"')).store.where == url
    psycopg.conninfo.conninfo_to_dict(url)


def test_no_password_of_the_store_is_ever_shown(tmp_path: Path) -> None:
    settings = load(tmp_path, section("store", f'url = "{SERVER}"'))

    assert settings.secrets() == (TOKEN, f"{KEY}%2F", f"{KEY}/", f"{KEY}2")
    assert KEY not in repr(settings) + repr(settings.store)
    blank = Secrets(settings.secrets()).blank
    assert blank(f"{SERVER} {KEY}/ db1:5432") == (
        f"postgresql://olga:{REDACTED}@db1:5432,db2/balance?sslmode=verify-full&password={REDACTED} "
        f"{REDACTED} db1:5432"
    )


def test_a_replica_is_called_as_it_is_configured_or_like_its_machine_and_port(tmp_path: Path) -> None:
    assert load(tmp_path, section("store", 'replica = "rack-2"')).replica_name("host") == "rack-2"
    assert load(tmp_path, telegram()).replica_name("host") == "host:8080"
    assert load(tmp_path, section("web", 'listen = ""')).replica_name("host") == "host"


# ---------------------------------------------------------------- what replicas share

OF_A_MACHINE = {
    ("telegram", "api_url"),
    ("indexer", "url"),
    ("store", "path"),
    ("store", "replica"),
    ("store", "backup_dir"),
    ("store", "backups_kept"),
    ("web", "listen"),
    ("log", "level"),
    ("log", "format"),
}


@pytest.mark.parametrize(("name", "key", "in_toml", "_", "value"), EXAMPLES, ids=lambda case: str(case)[:30])
def test_every_key_is_shared_by_replicas_unless_it_is_of_a_machine(
    tmp_path: Path, name: str, key: str, in_toml: str, _: str, value: object
) -> None:
    del value
    plain = shared_values(load(tmp_path, telegram()))
    line = f"{key} = {in_toml}"

    changed = shared_values(load(tmp_path, telegram(line) if name == "telegram" else section(name, line)))

    differing = [one for one in plain if plain[one] != changed[one]]
    assert differing == ([] if (name, key) in OF_A_MACHINE else [f"{name}.{key}"])
    assert plain.keys() == changed.keys()


def test_secrets_are_shared_and_the_files_they_are_in_are_not(tmp_path: Path) -> None:
    path = written(tmp_path / "token", TOKEN)

    plain = shared_values(load(tmp_path, section("indexer", f'access_key = "{KEY}"')))
    from_file = shared_values(
        load(tmp_path, f'[telegram]\ntoken_file = "{path}"\n[indexer]\naccess_key = "{KEY}"')
    )

    assert plain == from_file
    assert (plain["telegram.token"], plain["indexer.access_key"]) == (TOKEN, KEY)
    assert SERVER not in str(shared_values(load(tmp_path, section("store", f'url = "{SERVER}"'))))


def test_what_means_the_same_is_the_same(tmp_path: Path) -> None:
    one = section("access", "owners = [1, 2]") + "\n[indexer]\npoll_interval_seconds = 30"
    other = section("access", "owners = [2, 1]") + "\n[indexer]\npoll_interval_seconds = 30.0"

    assert shared_values(load(tmp_path, one)) == shared_values(load(tmp_path, other))


# ---------------------------------------------------------------- the sandbox


def test_the_sandbox_looks_at_no_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put(monkeypatch, "telegram", "token", f"{TOKEN}2")
    put(monkeypatch, "indexer", "url", "https://example.org")

    settings = sandbox_settings(
        token=TOKEN,
        owner=7001,
        api_url="http://127.0.0.1:1",
        indexer_url="http://127.0.0.1:2",
        directory=tmp_path,
    )

    assert settings.telegram.token.get_secret_value() == TOKEN
    assert settings.indexer.url == "http://127.0.0.1:2"
    assert settings.access.owners == (7001,)
    assert settings.store.path.parent == tmp_path
