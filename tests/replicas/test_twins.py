"""Each twin still differs from the bot, and is struck by a case that there is."""

from pathlib import Path

import pytest

from tests.mutants import Mutant
from tests.replicas.matrix import all_cases
from tests.replicas.twins import TWINS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.noticed_by)
def test_each_twin_has_its_place_and_its_case(twin: Mutant) -> None:
    assert (ROOT / twin.file).read_text().count(twin.old) == 1
    assert twin.noticed_by in {str(case) for count in (2, 3) for case in all_cases(count)}
