"""What /export is asked for, and what it answers."""

import pytest

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import Request
from bot.chat.commands.history.export import EXPORT, ExportRequest, other_format
from bot.chat.commands.watchlist.export import WatchlistRequest
from bot.domain.history.export_files import ExportFormat
from tests.builders import REGISTRY


def read(text: str) -> Request:
    return EXPORT.read(text, ChainReader(REGISTRY))


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("JSON", ""),
        ("json Treasury 30d", "Treasury 30d"),
        ("Treasury 30d json", "Treasury 30d"),
        ("Treasury json 30d", "Treasury 30d"),
        ("Treasury json last 30 days", "Treasury last 30 days"),
        ("Treasury json today", "Treasury today"),
        ("Treasury json 5m", "Treasury 5m"),
    ],
)
def test_the_form_of_a_file_stands_at_an_end_or_before_the_time(typed: str, text: str) -> None:
    assert read(typed) == ExportRequest(text, ExportFormat.JSON)
    assert read(typed.replace("json", "csv").replace("JSON", "csv")) == ExportRequest(text)


def test_the_same_word_within_a_name_belongs_to_it() -> None:
    assert read("Cold json Vault") == ExportRequest("Cold json Vault")


@pytest.mark.parametrize("typed", ["watchlist", "Watch list", "watchlist csv", "watchlist as text"])
def test_the_list_of_what_is_watched_has_one_form(typed: str) -> None:
    assert read(typed) == WatchlistRequest()


def test_an_account_may_be_called_so() -> None:
    assert read("watchlist 7d") == ExportRequest("watchlist 7d")


def test_who_asks_for_another_file_reads_which_there_are() -> None:
    assert other_format("xlsx").visible == (
        "I don't write xlsx files, but CSV, which spreadsheets open, and JSON: /export csv or /export json."
    )
