"""Runs the workers of a role together: none goes on without the others."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping

import structlog

from bot.domain.replicas.roles import Tenure
from bot.roles.keeper import WorkerDied, end_all
from bot.roles.process import ProcessParts
from bot.store.database.errors import DatabaseUnavailable, RoleLost

log = structlog.get_logger(__name__)

BEGIN_AGAIN_SECONDS = 1.0


async def run_together(
    known: dict[str, asyncio.Task[None]], workers: Mapping[str, Coroutine[None, None, None]]
) -> None:
    """Run workers for ever, each under its name in `known`; when cancelled, end them all first.

    Raises WorkerDied once one of them has ended by itself; then it stays in `known`.
    """
    tasks = {name: asyncio.create_task(work, name=name) for name, work in workers.items()}
    known.update(tasks)
    try:
        await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await end_all(tasks.values())
        for name in tasks:
            del known[name]
        raise
    died = next(name for name, task in tasks.items() if task.done())
    await end_all(tasks.values())
    raise WorkerDied(f"the {died} ended by itself")


async def begin(
    work: Callable[[ProcessParts, Tenure], Awaitable[None]], process: ProcessParts, tenure: Tenure
) -> None:
    """Do the work of a role; while the database keeps it from beginning, try again."""
    while True:
        try:
            return await work(process, tenure)
        except RoleLost:
            raise
        except DatabaseUnavailable as error:
            log.warning(
                "a role waits for the database",
                action="role_waits",
                role=str(tenure.role),
                trouble=str(error),
            )
        await asyncio.sleep(BEGIN_AGAIN_SECONDS)
