"""The role of sending what waits in the outbox."""

from bot.domain.replicas.roles import Tenure
from bot.roles.process import ProcessParts
from bot.roles.workers import run_together
from bot.wiring import build_dispatcher, build_outgoing, recall_departures

FINISH_SECONDS = 6.0
"""Time for messages in flight when the program is asked to stop; everything has to end within ten."""


async def send(process: ProcessParts, tenure: Tenure) -> None:
    """Send alerts until cancelled; then messages in flight may end, unless the role was lost."""
    settings, send_queue, now = process.settings, process.send_queue, process.now
    db = process.database(tenure)
    await recall_departures(settings, send_queue, db, now=now)
    outgoing = build_outgoing(
        process.telegram, send_queue, db, tenure=tenure, was_closed=lambda _: False, now=now
    )
    dispatcher = build_dispatcher(
        settings,
        process.registry,
        db=db,
        outgoing=outgoing,
        send_queue=send_queue,
        counts=process.health.counts.sends,
        now=now,
    )
    try:
        await run_together(process.workers, {"dispatcher": dispatcher.run()})
    finally:
        await dispatcher.finish(min(FINISH_SECONDS, tenure.left(process.monotonic())))
