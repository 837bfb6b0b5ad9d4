"""What is wrong with a configuration: every mistake at once, each with its key, and never a secret."""

import tomllib
from pathlib import Path

import pytest

from bot.settings.load import SettingsRefused, load_settings
from bot.settings.sections import PREFIX
from bot.settings.stray_secrets import stray_secrets
from tests.builders import USDC
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


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_variables(monkeypatch)


# ---------------------------------------------------------------- mistakes


def test_a_missing_token_is_a_mistake_that_says_where_to_get_one(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, "") == ["telegram.token: missing: @BotFather on Telegram gives you one"]


@pytest.mark.parametrize(
    "token",
    [
        TOKEN.replace(":", ""),
        f"bot{TOKEN}",
        f"{TOKEN} ",
        TOKEN.partition(":")[2],
        "٣٤٥:abc",
        f"{TOKEN}/x",
        f"{TOKEN}\\n",
    ],
)
def test_a_malformed_token_is_a_mistake_that_does_not_show_it(tmp_path: Path, token: str) -> None:
    (mistake,) = mistakes_in(tmp_path, f'[telegram]\ntoken = "{token}"')

    assert mistake.startswith("telegram.token: must look like")
    assert token.strip() not in mistake
    assert TOKEN.partition(":")[2] not in mistake


@pytest.mark.parametrize("key", ["two words", "quoted'", 'quoted\\"', "back\\\\slash", "ключ", "tab\\t"])
def test_a_key_with_signs_that_no_key_has_is_a_mistake_without_it(tmp_path: Path, key: str) -> None:
    (mistake,) = mistakes_in(tmp_path, section("indexer", f'access_key = "{key}{KEY}"'))

    assert mistake == "indexer.access_key: contains characters that no key has: copy it again"


@pytest.mark.parametrize(
    "text",
    [
        f'telegram = "{TOKEN}"',
        f'telegram = ["{TOKEN}"]',
        f'[telegram]\ntoken = ["{TOKEN}"]',
        f'[telegram]\ntoken = {{ inner = "{TOKEN}" }}',
        f'[telegram.token]\n"{TOKEN}" = 1',
        f'[log]\nlevel = "{TOKEN}"',
        f'[web]\nlisten = "{TOKEN}"',
        f'[access]\nowners = "{TOKEN}"',
        f'[indexer]\nurl = "{TOKEN}"\ncontract_blacklist = "{KEY}"\naccess_key_header = "{KEY} "',
    ],
)
def test_a_secret_in_the_wrong_place_is_a_mistake_that_does_not_show_it(tmp_path: Path, text: str) -> None:
    assert mistakes_in(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("indexer", "poll_interval_seconds = 0"),
        ("indexer", "poll_interval_seconds = -1"),
        ("indexer", "poll_interval_seconds = inf"),
        ("indexer", "poll_interval_seconds = nan"),
        ("indexer", "timeout_seconds = 0"),
        ("indexer", "timeout_seconds = inf"),
        ("indexer", "stale_after_seconds = 0"),
        ("indexer", "stale_after_seconds = 100_000_000_000_000"),
        ("indexer", "timeout_seconds = 1e15"),
        ("store", "history_days = 1_000_000"),
        ("delivery", "expire_after_hours = 1e12"),
        ("delivery", "group_wait_seconds = 1e15"),
        ("delivery", "explain_wait_seconds = 61"),
        ("indexer", "accounts_per_request = 0"),
        ("indexer", "accounts_per_request = 1.5"),
        ("indexer", "page_size = 0"),
        ("indexer", "max_concurrent_requests = 0"),
        ("indexer", 'url = "indexer.sequence.app"'),
        ("indexer", 'url = "ftp://indexer.sequence.app"'),
        ("indexer", 'url = ""'),
        ("web", 'heartbeat_url = "hc-ping.com/0a1b"'),
        ("web", 'heartbeat_url = "ftp://hc-ping.com/0a1b"'),
        ("web", 'heartbeat_url = "https:///0a1b"'),
        ("web", 'heartbeat_url = "https://hc-ping.com/0a 1b"'),
        ("indexer", 'access_key_header = "X Access"'),
        ("indexer", 'access_key_header = ""'),
        ("indexer", 'contract_status = "verified"'),
        ("store", "history_days = 0"),
        ("store", 'path = "postgresql://olga@db/balance"'),
        ("store", 'replica = "rack 2"'),
        ("store", f'replica = "{"x" * 65}"'),
        ("store", "backups_kept = 0"),
        ("access", "max_subscriptions_per_chat = 0"),
        ("delivery", "group_wait_seconds = -0.1"),
        ("delivery", "explain_wait_seconds = -0.1"),
        ("delivery", "group_wait_seconds = inf"),
        ("delivery", "group_wait_seconds = nan"),
        ("delivery", "messages_per_second = 0"),
        ("delivery", "private_messages_per_second = 0"),
        ("delivery", "group_messages_per_minute = 0"),
        ("delivery", "expire_after_hours = 0"),
        ("web", 'listen = "8080"'),
        ("web", 'listen = ":8080"'),
        ("web", 'listen = "127.0.0.1"'),
        ("web", 'listen = "127.0.0.1:"'),
        ("web", 'listen = "127.0.0.1:65536"'),
        ("web", 'listen = "127.0.0.1:http"'),
        ("log", 'level = "LOUD"'),
        ("log", 'format = "xml"'),
    ],
)
def test_a_value_that_cannot_be_is_a_mistake_that_names_its_key(tmp_path: Path, name: str, line: str) -> None:
    key = line.partition(" ")[0]

    assert keys_of(mistakes_in(tmp_path, section(name, line))) == [f"{name}.{key}"]


NO_SERVER = (
    'must be an address like postgresql://USER:PASSWORD@HOST/DATABASE, or "" to keep the file store.path'
)
NO_ADDRESS = "can't be read as an address"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"mysql://olga:{KEY}@db/balance", NO_SERVER),
        (f"postgresql+psycopg://olga:{KEY}@db/balance", NO_SERVER),
        (f"host=db user=olga password={KEY}", NO_SERVER),
        (f"db/{KEY}", NO_SERVER),
        (f"postgresql://olga:{KEY}@{KEY}@db/balance", NO_ADDRESS),
        (f"postgresql://olga:{KEY}/{KEY}@db/balance", NO_ADDRESS),
        (f"postgresql://olga:12/{KEY}@db/balance", NO_ADDRESS),
        (f"postgresql://olga:{KEY}%zz@db/balance", NO_ADDRESS),
        (f"postgresql://olga:{KEY}%00@db/balance", NO_ADDRESS),
        (f"postgresql://olga:{KEY} @db/balance", NO_ADDRESS),
        (f"postgresql://db:{KEY}/balance", NO_ADDRESS),
        (f"postgresql://db/balance?{KEY}", NO_ADDRESS),
        ("postgresql://[::1/balance", NO_ADDRESS),
    ],
)
def test_what_is_no_address_of_a_server_is_a_mistake_that_shows_nothing_of_it(
    tmp_path: Path, url: str, why: str
) -> None:
    (mistake,) = mistakes_in(tmp_path, section("store", f'url = "{url}"'))

    assert mistake.startswith(f"store.url: {why}")


@pytest.mark.parametrize("key", ["path", "backup_dir", "url_file"])
def test_an_address_where_a_path_belongs_shows_no_password(tmp_path: Path, key: str) -> None:
    text = section("store", f'{key} = "postgresql://olga:opensesame@db/balance"', "backups_kept = 0")

    assert "opensesame" not in " ".join(mistakes_in(tmp_path, text))
    assert "opensesame" in stray_secrets(tomllib.loads(text), {})


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        (
            'chains = ["polygon", "polygone"]',
            "indexer.chains.1: no chain is called that: did you mean polygon?",
        ),
        (
            'chains = ["solana"]',
            "indexer.chains.0: no chain is called that: use a name such as polygon, or a chain id",
        ),
        (
            "chains = [0]",
            "indexer.chains.0: no chain is called that: use a name such as polygon, or a chain id",
        ),
        (
            f'contract_blacklist = ["{USDC}", "{USDC[:-1]}"]',
            "indexer.contract_blacklist.1: an address has 40 digits after 0x, this has 39",
        ),
    ],
)
def test_a_mistake_in_a_list_says_which_word_it_is(tmp_path: Path, line: str, mistake: str) -> None:
    assert mistakes_in(tmp_path, section("indexer", line)) == [mistake]


@pytest.mark.parametrize("key", ["owners", "chats"])
def test_a_number_that_telegram_gives_to_nobody_is_a_mistake(tmp_path: Path, key: str) -> None:
    largest = 2**52 - 1

    assert keys_of(mistakes_in(tmp_path, section("access", f"{key} = [{largest}, {largest + 1}]"))) == [
        f"access.{key}.1"
    ]


@pytest.mark.parametrize("line", ['owners = [7001, "olga"]', "owners = [7001, 1.5]", 'owners = "7001,olga"'])
def test_an_owner_is_a_number(tmp_path: Path, line: str) -> None:
    assert keys_of(mistakes_in(tmp_path, section("access", line))) == ["access.owners.1"]


OWNER_ADVICE = "put in your own Telegram user id, or nobody; then a link is printed that makes you the owner"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            '[telegram]\ntoken = "123456789:replace-with-the-token-of-BotFather"',
            "telegram.token: is still the placeholder: @BotFather on Telegram gives you a token",
        ),
        (
            section("indexer", 'access_key = "replace-with-your-sequence-access-key"'),
            "indexer.access_key: is still the placeholder: Sequence Builder gives you a key",
        ),
        (
            section("access", "owners = [7001, 123456789]"),
            f"access.owners.1: 123456789 is still the placeholder: {OWNER_ADVICE}",
        ),
    ],
)
def test_a_placeholder_is_refused_as_one(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes_in(tmp_path, text) == [mistake]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (f'[telegram]\n"{TOKEN}" = 1', "telegram: has an unknown key (not shown, in case it is a secret)"),
        (f'["{TOKEN}"]', "an unknown section (not shown, in case its name is a secret)"),
        (f"[{KEY}]", "an unknown section (not shown, in case its name is a secret)"),
        ("[telegram]\ntokn = 1", "telegram.tokn: no such key"),
        ("[telegrm]", "telegrm: no such section"),
    ],
)
def test_a_name_that_nobody_would_choose_is_not_shown_and_a_mistyped_one_is(
    tmp_path: Path, text: str, mistake: str
) -> None:
    assert any(one.startswith(mistake) for one in mistakes_in(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'["{TOKEN}"]\n["{TOKEN}"]', "a name that stands there twice, or the like (at line 2, column"),
        (f"[telegram]\n{KEY} ! 1", "Expected '=' after a key in a key/value pair (at line 2, column"),
        ("a = " + "[" * 100_000, "it can't be read as TOML"),
    ],
)
def test_a_file_that_is_no_toml_is_a_mistake_that_says_where(tmp_path: Path, text: str, words: str) -> None:
    (mistake,) = mistakes_in(tmp_path, text)

    assert words in mistake


def test_all_mistakes_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}INDEXR__URL", KEY)
    put(monkeypatch, "delivery", "messages_per_secnd", "5")
    put(monkeypatch, "web", "listen", "nowhere")

    mistakes = mistakes_in(
        tmp_path,
        f'[telegram]\ntoken = "x{TOKEN}"\ntokn = 5\n[indexer]\npage_size = 0\n[log]\nlevel = 5\n[more]\n',
    )

    assert sorted(keys_of(mistakes)) == [
        f"{PREFIX}INDEXR__URL",
        "delivery.messages_per_secnd",
        "indexer.page_size",
        "log.level",
        "more",
        "telegram.token",
        "telegram.tokn",
        "web.listen",
    ]


@pytest.mark.parametrize(
    "name", ["BALANCE_BOT_TOKEN", "BALANCE_BOT_TELEGRAM_TOKEN", "balance_bot_x", "BALANCE_BOT_"]
)
def test_a_variable_of_ours_that_means_nothing_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, name: str
) -> None:
    monkeypatch.setenv(name, TOKEN)

    (mistake,) = mistakes_in(tmp_path, telegram())

    assert mistake == f"{name}: no such section; names are BALANCE_BOT_<SECTION>__<KEY>"


def test_a_variable_that_names_a_whole_section_or_too_much_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}INDEXER", f'{{"access_key": "{KEY}"}}')
    monkeypatch.setenv(f"{PREFIX}TELEGRAM__TOKEN__MORE", TOKEN)

    assert {f"{PREFIX}INDEXER", "telegram.token"} <= set(keys_of(mistakes_in(tmp_path, "")))


def test_variables_of_others_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALANCE_BOTTLE", "1")
    monkeypatch.setenv("TELEGRAM__TOKEN", "1")

    assert load(tmp_path, telegram()).secrets() == (TOKEN,)


@pytest.mark.parametrize(
    "key", ["_env_file", "_cli_parse_args", "_env_prefix", "_secrets_dir", "model_config"]
)
def test_a_top_level_key_is_a_section_or_a_mistake(tmp_path: Path, key: str) -> None:
    assert keys_of(mistakes_in(tmp_path, f'{key} = "{TOKEN}"\n{telegram()}')) == [key]


@pytest.mark.parametrize(
    "content", ["[telegram", "token = ", f"token = {TOKEN}", f'a = "{TOKEN}', b"\xff\xfe"]
)
def test_a_file_that_is_no_toml_is_a_mistake(tmp_path: Path, content: str | bytes) -> None:
    written(tmp_path / "broken.toml", content)

    with pytest.raises(SettingsRefused, match="is not valid TOML") as refused:
        load_settings(tmp_path / "broken.toml")

    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsRefused, match="can't be read"):
        load_settings(tmp_path / name)
