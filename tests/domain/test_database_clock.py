"""All replicas over one database mean the same moment by the same time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.replicas.clock import ANSWERED_WITHIN_SECONDS, DatabaseClock
from tests.builders import NOON


@dataclass
class Machine:
    """What time it is on a machine, and at its database; the time of day here is an hour ahead."""

    passed: float = 1000.0
    way: float = 0.0
    """How many seconds the database's answer takes."""

    @property
    def truth(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def own(self) -> datetime:
        return self.truth + timedelta(hours=1)

    def monotonic(self) -> float:
        return self.passed

    def database(self) -> int:
        said = round(self.truth.timestamp() * 1000)
        self.passed += self.way
        return said


def test_it_is_what_the_database_said_and_goes_on_by_itself() -> None:
    machine = Machine()
    clock = DatabaseClock(machine.own, machine.monotonic)

    said = clock.ask(machine.database)
    machine.passed += 5000

    assert datetime.fromtimestamp(said / 1000, UTC) + timedelta(seconds=5000) == clock() == machine.truth
    assert clock.own_ahead_ms == 3_600_000


def test_until_the_database_was_asked_it_is_the_time_here() -> None:
    machine = Machine()
    clock = DatabaseClock(machine.own, machine.monotonic)

    machine.passed += 5

    assert clock() == machine.own()
    assert clock.own_ahead_ms == 0


def test_what_came_too_late_is_gone_by_only_where_nothing_else_is_known() -> None:
    machine = Machine(way=10 * ANSWERED_WITHIN_SECONDS)
    clock = DatabaseClock(machine.own, machine.monotonic)

    clock.ask(machine.database)
    assert machine.truth - clock() == timedelta(seconds=machine.way)

    machine.way = ANSWERED_WITHIN_SECONDS / 2
    clock.ask(machine.database)
    assert machine.truth - clock() == timedelta(seconds=machine.way)

    machine.way = 10 * ANSWERED_WITHIN_SECONDS
    clock.ask(machine.database)
    assert machine.truth - clock() == timedelta(seconds=ANSWERED_WITHIN_SECONDS / 2)
