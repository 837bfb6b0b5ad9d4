"""Every section of the configuration with its keys, their defaults and what each key refuses.

A check's message says what is wrong and what to do, and never quotes the value: it may be a secret.
"""

import difflib
import os
import re
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
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.addresses import parse_address
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains, read_registry
from bot.domain.secrets import secret_words
from bot.settings.server_url import check_server_url, is_an_address, passwords_in

PREFIX = "BALANCE_BOT_"

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_KEY = re.compile(r"[!#-&(-\[\]-~]*")
"""Visible ASCII but quotes and the backslash, which logs would spell in another way and so not recognise."""


PLACEHOLDERS = {
    "telegram.token": "123456789:replace-with-the-token-of-BotFather",
    "indexer.access_key": "replace-with-your-sequence-access-key",
}
"""What `config.example.toml` has in place of secrets: no bot starts with one."""

PLACEHOLDER_OWNER = 123456789


def shipped_chains() -> Chains:
    """Return the chain registry that comes with the program."""
    return read_registry(resources.files("bot").joinpath("chains.json").read_text("utf-8"))


def _split(value: object) -> object:
    """Read a list from the environment, where it is words with commas between; the file has real lists."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _address(value: object) -> Address:
    return parse_address(str(value))


def _chain(value: object) -> ChainId:
    # A chain may be a bare number in the file.
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
            f"{PLACEHOLDER_OWNER} is still the placeholder: put in your own Telegram user id, or nobody; "
            "then a link is printed that makes you the owner"
        )
    return user_id


def _root(url: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("must be an address like https://host/path")
    return url.rstrip("/")


def _heartbeat(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    if url and not re.fullmatch(r"https?://[^/\s?#]+(?:[/?]\S*)?", url):
        raise ValueError('must be an address like https://host/path, or "" to call nobody')
    return secret


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value and not (colon and host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ValueError('must be HOST:PORT, or "" to switch the pages off')
    return value


def _file(path: Path) -> Path:
    if is_an_address(str(path)):
        raise ValueError("must be the path of a file; the address of a server goes into store.url")
    return path


Url = Annotated[str, AfterValidator(_root)]
Chain = Annotated[ChainId, BeforeValidator(_chain)]
Contract = Annotated[Address, BeforeValidator(_address)]
ChatId = Annotated[int, Field(gt=-(2**52), lt=2**52)]
"""Telegram's ids have at most 52 significant bits (docs/telegram.md, "Limits")."""
Owner = Annotated[ChatId, AfterValidator(_owner)]
Seconds = Annotated[float, Field(gt=0, le=315_576_000)]
"""Ten years at most: moments are counted from now, and the calendar ends somewhere."""
Hours = Annotated[float, Field(gt=0, le=876_600)]
Days = Annotated[int, Field(gt=0, le=36_525)]
"""A century at most, like hours."""


class SettingsSection(BaseModel):
    """Base of all sections: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


def _from_file(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    """Return a secret given directly, or read it from the file that `<key>_file` names.

    Raises ValueError where both are given, or where the file is missing, unreadable or empty.
    """
    path = info.data.get(f"{info.field_name}_file")
    if path is None:
        return secret
    if secret.get_secret_value():
        raise ValueError(f"given twice, here and by {info.field_name}_file: keep one")
    if not is_a_path(str(path)):
        raise ValueError(
            f"{info.field_name}_file names a file that doesn't exist (it takes a path; the secret itself "
            f"goes into {info.field_name})"
        )
    # A secret typed in place of its file's name must not come back in the message.
    shown = "it names" if secret_words(str(path)) else path
    try:
        content = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"the file {shown} can't be read: {reason}") from None
    if not content:
        raise ValueError(f"the file {shown} is empty")
    return SecretStr(content)


def is_a_path(text: str) -> bool:
    """Say whether a text was meant as a path; if not it may be a secret that was put there by mistake."""
    if is_an_address(text):
        return False
    return "/" in text or os.path.exists(text)  # noqa: PTH110 - what is no name of a file at all is not there


class TelegramSection(SettingsSection):
    """The bot's token, and where the Bot API is."""

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
            raise ValueError("is still the placeholder: @BotFather on Telegram gives you a token")
        if not _TOKEN.fullmatch(token):
            raise ValueError("must look like 123456789:AbC…: copy all of it from @BotFather")
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
    poll_interval_seconds: Seconds = 60
    timeout_seconds: Seconds = 30
    accounts_per_request: PositiveInt = 50
    page_size: PositiveInt = 1000
    max_concurrent_requests: PositiveInt = 4
    stale_after_seconds: Seconds = 600

    @field_validator("access_key")
    @classmethod
    def _is_a_key(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        key = _from_file(secret, info).get_secret_value()
        if key == PLACEHOLDERS["indexer.access_key"]:
            raise ValueError("is still the placeholder: Sequence Builder gives you a key")
        if not _KEY.fullmatch(key):
            raise ValueError("contains characters that no key has: copy it again")
        return SecretStr(key)


class StoreSection(SettingsSection):
    """Where the database and its backups are kept, and for how long."""

    path: Annotated[Path, AfterValidator(_file)] = Path("data/balance-bot.sqlite3")
    url_file: Path | None = None
    url: SecretStr = Field(SecretStr(""), validate_default=True)
    """A secret: it may have a password in it."""
    replica: str = Field("", pattern=r"^[\w.:-]*$", max_length=64)
    history_days: Days = 365
    backup_dir: str = ""
    backups_kept: PositiveInt = 7

    @field_validator("url")
    @classmethod
    def _is_a_server(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        url = _from_file(secret, info).get_secret_value()
        if url:
            check_server_url(url)
        return SecretStr(url)

    @property
    def where(self) -> Path | str:
        """The file that holds the database, or the address of the server, which no output may show."""
        return self.url.get_secret_value() or self.path


class AccessSection(SettingsSection):
    """Who may use the bot, and how much."""

    owners: Annotated[tuple[Owner, ...], BeforeValidator(_split)] = ()
    chats: Annotated[tuple[ChatId, ...], BeforeValidator(_split)] = ()
    max_subscriptions_per_chat: PositiveInt = 500
    live_balances: bool = True


class DeliverySection(SettingsSection):
    """How long alerts are grouped, how fast messages are sent, and when they expire."""

    group_wait_seconds: float = Field(1.0, ge=0, le=315_576_000)
    explain_wait_seconds: float = Field(2.0, ge=0, le=60)
    messages_per_second: PositiveFloat = 25
    private_messages_per_second: PositiveFloat = 1
    group_messages_per_minute: PositiveInt = 18
    expire_after_hours: Hours = 72


class WebSection(SettingsSection):
    """Where the health pages and metrics are served, and who is told that all is well."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"
    heartbeat_url: Annotated[SecretStr, AfterValidator(_heartbeat)] = SecretStr("")
    """A secret: whoever has it can say that the bot is well."""


class LogSection(SettingsSection):
    """How much the program logs, and as what."""

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

    _stray_secrets: frozenset[str] = PrivateAttr(frozenset())
    """What looks like a secret though it stands where none belongs; kept out of all output."""

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
        # The first source wins.
        return env_settings, init_settings

    def secrets(self) -> tuple[str, ...]:
        """Return the token, and the key, the heartbeat and the passwords of the store if there are any."""
        secrets = (self.telegram.token, self.indexer.access_key, self.web.heartbeat_url)
        known = [secret.get_secret_value() for secret in secrets if secret.get_secret_value()]
        return (*known, *dict.fromkeys(passwords_in(self.store.url.get_secret_value())))

    def replica_name(self, host: str) -> str:
        """Return what people call this replica; `host` is the name of the machine."""
        port = self.web.listen.rpartition(":")[2]
        return self.store.replica or (f"{host}:{port}" if port else host)

    def never_shown(self) -> frozenset[str]:
        """Return what no output may show: the secrets, and whatever else there looks like one."""
        return self._stray_secrets.union(self.secrets())


class SandboxSettings(Settings):
    """Settings with variables of their own, so that a real bot's environment can't change a sandbox."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}SANDBOX_")


def sandbox_settings(*, token: str, owner: int, api_url: str, indexer_url: str, directory: Path) -> Settings:
    """Return settings for a bot between the sandbox's servers, fast enough for somebody who watches."""
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
