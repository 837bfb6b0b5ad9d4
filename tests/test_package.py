"""What is shipped: an installed wheel has all it needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_a_wheel_has_every_module_and_data_file(tmp_path: Path) -> None:
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("bot", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy)], check=True)  # noqa: S607 - cp of the PATH
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            copy,
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("balance_bot-*.whl")

    shipped = set(zipfile.ZipFile(wheel).namelist())

    sources = {path for path in (ROOT / "bot").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {str(path.relative_to(ROOT)) for path in sources} <= shipped
