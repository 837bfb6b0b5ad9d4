"""What a world really held at each moment, who asked for what, and what they must have been told.

Simple, and without a line of the bot's own: both cannot be wrong in the same way. The laws hold whatever
was held back for a while, as long as that ends:

- Nobody is told of what it does not watch.
- Each amount told is one that the world had, and not before the one told last.
- What a destination is told goes on where it was told last; whenever all is well and at rest, it adds up
  to what the world holds, but for what its clauses don't want.
- Nobody is told what none of its clauses wants, but for the rest when a clause is changed or ended.
- A digest comes once at each of its times, and its sums are those of what was told since the last one, but
  for what only changed pockets.
- Who wants digests alone is told nothing in between, and with each of them all that there was.
- Each change leaves one trace wherever it is watched, and whoever asks why nothing came gets a true reason.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple

from bot.domain.history.reasons import Ignored, NotListed, NotWatched, Reason, Unchanged, Unsettled
from tests.simulation.clauses import Clause, wants

Place = tuple[int, int]
"""A chat's number and a topic's, 0 for none."""

Mode = Literal["named", "broad"]

REBASING_PARTS = 100


class Cell(NamedTuple):
    """What has an amount: an account's native coin (no contract) or token, on one chain."""

    account: str
    chain_id: int
    contract: str


class Asked(NamedTuple):
    """A subscription as a person would word it; nothing named means all."""

    account: str | None
    contracts: frozenset[str] = frozenset()
    chains: frozenset[int] = frozenset()


class Told(NamedTuple):
    """A change as a destination is told of it."""

    place: Place
    cell: Cell
    is_listing: bool
    before: int
    after: int
    items: tuple[tuple[int, int, int], ...] = ()


class Gap(NamedTuple):
    """What a destination is told to be blind, or to be seen again."""

    place: Place
    chain_id: int
    account: str | None
    """None: all of the chain."""
    is_blind: bool


class SummedUp(NamedTuple):
    """A digest as a destination gets it."""

    place: Place
    due_at: datetime
    nets: tuple[tuple[Cell, int], ...]
    """By how much each cell changed."""


class Traced(NamedTuple):
    """What a change has left in a destination."""

    number: int
    place: Place
    cell: Cell
    traces: int
    silence: str
    """Why there was no alert, "" where there was one."""
    is_listing: bool
    is_unread: bool
    """Whether the list of that account could not be read there: who watches it hears of it later."""


@dataclass
class Period:
    """What a destination that wants digests was told since the last one."""

    at: time
    """When they are due each day, in UTC."""
    is_only: bool
    since: datetime
    """Those of before need not come: they were not wanted yet, or nobody was there to read them."""
    told: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))
    last: datetime | None = None
    """When the last one was due."""


@dataclass
class Known:
    """What a destination knows of a cell."""

    amount: int | None
    """None: it was not told, and what was read first nobody can say from outside."""
    moment: int
    """Where in the history of the cell that stands."""
    is_told: bool = False
    """Whether it was told since it was last compared with the world."""


@dataclass
class Ledger:
    """The history of one world and of all that was told of it."""

    default_chains: frozenset[int]
    """Asked where nobody names any."""
    status: str = "VERIFIED"
    may_lag: bool = False
    """Whether the source shows old natives or rows for long: then amounts may be told in any order."""
    history: dict[Cell, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0]))
    verified: dict[tuple[int, str], bool] = field(default_factory=dict)
    ever_listed: set[tuple[int, str]] = field(default_factory=set)
    rebasing: set[tuple[int, str]] = field(default_factory=set)
    wishes: dict[Place, list[Asked]] = field(default_factory=lambda: defaultdict(list))
    closed: set[Place] = field(default_factory=set)
    known: dict[tuple[Place, Cell, Mode], Known] = field(default_factory=dict)
    lately: dict[Place, list[list[Asked]]] = field(default_factory=lambda: defaultdict(list))
    """All that was asked at some moment of the present sweep."""
    clauses: dict[tuple[Place, Asked | None], Clause] = field(default_factory=dict)
    """What is wanted of what is asked for; of None: of all here that has no clause of its own."""
    ignored: dict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Contracts that are not wanted unless they are named."""
    loosened: set[Place] = field(default_factory=set)
    """Where what is wanted just changed: what was not told comes then."""
    choosy: set[Place] = field(default_factory=set)
    """Where some changes were not wanted, now or before."""
    periods: dict[Place, Period] = field(default_factory=dict)
    """Where digests are wanted."""
    released: set[Place] = field(default_factory=set)
    """Where a digest just came, with all that was kept for it."""
    changed_pockets: Callable[[Cell, int], bool] = lambda _cell, _amount: False
    """Whether that may be all that an account paid to, or got from, other accounts that are watched."""
    may_lack_terms: bool = False
    """Whether the source has left out decimals: then what is little nobody can know."""

    # ------------------------------------------------------------ what happens

    def holds(self, cell: Cell, amount: int) -> None:
        """Note that a cell holds this from now on, or again."""
        self.history[cell].append(amount)

    def lists(self, chain_id: int, contract: str, *, verified: bool) -> None:
        """Note whether a contract is verified."""
        self.verified[chain_id, contract] = verified
        if self._is_listed(chain_id, contract):
            self.ever_listed.add((chain_id, contract))

    def asks(self, place: Place, asked: Asked) -> None:
        if asked not in self.wishes[place]:
            self.loosened.add(place)
            self._change(place, [*self.wishes[place], asked])

    def ends(self, place: Place, asked: Asked) -> Clause | None:
        """Note that this is not asked for any more; returns the clause that ended with it."""
        self.loosened.add(place)
        self._change(place, [one for one in self.wishes[place] if one != asked])
        return self.clauses.pop((place, asked), None)

    def wants_only(self, place: Place, asked: Asked | None, clause: Clause | None) -> None:
        """Note that only some changes are wanted from now on; None: as the place says, or all."""
        self.loosened.add(place)
        self.choosy.add(place)
        if clause is None:
            self.clauses.pop((place, asked), None)
        else:
            self.clauses[place, asked] = clause

    def ignores(self, place: Place, contract: str) -> None:
        self.ignored[place].add(contract)
        self.loosened.add(place)
        self._change(place, self.wishes[place])

    def ignores_no_more(self, place: Place, contract: str) -> None:
        self.ignored[place].discard(contract)
        self.loosened.add(place)

    def wants_digests(self, place: Place, now: datetime, at: time | None, *, is_only: bool) -> None:
        """Note when digests are wanted from now on, and whether nothing else is; None: none are."""
        self.loosened.add(place)
        self.choosy.add(place)
        former = self.periods.pop(place, None)
        if at is not None:
            self.periods[place] = Period(at, is_only, now)
            if former is not None:
                self.periods[place].told, self.periods[place].last = former.told, former.last

    def closes(self, place: Place) -> None:
        self.closed.add(place)
        if place in self.periods:  # what was told there is taken back
            self.periods[place].told.clear()
        self._change(place, self.wishes[place])

    def opens(self, place: Place, now: datetime) -> None:
        self.closed.discard(place)
        if place in self.periods:
            self.periods[place].since = now
        self._change(place, self.wishes[place])

    def looks_at(self, status: str) -> None:
        """Note that another status is asked for: what lists show is read anew."""
        if status == self.status:
            return
        self.status = status
        for (chain_id, contract), verified in self.verified.items():
            self.lists(chain_id, contract, verified=verified)
        for key in [key for key in self.known if key[2] == "broad" and key[1].contract]:
            del self.known[key]

    def next_sweep(self) -> None:
        """Forget who asked for what before."""
        self.lately = defaultdict(list, {place: [list(some)] for place, some in self.wishes.items()})

    # ------------------------------------------------------------ what is told

    def hears(self, told: Told) -> None:
        """Check one change against everything that is known."""
        modes = {
            mode
            for wishes in [*self.lately[told.place], self.wishes[told.place]]
            for mode in _modes(wishes, told.cell, None)
        }
        assert modes, f"told though nobody asked: {told}"
        key = told.cell.chain_id, told.cell.contract
        assert "named" in modes or not told.cell.contract or key in self.ever_listed, f"never listed: {told}"
        history = self.history[told.cell]
        assert told.after in history, f"never held: {told}, but {history}"
        assert told.is_listing or told.before in history, f"never held before: {told}, but {history}"
        assert told.before != told.after or told.items or len(history) > 1, f"no change: {told}"
        assert not told.items or sum(after - before for _, before, after in told.items) == (
            told.after - told.before
        ), f"ids do not add up: {told}"
        self._check_that_it_is_wanted(told)
        # What follows a digest is in no other one.
        if told.place in self.periods and told.place not in self.released:
            self.periods[told.place].told[told.cell] += told.after - told.before
        now = self._modes_here(told.place, told.cell, None)
        self._join_modes(told, now)
        for mode in now:
            if mode == "broad" and "named" in now and not self._is_listed(*key):
                self._lose_track(told)  # it may have been told by name alone
            else:
                self._follow(told, mode)

    def _join_modes(self, told: Told, modes: set[Mode]) -> None:
        """Let what is named and what is broad go on from one amount: one may have begun anew in between."""
        keys = [(told.place, told.cell, mode) for mode in modes]
        both = [self.known[key] for key in keys if key in self.known]
        follows = [known for known in both if known.amount == told.before]
        if follows and told.place in self.choosy:
            for known in both:
                known.amount, known.moment = told.before, follows[0].moment

    def _check_that_it_is_wanted(self, told: Told) -> None:
        if told.is_listing or told.place in self.loosened | self.released or self.may_lack_terms:
            return
        assert not self._is_only(told.place), f"told though digests alone are wanted: {told}"
        cell = told.cell
        chain_id, contract = cell.chain_id, cell.contract
        is_ignored = contract in self.ignored[told.place]
        some = [
            clause
            for mode, clause in self._clauses_of(told.place, self.wishes[told.place], cell, None)
            if mode == "named" or not is_ignored
        ]
        assert some, f"told though it is ignored: {told}"
        if told.before == told.after or None in some:  # what was exchanged is not measured here
            return
        assert any(
            clause is None or wants(clause, chain_id, contract, told.before, told.after) is not False
            for clause in some
        ), f"told though nobody wants it: {told} by {some}"

    def hears_of_digest(self, digest: SummedUp) -> None:
        """Check that a digest is one of those that are wanted, and adds up to what was told."""
        period = self.periods.get(digest.place)
        assert period is not None, f"nobody wants a digest: {digest}"
        assert period.last is None or period.last < digest.due_at, f"not after {period.last}: {digest}"
        assert digest.due_at.time() == period.at, f"not due at {period.at}: {digest}"
        nets: dict[Cell, int] = defaultdict(int)
        for cell, net in digest.nets:
            nets[cell] += net
        for cell, amount in period.told.items():
            left_out = amount - nets[cell]
            is_right = not left_out or self.changed_pockets(cell, left_out)
            assert is_right, f"{cell} in {digest}, but told was {period.told}"
        assert nets.keys() <= period.told.keys(), f"{digest}, but told was {period.told}"
        period.last = digest.due_at
        period.told.clear()
        if period.is_only:
            self.released.add(digest.place)

    def check_that_digests_came(self, now: datetime) -> None:
        """Check that each place has the newest digest that it wants, now that there was time to make it."""
        for place, period in self.periods.items():
            today = datetime.combine(now.date(), period.at, now.tzinfo)
            due = today if today <= now else today - timedelta(days=1)
            if place not in self.closed and due > period.since:
                assert period.last == due, f"{place} lacks the digest of {due}: the last is of {period.last}"

    def finds(self, traced: Traced) -> None:
        """Check that a change left one trace where it was watched all along, and none where it never was."""
        place, cell = traced.place, traced.cell
        states = [*self.lately[place], self.wishes[place]]
        assert traced.traces <= 1, f"traced twice: {traced}"
        if not any(_modes(wishes, cell, None) for wishes in states):
            assert not traced.traces, f"traced though nobody watches it: {traced}"
        if traced.silence == "ignored":
            assert cell.contract in self.ignored[place], f"nobody ignores it: {traced}"
        if traced.silence in {"filter", "settled"}:
            assert place in self.choosy, f"nobody has a filter: {traced}"
        if traced.silence == "digest":
            assert self._is_only(place), f"nobody wants digests alone: {traced}"
        # A listing is news of those only who did not see by name what a list shows from then on.
        if traced.is_listing:
            return
        # What was watched before this sweep, known by then and shown all the time left a trace for certain.
        is_steady = len(self.lately[place]) == 1 and place not in self.closed
        is_shown = self._is_listed(cell.chain_id, cell.contract) and not (cell.contract and traced.is_unread)
        shown = {"named", "broad"} if is_shown else {"named"}
        known = {mode for mode in shown if (place, cell, mode) in self.known}
        if is_steady and known & _modes(self.wishes[place], cell, self.default_chains):
            assert traced.traces == 1, f"watched, and not traced: {traced}"

    def asks_why(self, place: Place, cell: Cell, reason: Reason) -> None:
        """Check why nothing came of a cell, now that all is well and at rest."""
        modes = _modes(self._open_wishes(place), cell, self.default_chains)
        amount = self.history[cell][-1]
        said = f"{reason} of {cell} in {place}, which holds {amount}"
        assert isinstance(reason, NotWatched) != bool(modes), said
        if not modes:
            return
        is_listed = self._is_listed(cell.chain_id, cell.contract)
        is_ignored = cell.contract in self.ignored[place] and "named" not in modes
        assert not isinstance(reason, Ignored) or is_ignored, said
        assert not (is_ignored and is_listed and amount) or isinstance(reason, Ignored), said
        assert not isinstance(reason, NotListed) or "named" not in modes, said
        if isinstance(reason, Unchanged) and ("named" in modes or is_listed):
            assert self._is_near(cell, reason.amount.amount_raw, amount), said
        if isinstance(reason, Unsettled):
            assert place in self.choosy, said
            assert self._is_near(cell, reason.held_back.now.amount_raw, amount), said
            assert reason.is_for_digest == self._is_only(place), said

    def hears_of_gap(self, gap: Gap) -> None:
        """Check that who is told of blindness watches something there."""
        watched = {
            watch.account
            for wishes in [*self.lately[gap.place], self.wishes[gap.place]]
            for watch, wish in _pairs(wishes)
            if _is_on(gap.chain_id, watch, wish, None)
        }
        assert watched, f"nothing is watched there: {gap}"
        assert gap.account is None or gap.account in watched, f"not watched: {gap}"

    def _follow(self, told: Told, mode: Mode) -> None:
        known = self.known.get((told.place, told.cell, mode))
        if known is None:
            return
        history = self.history[told.cell]
        if known.amount is not None and not told.is_listing:
            is_near = self._is_near(told.cell, known.amount, told.before)
            may_be_near = not known.is_told or (told.cell.chain_id, told.cell.contract) in self.rebasing
            assert is_near if may_be_near else known.amount == told.before, (
                f"goes on from {known.amount}: {told}"
            )
        since = known.moment + (0 if told.is_listing or known.amount is None else 1)
        if self.may_lag or (told.cell.chain_id, told.cell.contract) in self.rebasing:
            known.amount, known.is_told = told.after, True
            return
        later = [moment for moment in range(since, len(history)) if history[moment] == told.after]
        assert later, f"not since it was told last (moment {known.moment}): {told}, but {history}"
        known.amount, known.moment, known.is_told = told.after, later[0], True

    def _is_only(self, place: Place) -> bool:
        return place in self.periods and self.periods[place].is_only

    def _lose_track(self, told: Told) -> None:
        known = self.known.get((told.place, told.cell, "broad"))
        if known is not None:
            known.amount = None

    # ------------------------------------------------------------ when all is well

    def settle(self) -> None:
        """Check that everybody knows what the world holds, now that all is well and at rest."""
        fresh: dict[tuple[Place, Cell, Mode], Known] = {}
        for key in self._watched():
            place, cell, mode = key
            history, known = self.history[cell], self.known.get(key)
            amount = history[-1]
            is_shown = mode == "named" or self._is_listed(cell.chain_id, cell.contract)
            is_followed = known is not None and bool(known.amount)
            clauses = [
                clause
                for one, clause in self._clauses_of(place, self.wishes[place], cell, self.default_chains)
                if one == mode
            ]
            is_filtered = None not in clauses or self._is_only(place)
            if known is not None and known.amount is not None and (is_shown or is_followed):
                is_left_out = self._is_only(place) or not any(
                    clause is None
                    or wants(clause, cell.chain_id, cell.contract, known.amount, amount) is not False
                    for clause in clauses
                )
                assert self._is_near(cell, known.amount, amount) or is_left_out, (
                    f"{place} was told {known.amount} of {cell} ({mode}), which holds {amount}: {history},"
                    f" by {clauses}"
                )
                if is_filtered:  # what is left out may be as much, of other ids
                    fresh[key] = known
                    continue
            elif is_filtered and (known is None or known.amount is None):
                # What was read first was not told, and what was read next may have been left out.
                fresh[key] = Known(None, len(history) - 1)
                continue
            if is_shown or is_followed:
                is_told = known is not None and known.is_told
                keeps = is_told and known is not None and (cell.chain_id, cell.contract) in self.rebasing
                told = known.amount if keeps and known is not None else amount
                fresh[key] = Known(told, len(history) - 1, keeps)
            else:
                fresh[key] = known or Known(
                    None, len(history) - 1
                )  # what it gains from now on may be told late
        self.known = fresh

    def settle_all(self) -> None:
        """Check the same when nothing is left out any more: a month is the longest that anything is."""
        self.clauses.clear()
        self.periods.clear()
        self.settle()

    def _watched(self) -> Iterator[tuple[Place, Cell, Mode]]:
        for place in self.wishes:
            for cell in list(self.history):
                modes = self._modes_here(place, cell, self.default_chains)
                for mode in modes:
                    both = mode == "broad" and "named" in modes
                    if not (both and cell.contract and not self._is_listed(cell.chain_id, cell.contract)):
                        yield place, cell, mode

    def _open_wishes(self, place: Place) -> list[Asked]:
        return [] if place in self.closed else self.wishes[place]

    def _change(self, place: Place, wishes: list[Asked]) -> None:
        """Note who asks for what from now on; what nobody here asked for in between starts anew."""
        self.wishes[place] = wishes
        self.lately[place].append(list(wishes))
        for key in [key for key in self.known if key[0] == place]:
            if key[2] not in self._modes_here(place, key[1], None):
                del self.known[key]

    def _modes_here(self, place: Place, cell: Cell, default_chains: frozenset[int] | None) -> set[Mode]:
        """Return how a cell is asked for, where it is not ignored."""
        modes = _modes(self._open_wishes(place), cell, default_chains)
        return modes - {"broad"} if cell.contract in self.ignored[place] else modes

    def _clauses_of(
        self, place: Place, wishes: Iterable[Asked], cell: Cell, default_chains: frozenset[int] | None
    ) -> Iterator[tuple[Mode, Clause | None]]:
        """Yield of all that asks for a cell how it does, and the clause that counts for it."""
        for watch, wish in _pairs(wishes):
            mode = _mode(watch, wish, cell, default_chains)
            if mode is not None:
                own = self.clauses.get((place, wish)) or self.clauses.get((place, watch))
                yield mode, own or self.clauses.get((place, None))

    def _is_listed(self, chain_id: int, contract: str) -> bool:
        return not contract or self.status == "ALL" or self.verified.get((chain_id, contract), False)

    def _is_near(self, cell: Cell, one: int, other: int) -> bool:
        """Whether amounts are the same, or so near that what rebases is not told."""
        if (cell.chain_id, cell.contract) not in self.rebasing:
            return one == other
        return one == other or (
            bool(one and other) and abs(one - other) * REBASING_PARTS <= 2 * max(one, other)
        )


def _modes(wishes: Iterable[Asked], cell: Cell, default_chains: frozenset[int] | None) -> set[Mode]:
    """Return how a cell is asked for by one place; no default means that every chain counts."""
    modes = {_mode(watch, wish, cell, default_chains) for watch, wish in _pairs(wishes)}
    return {mode for mode in modes if mode is not None}


def _mode(watch: Asked, wish: Asked, cell: Cell, default_chains: frozenset[int] | None) -> Mode | None:
    if watch.account != cell.account or not _is_on(cell.chain_id, watch, wish, default_chains):
        return None
    if not wish.contracts:
        return "broad"
    return "named" if cell.contract in wish.contracts else None


def _pairs(wishes: Iterable[Asked]) -> Iterator[tuple[Asked, Asked]]:
    """Yield each wish that names an account, with each that says what to watch of it."""
    some = list(wishes)
    for watch in some:
        if watch.account is not None:
            yield from ((watch, wish) for wish in (watch, *(one for one in some if one.account is None)))


def _is_on(chain_id: int, watch: Asked, wish: Asked, default_chains: frozenset[int] | None) -> bool:
    if watch.chains and wish.chains:
        return chain_id in watch.chains & wish.chains
    named = watch.chains or wish.chains
    return chain_id in named if named else default_chains is None or chain_id in default_chains
