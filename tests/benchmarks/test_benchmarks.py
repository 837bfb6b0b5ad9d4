"""The benchmarks run, with a few accounts; how fast the bot is, `make bench` says."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS, run_each
from tests.benchmarks.profiles import Profile
from tests.benchmarks.results import Result, table, write_lines

TINY = Profile(
    accounts=20,
    tokens=3,
    chains=2,
    latency_seconds=0.001,
    rounds=1,
    days=2,
    changes_per_day=10,
    soak_sweeps=10,
    changes=3,
    chats=3,
    fanout_chats=3,
    busy_seconds=2,
)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other processes are measured by /proc")


@on_linux
@pytest.mark.parametrize(
    "name",
    [
        "sweeps",
        "database",
        "memory",
        "start",
        "latency",
        "sending",
        "soak",
        "fanout",
        "filters",
        "history",
        "charts",
        "imports",
        "engines",
    ],
)
async def test_each_benchmark_measures_something(name: str, tmp_path: Path) -> None:
    results = [result async for result in BENCHMARKS[name](TINY, tmp_path)]

    assert results
    assert all(figure >= 0 for result in results for figure in result.figures.values())


async def test_no_benchmark_meets_the_files_of_another_one(tmp_path: Path) -> None:
    # Both make a database that lacks something.
    assert await run_each(["filters", "history"], TINY, tmp_path)


@on_linux
async def test_a_sweep_finds_every_change_of_the_load_gateway(tmp_path: Path) -> None:
    world = replace(TINY, accounts=200)
    found = [result async for result in BENCHMARKS["sweeps"](world, tmp_path) if "changes" in result.what]

    assert [(result.reached, result.figures["found"]) for result in found] == [(True, 2), (True, 20)]


def test_results_are_written_for_people_and_for_programs(tmp_path: Path) -> None:
    result = Result("a thing", "3 s", "≤ 2 s", reached=False, figures={"seconds": 3.0})

    write_lines([result], tmp_path / "new" / "lines")
    write_lines([result], tmp_path / "new" / "lines")

    assert table([result]).splitlines()[1].split() == ["a", "thing", "≤", "2", "s", "3", "s", "MISSED"]
    lines = (tmp_path / "new" / "lines").read_text().splitlines()
    assert [json.loads(line)["figures"] for line in lines] == [{"seconds": 3.0}] * 2
