"""The role of doing what is due once a day."""

import asyncio
from functools import partial

from bot.domain.replicas.roles import Tenure
from bot.maintenance import watch_replicas
from bot.roles.process import ProcessParts
from bot.roles.workers import run_together
from bot.wiring import build_chores, sweeps_now


async def do_chores(process: ProcessParts, tenure: Tenure) -> None:
    """Do what is due, and look after other replicas where there can be any, until cancelled."""
    settings, now = process.settings, process.now
    db = process.database(tenure)
    sweeps = partial(sweeps_now, settings, db, now)
    chores = build_chores(settings, db, process.registry, sweeps, now=now)
    workers = {"chores": chores.run()}
    if tenure.epoch is not None:
        workers["replicas"] = watch_replicas(db, now=now, sleep=asyncio.sleep)
    await run_together(process.workers, workers)
