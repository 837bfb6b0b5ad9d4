"""Whatever secret stands wherever in the configuration, nothing that the program prints has it."""

import asyncio
import json
import logging
import re
import socket
import string
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.__main__ as program
from bot import app
from bot.domain.secrets import BLANKED_ANYWHERE, REDACTED, Secrets, secret_words
from bot.logs import set_up_logs
from bot.settings.sections import PREFIX, Settings
from tests.config_files import KEY, TOKEN, clear_variables, logs_restored
from tests.examples import examples
from tests.program import ran

LETTERS = string.ascii_letters + string.digits
SECTIONS = {
    name: tuple(field.annotation.model_fields)  # type: ignore[union-attr]
    for name, field in Settings.model_fields.items()
}
KEYS = [(section, key) for section, keys in SECTIONS.items() for key in keys]

tokens = st.builds(
    "{}:{}".format,
    st.integers(10**8, 10**10),
    st.text(f"{LETTERS}_-", min_size=35, max_size=35).filter(lambda half: half[0] not in "-_"),
)
keys = st.text(LETTERS, min_size=24, max_size=40).filter(secret_words)
secrets = st.one_of(tokens, keys, st.sampled_from([TOKEN, KEY, "d41d8cd98f00b204e9800998ecf8427e"]))


@dataclass
class Configuration:
    """A file and variables, with a secret where no secret belongs."""

    lines: dict[str, dict[str, str]]
    before: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        sections = (
            f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())
            for name, lines in self.lines.items()
        )
        return "\n".join([self.before, *sections])


def _base(directory: Path) -> Configuration:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{one.getsockname()[1]}"
    lines = {
        "telegram": {"token": json.dumps("1000001:" + "x" * 35), "api_url": json.dumps(nowhere)},
        "indexer": {"url": json.dumps(nowhere), "access_key": '"opens-nothing"', "timeout_seconds": "1"},
        "store": {"path": json.dumps(str(directory / "data" / "bot.sqlite3"))},
        "web": {"listen": '""'},
    }
    return Configuration(lines)


Misplace = Callable[[Configuration, str, str, str], None]


def _as(value: Callable[[str], str]) -> Misplace:
    """Return what puts a secret into the value of a key, spelled in a way."""

    def misplace(configuration: Configuration, secret: str, section: str, key: str) -> None:
        configuration.lines.setdefault(section, {})[key] = value(secret)

    return misplace


def _as_name(configuration: Configuration, secret: str, section: str, _: str) -> None:
    configuration.lines.setdefault(section, {})[json.dumps(secret)] = "1"


def _as_section(configuration: Configuration, secret: str, *_: str) -> None:
    configuration.lines[json.dumps(secret)] = {}


def _as_bare_section(configuration: Configuration, secret: str, *_: str) -> None:
    configuration.lines[secret] = {}


def _twice(configuration: Configuration, secret: str, *_: str) -> None:
    configuration.before = f"[{json.dumps(secret)}]"
    configuration.lines[json.dumps(secret)] = {}


def _as_line(configuration: Configuration, secret: str, *_: str) -> None:
    configuration.before = secret


def _as_variable(configuration: Configuration, secret: str, section: str, key: str) -> None:
    configuration.variables[f"{PREFIX}{section}__{key}".upper()] = secret


def _as_name_of_a_variable(configuration: Configuration, secret: str, *_: str) -> None:
    configuration.variables[f"{PREFIX}{secret}"] = secret


def _as_key_of_a_variable(configuration: Configuration, secret: str, section: str, _: str) -> None:
    configuration.variables[f"{PREFIX}{section.upper()}__{secret}"] = secret


PLACES: dict[str, Misplace] = {
    "value": _as(json.dumps),
    "list": _as(lambda secret: json.dumps([secret])),
    "table": _as(lambda secret: f"{{ {json.dumps(secret)} = {json.dumps(secret)} }}"),
    "path": _as(lambda secret: json.dumps(f"/nowhere/{secret}/file")),
    "address": _as(lambda secret: json.dumps(f"http://user:{secret}@127.0.0.1:1/{secret}")),
    "host": _as(lambda secret: json.dumps(f"http://{secret.replace(':', '')}:8080")),
    "page": _as(lambda secret: json.dumps(f"{secret.replace(':', '')}:8080")),
    "no toml": _as(str),
    "name": _as_name,
    "section": _as_section,
    "bare section": _as_bare_section,
    "section twice": _twice,
    "line": _as_line,
    "variable": _as_variable,
    "name of a variable": _as_name_of_a_variable,
    "key of a variable": _as_key_of_a_variable,
}


@contextmanager
def _elsewhere(variables: dict[str, str]) -> Iterator[Path]:
    """Give a directory to work in, with only these variables of ours."""
    with tempfile.TemporaryDirectory(prefix="bot-") as name, pytest.MonkeyPatch.context() as patch:
        directory = Path(name)
        patch.chdir(directory)
        clear_variables(patch)
        for variable, value in variables.items():
            patch.setenv(variable, value)
        yield directory


def _stopped_at_once() -> asyncio.Event:
    stop = asyncio.Event()
    stop.set()
    return stop


def _printed(command: str, configuration: Configuration, directory: Path) -> str:
    """Run the program in this process, stopped as soon as it has started, and return all that it printed."""
    path = directory / "config.toml"
    path.write_text(configuration.text())
    arguments = [command, "--config", str(path)]
    with pytest.MonkeyPatch.context() as patch, logs_restored():
        patch.setattr(program, "_stop_signal", _stopped_at_once)
        patch.setattr(app, "leave_garbage_to_sweeps", lambda: None)
        result = CliRunner().invoke(program.main, arguments + ["copy.sqlite3"] * (command == "backup"))
    assert "Traceback" not in result.output
    assert "crashed" not in result.output
    return result.output


@pytest.mark.parametrize("command", ["run", "check", "backup"])
@given(secret=secrets, place=st.sampled_from(sorted(PLACES)), where=st.sampled_from(KEYS))
@settings(max_examples=examples(60))
def test_no_secret_is_printed_wherever_it_stands(
    command: str, secret: str, place: str, where: tuple[str, str]
) -> None:
    with _elsewhere({}) as directory:
        configuration = _base(directory)
        PLACES[place](configuration, secret, *where)
    with _elsewhere(configuration.variables) as directory:
        configuration.lines["store"].setdefault("path", json.dumps(str(directory / "data" / "bot.sqlite3")))

        printed = _printed(command, configuration, directory)

    for part in (secret, secret.partition(":")[2] or secret):
        assert part.lower() not in printed.lower()


@pytest.mark.parametrize("secret", ["hunter2", "S3cr3t!", "two.parts"])
@pytest.mark.parametrize("key", ["token", "token_file"])
def test_a_secret_that_looks_like_none_is_not_printed_where_it_belongs_or_nearly(
    secret: str, key: str
) -> None:
    with _elsewhere({}) as directory:
        configuration = _base(directory)
        del configuration.lines["telegram"]["token"]
        configuration.lines["telegram"][key] = json.dumps(secret)

        assert secret not in _printed("check", configuration, directory)


@pytest.mark.parametrize("command", ["run", "check", "backup"])
@pytest.mark.parametrize("secret", [TOKEN, KEY])
def test_a_secret_in_place_of_the_file_is_not_printed(command: str, secret: str) -> None:
    arguments = [command, "--config", secret] + ["copy.sqlite3"] * (command == "backup")

    printed = CliRunner().invoke(program.main, arguments).output

    assert f"{REDACTED} can't be read" in printed


async def test_a_process_prints_no_secret_either(tmp_path: Path) -> None:
    configuration = _base(tmp_path)
    configuration.lines["telegram"] = {"token_file": json.dumps(TOKEN)}
    configuration.lines["indexer"] = {"access_key_file": json.dumps(KEY), json.dumps(KEY): "1"}
    path = tmp_path / "config.toml"
    path.write_text(configuration.text())

    for arguments in (["run"], ["check"], ["backup", tmp_path / "copy.sqlite3"]):
        result = await ran(arguments[0], "--config", path, *arguments[1:])

        assert result.status == 2
        for secret in (TOKEN, TOKEN.partition(":")[2], KEY):
            assert secret.lower() not in (result.out + result.err).lower()


# ---------------------------------------------------------------- lines stay readable


@pytest.mark.parametrize("key", ["e", "ab", "abc", ",", "}"])
def test_a_key_of_a_few_letters_spoils_no_output(key: str) -> None:
    with _elsewhere({}) as directory:
        configuration = _base(directory)
        configuration.lines["indexer"]["access_key"] = json.dumps(key)

        printed = _printed("check", configuration, directory)

    assert REDACTED not in printed
    assert "switched off" in printed


def test_a_short_secret_is_blanked_as_a_word_and_a_long_one_anywhere() -> None:
    short, long = "cafe12", "cafe1234"
    blank = Secrets([short, long]).blank

    assert blank("cafe12 cafe12s CAFE12.") == f"{REDACTED} cafe12s {REDACTED}."
    assert blank("xcafe1234x") == f"x{REDACTED}x"
    assert len(long) == BLANKED_ANYWHERE


@pytest.mark.parametrize("secret", ["12345678", "20262026", "warning1", "my-event", '": "abcd'])
def test_a_line_of_json_stays_one_whatever_the_secret(
    secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with logs_restored():
        set_up_logs("INFO", "json", [secret])
        logging.getLogger("some.package").warning("said %s", secret)
        structlog.get_logger("bot.test").warning(
            "counted", action="counted", count=int(re.sub(r"\D", "", secret) or 5), nested={secret: [secret]}
        )

    for line in capsys.readouterr().err.splitlines():
        assert isinstance(json.loads(line), dict)
        assert secret not in line


@pytest.mark.parametrize(
    "text",
    [
        "/var/lib/balance-bot/balance-bot.sqlite3",
        "/srv/pytest-of-root/pytest-12/test_a_copy_is_made_while_the_b0/data/bot.sqlite3",
        "https://indexer.sequence.app/rpc/IndexerGateway",
        "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9",
        "balance-bot-20260301T120000Z.sqlite3",
        "X-Access-Key-Production",
        "/srv/balance-bot-x7k2m9_q/data/bot.sqlite3",
        "/srv/pytest-of-root/test_each_of_them_a1b2_0/bot.sqlite3",
    ],
)
def test_what_people_name_things_looks_like_no_secret(text: str) -> None:
    assert not secret_words(text)
