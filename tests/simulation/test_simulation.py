"""Whatever happens in a world and to its source: no false alert, no lost one, none in the wrong place.

`WORLDS=500 python -m pytest tests/simulation` looks at that many.
"""

import os
from pathlib import Path

import pytest

from tests.examples import examples
from tests.simulation.simulation import open_simulation

WORLDS = int(os.environ.get("WORLDS", examples(16)))
ROUNDS = 3

FAILED_ONCE = (25,)
"""Worlds in which something false was told: they are looked at however few `WORLDS` are."""


@pytest.mark.law
@pytest.mark.both_engines
@pytest.mark.parametrize("seed", sorted({*range(WORLDS), *FAILED_ONCE}))
async def test_everybody_is_told_what_happens_to_what_it_watches_and_nothing_else(
    tmp_path: Path, seed: int
) -> None:
    async with open_simulation(tmp_path, seed) as simulation:
        try:
            await simulation.run(ROUNDS)
        except AssertionError as error:
            error.add_note("\n".join(simulation.story))
            raise
