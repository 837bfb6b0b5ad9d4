"""The manual of both doors cannot rot: it lists exactly what there is."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiohttp import web

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import example_world
from bot.sandbox.telegram.control.faults import PLACES
from bot.sandbox.telegram.server import Telegram

MANUAL = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
TELEGRAM, GATEWAY = MANUAL.split("\n## Indexer Gateway\n")


def listed(text: str) -> set[tuple[str, str]]:
    """Return the doors in the first column of the tables."""
    cells = (line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    return {found for cell in cells for found in re.findall(r"(GET|POST) (/sandbox/[\w-]+)", cell)}


def routed(application: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/sandbox/")
        and route.method in ("GET", "POST")
    }


@pytest.mark.parametrize(
    ("manual", "application"),
    [(TELEGRAM, Telegram()._application()), (GATEWAY, Gateway(example_world())._application())],
    ids=["telegram", "gateway"],
)
def test_the_manual_lists_exactly_the_doors_there_are(manual: str, application: web.Application) -> None:
    assert listed(manual) == routed(application)


@pytest.mark.parametrize(
    ("what", "names"),
    [("places", PLACES), ("methods", Telegram()._methods.names)],
)
def test_the_manual_names_every_place_and_method(what: str, names: Iterable[str]) -> None:
    assert [name for name in names if f"`{name}`" not in TELEGRAM] == [], what
