"""Documents that cannot rot: what they say is compared with what is there."""

import re
import tomllib
from pathlib import Path

import pytest

from bot.chat.commands.registry import COMMANDS
from bot.chat.telegram.errors import PROXY_PAUSE_SECONDS
from bot.domain.deliver import delivery, outage
from bot.domain.deliver.outcomes import Park
from bot.settings.load import SettingsRefused, load_settings
from bot.settings.sections import PLACEHOLDERS, Settings
from tests.config_files import KEY, TOKEN, clear_variables, load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLE = (ROOT / "config.example.toml").read_text()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_variables(monkeypatch)


def uncommented(text: str) -> str:
    """Return the example with the keys that stand behind a # set."""
    return re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)


def without_files(text: str) -> str:
    return re.sub(r"^(token|access_key|url)_file = .*$", "", text, flags=re.MULTILINE)


def filled_in(text: str) -> str:
    """Return the example as the README says: with a token and a key."""
    for placeholder, real in zip(PLACEHOLDERS.values(), (TOKEN, KEY), strict=True):
        assert placeholder in text
        text = text.replace(placeholder, real)
    return text


def test_the_example_has_no_mistakes_but_its_placeholders() -> None:
    with pytest.raises(SettingsRefused) as refused:
        load_settings(ROOT / "config.example.toml")

    assert [mistake.split(": ")[:2] for mistake in refused.value.mistakes] == [
        ["telegram.token", "is still the placeholder"],
        ["indexer.access_key", "is still the placeholder"],
    ]


def test_the_example_loads_with_a_token_and_a_key_and_names_no_owner(tmp_path: Path) -> None:
    settings = load(tmp_path, filled_in(EXAMPLE))

    assert settings.secrets() == (TOKEN, KEY)
    assert settings.access.owners == ()


def test_the_example_shows_every_key_and_no_other() -> None:
    shown = {section: set(keys) for section, keys in tomllib.loads(uncommented(EXAMPLE)).items()}
    known = {
        name: set(field.annotation.model_fields)  # type: ignore[union-attr]
        for name, field in Settings.model_fields.items()
    }

    assert shown == known


def test_the_example_shows_the_real_defaults(tmp_path: Path) -> None:
    every_key = load(tmp_path, filled_in(without_files(uncommented(EXAMPLE))))

    assert every_key == load(tmp_path, filled_in(EXAMPLE))


@pytest.mark.parametrize("name", ["compose.yml", "compose-replicas.yml"])
def test_what_a_compose_file_sets_are_keys_of_the_configuration(name: str) -> None:
    known = {
        f"BALANCE_BOT_{section}__{key}".upper()
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    }
    named = set(re.findall(r"BALANCE_BOT_\w+", (ROOT / "docs" / name).read_text()))

    assert named
    assert named <= known


def test_the_readme_shows_commands_that_are_there() -> None:
    shown = re.findall(r"^\| `/(\w+)", README, flags=re.MULTILINE)

    assert shown
    assert set(shown) <= {command.name for command in COMMANDS}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_pinned_requirements_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "://" not in text
    assert not re.search(r"^--?\w*index", text, flags=re.MULTILINE)


LINK = re.compile(r"""(?:\]\(|src=")(?!https?:)([^)#"]+)""")
"""A link to another file, or a picture."""


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), ROOT / "tests" / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in LINK.findall(document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_index_names_every_page_and_no_other() -> None:
    docs = ROOT / "docs"
    named = set(LINK.findall((docs / "README.md").read_text()))

    assert {name for name in named if name.endswith(".md") and "/" not in name} == {
        page.name for page in docs.glob("*.md") if page.name != "README.md"
    }


def test_every_file_that_a_document_names_is_there() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for path in re.findall(r"`((?:bot|docs|tests)/[\w./-]+)`", document.read_text()):
            assert (ROOT / path).exists(), f"{document.name}: {path}"


CITATION = re.compile(r'(?<!["\w./-])(?P<page>[\w./-]+\.md)\b(?P<headings>(?:, "[^"]+")*)')
"""A page, from the root, and the headings that are meant: `docs/telegram.md, "Limits", "Updates"`."""


def wrong_citations(source: str) -> list[str]:
    """Return what a module cites that is not there: a page, or a heading of it."""
    wrong = []
    # A citation may be wrapped, in a docstring or in a comment.
    for citation in CITATION.finditer(re.sub(r"\n *(?:# )?", " ", source)):
        page = ROOT / citation["page"]
        headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE) if page.exists() else []
        cited = re.findall(r'"([^"]+)"', citation["headings"])
        if not page.exists() or not set(cited) <= set(headings):
            wrong.append(citation[0])
    return wrong


def test_every_page_and_heading_that_a_module_cites_is_there() -> None:
    modules = [path for room in ("bot", "tests") for path in (ROOT / room).rglob("*.py")]
    cited = {str(path): wrong_citations(path.read_text()) for path in modules if path != Path(__file__)}

    assert {path: wrong for path, wrong in cited.items() if wrong} == {}


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('(docs/telegram.md, "Limits").', []),
        ('(docs/telegram.md, "Limits", "Topics")', []),
        ('# of docs/telegram.md,\n    # "Answers to\n    # a request".', []),
        ('(docs/telegram.md, "Limits", "Speed")', ['docs/telegram.md, "Limits", "Speed"']),
        ("of docs/telegraph.md.", ["docs/telegraph.md"]),
        ("(telegram.md 3.1)", ["telegram.md"]),
    ],
)
def test_a_page_or_heading_that_is_not_there_is_noticed(source: str, wrong: list[str]) -> None:
    assert wrong_citations(source) == wrong


@pytest.mark.parametrize("name", ["rules.md", "reliability.md"])
def test_each_rule_and_promise_names_tests_that_exist(name: str) -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs" / name).read_text())

    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []


PAUSES_SHOWN = {
    "a known failure": delivery.KNOWN_FAILURE_BACKOFF.steps,
    "an unknown outcome": delivery.UNKNOWN_OUTCOME_BACKOFF.steps,
    "… while questions get no answer": (delivery.QUESTION_PAUSE.total_seconds(),),
    "a refusal nobody knows": delivery.REFUSAL_BACKOFF.steps,
    "a topic that was not found": (delivery.TOPIC_DOUBT_PAUSE,),
    "no connection, a refused token": outage.PROBE_BACKOFF.steps,
    "a chat in which the bot may not write": delivery.PARK_BACKOFFS[Park.NO_RIGHTS].steps,
    "a chat that blocked the bot": delivery.PARK_BACKOFFS[Park.GONE].steps,
    "… the same without a number": (PROXY_PAUSE_SECONDS,),
}


@pytest.mark.parametrize(("after", "seconds"), PAUSES_SHOWN.items(), ids=PAUSES_SHOWN.keys())
def test_the_pauses_shown_are_those_that_are_made(after: str, seconds: tuple[float, ...]) -> None:
    rows = (ROOT / "docs" / "reliability.md").read_text().splitlines()
    (row,) = [row for row in rows if row.startswith(f"| {after}")]
    shown = re.match(r"[\d, ]+", row.split("|")[2].strip())

    assert shown is not None
    assert tuple(float(one) for one in re.findall(r"\d+", shown[0])) == seconds


OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
MONTH_SECONDS = 30 * 86_400
INTERVALS = (60, 300, 900, 3600)
PAGES = 2


def rows_under(first_cell: str) -> list[list[int]]:
    """Return the numbers of a table's rows, by what stands above its first column."""
    table = OPERATIONS.split(f"| {first_cell} |", 1)[1].split("\n\n")[0]
    return [
        [int(cell.replace(",", "")) for cell in re.findall(r"[\d,]+", row)] for row in table.splitlines()[2:]
    ]


def test_what_a_key_costs_is_as_the_formula_says() -> None:
    defaults = Settings.model_fields["indexer"].annotation.model_fields  # type: ignore[union-attr]
    per_request = defaults["accounts_per_request"].default

    assert defaults["poll_interval_seconds"].default == INTERVALS[0]
    for accounts, requests, *months in rows_under("accounts"):
        assert requests == accounts // per_request * PAGES
        assert months == [requests * MONTH_SECONDS // interval for interval in INTERVALS]
    for quota, *carried in rows_under("quota a month"):
        sweeps = [quota * interval // (MONTH_SECONDS * PAGES) for interval in INTERVALS]
        assert carried == [sweep * per_request for sweep in sweeps]
