"""How long the event loop was blocked: a task that wants to run all the time notes how late it is."""

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

TICK_SECONDS = 0.001


@dataclass(slots=True)
class LoopWatch:
    """The longest blocks so far."""

    longest_seconds: float = 0.0
    """By the clock: other programs on the machine and the database's thread count, too."""
    longest_cpu_seconds: float = 0.0
    """By the processor time of the loop's own thread."""
    longest_cpu_without_gc_seconds: float = 0.0
    """The same, without what the garbage collector took of it."""
    _gc_seconds: float = 0.0
    _gc_started_at: float = 0.0
    _thread: int = field(default_factory=threading.get_ident)

    async def tick(self) -> None:
        """Note for ever how late each tick is."""
        while True:
            collected, cpu, clock = self._gc_seconds, time.thread_time(), time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            used = time.thread_time() - cpu
            late = time.perf_counter() - clock - TICK_SECONDS
            self.longest_seconds = max(self.longest_seconds, late)
            self.longest_cpu_seconds = max(self.longest_cpu_seconds, used)
            without_gc = used - (self._gc_seconds - collected)
            self.longest_cpu_without_gc_seconds = max(self.longest_cpu_without_gc_seconds, without_gc)

    def on_gc(self, phase: str, _: Mapping[str, int]) -> None:
        """Add up what garbage collections take of the loop's thread."""
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._gc_started_at = time.thread_time()
        else:
            self._gc_seconds += time.thread_time() - self._gc_started_at


@asynccontextmanager
async def watched_loop() -> AsyncIterator[LoopWatch]:
    """Watch the running loop until the block ends."""
    watch = LoopWatch()
    gc.callbacks.append(watch.on_gc)
    ticking = asyncio.create_task(watch.tick())
    try:
        yield watch
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        gc.callbacks.remove(watch.on_gc)
