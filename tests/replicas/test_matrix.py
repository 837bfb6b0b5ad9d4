"""A short cut of the matrix: each thing that can happen, once; `make kills` does all of it."""

from pathlib import Path

import pytest

from tests.fork_server import open_fork_server
from tests.replicas.matrix import Case, run_cases

SHORT = {
    2: (
        ("kill -9", "send -> settle"),
        ("stopped 15 s", "ask -> record"),
        ("standby promoted", "claim -> send"),
    ),
    3: (
        ("kill -9", "receiver"),
        ("connection cut", "sender commits"),
        ("frozen from the database", "poller commits"),
        ("database stopped and started", "ask -> record"),
    ),
}


@pytest.mark.parametrize("replicas", [2, 3])
async def test_whatever_happens_all_is_told_once_and_in_order(tmp_path: Path, replicas: int) -> None:
    cases = [Case(fault, aim, replicas) for fault, aim in SHORT[replicas]]
    async with open_fork_server() as servers:
        outcomes = {case: outcome async for case, outcome in run_cases(cases, replicas, tmp_path, servers)}

    assert {case: outcome for case, outcome in outcomes.items() if not outcome.is_as_promised} == {}
