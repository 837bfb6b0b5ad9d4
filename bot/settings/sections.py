"""The configuration: a TOML file and environment variables make one frozen value, or all mistakes at once.

Each key is also `BALANCE_BOT_<SECTION>__<KEY>`, which beats the file; lists are
given with commas there. A secret may stand in a file of its own, named by
`<key>_file`. Mistakes name the key and never show a secret.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.addresses import parse_address
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains, read_registry
from bot.domain.secrets import Secrets, secret_words

PREFIX = "BALANCE_BOT_"

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_KEY = re.compile(r"[!#-&(-\[\]-~]*")
"""Visible ASCII but quotes and the backslash, which logs would spell in another way and so not recognise."""


_PLAUSIBLE = re.compile(r"_?[a-z]{1,15}(?:_[a-z]{1,15}){0,5}", re.IGNORECASE)
"""A name that somebody meant as one; what isn't is not shown: it may be a secret that slipped there."""

_TOML_PLACE = re.compile(
    r"(?P<what>.*) \((?P<where>at (?:line \d+, column \d+|end of document))\)", re.DOTALL
)
_TOML_WORDS = re.compile(r"""(?:[A-Za-z/-]+|'[^\w']{1,2}'|"[^\w"]{1,2}"| )+""")
"""What the library says where it quotes nothing of the file but punctuation."""

PLACEHOLDERS = {
    "telegram.token": "123456789:replace-with-the-token-of-BotFather",
    "indexer.access_key": "replace-with-your-sequence-access-key",
}
"""Of config.example.toml."""

PLACEHOLDER_OWNER = 123456789


class SettingsRefused(Exception):
    """The configuration has mistakes; each names its key and says what to do."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def shipped_chains() -> Chains:
    """Return the chain registry that comes with the program."""
    return read_registry(resources.files("bot").joinpath("chains.json").read_text("utf-8"))


def _split(value: object) -> object:
    """Take a list as the environment gives it: words with commas between."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _address(value: object) -> Address:
    return parse_address(str(value))


def _chain(value: object) -> ChainId:
    chains, word = shipped_chains(), str(value)
    chain_id = chains.find(word)
    if chain_id is None:
        names = [chains.get(one).name for one in chains.mainnets()]
        meant = next(iter(difflib.get_close_matches(word, names, n=1, cutoff=0.8)), None)
        advice = f"did you mean {meant}?" if meant else "use a name such as polygon, or a chain id"
        raise ValueError(f"no chain is called that: {advice}")
    return chain_id


def _owner(user_id: int) -> int:
    if user_id == PLACEHOLDER_OWNER:
        raise ValueError(
            f"{PLACEHOLDER_OWNER} still is the placeholder: put in your own Telegram user id, or nobody; "
            "then a link is printed that makes you the owner"
        )
    return user_id


def _root(url: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("an address of the form https://host/path is needed")
    return url.rstrip("/")


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value and not (colon and host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ValueError("HOST:PORT is needed, or nothing to switch the pages off")
    return value


Url = Annotated[str, AfterValidator(_root)]
Chain = Annotated[ChainId, BeforeValidator(_chain)]
Contract = Annotated[Address, BeforeValidator(_address)]
Owner = Annotated[int, AfterValidator(_owner)]


class SettingsSection(BaseModel):
    """A part of the file; what it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


def _from_file(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    """Return a secret given by itself, or by the file that holds it."""
    path = info.data.get(f"{info.field_name}_file")
    if path is None:
        return secret
    if secret.get_secret_value():
        raise ValueError(f"given twice, here and by {info.field_name}_file: keep one")
    if not _is_a_path(str(path)):
        raise ValueError(
            f"{info.field_name}_file names no file that is there (it takes a path; the secret itself "
            f"belongs into {info.field_name})"
        )
    shown = "it names" if secret_words(str(path)) else path
    try:
        content = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"the file {shown} can't be read: {reason}") from None
    if not content:
        raise ValueError(f"the file {shown} is empty")
    return SecretStr(content)


def _is_a_path(text: str) -> bool:
    """Whether something was meant as a path; else it may be a secret, put there by mistake."""
    return "/" in text or os.path.exists(text)  # noqa: PTH110 - what is no name of a file at all is not there


class TelegramSection(SettingsSection):
    """Who the bot is."""

    token_file: Path | None = None
    token: SecretStr = Field(SecretStr(""), validate_default=True)
    api_url: Url = "https://api.telegram.org"

    @field_validator("token")
    @classmethod
    def _is_a_token(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        token = _from_file(secret, info).get_secret_value()
        if not token:
            raise ValueError("missing: @BotFather on Telegram gives you one")
        if token == PLACEHOLDERS["telegram.token"]:
            raise ValueError("still is the placeholder: @BotFather on Telegram gives you a token")
        if not _TOKEN.fullmatch(token):
            raise ValueError("not of the form 123456789:AbC…: copy it whole from @BotFather")
        return SecretStr(token)


class IndexerSection(SettingsSection):
    """Where balances come from, and how they are asked for."""

    url: Url = "https://indexer.sequence.app/rpc/IndexerGateway"
    access_key_file: Path | None = None
    access_key: SecretStr = Field(SecretStr(""), validate_default=True)
    access_key_header: str = Field("X-Access-Key", pattern=r"^[A-Za-z0-9-]+$")
    chains: Annotated[tuple[Chain, ...], BeforeValidator(_split)] = ()
    contract_status: Literal["VERIFIED", "ALL"] = "VERIFIED"
    contract_blacklist: Annotated[tuple[Contract, ...], BeforeValidator(_split)] = ()
    poll_interval_seconds: PositiveFloat = 60
    timeout_seconds: PositiveFloat = 30
    accounts_per_request: PositiveInt = 50
    page_size: PositiveInt = 1000
    max_concurrent_requests: PositiveInt = 4
    stale_after_seconds: PositiveFloat = 600

    @field_validator("access_key")
    @classmethod
    def _is_a_key(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        key = _from_file(secret, info).get_secret_value()
        if key == PLACEHOLDERS["indexer.access_key"]:
            raise ValueError("still is the placeholder: Sequence Builder gives you a key")
        if not _KEY.fullmatch(key):
            raise ValueError("has characters that no key has: copy it again")
        return SecretStr(key)


class StoreSection(SettingsSection):
    """Where everything is kept."""

    path: Path = Path("data/balance-bot.sqlite3")
    history_days: PositiveInt = 365
    backup_dir: str = ""
    backups_kept: PositiveInt = 7


class AccessSection(SettingsSection):
    """Who may use the bot."""

    owners: Annotated[tuple[Owner, ...], BeforeValidator(_split)] = ()
    chats: Annotated[tuple[int, ...], BeforeValidator(_split)] = ()
    max_subscriptions_per_chat: PositiveInt = 500
    live_balances: bool = True


class DeliverySection(SettingsSection):
    """How messages leave."""

    group_wait_seconds: float = Field(1.0, ge=0)
    messages_per_second: PositiveFloat = 25
    private_messages_per_second: PositiveFloat = 1
    group_messages_per_minute: PositiveInt = 18
    expire_after_hours: PositiveFloat = 72


class WebSection(SettingsSection):
    """The health pages."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"


class LogSection(SettingsSection):
    """What the program says of itself."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["text", "json"] = "text"


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        enable_decoding=False,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    telegram: TelegramSection
    indexer: IndexerSection
    store: StoreSection
    access: AccessSection
    delivery: DeliverySection
    web: WebSection
    log: LogSection

    _stray: frozenset[str] = PrivateAttr(frozenset())
    """What looks like a secret in places where none belongs."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env file is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - secrets have keys of their own
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment beat the file, whose content comes in as arguments."""
        del settings_cls
        return env_settings, init_settings

    def secrets(self) -> tuple[str, ...]:
        """Return the token, and the key if there is one."""
        secrets = (self.telegram.token, self.indexer.access_key)
        return tuple(secret.get_secret_value() for secret in secrets if secret.get_secret_value())

    def never_shown(self) -> frozenset[str]:
        """Return what must not stand in any output: the secrets, and whatever else looks like one."""
        return self._stray.union(self.secrets())


def load_settings(path: Path) -> Settings:
    """Return the configuration of file and environment; raises SettingsRefused with every mistake."""
    content = _read(path)
    stray = _stray(content, os.environ)
    mistakes = [_unknown_section(name) for name in content if name not in Settings.model_fields]
    mistakes += _unknown_variables(os.environ)
    try:
        # Sections only: the library takes other arguments too, and obeys them.
        settings = Settings(**{section: content.get(section, {}) for section in Settings.model_fields})
    except ValidationError as error:
        mistakes += [_mistake(detail) for detail in error.errors(include_input=False, include_url=False)]
    except Exception as error:  # noqa: BLE001 - whatever the library makes of it could quote the content
        mistakes.append(f"the configuration can't be read ({type(error).__name__})")
    else:
        if not mistakes:
            settings._stray = stray  # noqa: SLF001 - our own
            return settings
    blank = Secrets(stray).blank
    raise SettingsRefused(tuple(blank(mistake) for mistake in mistakes))


class SandboxSettings(Settings):
    """The same, out of reach of the environment of a real bot."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}SANDBOX_")


def sandbox_settings(*, token: str, owner: int, api_url: str, indexer_url: str, directory: Path) -> Settings:
    """Return a configuration for the neighbours on this machine, brisk enough to look on."""
    content: dict[str, Any] = {section: {} for section in Settings.model_fields} | {
        "telegram": {"token": token, "api_url": api_url},
        "indexer": {
            "url": indexer_url,
            "access_key": "opens-nothing",
            "poll_interval_seconds": 0.5,
            "timeout_seconds": 5,
            "stale_after_seconds": 5,
        },
        "store": {"path": directory / "balance-bot.sqlite3"},
        "access": {"owners": [owner]},
        "delivery": {"group_wait_seconds": 0.2},
        "web": {"listen": ""},
    }
    return SandboxSettings(**content)


def _read(path: Path) -> dict[str, Any]:
    shown = Secrets(secret_words(str(path))).blank(str(path))
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsRefused((f"{shown} can't be read: {error.strerror}",)) from None
    except (ValueError, RecursionError) as error:
        raise SettingsRefused((f"{shown} is no TOML: {_without_quotes(str(error))}",)) from None


def _without_quotes(complaint: str) -> str:
    """Return what the library says of a file that it can't read, where it quotes nothing of it."""
    said = _TOML_PLACE.fullmatch(complaint)
    if said is None:
        return "it is no text that can be read as TOML"
    what = (
        said["what"] if _TOML_WORDS.fullmatch(said["what"]) else "a name that stands there twice, or the like"
    )
    return f"{what} ({said['where']})"


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Name the variables of ours whose section does not exist; a section checks its own keys."""
    sections = {f"{PREFIX}{section}__".upper() for section in Settings.model_fields}
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and not name.upper().startswith(tuple(sections)):
            parts = [part for part in name[len(PREFIX) :].split("__") if part]
            shown = name if all(map(_PLAUSIBLE.fullmatch, parts)) else f"a variable that begins with {PREFIX}"
            yield f"{shown}: no such section; names are {PREFIX}<SECTION>__<KEY>"


def _unknown_section(name: str) -> str:
    if _PLAUSIBLE.fullmatch(name):
        return f"{name}: no such section"
    known = ", ".join(Settings.model_fields)
    return f"an unknown section (not shown, in case its name is a secret): there are {known}"


def _mistake(detail: ErrorDetails) -> str:
    steps = [str(step) for step in detail["loc"]]
    if detail["type"] != "extra_forbidden":
        # Where a section is no table the library names our class for it, whose suffix tells a reader nothing.
        said = detail["msg"].removeprefix("Value error, ").removesuffix("Section")
        return f"{'.'.join(steps)}: {said}"
    if _PLAUSIBLE.fullmatch(steps[-1]):
        return f"{'.'.join(steps)}: no such key"
    return f"{'.'.join(steps[:-1])}: has an unknown key (not shown, in case it is a secret)"


def _stray(content: Mapping[str, Any], environment: Mapping[str, str]) -> frozenset[str]:
    """Return what could be a secret, by its place or by its looks, wherever it stands."""
    found: set[str] = set()
    for steps, text in [*_texts(content), *_variables(environment)]:
        found |= secret_words(text)
        key = steps[:2]
        if key in _SECRET_KEYS or (key in _PATH_KEYS and text and not (_is_a_path(text) or _is_a_name(text))):
            found.add(text)
        if key in _URL_KEYS:
            found |= set(_credentials(text))
    return frozenset(found - set(PLACEHOLDERS.values()))


_SECRET_KEYS = {("telegram", "token"), ("indexer", "access_key")}
_PATH_KEYS = {
    ("telegram", "token_file"),
    ("indexer", "access_key_file"),
    ("store", "path"),
    ("store", "backup_dir"),
}
_URL_KEYS = {("telegram", "api_url"), ("indexer", "url")}


def _texts(value: object, steps: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text of the file, names included, and where it stands."""
    match value:
        case str():
            yield steps, value
        case dict():
            for name, one in value.items():
                yield steps, name
                yield from _texts(one, (*steps, name))
        case list():
            for one in value:
                yield from _texts(one, steps)


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the same of our variables."""
    for name, value in environment.items():
        if name.upper().startswith(PREFIX):
            rest = name[len(PREFIX) :]
            yield (), rest
            yield tuple(rest.lower().split("__")), value


def _is_a_name(text: str) -> bool:
    """Whether a file may be called that, beside us: `data`, `bot.sqlite3`."""
    return all(map(re.compile(r"[a-z]{1,15}\d?").fullmatch, re.split(r"[._-]", text)))


def _credentials(url: str) -> Iterator[str]:
    """Yield what stands before the host of an address."""
    user, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    if at:
        yield from filter(None, (user, *user.split(":", 1)))
