"""The role of doing what is due once a day."""

from functools import partial

from bot.domain.replicas.roles import Tenure
from bot.roles.process import ProcessParts
from bot.roles.workers import run_together
from bot.wiring import build_chores, sweeps_now


async def do_chores(process: ProcessParts, tenure: Tenure) -> None:
    """Do what is due, until cancelled."""
    settings, now = process.settings, process.now
    db = process.database(tenure)
    sweeps = partial(sweeps_now, settings, db, now)
    chores = build_chores(settings, db, process.registry, sweeps, now=now)
    await run_together(process.workers, {"chores": chores.run()})
