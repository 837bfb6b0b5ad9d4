"""Tests that notice what matters: each mutant of the bot fails one of them, and the bot fails none."""

import shutil
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, run

import pytest

from tests.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]
ALL_PASSED, SOME_FAILED = 0, 1
"""What pytest ends with; anything else means that it could not even run them."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what tests need."""
    copy = tmp_path_factory.mktemp("mutant")
    for name in ("bot", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def ended(tree: Path, *mutants: Mutant, on_server: bool) -> tuple[int, str]:
    """Return what pytest ended with for the tests of mutants, in a copy, and what it said."""
    server = ["--postgres"] if on_server else []
    tests = [mutant.noticed_by for mutant in mutants]
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *server, *tests]
    done = run(command, cwd=tree, stdout=PIPE, stderr=STDOUT, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("on_server", [False, True])
def test_the_bot_itself_passes_what_its_mutants_fail(tree: Path, *, on_server: bool) -> None:
    mutants = [mutant for mutant in MUTANTS if mutant.on_server is on_server]
    status, said = ended(tree, *mutants, on_server=on_server)

    assert status == ALL_PASSED, said


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.file)
def test_each_mutant_is_noticed(tree: Path, mutant: Mutant) -> None:
    file = tree / mutant.file
    sound = file.read_text()
    assert sound.count(mutant.old) == 1, f"{mutant.defect}: the place of the defect is not there any more"
    file.write_text(sound.replace(mutant.old, mutant.new))
    try:
        status, said = ended(tree, mutant, on_server=mutant.on_server)
    finally:
        file.write_text(sound)

    assert status == SOME_FAILED, f"nobody noticed that {mutant.defect}:\n{said}"
