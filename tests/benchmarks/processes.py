"""What other processes use, as Linux tells it, and how they end."""

import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_KILOBYTE = 1024


def cpu_seconds(process_id: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process_id: int) -> tuple[int, int]:
    """Return the memory a process holds now, and the most it ever held."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    said = dict(line.split(":", 1) for line in lines)
    now, most = (int(said[name].split()[0]) * _KILOBYTE for name in ("VmRSS", "VmHWM"))
    return now, most


@asynccontextmanager
async def ended(process: Process) -> AsyncIterator[None]:
    """End a process with the block."""
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
