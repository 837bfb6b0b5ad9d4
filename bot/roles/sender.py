"""The role of sending what waits in the outbox."""

import asyncio
from collections.abc import Callable, Coroutine

from bot.domain.replicas.roles import Tenure
from bot.roles.process import ProcessParts
from bot.roles.workers import run_together
from bot.wiring import build_dispatcher, build_outgoing, recall_departures

FINISH_SECONDS = 6.0
"""Time for messages in flight when the program is asked to stop; everything has to end within ten."""

HAND_OVER_SECONDS = 60.0
"""Time for them when another replica is to send from then on: a request takes 55 s at most."""

LOOK_SECONDS = 0.5
"""How soon the loss of the role is noticed meanwhile."""


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
    except asyncio.CancelledError:
        await wait_for_answers(dispatcher.drain(), process.stop, lambda: process.is_held(tenure))
        raise
    finally:
        await dispatcher.finish(min(FINISH_SECONDS, tenure.left(process.monotonic())))


async def wait_for_answers(
    drained: Coroutine[None, None, None], stop: asyncio.Event, is_held: Callable[[], bool]
) -> None:
    """Wait for the answers to all that has left, as long as nothing hurries and nobody else may send.

    What is cut off may have arrived, and whoever sends next sends it once more. A role that is given up is
    ours until its work has ended, so there is time for the answers, unless the program stops.
    """
    ends = [asyncio.create_task(drained), asyncio.create_task(stop.wait())]
    try:
        async with asyncio.timeout(HAND_OVER_SECONDS):
            while is_held() and not any(one.done() for one in ends):
                await asyncio.wait(ends, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        pass
    finally:
        for one in ends:
            one.cancel()
