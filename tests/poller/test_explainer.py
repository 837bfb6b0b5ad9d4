"""Changes are explained once they are recorded: with few questions, and without anybody waiting for long."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, WhyUnknown
from bot.domain.explain.questions import ACCOUNTS_MOST, HistoryAnswer, HistoryQuestion
from bot.domain.explain.transfers import Moved, TransactionHash, Transfer
from bot.indexer.errors import OverBudget, Unavailable
from bot.poller import explainer
from bot.poller.explainer import Explainer, ExplainerSettings
from bot.store.database.door import Database
from bot.store.explain.explanations import AGAIN_AFTER, explanations_of
from bot.store.polling import record
from bot.store.rows import to_milliseconds
from tests.builders import BASE, NOON, POLYGON, REGISTRY, TREASURY, USDC, VAULT, address, at, reading
from tests.store.conftest import Keeper, open_new_keeper
from tests.waits import until

PAYROLL = address(9)
WAIT = 2.0
EXPLAINED, NONE_LISTED = ExplanationOutcome.EXPLAINED, ExplanationOutcome.NONE_LISTED


@dataclass
class Ledger:
    """A history that lists what a test lets it list."""

    transfers: list[Transfer] = field(default_factory=list)
    questions: list[HistoryQuestion] = field(default_factory=list)
    on_demand: list[bool] = field(default_factory=list)
    history_is_ready: bool = True
    trouble: Callable[[HistoryQuestion], Exception | None] = lambda _: None
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    hides_ranges: bool = False
    """Whether it lists nothing where blocks are named."""
    is_complete: bool = True
    busy: Address | None = None
    """An account whose list is always cut."""

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def history(self, question: HistoryQuestion, *, on_demand: bool = False) -> HistoryAnswer:
        self.questions.append(question)
        self.on_demand.append(on_demand)
        await self.may_answer.wait()
        trouble = self.trouble(question)
        if trouble is not None:
            raise trouble
        listed = tuple(
            one
            for one in self.transfers
            if one.asset.chain_id == question.chain_id
            and {one.sender, one.receiver} & set(question.accounts)
            and (question.from_block is None or one.block >= question.from_block)
        )
        if self.hides_ranges and question.from_block is not None:
            listed = ()
        is_complete = self.is_complete and self.busy not in question.accounts
        return HistoryAnswer(transfers=listed, is_complete=is_complete)

    def pays(
        self, amount: int, block: int, *, to: Address = TREASURY, chain_id: ChainId = POLYGON, number: int = 1
    ) -> None:
        """Let Payroll pay so much of a token in a block."""
        self.transfers.append(
            Transfer(
                asset=Asset(chain_id, USDC),
                sender=PAYROLL,
                receiver=to,
                moved=(Moved(amount),),
                transaction=TransactionHash(f"0x{number:064x}"),
                log_index=1,
                block=block,
                at=None,
            )
        )


@dataclass
class Bench:
    """An explainer between a ledger and a real store."""

    keeper: Keeper
    ledger: Ledger
    clock: datetime = NOON
    seconds: float = 0.0
    at_rest: asyncio.Event = field(default_factory=asyncio.Event)
    judged: list[int] = field(default_factory=list)
    judged_together: list[int] = field(default_factory=list)
    """How many changes were explained in each transaction."""
    wait: float = WAIT

    def __post_init__(self) -> None:
        self.at_rest.set()
        self.explainer = self.new_explainer()

    def new_explainer(self) -> Explainer:
        def judge(_: Database, change_ids: Collection[int], __: int) -> None:
            self.judged += change_ids
            self.judged_together.append(len(change_ids))

        return Explainer(
            self.ledger,
            self.keeper.db,
            ExplainerSettings(self.wait, judge),
            at_rest=self.at_rest,
            outcomes=Counter(),
            now=lambda: self.clock,
            monotonic=lambda: self.seconds,
        )

    async def holds(
        self, amount: int, block: int, *, account: Address = TREASURY, chain_id: ChainId = POLYGON
    ) -> None:
        """Record that an account holds so much, since a block."""
        seen = reading({USDC: Amount(amount, None, block)}, native=1, account=account, chain_id=chain_id)
        poll = await self.keeper.judged(seen, when=self.clock)
        await self.keeper.db.run(
            record.record_poll, poll, self.keeper.status, REGISTRY, self.explainer.explain_until()
        )

    async def has_coins(self, amount: int) -> None:
        """Record that the treasury holds so much of the coin, whose readings have no blocks."""
        poll = await self.keeper.judged(
            reading({USDC: Amount(5, None, 10)}, native=amount, chain_id=POLYGON), when=self.clock
        )
        await self.keeper.db.run(
            record.record_poll, poll, self.keeper.status, REGISTRY, self.explainer.explain_until()
        )

    async def known(self) -> dict[int, Explanation]:
        ids = [one for (one,) in await self.keeper.rows("SELECT id FROM change")]
        return await self.keeper.db.run(explanations_of, ids)

    async def outcomes(self) -> list[ExplanationOutcome]:
        return [one.outcome for _, one in sorted((await self.known()).items())]

    async def waiting(self) -> int:
        """Count the alerts that wait for an explanation."""
        return int(await self.keeper.value("SELECT count(*) FROM alert WHERE explain_until > 0"))

    async def changes(self, count: int = 1) -> None:
        """Let the treasury get 5 more, so often, with a transfer each."""
        for number in range(1, count + 1):
            self.ledger.pays(5, 10 + number, number=number)
            await self.holds(5 + 5 * number, 10 + number)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    keeper = await open_new_keeper(tmp_path / "bot.sqlite3")
    one = Bench(keeper, Ledger())
    for account in (TREASURY, VAULT):
        await keeper.watch(account)
        for chain_id in (POLYGON, BASE):
            await one.holds(5, 10, account=account, chain_id=chain_id)
    await keeper.deliver_all()
    yield one
    await keeper.db.close()


async def test_a_change_is_explained_and_its_alert_waits_no_longer(bench: Bench) -> None:
    await bench.changes()
    assert await bench.waiting() == 1

    await bench.explainer.explain_due()

    (explanation,) = (await bench.known()).values()
    assert (explanation.outcome, explanation.legs[0].counterparty) == (EXPLAINED, PAYROLL)
    assert explanation.listed_at == NOON
    assert await bench.waiting() == 0
    assert bench.judged == [1]
    assert bench.explainer.outcomes == {EXPLAINED: 1}


async def test_many_changes_are_explained_a_few_at_a_time_and_still_share_no_transfer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explainer, "SAVED_AT_ONCE", 2)
    await bench.changes(5)

    await bench.explainer.explain_due()

    assert bench.judged_together == [2, 2, 1]
    assert len(bench.ledger.questions) == 1
    assert await bench.outcomes() == [EXPLAINED] * 5


async def test_what_is_listed_late_explains_no_other_change_of_the_same_amount(
    bench: Bench,
) -> None:
    paid = [
        Transfer(
            asset=Asset(POLYGON, NATIVE),
            sender=address(90 + number),
            receiver=TREASURY,
            moved=(Moved(5),),
            transaction=TransactionHash(f"0x{number:064x}"),
            log_index=None,
            block=10 + number,
            at=NOON + timedelta(seconds=10 * number - 0.5),
        )
        for number in (1, 2, 3)
    ]
    amount = 1
    for listed in ((), paid[:1], paid[:2]):
        bench.clock += timedelta(seconds=9)
        await bench.has_coins(amount)
        amount += 5
        bench.clock += timedelta(seconds=1)
        await bench.has_coins(amount)
        bench.ledger.transfers = list(listed)
        await bench.explainer.explain_due()
    assert EXPLAINED not in await bench.outcomes()

    bench.clock += AGAIN_AFTER
    bench.ledger.transfers = paid
    await bench.explainer.explain_due()

    known = [one for _, one in sorted((await bench.known()).items())]
    # Of the first two nobody can say who was paid first: the clock of the chain may be late.
    assert [one.outcome for one in known] == [NONE_LISTED, NONE_LISTED, EXPLAINED]
    assert known[2].legs[0].counterparty == address(93)


async def test_all_changes_of_a_chain_share_one_question(bench: Bench) -> None:
    for account in (TREASURY, VAULT):
        bench.ledger.pays(5, 12, to=account)
        await bench.holds(10, 12, account=account)
    bench.ledger.pays(5, 12, chain_id=BASE)
    await bench.holds(10, 12, chain_id=BASE)

    await bench.explainer.explain_due()

    assert [
        (one.chain_id, one.accounts, one.contracts, one.from_block) for one in bench.ledger.questions
    ] == [
        (POLYGON, (TREASURY, VAULT), (USDC,), 11),
        (BASE, (TREASURY,), (USDC,), 11),
    ]
    assert await bench.outcomes() == [EXPLAINED] * 3


async def test_a_quiet_time_asks_nothing(bench: Bench) -> None:
    assert await bench.explainer.explain_due() == 60

    await bench.changes()
    await bench.explainer.explain_due()
    assert await bench.explainer.explain_due() == 60

    assert len(bench.ledger.questions) == 1


async def test_more_accounts_than_a_question_takes_are_asked_about_in_several(bench: Bench) -> None:
    accounts = [address(100 + number) for number in range(ACCOUNTS_MOST + 1)]
    bench.keeper.limit = 100
    for account in accounts:
        await bench.keeper.watch(account)
        await bench.holds(5, 10, account=account)
        await bench.holds(10, 12, account=account)

    await bench.explainer.explain_due()

    asked = [one for one in bench.ledger.questions if one.from_block is not None]
    assert [len(one.accounts) for one in asked] == [ACCOUNTS_MOST, 1]


async def test_two_changes_of_one_balance_share_no_transfer(bench: Bench) -> None:
    await bench.changes(2)

    await bench.explainer.explain_due()

    transactions = [[leg.transaction for leg in one.legs] for one in (await bench.known()).values()]
    assert [len(some) for some in transactions] == [1, 1]
    assert transactions[0] != transactions[1]
    assert len(bench.ledger.questions) == 1


async def test_two_changes_that_only_time_tells_apart_share_no_transfer_either(bench: Bench) -> None:
    for coins, seconds in ((6, 60), (11, 120)):
        bench.clock = at(seconds)
        poll = await bench.keeper.judged(reading({USDC: Amount(5, None, 10)}, native=coins), when=bench.clock)
        await bench.keeper.db.run(record.record_poll, poll, bench.keeper.status, REGISTRY)
    bench.ledger.pays(5, 12)
    (only,) = bench.ledger.transfers
    bench.ledger.transfers = [only._replace(asset=Asset(POLYGON, NATIVE), at=at(62))]

    await bench.explainer.explain_due()

    legs = [leg for one in (await bench.known()).values() for leg in one.legs]
    assert len(legs) == 1


async def test_a_coin_is_asked_about_by_time_as_it_has_no_block(bench: Bench) -> None:
    poll = await bench.keeper.judged(reading({USDC: Amount(5, None, 10)}, native=7), when=bench.clock)
    await bench.keeper.db.run(record.record_poll, poll, bench.keeper.status, REGISTRY)

    await bench.explainer.explain_due()

    (question,) = bench.ledger.questions
    assert (question.contracts, question.from_block) == ((NATIVE,), None)
    assert question.since is not None


# ---------------------------------------------------------------- nothing listed


async def test_an_empty_answer_about_blocks_counts_once_the_source_was_asked_without(bench: Bench) -> None:
    await bench.holds(10, 12)

    await bench.explainer.explain_due()

    assert [question.from_block for question in bench.ledger.questions] == [11, None]
    assert await bench.outcomes() == [NONE_LISTED]


async def test_a_source_that_was_seen_to_understand_blocks_is_believed(bench: Bench) -> None:
    await bench.changes()
    await bench.explainer.explain_due()
    await bench.holds(20, 14)

    await bench.explainer.explain_due()

    assert [question.from_block for question in bench.ledger.questions] == [11, 12]
    assert await bench.outcomes() == [EXPLAINED, NONE_LISTED]


async def test_a_source_that_mistakes_blocks_is_asked_without_after_each_empty_answer(bench: Bench) -> None:
    bench.ledger.hides_ranges = True
    await bench.changes()
    await bench.explainer.explain_due()
    bench.ledger.pays(5, 13, number=3)
    await bench.holds(15, 13)
    await bench.explainer.explain_due()

    assert [question.from_block for question in bench.ledger.questions] == [11, None, 12, None]
    assert await bench.outcomes() == [EXPLAINED, EXPLAINED]


async def test_a_source_that_was_late_once_is_asked_from_a_block_on_again(bench: Bench) -> None:
    bench.ledger.hides_ranges = True
    await bench.changes()
    await bench.explainer.explain_due()
    bench.ledger.hides_ranges = False
    bench.ledger.pays(5, 13, number=3)
    await bench.holds(15, 13)
    await bench.explainer.explain_due()

    assert [question.from_block for question in bench.ledger.questions] == [11, None, 12]
    assert await bench.outcomes() == [EXPLAINED, EXPLAINED]


async def test_what_is_listed_late_is_found_a_minute_later_and_its_alert_has_left(bench: Bench) -> None:
    await bench.holds(10, 12)
    assert await bench.explainer.explain_due() == 60
    assert await bench.waiting() == 0
    bench.ledger.pays(5, 12)

    bench.clock += AGAIN_AFTER
    await bench.explainer.explain_due()

    assert await bench.outcomes() == [EXPLAINED]


async def test_what_is_not_listed_a_minute_later_is_asked_about_no_more(bench: Bench) -> None:
    await bench.holds(10, 12)
    for _ in range(4):
        await bench.explainer.explain_due()
        bench.clock += timedelta(minutes=5)

    assert len(bench.ledger.questions) == 3
    assert await bench.outcomes() == [NONE_LISTED]


async def test_new_changes_are_asked_about_before_those_of_former_rounds(bench: Bench) -> None:
    await bench.holds(10, 12)
    await bench.explainer.explain_due()
    bench.clock += AGAIN_AFTER
    bench.ledger.questions.clear()
    bench.ledger.pays(5, 14, to=VAULT)
    await bench.holds(10, 14, account=VAULT)

    await bench.explainer.explain_due()

    assert [question.accounts for question in bench.ledger.questions] == [(VAULT,), (TREASURY,)]


# ---------------------------------------------------------------- no answer


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (OverBudget(), WhyUnknown.QUOTA),
        (Unavailable(), WhyUnknown.UNANSWERED),
        (ValueError("of ours"), WhyUnknown.UNANSWERED),
    ],
)
async def test_without_an_answer_it_is_known_why_and_the_alert_leaves(
    bench: Bench, trouble: Exception, why: WhyUnknown
) -> None:
    bench.ledger.trouble = lambda _: trouble
    await bench.changes()

    with capture_logs():
        await bench.explainer.explain_due()

    (explanation,) = (await bench.known()).values()
    assert explanation.why_unknown is why
    assert await bench.waiting() == 0


async def test_one_chain_without_an_answer_leaves_the_others_alone(bench: Bench) -> None:
    bench.ledger.trouble = lambda question: Unavailable() if question.chain_id == POLYGON else None
    await bench.changes()
    bench.ledger.pays(5, 12, chain_id=BASE)
    await bench.holds(10, 12, chain_id=BASE)

    await bench.explainer.explain_due()

    assert await bench.outcomes() == [ExplanationOutcome.UNKNOWN, EXPLAINED]


async def test_an_answer_that_is_cut_explains_nothing(bench: Bench) -> None:
    bench.ledger.is_complete = False
    await bench.changes()

    await bench.explainer.explain_due()

    (explanation,) = (await bench.known()).values()
    assert explanation.why_unknown is WhyUnknown.CUT


async def test_an_account_with_very_many_transfers_cuts_the_answers_of_no_other(bench: Bench) -> None:
    for account, number in ((TREASURY, 1), (TREASURY, 2), (VAULT, 3)):
        bench.ledger.pays(5, 12, to=account, number=number)
    bench.ledger.busy = TREASURY
    await bench.holds(15, 12)
    await bench.holds(10, 12, account=VAULT)

    await bench.explainer.explain_due()

    assert [one.accounts for one in bench.ledger.questions] == [(TREASURY, VAULT), (VAULT,)]
    assert await bench.outcomes() == [ExplanationOutcome.UNKNOWN, EXPLAINED]
    assert await bench.waiting() == 0


async def test_what_the_source_no_longer_lists_is_not_asked_for(bench: Bench) -> None:
    await bench.changes()
    bench.clock += timedelta(days=31)

    await bench.explainer.explain_due()

    (explanation,) = (await bench.known()).values()
    assert explanation.why_unknown is WhyUnknown.TOO_OLD
    assert bench.ledger.questions == []


async def test_alerts_that_cannot_be_judged_leave_all_the_same(bench: Bench) -> None:
    def fail(*_: object) -> None:
        raise ValueError("of ours")

    await bench.changes()
    bench.explainer = Explainer(
        bench.ledger,
        bench.keeper.db,
        ExplainerSettings(WAIT, fail),
        at_rest=bench.at_rest,
        outcomes=Counter(),
        now=lambda: bench.clock,
        monotonic=lambda: bench.seconds,
    )
    with capture_logs() as logs:
        await bench.explainer.explain_due()

    assert await bench.waiting() == 0
    assert [log["action"] for log in logs] == ["explain_failed"]


# ---------------------------------------------------------------- how long alerts wait


async def test_alerts_wait_from_when_they_are_recorded(bench: Bench) -> None:
    assert bench.explainer.explain_until() == at(WAIT)


async def test_where_no_answer_is_likely_no_alert_waits(bench: Bench) -> None:
    bench.ledger.history_is_ready = False

    assert bench.explainer.explain_until() is None


async def test_if_the_configuration_wants_it_no_alert_waits(bench: Bench) -> None:
    bench.wait = 0

    assert bench.new_explainer().explain_until() is None


async def test_while_an_answer_takes_longer_than_alerts_wait_none_waits_anew(bench: Bench) -> None:
    bench.ledger.may_answer.clear()
    await bench.changes()
    asking = asyncio.create_task(bench.explainer.explain_due())
    await until(lambda: bool(bench.ledger.questions))
    assert bench.explainer.explain_until() is not None

    bench.seconds += WAIT + 0.1
    assert bench.explainer.explain_until() is None

    bench.ledger.may_answer.set()
    await asking
    assert bench.explainer.explain_until() is not None
    assert await bench.outcomes() == [EXPLAINED]


# ---------------------------------------------------------------- asked by people


async def test_people_may_ask_whatever_was_not_explained(bench: Bench) -> None:
    await bench.holds(10, 12)
    await bench.explainer.explain_due()
    bench.ledger.pays(5, 12)
    bench.ledger.on_demand.clear()

    await bench.explainer.explain([1, 77])

    assert await bench.outcomes() == [EXPLAINED]
    assert bench.ledger.on_demand == [True]


async def test_what_is_explained_is_not_asked_for_again(bench: Bench) -> None:
    await bench.changes()
    await bench.explainer.explain_due()

    await bench.explainer.explain([1])

    assert len(bench.ledger.questions) == 1


async def test_what_changes_by_itself_is_not_asked_for_either(bench: Bench) -> None:
    await bench.keeper.script("UPDATE asset SET rebasing = 1")
    await bench.holds(500, 12)

    await bench.explainer.explain_due()
    await bench.explainer.explain([1])

    assert bench.ledger.questions == []


# ---------------------------------------------------------------- the worker


async def test_it_is_woken_by_what_is_recorded_and_waits_for_the_end_of_the_sweep(bench: Bench) -> None:
    bench.at_rest.clear()
    running = asyncio.create_task(bench.explainer.run())
    for _ in range(5):  # until its first round has found nothing
        await bench.keeper.db.ping()
    await bench.changes()
    bench.ledger.pays(5, 12, to=VAULT)
    await bench.holds(10, 12, account=VAULT)
    assert bench.ledger.questions == []

    bench.at_rest.set()
    await until(lambda: len(bench.judged) == 2)

    assert len(bench.ledger.questions) == 1
    running.cancel()


async def test_what_was_recorded_before_a_start_is_explained_after_it(bench: Bench) -> None:
    await bench.changes()
    await bench.keeper.reopen()

    running = asyncio.create_task(bench.new_explainer().run())
    await until(lambda: bench.judged == [1])
    running.cancel()


async def test_an_error_does_not_end_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.poller.explainer.LOOK_AGAIN_SECONDS", 0.01)
    await bench.changes()
    await bench.keeper.script("ALTER TABLE explanation RENAME TO away")
    with capture_logs() as logs:
        running = asyncio.create_task(bench.new_explainer().run())
        await until(lambda: len(logs) > 2)
        await bench.keeper.script("ALTER TABLE away RENAME TO explanation")
        await until(lambda: bench.judged == [1])
    running.cancel()

    assert {log["action"] for log in logs} == {"explain_failed"}


async def test_a_moment_that_a_clock_set_back_left_far_ahead_is_due(bench: Bench) -> None:
    await bench.changes()
    await bench.keeper.script(f"UPDATE change SET ask_at = {to_milliseconds(at(3600))}")

    await bench.explainer.explain_due()

    assert await bench.outcomes() == [EXPLAINED]
