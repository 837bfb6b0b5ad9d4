"""The configuration: a TOML file and environment variables make one frozen value, or all mistakes at once.

Each key is also `BALANCE_BOT_<SECTION>__<KEY>`, which beats the file; lists are
given with commas there. A secret may stand in a file of its own, named by
`<key>_file`. Mistakes name the key and never show a secret.
"""

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
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.addresses import parse_address
from bot.domain.chains import Chains, read_registry
from bot.domain.model import Address, ChainId

PREFIX = "BALANCE_BOT_"

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_KEY = re.compile(r"[!#-&(-\[\]-~]*")
"""Visible ASCII but quotes and the backslash, which logs would spell in another way and so not recognise."""


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
    chain_id = shipped_chains().find(str(value))
    if chain_id is None:
        raise ValueError(f"no chain is called “{value}”: use a name such as polygon, or a chain id")
    return chain_id


def _root(url: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("an address of the form https://host/path is needed")
    return url.rstrip("/")


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value and not (colon and host and port.isdigit() and int(port) < 2**16):
        raise ValueError("HOST:PORT is needed, or nothing to switch the pages off")
    return value


Url = Annotated[str, AfterValidator(_root)]
Chain = Annotated[ChainId, BeforeValidator(_chain)]
Contract = Annotated[Address, BeforeValidator(_address)]


class Section(BaseModel):
    """A part of the file; what it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


def _from_file(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    """Return a secret given by itself, or by the file that holds it."""
    path = info.data.get(f"{info.field_name}_file")
    if path is None:
        return secret
    if secret.get_secret_value():
        raise ValueError(f"given twice, here and by {info.field_name}_file: keep one")
    try:
        content = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"the file {path} can't be read: {reason}") from None
    if not content:
        raise ValueError(f"the file {path} is empty")
    return SecretStr(content)


class Telegram(Section):
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
        if not _TOKEN.fullmatch(token):
            raise ValueError("not of the form 123456789:AbC…: copy it whole from @BotFather")
        return SecretStr(token)


class Indexer(Section):
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
        if not _KEY.fullmatch(key):
            raise ValueError("has characters that no key has: copy it again")
        return SecretStr(key)


class StoreSection(Section):
    """Where everything is kept."""

    path: Path = Path("data/balance-bot.sqlite3")
    history_days: PositiveInt = 365
    backup_dir: str = ""
    backups_kept: PositiveInt = 7


class Access(Section):
    """Who may use the bot."""

    owners: Annotated[tuple[int, ...], BeforeValidator(_split)] = ()
    chats: Annotated[tuple[int, ...], BeforeValidator(_split)] = ()
    max_subscriptions_per_chat: PositiveInt = 500


class Delivery(Section):
    """How messages leave."""

    group_wait_seconds: float = Field(1.0, ge=0)
    messages_per_second: PositiveFloat = 25
    private_messages_per_second: PositiveFloat = 1
    group_messages_per_minute: PositiveInt = 18
    expire_after_hours: PositiveFloat = 72


class Web(Section):
    """The health pages."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"


class Log(Section):
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

    telegram: Telegram
    indexer: Indexer
    store: StoreSection
    access: Access
    delivery: Delivery
    web: Web
    log: Log

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
        """Return what must never be shown."""
        secrets = (self.telegram.token, self.indexer.access_key)
        return tuple(secret.get_secret_value() for secret in secrets if secret.get_secret_value())


def load_settings(path: Path) -> Settings:
    """Return the configuration of file and environment; raises SettingsRefused with every mistake."""
    content = _read(path)
    mistakes = [f"{name}: no such section" for name in content if name not in Settings.model_fields]
    mistakes += _unknown_variables(os.environ)
    try:
        # Sections only: the library takes other arguments too, and obeys them.
        settings = Settings(**{section: content.get(section, {}) for section in Settings.model_fields})
    except ValidationError as error:
        mistakes += [_mistake(detail) for detail in error.errors(include_input=False, include_url=False)]
    else:
        if not mistakes:
            return settings
    raise SettingsRefused(tuple(mistakes))


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
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsRefused((f"{path} can't be read: {error.strerror}",)) from None
    except ValueError as error:
        raise SettingsRefused((f"{path} is no TOML: {error}",)) from None


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Name the variables of ours whose section does not exist; a section checks its own keys."""
    sections = {f"{PREFIX}{section}__".upper() for section in Settings.model_fields}
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and not name.upper().startswith(tuple(sections)):
            yield f"{name}: no such section; names are {PREFIX}<SECTION>__<KEY>"


def _mistake(detail: ErrorDetails) -> str:
    key = ".".join(str(step) for step in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{key}: no such key"
    return f"{key}: {detail['msg'].removeprefix('Value error, ')}"
