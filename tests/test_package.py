"""What is shipped: an installed wheel has all it needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bot import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the tree, without asking any index."""
    directory = tmp_path_factory.mktemp("wheel")
    copy = directory / "source"
    copy.mkdir()
    for name in ("bot", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy)], check=True)  # noqa: S607 - cp of the PATH
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-w", directory, copy], check=True)
    (built,) = directory.glob("balance_bot-*.whl")
    return built


def test_a_wheel_has_every_module_and_data_file(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())

    sources = {path for path in (ROOT / "bot").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {str(path.relative_to(ROOT)) for path in sources} <= shipped


def test_the_word_list_is_shipped_under_its_licence(wheel: Path) -> None:
    head, _, words = zipfile.ZipFile(wheel).read("bot/recovery_words.txt").decode().partition("\n\n")

    assert "Copyright (c) 2013-2016 Pavol Rusnak" in head
    assert "above copyright notice and this permission notice shall be included" in head
    assert all(line.startswith("#") for line in head.splitlines())
    assert len(words.split()) == 2_048


def test_an_unpacked_wheel_runs_and_knows_its_chains(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    code = "from bot.settings.sections import shipped_chains; print(shipped_chains().find('polygon'))"

    def run(*arguments: str) -> str:
        environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert __version__ in run("-m", "bot", "--version")
    assert run("-c", code) == "137\n"
    assert str(installed) in run("-c", "import bot; print(bot.__file__)")
