"""One world from its beginning to its end: what happens there is drawn at random, and the ledger judges it.

The poller, the store and the indexer's client are real, and so is the gateway behind real HTTP; only the
clock is made up. A seed is always the same story.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.domain.ask.questions import Allowance, Question, Reply
from bot.domain.assets import Address, Asset, ChainId, Items, Part, Quote
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Direction, Level, Unit
from bot.domain.rules.digests import DigestSchedule
from bot.domain.subscriptions import ListedSubscription, Scope, WatchSpec
from bot.indexer.client import IndexerClient
from bot.poller.explainer import Explainer, ExplainerSettings
from bot.poller.sweep import SweepSettings
from bot.poller.worker import Poller
from bot.sandbox.gateway.faults.kinds import Reindex, Stall
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import Contract, GatewayWorld
from bot.store.balances.snapshots import stored_sweep
from bot.store.chats import ignore_list, mutes, subscriptions, unsubscribe
from bot.store.chats.rules import filters
from bot.store.chats.rules.digests import set_digest
from bot.store.database.connection import DatabaseThread
from bot.store.due_rows import run_due
from bot.store.polling.chains import choose_chains
from bot.store.polling.digests import WAITS_AT_MOST, DigestTerms, make_due
from tests.builders import REGISTRY
from tests.poller.conftest import Clock
from tests.simulation.asked import changes_traced, why_silent
from tests.simulation.clauses import PRICES, Clause, some_clause
from tests.simulation.explained import explained
from tests.simulation.faults import some_fault, some_history, some_history_fault, some_knobs
from tests.simulation.ledger import Asked, Cell, Ledger, SummedUp, Told
from tests.simulation.paying import Paying
from tests.simulation.payments import PaymentLedger
from tests.simulation.small_world import (
    ACCOUNTS,
    ALL_IS_GONE,
    AMOUNTS,
    ATOKEN,
    CARDS,
    CHAINS,
    MANY,
    PLACES,
    RICH_ACCOUNT,
    RICH_CHAIN,
    TOKENS,
    USD,
    chains,
    contracts,
    first_amount,
)
from tests.simulation.told import changes_told, digests_told, gaps_told
from tests.store.conftest import Keeper, olga, open_new_keeper

RESTING_SWEEPS = 14
PAYDAYS = range(4, 9)
"""Of these sweeps: whatever is paid then has to be explained."""
INTERVAL_SECONDS = 60
LONGEST_PAUSE_SECONDS = 700

_KEPT = """
SELECT * FROM unreported u JOIN destination d ON d.id = u.destination_id JOIN chat c ON c.id = d.chat_id
WHERE c.telegram_id = ? AND d.thread_id = ?
"""


@dataclass
class Meddling:
    """The real client, before whose questions something may happen."""

    client: IndexerClient
    before: Callable[[], Awaitable[None]]

    async def reply(self, question: Question) -> Reply:
        await self.before()
        return await self.client.reply(question)

    async def items(self, account: Address, asset: Asset) -> Items:
        await self.before()
        return await self.client.items(account, asset)

    @property
    def allowance(self) -> Allowance:
        return self.client.allowance

    async def token_prices(self, _: Collection[Asset]) -> Mapping[Asset, Quote | None]:
        """Return nothing: the rows of this world have all prices that there are."""
        return {}


@dataclass
class Simulation:
    """A world, the bot that looks at it, and the ledger."""

    rng: random.Random
    gateway: Gateway
    keeper: Keeper
    clock: Clock
    ledger: Ledger
    client: IndexerClient
    whims: random.Random
    """By what people change their minds: of its own, so that the rest of a story stays as it was."""
    digest_whims: random.Random
    """By when they want digests; of its own for the same reason."""
    paying: Paying
    payments: PaymentLedger
    poller: Poller = field(init=False)
    explainer: Explainer = field(init=False)
    story: list[str] = field(default_factory=list)
    """What happened, for whoever reads a failure."""
    told: int = 0
    _heard: int = 0
    _traced: int = 0
    _is_sweeping: bool = False
    _may_stall: bool = False
    _may_be_late: bool = True
    """Whether transfers may be asked for late."""
    _number: int = 0
    _blocks: dict[int, int] = field(default_factory=dict)
    """Of each chain, at the end of the last sweep."""
    _older_blocks: dict[int, int] = field(default_factory=dict)
    """The same, one sweep before."""
    _reindexing: Reindex | None = None
    _questions: int = 0
    _meddle_at: dict[int, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    _whim_at: set[int] = field(default_factory=set)

    @property
    def world(self) -> GatewayWorld:
        return self.gateway.world

    # ------------------------------------------------------------ the course of things

    async def run(self, rounds: int) -> None:
        """Let some rounds of trouble each be followed by rest, in which everything has to add up."""
        for place in PLACES:
            await self.keeper.allow(place)
        for _ in range(5):
            await self._subscribe()
        await self._rest()
        for _ in range(rounds):
            self._may_stall = True
            for _ in range(self.rng.randint(2, 7)):
                await self._trouble()
            self._may_stall = False
            await self._rest()
        await self._let_a_month_pass()

    async def _trouble(self) -> None:
        for _ in range(self.rng.randint(1, 4)):
            await self._happen()
        if self.rng.random() < 0.5:
            await self._add_fault()
        if self.rng.random() < 0.25:
            self._heal()
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            self._meddle_at[self._questions + self.rng.randint(1, 6)] = self._happen
        for _ in range(self.whims.choice((0, 1, 2, 3))):
            await self._whim()
        await self._pay()
        if self.digest_whims.random() < 0.3:
            await self._set_digest()
        if self.whims.random() < 0.3:
            self._whim_at.add(self._questions + self.whims.randint(1, 6))
        await self._sweep()

    async def _pay(self) -> None:
        """Let some pay before the sweep or in it, and the source list that well or badly."""
        rng = self.paying.rng
        for _ in range(rng.choice((0, 1, 2, 3))):
            await self.paying.pay()
        if rng.random() < 0.3:
            self._meddle_at[self._questions + rng.randint(1, 6)] = self.paying.pay
        if rng.random() < 0.3:
            self.gateway.knobs = some_history(rng, self.gateway.knobs, is_whole=False)
            self.story.append(f"{self.gateway.knobs}")
        if rng.random() < 0.3:
            self.gateway.faults.add(fault := some_history_fault(rng))
            self.story.append(f"{fault}")

    async def _rest(self) -> None:
        self._meddle_at.clear()
        self._whim_at.clear()
        self._heal()
        calm = replace(self.gateway.knobs, max_accounts=None, chains_without_rows="empty")
        self.gateway.knobs = some_history(self.paying.rng, calm, is_whole=True)
        self.story.append("rest")
        self.clock.seconds += LONGEST_PAUSE_SECONDS
        self._may_be_late = False
        begun = None
        for number in range(RESTING_SWEEPS):
            if self.rng.random() < 0.1:
                await self._start_again()
            if number in PAYDAYS:
                self.paying.spared.clear()
                await self.paying.pay()
            if number == PAYDAYS.start:
                begun = self._traced if self.client.history_is_ready else None
            await self._sweep()
        if begun is not None:
            self.payments.check_that_all_is_explained(range(begun + 1, self._traced + 1))
        self._may_be_late = True
        self.ledger.settle()
        self.payments.check_that_it_adds_up(self.ledger.history)
        self.ledger.check_that_digests_came(self.clock.now())
        await self._check_that_nothing_is_blind()
        await self._ask_why()

    async def _sweep(self) -> None:
        self.clock.seconds += INTERVAL_SECONDS
        self.ledger.next_sweep()
        stalled = await self._stalled()
        self._is_sweeping = True
        if stalled is None and self._meddle_at and self.rng.random() < 0.1:
            await self._break_off_a_sweep()
        await self.poller.sweep()
        self._is_sweeping = False
        self._older_blocks = self._blocks
        self._blocks = {chain_id: self.world.block(chain_id) for chain_id in CHAINS}
        self._number = await self._sweeps()
        if stalled is not None:
            self.gateway.faults.heal(stalled)
        await self._look_for_traces()
        await self._explain()
        await self._do_due()
        await self._listen()

    async def _look_for_traces(self) -> None:
        """Ask what became of every change of this sweep."""
        for traced in await changes_traced(self.keeper, PLACES, self._traced):
            self.ledger.finds(traced)
            self._traced = max(self._traced, traced.number)

    async def _explain(self) -> None:
        """Let the bot ask which transfers explain changes, unless it is late, and judge all that it says."""
        rng = self.paying.rng
        if not self._may_be_late or rng.random() < 0.7:
            await self.explainer.explain_due()
        if self._traced and rng.random() < 0.1:
            await self.explainer.explain([rng.randint(1, self._traced)])
        for one in await explained(self.keeper):
            if self.payments.said.get(one.number) != one:
                self.story.append(f"{one.outcome} {one.reason}: {one}")
                self.payments.hears(one)

    async def _ask_why(self) -> None:
        """Ask of everything that there is why nothing came of it."""
        for where in PLACES:
            place = where.chat_id, where.thread_id or 0
            if place in self.ledger.closed:  # nobody gets an answer there
                continue
            for cell in list(self.ledger.history):
                reason = await why_silent(self.keeper, where, cell, self.ledger)
                self.ledger.asks_why(place, cell, reason)

    async def _do_due(self) -> None:
        terms = DigestTerms(
            chains=REGISTRY, status=Part(self.ledger.status), interval_seconds=INTERVAL_SECONDS
        )
        await self.keeper.db.run(run_due, self.clock.now(), (partial(make_due, terms=terms),))

    async def _let_a_month_pass(self) -> None:
        """See that all is told in the end that was held back, by filters and by mutes."""
        self.clock.seconds += timedelta(days=31).total_seconds()
        self.story.append("a month later")
        self.ledger.loosened.update(self.ledger.wishes)
        await self._do_due()
        # As nobody looked for a month, digests wait for a sweep, but not for long.
        self.clock.seconds += WAITS_AT_MOST.total_seconds()
        await self._do_due()
        await self._listen()
        self.ledger.check_that_digests_came(self.clock.now() - WAITS_AT_MOST)
        self.ledger.settle_all()
        assert await self.keeper.rows("SELECT * FROM unreported") == []
        assert await self.keeper.rows("SELECT * FROM alert WHERE state = 'held'") == []

    async def _stalled(self) -> Stall | None:
        """Let a replica answer this sweep that does not know yet what the last one saw; once a round."""
        is_due = self._may_stall and self.rng.random() < 0.2 and self._number == await self._sweeps()
        if not is_due:
            return None
        self._may_stall = False
        chain_id = self.rng.choice(CHAINS)
        stalled = Stall(chain_id=chain_id, at_block=self._older_blocks[chain_id])
        self.gateway.faults.add(stalled)
        self.story.append(f"{stalled}")
        return stalled

    async def _sweeps(self) -> int:
        """Return how many sweeps there were, those for news among them."""
        return await self.keeper.db.run(stored_sweep)

    async def _break_off_a_sweep(self) -> None:
        """End a sweep in the middle, as a stop or a hang does."""
        sweep = asyncio.create_task(self.poller.sweep())

        async def end() -> None:
            sweep.cancel()

        self._meddle_at[min(self._meddle_at)] = end
        self.story.append("a sweep is broken off")
        await asyncio.wait({sweep})

    async def before_question(self) -> None:
        """Let happen what is due before this question."""
        self._questions += 1
        for due in [number for number in self._meddle_at if number <= self._questions]:
            await self._meddle_at.pop(due)()
        for whim in [number for number in self._whim_at if number <= self._questions]:
            self._whim_at.discard(whim)
            await self._whim()

    # ------------------------------------------------------------ what may happen

    async def _happen(self) -> None:
        events: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (10, self._move),
            (3, self._exchange),
            (3, self._drift),
            (2, self._relist),
            (2, self._subscribe),
            (1, self._unsubscribe),
            (1, self._leave_and_come_back),
            (1, self._close_or_open),
            (1, self._restart),
            (2, self._start_again),
            (1, self._sweep_new_subscriptions),
            (1, self._turn_knobs),
            (3, self._shrink_reindexing),
        ]
        (event,) = self.rng.choices([one for _, one in events], [weight for weight, _ in events])
        await event()

    async def _move(self) -> None:
        chain_id, account = self.rng.choice(CHAINS), self._somebody()
        contract = self.rng.choice((None, *TOKENS, CARDS, self.rng.choice(MANY)))
        if contract in MANY:
            chain_id, account = RICH_CHAIN, RICH_ACCOUNT
        if contract == CARDS:
            self.set_cards(chain_id, account, self.rng.randint(1, 4), self.rng.randint(0, 3))
            return
        self.holds(chain_id, account, contract, self.rng.choice(AMOUNTS))

    async def _exchange(self) -> None:
        chain_id, account = self.rng.choice(CHAINS), self._somebody()
        one, other = self.rng.sample(range(1, 5), 2)
        amounts = [self.world.token(chain_id, CARDS, account, token_id) for token_id in (one, other)]
        self.set_cards(chain_id, account, one, amounts[1])
        self.set_cards(chain_id, account, other, amounts[0])

    def set_cards(self, chain_id: int, account: str, token_id: int, amount: int) -> None:
        if self.world.token(chain_id, CARDS, account, token_id) == amount:
            return
        self.paying.sets(Cell(account, chain_id, CARDS), amount, token_id)
        total = sum(one.amount for one in self.world.tokens(chain_id, account)[CARDS].values())
        self.story.append(f"{account[-2:]} holds {amount} of card {token_id} on {chain_id}: {total}")
        self.ledger.holds(Cell(account, chain_id, CARDS), total)

    async def _drift(self) -> None:
        chain_id, account = self.rng.choice(CHAINS), self._somebody()
        amount = self.world.token(chain_id, ATOKEN, account)
        if not 1000 <= amount <= 2**255:
            self.holds(chain_id, account, ATOKEN, 10**9)
            return
        drifted = amount + amount // self.rng.choice((20, 150, 300))
        self.world.drift(chain_id, ATOKEN, account, drifted)
        self.story.append(f"{account[-2:]} drifts to {drifted} on {chain_id}")
        self.payments.drifts(Cell(account, chain_id, ATOKEN))
        self.ledger.holds(Cell(account, chain_id, ATOKEN), drifted)

    async def _relist(self) -> None:
        chain_id, contract = self.rng.choice(CHAINS), self.rng.choice((*TOKENS, CARDS))
        known = self.world.contract(chain_id, contract)
        self.lists(replace(known, verified=not known.verified))

    # ------------------------------------------------------------ what people may want

    async def _whim(self) -> None:
        await self.whims.choice(
            (
                self._set_filter,
                self._set_filter,
                self._set_filter,
                self._drip,
                self._drip,
                self._drip,
                self._end_filter,
                self._unwatch_and_undo,
                self._mute,
                self._unmute,
                self._ignore,
                self._unignore,
            )
        )()

    def _someplace(self) -> Place:
        return self.whims.choice(PLACES)

    async def _drip(self) -> None:
        """Let a little more be held, less than most levels and in the end more than these."""
        wishes = (one for of_place in self.ledger.wishes.values() for one in of_place)
        watched = sorted(one.account for one in wishes if one.account is not None)
        chain_id, account = CHAINS[0], watched[0] if watched else ACCOUNTS[0]
        amount = self.world.token(chain_id, USD, account)
        more = self.whims.choice((3, 3, 600)) if amount else 10_000
        self.holds(chain_id, account, USD, min(amount + more, 2**255))

    async def _set_filter(self) -> None:
        await self._want_only(self._someplace(), some_clause(self.whims))

    async def _end_filter(self) -> None:
        await self._want_only(self._someplace(), None)

    async def _want_only(self, place: Place, clause: Clause | None) -> None:
        """Set or end the filter of a place, or of one of its subscriptions."""
        key = place.chat_id, place.thread_id or 0
        here = await self.keeper.db.run(subscriptions.subscriptions_here, place)
        if key in self.ledger.closed or not here:
            return
        one = self.whims.choice((None, *here))
        asked = None if one is None else _asked_by(one)
        ids = [] if one is None else [one.subscription.id]
        await self._listen()
        await self.keeper.db.run(
            filters.set_filter, place, ids, clause and _condition(clause), olga(self.clock.now())
        )
        self.story.append(f"{key} wants of {asked and _short(asked)} only {clause}")
        self.ledger.wants_only(key, asked, clause)
        await self._hear_the_rest()

    async def _hear_the_rest(self) -> None:
        """Listen to what comes because what is wanted just changed."""
        await self._listen()
        self.ledger.loosened.clear()

    async def _unwatch_and_undo(self) -> None:
        place = self._someplace()
        key = place.chat_id, place.thread_id or 0
        here = await self.keeper.db.run(subscriptions.subscriptions_here, place)
        if self._is_being_reindexed_in_a_sweep or not here or key in self.ledger.closed:
            return
        self._end_reindexing()
        one = self.whims.choice(here)
        asked = _asked_by(one)
        await self._listen()
        ended = await self.keeper.db.run(
            unsubscribe.unsubscribe, place, [one.number], olga(self.clock.now()), self.keeper.status
        )
        clause = self.ledger.ends(key, asked)
        await self._hear_the_rest()
        assert ended.row is not None
        await self.keeper.db.run(
            unsubscribe.undo_unsubscribe,
            ended.row,
            place,
            olga(self.clock.now()),
            limit=self.keeper.limit,
            status=self.keeper.status,
        )
        self.story.append(f"{key} ends {_short(asked)} and undoes that")
        self.ledger.asks(key, asked)
        self.ledger.wants_only(key, asked, clause)
        await self._hear_the_rest()

    async def _mute(self) -> None:
        span = timedelta(minutes=self.whims.choice((1, 10, 60)))
        await self.keeper.db.run(mutes.mute, self._someplace(), (), span, olga(self.clock.now()))

    async def _unmute(self) -> None:
        await self.keeper.db.run(mutes.unmute, self._someplace(), (), olga(self.clock.now()))

    async def _ignore(self) -> None:
        place, contract = self._someplace(), self.whims.choice((*TOKENS, CARDS))
        key = place.chat_id, place.thread_id or 0
        await self._listen()
        await self.keeper.db.run(ignore_list.ignore, place, [Address(contract)], (), olga(self.clock.now()))
        self.story.append(f"{key} ignores {contract[-2:]}")
        self.ledger.ignores(key, contract)
        await self._hear_the_rest()

    async def _unignore(self) -> None:
        place = self._someplace()
        key = place.chat_id, place.thread_id or 0
        if not self.ledger.ignored[key]:
            return
        contract = self.whims.choice(sorted(self.ledger.ignored[key]))
        await self._listen()
        await self.keeper.db.run(ignore_list.unignore, place, [Address(contract)], olga(self.clock.now()))
        self.story.append(f"{key} ignores {contract[-2:]} no more")
        self.ledger.ignores_no_more(key, contract)
        await self._hear_the_rest()

    async def _set_digest(self) -> None:
        """Set or end the digests of a place, due in some minutes."""
        place = self.digest_whims.choice(PLACES)
        key = place.chat_id, place.thread_id or 0
        if key in self.ledger.closed:
            return
        now = self.clock.now()
        due = now + timedelta(minutes=self.digest_whims.randint(1, 15))
        schedule = self.digest_whims.choice(
            (
                None,
                DigestSchedule(due.time().replace(second=0, microsecond=0)),
                DigestSchedule(due.time().replace(second=0, microsecond=0), is_only=True),
            )
        )
        await self._listen()
        await self.keeper.db.run(set_digest, place, schedule, olga(now), "")
        self.story.append(f"{key} wants {schedule}")
        self.ledger.wants_digests(
            key,
            now,
            None if schedule is None else schedule.at,
            is_only=schedule is not None and schedule.is_only,
        )
        await self._hear_the_rest()

    def _somebody(self) -> str:
        """Return an account, most often one that is watched."""
        watched = {one.account for wishes in self.ledger.wishes.values() for one in wishes}
        some = [account for account in ACCOUNTS if account in watched] or ACCOUNTS
        return self.rng.choice(some if self.rng.random() < 0.8 else ACCOUNTS)

    async def _subscribe(self) -> None:
        place = self.rng.choice(PLACES)
        account = self.rng.choice((*ACCOUNTS, *ACCOUNTS, None))
        some = self.rng.random() < 0.4 or account is None
        contracts = frozenset(self.rng.sample((*TOKENS, CARDS), self.rng.randint(1, 2)) if some else ())
        chains = frozenset(self.rng.sample(CHAINS, self.rng.randint(1, 2)) if self.rng.random() < 0.3 else ())
        asked = Asked(account, contracts, chains)
        key = place.chat_id, place.thread_id or 0
        if key in self.ledger.closed:
            return
        await self._ask_for(place, asked)

    async def _ask_for(self, place: Place, asked: Asked) -> None:
        key = place.chat_id, place.thread_id or 0
        wish = WatchSpec(
            None if asked.account is None else Address(asked.account),
            Scope(
                contracts=frozenset(map(Address, asked.contracts)),
                chains=frozenset(map(ChainId, asked.chains)),
            ),
        )
        await self._listen()
        await self.keeper.subscribe(wish, place=place)
        self.story.append(f"{key} asks for {_short(asked)}")
        self.ledger.asks(key, asked)
        await self._hear_the_rest()

    async def _leave_and_come_back(self) -> None:
        place = self.rng.choice(PLACES)
        ended = await self._end_one(place)
        if ended is not None:
            await self._ask_for(place, ended)

    async def _unsubscribe(self) -> None:
        await self._end_one(self.rng.choice(PLACES))

    async def _end_one(self, place: Place) -> Asked | None:
        """End one of the subscriptions of a place, and return it; None: there is none, or it can't be now."""
        if self._is_being_reindexed_in_a_sweep:
            return None
        self._end_reindexing()
        here = await self.keeper.db.run(subscriptions.subscriptions_here, place)
        key = place.chat_id, place.thread_id or 0
        if not here or key in self.ledger.closed:
            return None
        one = self.rng.choice(here)
        await self._listen()
        await self.keeper.unsubscribe(place, [one.number])
        asked = _asked_by(one)
        self.story.append(f"{key} no longer asks for {_short(asked)}")
        self.ledger.ends(key, asked)
        await self._hear_the_rest()
        return asked

    async def _close_or_open(self) -> None:
        """Close the group if it is open, else open it."""
        places = [place for place in PLACES if place.chat_id == PLACES[1].chat_id]
        keys = [(place.chat_id, place.thread_id or 0) for place in places]
        is_closed = keys[0] in self.ledger.closed
        if self._is_being_reindexed_in_a_sweep:
            return
        self._end_reindexing()
        await self._listen()  # what waits is withdrawn
        if is_closed:
            await self.keeper.allow(places[0])
        else:
            await self.keeper.deny(places[0])
        self.story.append("the group opens" if is_closed else "the group is closed")
        for key in keys:
            if is_closed:
                self.ledger.opens(key, self.clock.now())
            else:
                self.ledger.closes(key)

    async def _restart(self) -> None:
        """End the program and start it again, now and then with another contract status or other chains."""
        if self._is_sweeping:
            return
        self._end_reindexing()
        status = self.rng.choice((self.ledger.status, self.ledger.status, "ALL", "VERIFIED"))
        count = self.rng.choice((3, 3, 3, 2))
        self.ledger.default_chains = frozenset(CHAINS[:count])
        self.ledger.looks_at(status)
        await self._start()
        self.story.append(f"restart with {status} on {count} chains")

    async def _start_again(self) -> None:
        """End the program and start it again as it was: what reads as before is not compared then."""
        if not self._is_sweeping:
            self._end_reindexing()
            await self._start()
            self.story.append("restart")

    async def _start(self) -> None:
        await self.keeper.db.close()
        self.keeper.db = await DatabaseThread.open(self.keeper.where)
        self.keeper.status = Part(self.ledger.status)
        await self.keeper.apply_configuration([], [PLACES[0].chat_id])
        await self.keeper.db.run(choose_chains, list(map(ChainId, self.ledger.default_chains)), ())
        self.poller = self._new_poller()
        self.explainer = Explainer(
            self.client,
            self.keeper.db,
            ExplainerSettings(wait_seconds=2, judge=lambda _db, _changes, _at: None),
            at_rest=self.poller.at_rest,
            outcomes=Counter(),
            now=self.clock.now,
            monotonic=self.clock.monotonic,
        )

    def _new_poller(self) -> Poller:
        return Poller(
            Meddling(self.client, self.before_question),
            self.keeper.db,
            SweepSettings(
                contract_status=Part(self.ledger.status),
                contracts_left_out=(),
                accounts_per_request=3,
                batches_at_once=1,
                stale_after=timedelta(seconds=150),
                code=b"",
                chains=REGISTRY,
            ),
            interval_seconds=INTERVAL_SECONDS,
            now=self.clock.now,
            monotonic=self.clock.monotonic,
        )

    async def _sweep_new_subscriptions(self) -> None:
        if not self._is_sweeping:
            self.story.append("news are read")
            self._is_sweeping = True
            await self.poller.sweep_new_subscriptions()
            self._is_sweeping = False
            await self._listen()

    async def _turn_knobs(self) -> None:
        self.gateway.knobs = some_knobs(self.rng)
        self.ledger.may_lack_terms |= self.gateway.knobs.metadata in {"no_decimals", "null_extensions"}
        self.story.append(f"{self.gateway.knobs}")

    async def _add_fault(self) -> None:
        if await self._is_rich() and self.rng.random() < 0.3:
            self._heal()
            self._reindexing = ALL_IS_GONE
            self.paying.spared.add(RICH_CHAIN)
            self.gateway.faults.add(ALL_IS_GONE)
        else:
            self.gateway.faults.add(
                fault := some_fault(self.rng, self._somebody(), may_lag=self.ledger.may_lag)
            )
            self.story.append(f"{fault}")

    def _heal(self) -> None:
        self.gateway.faults.heal()
        self._reindexing = None
        self.story.append("healed")

    async def _is_rich(self) -> bool:
        """Whether so much is stored of one chain that the loss of it all has to be doubted."""
        (count,) = await self.keeper.rows(
            "SELECT count(*) FROM balance b JOIN asset x ON x.id = b.asset_id JOIN account a"
            " ON a.id = b.account_id WHERE x.chain_id = ? AND a.address = ?",
            RICH_CHAIN,
            bytes.fromhex(RICH_ACCOUNT[2:]),
        )
        return bool(count[0] >= len(MANY))

    async def _shrink_reindexing(self) -> None:
        """Let an index that was found to be built anew have most of its rows again."""
        doubted = await self.keeper.rows("SELECT 1 FROM chain WHERE lost_since IS NOT NULL")
        if doubted and self._reindexing == ALL_IS_GONE:
            self._end_reindexing()
            self._reindexing = replace(ALL_IS_GONE, share=0.2)
            self.gateway.faults.add(self._reindexing)
            self.story.append("a fifth is still missing")

    @property
    def _is_being_reindexed_in_a_sweep(self) -> bool:
        """Whether an index that is whole again now leaves this sweep a loss too small to be doubted."""
        return self._is_sweeping and self._reindexing is not None

    def _end_reindexing(self) -> None:
        """Let nobody be left who knows little enough of a chain to believe that all of it is gone."""
        if self._reindexing is not None:
            self.gateway.faults.heal(self._reindexing)
            self._reindexing = None

    # ------------------------------------------------------------ world and ledger, hand in hand

    def holds(self, chain_id: int, account: str, contract: str | None, amount: int) -> None:
        """Let an account hold this much from now on."""
        cell = Cell(account, chain_id, contract or "")
        self.paying.sets(cell, amount)
        if self.ledger.history[cell][-1] != amount:
            self.story.append(f"{account[-2:]} holds {amount} of {(contract or '')[-2:]} on {chain_id}")
            self.ledger.holds(cell, amount)

    def lists(self, contract: Contract) -> None:
        """Make a contract known, or let it win or lose its mark."""
        self.world.add_contract(contract)
        mark = "verified" if contract.verified else "not verified"
        self.story.append(f"{contract.symbol} on {contract.chain_id} is {mark}")
        self.ledger.lists(contract.chain_id, contract.address, verified=contract.verified)

    # ------------------------------------------------------------ listening

    async def _listen(self) -> None:
        """Show the ledger all that was told since the last time."""
        since = self._heard
        for alert_id, gap in await gaps_told(self.keeper, since):
            self.story.append(f"{gap}")
            self.ledger.hears_of_gap(gap)
            self._heard = max(self._heard, alert_id)
        changes, digests = await changes_told(self.keeper, since), await digests_told(self.keeper, since)
        both: list[tuple[int, Told | SummedUp]] = [*changes, *digests]
        for alert_id, told in sorted(both, key=lambda one: one[0]):
            self.story.append(f"{told}")
            if isinstance(told, SummedUp):
                self.ledger.hears_of_digest(told)
            else:
                self.ledger.hears(told)
            self._heard = max(self._heard, alert_id)
        for place in sorted(self.ledger.released):
            assert await self.keeper.rows(_KEPT, *place) == [], f"kept though a digest came: {place}"
        self.ledger.released.clear()

    async def _check_that_nothing_is_blind(self) -> None:
        """See that what was blind is seen again, and that this was told."""
        asked = sorted(self.ledger.default_chains)
        on_them = f"chain_id IN ({','.join('?' * len(asked))})"
        unknown = "SELECT * FROM coverage WHERE unknown_since IS NOT NULL AND "
        assert await self.keeper.rows(unknown + on_them, *asked) == []
        untold = "SELECT * FROM blindness WHERE ended_at IS NULL AND "
        assert await self.keeper.rows(untold + on_them, *asked) == []


def _asked_by(one: ListedSubscription) -> Asked:
    scope = one.subscription.scope
    return Asked(one.subscription.account, scope.contracts, scope.chains)


def _condition(clause: Clause) -> Condition:
    """Return a clause as the bot stores it."""
    direction = {0: None, 1: Direction.IN, -1: Direction.OUT}[clause.direction]
    chosen = (
        frozenset()
        if clause.contract is None
        else frozenset(Asset(ChainId(chain_id), Address(clause.contract)) for chain_id in CHAINS)
    )
    least = () if clause.least is None else (Level(clause.least, Unit(clause.unit), chosen, "some"),)
    return Condition(direction, least, frozenset(map(ChainId, clause.chains)))


def _short(asked: Asked) -> str:
    return (
        f"{asked.account and asked.account[-2:]} {[one[-2:] for one in asked.contracts]} {list(asked.chains)}"
    )


@asynccontextmanager
async def open_simulation(directory: Path, seed: int) -> AsyncIterator[Simulation]:
    """Build a world out of a seed, and the bot that looks at it."""
    rng = random.Random(seed)  # noqa: S311 - a seed has to be the same story each time
    random.seed(seed)  # the pauses of the poller
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.seconds += seconds

    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(GatewayWorld(), clock=clock.now).serve())
        client = await stack.enter_async_context(
            IndexerClient(
                gateway.url,
                "key",
                timeout_seconds=5,
                page_size=rng.choice((3, 7, 1000)),
                max_concurrent_requests=1,
                sleep=sleep,
                rng=rng.random,
                now=clock.monotonic,
            )
        )
        ledger = Ledger(frozenset(CHAINS), may_lag=seed % 3 == 2)
        keeper = await open_new_keeper(directory / "bot.sqlite3")
        keeper.status, keeper.limit = Part(ledger.status), 500
        whims = random.Random(f"whims of {seed}")  # noqa: S311 - as above
        digest_whims = random.Random(f"digests of {seed}")  # noqa: S311 - as above
        payments = PaymentLedger()
        ledger.changed_pockets = partial(payments.changed_pockets, ACCOUNTS)
        paying = Paying(
            random.Random(f"payments of {seed}"),  # noqa: S311 - as above
            gateway.world,
            ledger,
            payments,
            clock,
        )
        gateway.world.clock = clock.now
        simulation = Simulation(
            rng, gateway, keeper, clock, ledger, client, whims, digest_whims, paying, payments
        )
        paying.story = simulation.story
        _begin(simulation)
        await simulation._start()
        try:
            yield simulation
        finally:
            await simulation.keeper.db.close()


def _begin(simulation: Simulation) -> None:
    for chain in chains():
        simulation.world.add_chain(chain, block=1000)
        simulation.ledger.rebasing.add((chain.chain_id, ATOKEN))
        simulation.payments.unpaid.update(Cell(account, chain.chain_id, ATOKEN) for account in ACCOUNTS)
    for contract in contracts(PRICES):
        simulation.lists(contract)
    for chain_id in CHAINS:
        for account in ACCOUNTS:
            simulation.holds(chain_id, account, None, 100)
            for token in TOKENS:
                simulation.holds(chain_id, account, token, first_amount(simulation.rng))
            for card in range(1, 4):
                simulation.set_cards(chain_id, account, card, simulation.rng.randint(0, 2))
    for token in MANY:
        simulation.holds(RICH_CHAIN, RICH_ACCOUNT, token, 3)
    simulation.paying.begin()
    simulation.story.clear()
