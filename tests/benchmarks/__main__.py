"""`python -m tests.benchmarks`: measure everything, or some of it, and print a table."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path

import click
import structlog

from bot.app import leave_garbage_to_sweeps
from tests.benchmarks import (
    charts,
    database,
    engines,
    fanout,
    filters,
    history,
    imports,
    latency,
    memory,
    sending,
    soak,
    start,
    sweeps,
)
from tests.benchmarks.profiles import Profile
from tests.benchmarks.results import Result, table, write_lines

Benchmark = Callable[[Profile, Path], AsyncIterator[Result]]

ALWAYS: Mapping[str, Benchmark] = {
    "sweeps": sweeps.measure,
    "database": database.measure,
    "memory": memory.measure,
    "start": start.measure,
    "latency": latency.measure,
    "sending": sending.measure,
    "fanout": fanout.measure,
    "filters": filters.measure,
    "history": history.measure,
    "charts": charts.measure,
    "imports": imports.measure,
    "engines": engines.measure,
}
BY_NAME_ONLY: Mapping[str, Benchmark] = {"largest": memory.measure_largest, "soak": soak.measure}
BENCHMARKS = {**ALWAYS, **BY_NAME_ONLY}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(tuple(BENCHMARKS)))
@click.option("--accounts", default=Profile().accounts, show_default=True)
@click.option("--rounds", default=Profile().rounds, show_default=True, help="of what is measured repeatedly")
@click.option(
    "--lines", type=click.Path(path_type=Path), help="append the results to this file, as JSON lines"
)
def main(names: tuple[str, ...], accounts: int, rounds: int, lines: Path | None) -> None:
    """Run the benchmarks of these NAMES, or all that take minutes rather than hours."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    leave_garbage_to_sweeps()
    profile = Profile(accounts=accounts, rounds=rounds)
    with tempfile.TemporaryDirectory() as directory:
        results = asyncio.run(run_each(names or tuple(ALWAYS), profile, Path(directory)))
    click.echo(f"{profile.described()}\n\n{table(results)}")
    if lines is not None:
        write_lines(results, lines)


async def run_each(names: Iterable[str], profile: Profile, directory: Path) -> list[Result]:
    """Run benchmarks one after the other, each in a folder of its own, and say what each measures."""
    results = []
    for name in names:
        home = directory / name
        home.mkdir()
        async for result in BENCHMARKS[name](profile, home):
            click.echo(f"{result.what}: {result.measured}", err=True)
            results.append(result)
    return results


if __name__ == "__main__":
    main()
