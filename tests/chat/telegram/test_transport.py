"""How requests leave: how many at once, through which proxy, and what an error must not say."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest

from bot.chat.telegram.connection import TokenRefused, build_bot, introduce
from bot.chat.telegram.errors import failure_of
from bot.chat.telegram.probe import probe_telegram
from bot.chat.telegram.transport import (
    NotConnected,
    ProxyUnusable,
    TelegramRequest,
    TooManyRequests,
    proxy_for,
)
from bot.domain.deliver.outcomes import Offline, RetryLater
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from tests.waits import until

NO_TOKEN = "1:a-token-that-telegram-does-not-know"
NOBODY = f"http://127.0.0.1:9/bot{SANDBOX_TOKEN}/getMe"


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram().serve() as one:
        yield one


@pytest.fixture
async def request_() -> AsyncIterator[BaseRequest]:
    async with TelegramRequest(1) as one:
        yield one


def reachable(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all those that it came of or beside."""
    if error is not None:
        yield error
        yield from reachable(error.__cause__)
        yield from reachable(error.__context__)


def get_me(telegram: Telegram) -> str:
    return f"{telegram.url}/bot{telegram.token}/getMe"


async def test_a_request_beside_too_many_others_does_not_leave(
    telegram: Telegram, request_: BaseRequest
) -> None:
    hold = telegram.hold_before(method="getMe")
    first = asyncio.create_task(request_.post(get_me(telegram)))
    await until(lambda: bool(telegram.calls))

    with pytest.raises(TooManyRequests) as refused:
        await request_.post(get_me(telegram), pool_timeout=0.01)
    assert failure_of(refused.value).outcome == RetryLater("too many requests of ours at once")

    hold.release()
    await first
    assert len(telegram.calls) == 1


async def test_once_another_has_ended_it_leaves(telegram: Telegram, request_: BaseRequest) -> None:
    with pytest.raises(NotConnected):
        await request_.post(NOBODY)

    await request_.post(get_me(telegram), pool_timeout=0.01)

    assert len(telegram.calls) == 1


@pytest.mark.parametrize(
    ("server", "kind"),
    [("http://127.0.0.1:9", "ClientConnectorError"), ("http://", "InvalidUrlClientError")],
)
async def test_no_error_leads_to_the_token(request_: BaseRequest, server: str, kind: str) -> None:
    with pytest.raises(NotConnected) as failed:
        await request_.post(NOBODY.replace("http://127.0.0.1:9", server))

    assert failure_of(failed.value).outcome == Offline(f"no connection ({kind})")
    assert SANDBOX_TOKEN not in "".join(map(repr, reachable(failed.value)))


async def test_a_refused_token_is_not_in_what_says_so(telegram: Telegram) -> None:
    bot = build_bot(NO_TOKEN, telegram.url)

    for ask in (introduce, probe_telegram):
        with pytest.raises(TokenRefused) as refused:
            await ask(bot)
        assert NO_TOKEN not in "".join(map(repr, reachable(refused.value)))
    await bot.shutdown()


async def test_what_has_left_may_have_arrived(telegram: Telegram, request_: BaseRequest) -> None:
    hold = telegram.hold_before(method="getMe")

    with pytest.raises(TelegramError) as failed:
        await request_.post(get_me(telegram), read_timeout=0.01)

    assert isinstance(failed.value, NetworkError)
    assert not isinstance(failed.value, NotConnected | TooManyRequests)
    hold.release()


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_requests_leave_through_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, telegram: Telegram, request_: BaseRequest, scheme: str
) -> None:
    monkeypatch.setenv("http_proxy", telegram.url.replace("http://", scheme))

    await request_.post(f"http://telegram.invalid/bot{telegram.token}/getMe")

    assert [call.method for call in telegram.calls] == ["getMe"]


@pytest.mark.parametrize("proxy", ["{telegram}", "http://[", "http://127.0.0.1:9"])
async def test_what_a_proxy_did_not_let_through_has_not_arrived(
    monkeypatch: pytest.MonkeyPatch, telegram: Telegram, request_: BaseRequest, proxy: str
) -> None:
    # A simulator answers to CONNECT as a proxy that refuses.
    monkeypatch.setenv("https_proxy", proxy.format(telegram=telegram.url))

    with pytest.raises(NotConnected):
        await request_.post(f"https://telegram.invalid/bot{telegram.token}/getMe")


@pytest.mark.parametrize("variable", ["https_proxy", "all_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "SOCKS5H", "socks4", "ftp"])
async def test_a_proxy_of_another_kind_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    monkeypatch.setenv(variable, f"{scheme}://user:password@127.0.0.1:9")

    with pytest.raises(ProxyUnusable) as refused:
        build_bot(NO_TOKEN, "https://telegram.invalid")
    assert "password" not in "".join(map(repr, reachable(refused.value)))


@pytest.mark.parametrize("scheme", ["http://", "HTTPS://", ""])
def test_a_proxy_that_speaks_http_is_taken(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("all_proxy", f"{scheme}user:password@127.0.0.1:9")

    assert proxy_for("https://telegram.invalid") == f"{scheme or 'http://'}user:password@127.0.0.1:9"


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_used"),
    [
        ("https://api.example.org", "api.example.org:443", False),
        ("https://api.example.org", ".example.org", False),
        ("https://api.example.org:8443", "api.example.org:8443", False),
        ("https://api.example.org:8443", "api.example.org:443", True),
        ("http://[::1]:8081", "::1", False),
        ("https://10.0.0.7", "10.0.0.0/8", True),
    ],
)
def test_who_needs_no_proxy_may_be_named_with_a_port(
    monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, *, is_used: bool
) -> None:
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", no_proxy)

    assert (proxy_for(url) is not None) == is_used


@pytest.mark.parametrize("port", ["", ":{port}"])
async def test_a_host_that_needs_no_proxy_is_asked_itself(
    monkeypatch: pytest.MonkeyPatch, telegram: Telegram, request_: BaseRequest, port: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1" + port.format(port=telegram.url.rpartition(":")[2]))

    await request_.post(get_me(telegram))

    assert len(telegram.calls) == 1


@pytest.mark.parametrize("name", ["a b.csv", "Ünïcode – Казна.csv", "it's 1, 2.csv", "100%.csv"])
async def test_a_file_keeps_its_name(telegram: Telegram, name: str) -> None:
    chat = telegram.add_private_chat(telegram.add_user("Olga"))

    async with build_bot(SANDBOX_TOKEN, telegram.url) as bot:
        await bot.send_document(chat.id, b"a,b\n", filename=name, caption="Ünïcode, too")

    (message,) = telegram.messages(chat)
    assert message.document is not None
    assert (message.document.file_name, message.document.mime_type) == (name, "text/csv")
    assert (message.document.content, message.text) == (b"a,b\n", "Ünïcode, too")


async def test_a_file_may_take_longer_than_a_message(
    monkeypatch: pytest.MonkeyPatch, telegram: Telegram
) -> None:
    chat = telegram.add_private_chat(telegram.add_user("Olga"))
    file, message = telegram.hold_before(method="sendDocument"), telegram.hold_before(method="sendMessage")

    async with build_bot(SANDBOX_TOKEN, telegram.url) as bot:
        monkeypatch.setattr("bot.chat.telegram.transport.READ_SECONDS", 0.05)
        sending = asyncio.create_task(bot.send_document(chat.id, b"a,b\n"))
        await file.arrived()
        with pytest.raises(TimedOut):
            await bot.send_message(chat.id, "a,b")
        file.release()
        message.release()

        assert (await sending).document
