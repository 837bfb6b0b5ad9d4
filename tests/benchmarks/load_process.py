"""A load gateway in a process of its own, so that what it costs is not counted as the bot's.

By hand: `python -m tests.benchmarks.load_process --accounts 1000` prints its port and serves until its
input ends.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import click

from tests.benchmarks.load_gateway import LoadGateway
from tests.benchmarks.load_rows import LoadWorld
from tests.benchmarks.processes import cpu_seconds, ended
from tests.benchmarks.profiles import Profile

_KEEP_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**26), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
"""Answers of a megabyte, each in memory fresh from the kernel, would cost the gateway twice as much."""


@dataclass(frozen=True, slots=True)
class LoadProcess:
    """A load gateway that is being served; `url` is its root for clients."""

    process_id: int
    port: int

    @property
    def url(self) -> str:
        """The root of its methods."""
        return f"http://127.0.0.1:{self.port}/rpc/IndexerGateway"

    def cpu_seconds(self) -> float:
        """Return the processor time it has used so far."""
        return cpu_seconds(self.process_id)

    async def move(self, balances: int) -> None:
        """Let so many balances change."""
        url = f"http://127.0.0.1:{self.port}/sandbox/move"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json={"balances": balances}) as reply,
        ):
            reply.raise_for_status()


@asynccontextmanager
async def served_load_gateway(profile: Profile, *, zips: bool = False) -> AsyncIterator[LoadProcess]:
    """Serve a load gateway until the block ends; `zips` packs its answers."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.load_process"),
        *(f"--accounts={profile.accounts}", f"--tokens={profile.tokens}", f"--chains={profile.chains}"),
        f"--latency={profile.latency_seconds}",
        *(["--zips"] if zips else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | _KEEP_FREED_MEMORY,
    )
    async with ended(process):
        assert process.stdout is not None
        yield LoadProcess(process.pid, int(await process.stdout.readline()))


@click.command()
@click.option("--accounts", default=1_000, show_default=True)
@click.option("--tokens", default=30, show_default=True, help="of each account")
@click.option("--chains", default=20, show_default=True)
@click.option("--latency", default=0.1, show_default=True, help="seconds before each answer")
@click.option("--port", default=0, help="0: any free one")
@click.option("--zips", is_flag=True, help="pack all answers")
def main(*, accounts: int, tokens: int, chains: int, latency: float, port: int, zips: bool) -> None:
    """Serve a load gateway on this machine until the input ends."""
    world = LoadWorld(accounts=accounts, tokens=tokens, chains=chains)
    world.prepare()
    asyncio.run(_serve(LoadGateway(world, latency_seconds=latency, zips=zips), port))


async def _serve(gateway: LoadGateway, port: int) -> None:
    async with gateway.serve(port):
        click.echo(gateway.url.split("/")[2].partition(":")[2])
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    main()
