"""Twins of the bot that lack one of the things that replicas rest on: `python -m tests.replicas.twins`.

Each is struck as the case named with it says, in a copy of the program, and has to break a promise there.
"""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT, run

from tests.mutants import Mutant
from tests.replicas.__main__ import BROKEN

ROOT = Path(__file__).parents[2]
POSTGRES = "bot/store/database/server/postgres.py"

TWINS = (
    Mutant(
        "no epoch is looked at: who slept through the loss of a role writes what it was about to write",
        POSTGRES,
        "AND epoch = {epoch} FOR KEY SHARE",
        "AND {epoch} >= 0 FOR KEY SHARE",
        "stopped 15 s, command -> write, 3",
    ),
    Mutant(
        "whoever starts doubts whatever is being sent: what another one is sending is sent twice",
        "bot/app.py",
        "    await db.run(apply_access,",
        "    store = __import__('bot.store.delivery_results').store\n"
        "    await db.run(store.delivery_results.doubt_unfinished_sends, now(), 2**31)\n"
        "    await db.run(apply_access,",
        "kill -9, while another one sends, 3",
    ),
    Mutant(
        "several roles write at once: what one read another one changes before it writes",
        POSTGRES,
        'lock = "; SELECT pg_advisory_xact_lock({lock})" if alone else ""',
        # Without it a start fails, as all would make the tables at once: that would prove too little.
        'lock = "; SELECT pg_advisory_xact_lock({lock})" if alone and fence is None else ""',
        "nothing, a mute ends, 3",
    ),
    Mutant(
        "a transaction may be idle for almost a minute: who is stopped in one keeps the others waiting",
        "bot/store/database/server/connect.py",
        "IDLE_SECONDS = 4\n",
        "IDLE_SECONDS = 50\n",
        "stopped 60 s, poller writes, 2",
    ),
    Mutant(
        "leases go by the clock of whoever looks: one that is ahead takes what another one has",
        POSTGRES,
        "return int(now)",
        'return int(__import__("sys").modules["bot.app"].clock().timestamp() * 1000)',
        "clock 20 s ahead, receiver, 2",
    ),
)


@dataclass(frozen=True)
class Noticed:
    """Whether the matrix noticed a twin, and what it said."""

    is_noticed: bool
    said: str


def strike(twin: Mutant) -> Noticed:
    """Strike a twin as its case says."""
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        for name in ("bot", "tests"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        file = tree / twin.file
        file.write_text(file.read_text().replace(twin.old, twin.new))
        command = [sys.executable, "-m", "tests.replicas", twin.noticed_by]
        done = run(command, cwd=tree, stdout=PIPE, stderr=STDOUT, text=True, check=False)
    return Noticed(done.returncode == BROKEN, done.stdout)


def main() -> int:
    """Strike each twin, say what came of it, and return how many nobody noticed."""
    unnoticed = 0
    for twin in TWINS:
        noticed = strike(twin)
        unnoticed += not noticed.is_noticed
        word = "noticed" if noticed.is_noticed else "NOT NOTICED"
        sys.stdout.write(f"{word}: {twin.defect}\n{noticed.said}\n")
        sys.stdout.flush()
    return unnoticed


if __name__ == "__main__":
    sys.exit(main())
