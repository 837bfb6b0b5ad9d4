"""The manual cannot rot: what it says of the program is compared with the program."""

import re
from pathlib import Path

import pytest

from bot.__main__ import EXIT_STATUSES
from bot.settings.sections import Settings

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SECURITY = (ROOT / "docs" / "security.md").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNIT = (ROOT / "docs" / "balance-bot.service").read_text()
COMPOSE = (ROOT / "docs" / "compose.yml").read_text()

KEYS = {
    f"BALANCE_BOT_{section}__{key}".upper()
    for section, field in Settings.model_fields.items()
    for key in field.annotation.model_fields  # type: ignore[union-attr]
}


def section(text: str, title: str) -> str:
    """Return what stands under a heading, up to the next one of its rank or higher."""
    rank = title.partition(" ")[0]
    after = text.split(f"\n{title}\n", 1)[1]
    return re.split(rf"\n#{{1,{len(rank)}}} ", after)[0]


def first_cells(text: str) -> list[str]:
    return [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if line.startswith("| ")]


def test_the_manual_lists_exactly_the_actions_of_the_log() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "bot").rglob("*.py"))
    written = set(re.findall(r"""(?:\baction=|"action"[:,] )"([a-z_]+)\"""", sources))
    listed = re.findall(r"`([a-z_]+)`", "\n".join(first_cells(section(OPERATIONS, "## The log"))[1:]))

    assert sorted(listed) == sorted(written)


def test_the_manual_lists_exactly_the_exit_statuses() -> None:
    listed = {int(cell) for cell in first_cells(section(OPERATIONS, "## Exit statuses")) if cell.isdigit()}

    assert listed == {0, *EXIT_STATUSES.values()}


def test_each_threat_names_tests_that_exist() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", SECURITY)

    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_each_link_into_a_document_leads_to_a_heading() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target, anchor in re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", document.read_text()):
            headings = re.findall(
                r"^#+ (.+)$", (document.parent / (target or document.name)).read_text(), re.MULTILINE
            )
            anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{document.name}: {target}#{anchor}"


@pytest.mark.parametrize(
    "text", [OPERATIONS, DOCKERFILE, UNIT, COMPOSE], ids=["manual", "image", "unit", "compose"]
)
def test_every_variable_that_is_shown_is_a_key(text: str) -> None:
    shown = set(re.findall(r"BALANCE_BOT_[A-Z]+__[A-Z_]+", text))

    assert shown
    assert shown <= KEYS


def test_every_key_that_is_named_in_the_manual_is_one() -> None:
    sections = "|".join(Settings.model_fields)
    named = set(re.findall(rf"`(?:{sections})\.[a-z_]+`", OPERATIONS + SECURITY))

    assert {f"BALANCE_BOT_{name.strip('`').replace('.', '__')}".upper() for name in named} <= KEYS


def test_the_image_runs_without_root() -> None:
    user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)

    assert user == ["10001"]
    assert re.search(r"^STOPSIGNAL SIGTERM$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE) == ["/data"]


def test_the_pages_of_the_image_are_checked_where_they_are_and_reached_by_one_key() -> None:
    default = Settings.model_fields["web"].annotation.model_fields["listen"].default  # type: ignore[union-attr]

    assert "BALANCE_BOT_WEB__LISTEN" not in DOCKERFILE
    assert f"http://{default}/healthz" in DOCKERFILE
    assert f"BALANCE_BOT_WEB__LISTEN: 0.0.0.0:{default.partition(':')[2]}" in COMPOSE
    assert "ports:" not in COMPOSE


def test_the_unit_starts_nothing_again_where_that_cannot_help() -> None:
    statuses = re.search(r"^RestartPreventExitStatus=(.+)$", UNIT, re.MULTILINE)

    assert statuses
    assert {int(one) for one in statuses[1].split()} == set(EXIT_STATUSES.values()) - {1}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    pins = re.split(r"\n(?=\w)", (ROOT / name).read_text().strip())
    pins = [pin for pin in pins if not pin.startswith("#")]

    assert len(pins) > 10
    assert [
        pin for pin in pins if not re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ ", pin) or "--hash=" not in pin
    ] == []
