"""What contributors are told exists: the hooks run what `make check` runs, and every target is one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def commands(target: str) -> list[str]:
    """Return the commands of a target, as they are run."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe is not None
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]


def test_the_hooks_run_what_make_check_runs() -> None:
    assert re.findall(r"entry: (.+)", HOOKS) == commands("check")


def test_what_lands_has_passed_what_the_readme_names() -> None:
    ci = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]

    assert ci == re.findall(r"^(make test\S*)", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z-]+)", CONTRIBUTING + HOOKS))))
def test_every_target_that_is_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", CONTRIBUTING))
def test_every_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()
