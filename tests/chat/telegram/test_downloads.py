"""Files of people as the bot fetches them: within bounds, and why not in words without the token."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.chat.telegram.connection import TelegramBot, build_bot
from bot.chat.telegram.downloads import Downloads, IncomingDocument
from bot.chat.telegram.transport import FileTooLarge
from bot.sandbox.telegram.api.faults import (
    Close,
    Cut,
    Endless,
    Error,
    Garbage,
    ProxyPage,
    Reset,
    TelegramFault,
    after,
    before,
)
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from tests.chat.telegram.test_transport import reachable

LIST = b"0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 as Treasury\n" * 100
MOST = 256 * 1024
TOO_LARGE = "it is larger than 256 KB"
NOT_HANDED_OUT = "Telegram does not hand it out; please send the file again"
BROKEN_OFF = "the connection to Telegram broke off; please try again"
NOT_THE_FILE = "what Telegram sent is not the file; please try again"
LATE = "Telegram did not hand it out in time; please try again"


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram().serve() as one:
        yield one


@pytest.fixture
async def bot(telegram: Telegram) -> AsyncIterator[TelegramBot]:
    async with build_bot(SANDBOX_TOKEN, telegram.url) as one:
        yield one


def sent(telegram: Telegram, content: bytes = LIST) -> IncomingDocument:
    file = telegram.add_document("list.csv", "text/csv", content)
    return IncomingDocument(file.file_id, file.file_name, len(content), file.mime_type)


@pytest.mark.parametrize("size", [1, len(LIST), MOST])
async def test_a_file_comes_as_it_was_sent(telegram: Telegram, bot: TelegramBot, size: int) -> None:
    content = (LIST * 100)[:size]

    for size_bytes in (size, None):
        document = replace(sent(telegram, content), size_bytes=size_bytes)
        assert await Downloads(bot).download(document, MOST) == content


async def test_a_file_that_is_too_large_is_not_even_asked_about(telegram: Telegram, bot: TelegramBot) -> None:
    assert await Downloads(bot).download(sent(telegram, bytes(MOST + 1)), MOST) == TOO_LARGE

    assert [call.method for call in telegram.calls] == ["getMe"]


async def test_a_file_of_which_nobody_says_how_large_it_is_is_not_fetched_if_it_is_too_large(
    telegram: Telegram, bot: TelegramBot
) -> None:
    document = replace(sent(telegram, bytes(MOST + 1)), size_bytes=None)

    assert await Downloads(bot).download(document, MOST) == TOO_LARGE

    assert [call.method for call in telegram.calls] == ["getMe", "getFile"]


TROUBLES: dict[str, tuple[str, TelegramFault, str]] = {
    "unknown": (
        "getFile",
        before(Error(400, "Bad Request: wrong file_id or the file is temporarily unavailable")),
        NOT_HANDED_OUT,
    ),
    "too big for any bot": ("getFile", before(Error(400, "Bad Request: file is too big")), NOT_HANDED_OUT),
    "flood": (
        "getFile",
        before(Error(429, "Too Many Requests", {"retry_after": 7})),
        "Telegram wants a pause; please try again in a minute",
    ),
    "refused token": ("getFile", before(Error(401, "Unauthorized")), NOT_HANDED_OUT),
    "closed when asked": ("getFile", before(Close()), BROKEN_OFF),
    "garbage when asked": ("getFile", before(Garbage("<html>")), NOT_THE_FILE),
    "no place": ("getFile", before(Garbage('{"ok":true,"result":{"file_id":"a"}}')), NOT_THE_FILE),
    "a strange place": ("getFile", before(Garbage('{"ok":true,"result":{"file_path":7}}')), NOT_THE_FILE),
    "a place elsewhere": (
        "getFile",
        before(Garbage('{"ok":true,"result":{"file_path":"https://evil.invalid/?a#b"}}')),
        NOT_HANDED_OUT,
    ),
    "nothing": ("getFile", before(Garbage('{"ok":true,"result":true}')), NOT_THE_FILE),
    "gone": ("file", before(Error(404, "Not Found")), NOT_HANDED_OUT),
    "a proxy": ("file", before(ProxyPage(502)), BROKEN_OFF),
    "closed": ("file", before(Close()), BROKEN_OFF),
    "reset": ("file", before(Reset()), BROKEN_OFF),
    "cut": ("file", after(Cut()), BROKEN_OFF),
    "shorter than said": ("file", before(Garbage("1,2")), NOT_THE_FILE),
    "larger than said": ("file", before(Endless(200)), TOO_LARGE),
    "larger than said, packed": ("file", before(Endless(200, is_packed=True)), TOO_LARGE),
}


@pytest.mark.parametrize(("method", "fault", "reason"), TROUBLES.values(), ids=TROUBLES.keys())
async def test_whatever_goes_wrong_is_a_reason_in_words_and_the_next_time_is_another(
    telegram: Telegram, bot: TelegramBot, method: str, fault: TelegramFault, reason: str
) -> None:
    document = sent(telegram)
    telegram.fault(fault, method=method)

    with capture_logs() as logs:
        assert await Downloads(bot).download(document, MOST) == reason

    assert SANDBOX_TOKEN not in str(logs)
    telegram.heal()
    assert await Downloads(bot).download(document, MOST) == LIST


@pytest.mark.parametrize("method", ["getFile", "file"])
async def test_a_telegram_that_hands_nothing_out_is_given_up(
    monkeypatch: pytest.MonkeyPatch, telegram: Telegram, bot: TelegramBot, method: str
) -> None:
    for limit in ("CONNECT_SECONDS", "WRITE_SECONDS", "READ_SECONDS", "DOWNLOAD_SECONDS"):
        monkeypatch.setattr(f"bot.chat.telegram.transport.{limit}", 0.05)
    telegram.hold_before(method=method)

    assert await Downloads(bot).download(sent(telegram), MOST) == LATE
    telegram.heal()


@pytest.mark.parametrize(("method", "fault", "reason"), TROUBLES.values(), ids=TROUBLES.keys())
async def test_no_error_leads_to_the_token(
    telegram: Telegram, bot: TelegramBot, method: str, fault: TelegramFault, reason: str
) -> None:
    telegram.fault(fault, method=method)

    with pytest.raises(Exception) as failed:  # noqa: PT011 - whichever it is
        await bot.download(sent(telegram).file_id, MOST)

    assert isinstance(failed.value, FileTooLarge) == (reason == TOO_LARGE)
    for error in reachable(failed.value):
        assert SANDBOX_TOKEN not in f"{error!r} {error}"
