"""Which transfers explain a change, end to end: whatever history does, alerts leave and say nothing false."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import pytest

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    CutBody,
    DropConnection,
    FailHistory,
    Fault,
    GzipBomb,
    ReplaceTransfers,
)
from bot.sandbox.gateway.transfers import Sending
from bot.sandbox.gateway.world import Contract
from bot.sandbox.telegram.world.world import Message
from tests.stack import ACCOUNT, BASE, ETHEREUM, POLYGON, USDC, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until

HISTORY: Final = "GetTransactionHistory"
PAYROLL = "0x91c4a200000000000000000000000000000fbe31"
LOOKS_ALIKE = "0x91c4ffffffffffffffffffffffffffffffffbe31"
STRANGER = "0x57" + "57" * 19
VAULT = "0x" + "44" * 20
UNIT = 10**6

AT_ONCE = 0.2
"""Seconds that an alert waits here for what does not come."""
LONG = 30
"""Longer than anything here takes: where less would do, only a hang makes it wait so long."""


@asynccontextmanager
async def open_payer(directory: Path, wait: float = LONG) -> AsyncIterator[Stack]:
    """Let Olga watch an account and know who Payroll is."""
    async with open_stack(directory) as stack:
        stack.lists_transfers(wait)
        stack.start()
        await stack.watches()
        stack.say(f"/name {PAYROLL} Payroll")
        await stack.hears("Payroll")
        yield stack


@pytest.fixture
async def payer(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_payer(tmp_path) as stack:
        yield stack


@pytest.fixture
async def hurried(tmp_path: Path) -> AsyncIterator[Stack]:
    """Let her alerts wait for next to nothing."""
    async with open_payer(tmp_path, AT_ONCE) as stack:
        yield stack


def pays(stack: Stack, units: int, receiver: str = PAYROLL) -> None:
    stack.world.transfer(POLYGON, USDC_POLYGON, ACCOUNT, receiver, units * UNIT)


def extra_requests(stack: Stack) -> int:
    return sum(request.method == HISTORY for request in stack.gateway.requests)


def rows(stack: Stack, query: str) -> list[tuple[object, ...]]:
    return stack.rows(query)


def outcomes(stack: Stack) -> list[tuple[object, ...]]:
    """Return what is said of each change, in order, and why nothing is known."""
    return rows(stack, "SELECT outcome, coalesce(reason, '') FROM explanation ORDER BY change_id")


async def alert(stack: Stack, amount: str) -> Message:
    """Return the alert about so much."""
    return await stack.hears(f"{amount} USDC")


def newest_transaction(stack: Stack) -> str:
    return stack.world.transfers(POLYGON, ACCOUNT)[-1].transaction


# ---------------------------------------------------------------- what is known is in the alert


async def test_an_alert_says_who_was_paid_and_in_which_transaction(payer: Stack) -> None:
    pays(payer, 1)

    told = await alert(payer, "−1")

    assert "to Payroll" in told.text
    assert any(newest_transaction(payer) in (entity.url or "") for entity in told.entities)
    assert outcomes(payer) == [("explained", "")]


async def test_an_alert_says_who_paid_by_first_and_last_digits_where_nobody_named_them(payer: Stack) -> None:
    payer.world.set_token(POLYGON, USDC_POLYGON, STRANGER, 5 * UNIT)
    payer.world.transfer(POLYGON, USDC_POLYGON, STRANGER, ACCOUNT, 5 * UNIT)

    told = await alert(payer, "+5")

    assert "from 0x575757…575757" in told.text
    assert STRANGER not in told.text


async def test_what_the_transfers_do_not_explain_is_said_to_the_last_unit(payer: Stack) -> None:
    pays(payer, 3)
    payer.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -250_000, counterparty=None)

    told = await alert(payer, "−3.25")

    assert "Payroll" in told.text
    assert "0.25" in told.text
    assert "without a transfer" in told.text
    assert outcomes(payer) == [("partly", "")]


async def test_where_no_transfer_is_listed_the_alert_says_nothing_and_why_says_so(payer: Stack) -> None:
    payer.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -UNIT, counterparty=None)

    told = await alert(payer, "−1")

    assert "transfer" not in told.text
    assert outcomes(payer) == [("none", "")]


async def test_successive_payments_are_each_explained_by_their_own_transfer(payer: Stack) -> None:
    for units, receiver in ((1, PAYROLL), (2, STRANGER), (3, PAYROLL)):
        pays(payer, units, receiver)
        told = await alert(payer, f"−{units}")
        assert ("Payroll" in told.text) is (receiver == PAYROLL)

    assert rows(payer, "SELECT change_id, count(*) FROM leg GROUP BY change_id ORDER BY 1") == [
        (1, 1),
        (2, 1),
        (3, 1),
    ]


async def test_a_payment_that_explains_one_change_of_a_coin_explains_no_other_one(payer: Stack) -> None:
    payer.world.move(POLYGON, None, ACCOUNT, 10**18, counterparty=PAYROLL)
    assert "from Payroll" in (await payer.hears("+1 POL")).text

    payer.world.move(POLYGON, None, ACCOUNT, 10**18, counterparty=None)

    assert "Payroll" not in (await payer.hears("+1 POL")).text
    assert outcomes(payer) == [("explained", ""), ("none", "")]


async def test_a_transfer_between_two_watched_accounts_explains_both_and_is_said_once(payer: Stack) -> None:
    payer.say(f"/watch {VAULT} as Vault")
    await payer.hears("Watching Vault")
    await payer.asked(3)

    pays(payer, 4, VAULT)

    told = await payer.hears("+4 USDC")
    assert "−4 USDC" in told.text
    assert told.text.count("⇄ within your accounts") == 1
    assert outcomes(payer) == [("explained", "")] * 2


async def test_a_payment_of_nothing_and_a_fake_of_the_same_symbol_explain_nothing(payer: Stack) -> None:
    fake = "0x" + "fa" * 20
    payer.world.add_contract(
        Contract(chain_id=POLYGON, address=fake, kind="ERC20", symbol="USDC", name="USDC", decimals=6)
    )
    payer.world.set_token(POLYGON, fake, LOOKS_ALIKE, 100 * UNIT)
    payer.world.transact(
        POLYGON,
        Sending(USDC_POLYGON, ACCOUNT, LOOKS_ALIKE, {0: 0}),
        Sending(fake, LOOKS_ALIKE, STRANGER, {0: UNIT}),
    )
    pays(payer, 1)

    told = await alert(payer, "−1")

    assert "to Payroll" in told.text
    assert "be31" not in told.text
    assert outcomes(payer) == [("explained", "")]
    assert rows(payer, "SELECT left_out FROM explanation") == [(1,)]


async def test_one_who_looks_like_payroll_and_is_not_is_said_to_be_so(payer: Stack) -> None:
    pays(payer, 2, LOOKS_ALIKE)

    told = await alert(payer, "−2")

    assert "looks like Payroll, is not" in told.text


async def test_a_reply_with_a_name_asks_who_of_several_gets_it_and_gives_it_to_none_who_has_one(
    payer: Stack,
) -> None:
    payer.world.transact(
        POLYGON,
        Sending(USDC_POLYGON, ACCOUNT, STRANGER, {0: UNIT}),
        Sending(USDC_POLYGON, ACCOUNT, VAULT, {0: UNIT}),
    )
    told = await alert(payer, "−2")
    payer.say("/name Rent", reply_to=told)
    asked = await payer.hears("Several in that alert have no name. Who gets this one?")
    assert len(buttons_of(asked)) == 2

    pays(payer, 1)
    told = await alert(payer, "−1")
    payer.say("/name Rent", reply_to=told)
    await payer.hears("Nobody in that alert can be named by a reply")
    payer.say("/name off", reply_to=told)
    await payer.hears("Say which name is to go: /name Payroll off")


async def test_a_list_over_two_pages_is_read_to_its_end_though_a_page_cuts_a_transaction(
    payer: Stack,
) -> None:
    people = [f"0x{number:040x}" for number in range(0x1000, 0x1000 + 14)]
    for person in people:  # 42 rows: the first page ends within the first of all transactions
        payer.world.transact(
            POLYGON, *[Sending(USDC_POLYGON, ACCOUNT, person, {0: amount}) for amount in (1, 2, 3)]
        )

    told = await payer.hears("USDC")

    assert "and 11 more" in told.text
    assert outcomes(payer) == [("explained", "")]
    assert rows(payer, "SELECT count(*) FROM leg") == [(42,)]


async def test_where_blocks_are_not_obeyed_older_payments_explain_nothing(payer: Stack) -> None:
    payer.gateway.knobs = replace(payer.gateway.knobs, history_block_range="ignored")
    pays(payer, 1, STRANGER)
    await alert(payer, "−1")
    await payer.asked(2)

    pays(payer, 2)

    told = await alert(payer, "−2")
    assert "to Payroll" in told.text
    assert "0x5757" not in told.text
    assert outcomes(payer) == [("explained", "")] * 2


async def test_a_source_whose_range_leaves_out_its_ends_is_understood(payer: Stack) -> None:
    payer.gateway.knobs = replace(payer.gateway.knobs, history_block_range="exclusive")

    pays(payer, 1)

    assert "to Payroll" in (await alert(payer, "−1")).text


# ---------------------------------------------------------------- history fails, and alerts leave

TROUBLES: dict[str, Fault] = {
    "refused": AnswerError(name="InvalidArgument", code=2001, status=400, method=HISTORY),
    "fails": AnswerError(name="QueryFailed", code=2003, status=500, method=HISTORY),
    "throttled": AnswerError(name="RateLimit", code=1201, status=429, method=HISTORY),
    "quota exceeded": AnswerError(name="QuotaExceeded", code=1200, status=423, method=HISTORY),
    "forbidden": AnswerError(name="MethodNotFound", code=1003, status=403, method=HISTORY),
    "absent": AnswerError(name="WebrpcBadRoute", code=-2, status=404, method=HISTORY),
    "a page that is not found": AnswerHtml(status=404, method=HISTORY),
    "a page of a proxy": AnswerHtml(status=200, method=HISTORY),
    "cut": CutBody(method=HISTORY),
    "dropped": DropConnection(method=HISTORY),
    "a bomb": GzipBomb(method=HISTORY),
    "failing for the chain": FailHistory(chain_id=POLYGON),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_a_history_that_fails_costs_no_alert_and_the_polls_go_on(payer: Stack, trouble: Fault) -> None:
    payer.gateway.faults.add(trouble)

    for units in range(1, 5):
        pays(payer, units)
        told = await alert(payer, f"−{units}")
        assert "Payroll" not in told.text
    await payer.asked(3)

    assert {outcome for outcome, _ in outcomes(payer)} <= {"unknown"}


async def test_a_history_that_is_back_explains_what_comes_then(payer: Stack) -> None:
    payer.gateway.faults.add(AnswerError(name="QueryFailed", code=2003, status=500, method=HISTORY, times=1))
    pays(payer, 1)
    await alert(payer, "−1")

    def explained() -> bool:
        return ("explained", "") in outcomes(payer)

    for _ in range(500):
        payer.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1, counterparty=PAYROLL)
        await alert(payer, "−0.000001")
        if explained():
            break
    assert explained()


@pytest.mark.parametrize("end", ["never", "repeated"])
async def test_a_list_that_does_not_end_explains_nothing(
    payer: Stack, end: Literal["never", "repeated"]
) -> None:
    payer.gateway.knobs = replace(payer.gateway.knobs, history_end=end)

    pays(payer, 1)

    assert "Payroll" not in (await alert(payer, "−1")).text
    await until(lambda: outcomes(payer) == [("unknown", "cut")])
    assert extra_requests(payer) <= 10


# ---------------------------------------------------------------- history lies

LIES = {
    "of somebody else": ReplaceTransfers(fields={"from": STRANGER, "to": STRANGER}),
    "of another token": ReplaceTransfers(fields={"contractAddress": USDC, "to": STRANGER}),
    "of another chain": ReplaceTransfers(transaction={"chainId": BASE}),
    "of blocks that were before": ReplaceTransfers(fields={"to": STRANGER}, transaction={"blockNumber": 7}),
    "of blocks to come": ReplaceTransfers(fields={"to": STRANGER}, transaction={"blockNumber": 2**52}),
    "of less than nothing": ReplaceTransfers(fields={"amounts": ["-1000000"], "to": STRANGER}),
    "of no number": ReplaceTransfers(fields={"amounts": ["one"], "to": STRANGER}),
    "of too much": ReplaceTransfers(fields={"amounts": [str(2**256)], "to": STRANGER}),
    "to no address": ReplaceTransfers(fields={"to": "0x57"}),
    "in no transaction": ReplaceTransfers(fields={"to": STRANGER}, transaction={"txnHash": "0x12"}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_a_list_that_cannot_be_true_explains_nothing(payer: Stack, lie: ReplaceTransfers) -> None:
    payer.gateway.faults.add(lie)

    pays(payer, 1)

    told = await alert(payer, "−1")
    assert "tx" not in told.text
    await until(lambda: len(outcomes(payer)) == 1)
    assert outcomes(payer)[0][0] in {"none", "unknown"}


@pytest.mark.parametrize("lie", list(LIES.values())[:2], ids=list(LIES.keys())[:2])
async def test_rows_that_nobody_asked_for_take_nothing_from_the_true_ones(
    payer: Stack, lie: ReplaceTransfers
) -> None:
    payer.gateway.faults.add(replace(lie, is_repeated=True))

    pays(payer, 1)

    told = await alert(payer, "−1")
    assert "to Payroll" in told.text
    assert "5757" not in told.text


# ---------------------------------------------------------------- history hangs, or is late


async def test_while_history_hangs_alerts_leave_and_accounts_are_read(hurried: Stack) -> None:
    hurried.gateway.gate.hold(HISTORY)

    for units in range(1, 4):
        pays(hurried, units)
        assert "Payroll" not in (await alert(hurried, f"−{units}")).text
    await hurried.asked(3)

    assert extra_requests(hurried) == 1, "one after the other"


async def test_what_is_explained_late_is_kept_and_nothing_sent_is_edited(hurried: Stack) -> None:
    hurried.gateway.gate.hold(HISTORY)
    pays(hurried, 1)
    told = await alert(hurried, "−1")

    hurried.gateway.gate.release()

    await until(lambda: outcomes(hurried) == [("explained", "")])
    await hurried.asked(3)
    assert [message.text for message in hurried.telegram.messages(hurried.chat)].count(told.text) == 1
    assert not [call for call in hurried.telegram.calls if call.method.startswith("editMessage")]
    assert rows(hurried, "SELECT count(*) FROM leg") == [(1,)]


async def test_other_news_do_not_wait_for_transfers(payer: Stack) -> None:
    payer.gateway.gate.hold(HISTORY)
    payer.say("/alarm Treasury below 45 USDC on polygon")
    await payer.hears("A1")

    pays(payer, 10)

    assert "⏰" in (await payer.hears("40 USDC, below 45")).text
    assert "−10 USDC" not in "".join(payer.said())
    payer.gateway.gate.release()
    assert "to Payroll" in (await alert(payer, "−10")).text


# ---------------------------------------------------------------- few requests


async def test_all_changes_of_a_chain_are_one_question_and_each_chain_is_asked_by_itself(
    payer: Stack,
) -> None:
    payer.say(f"/watch {VAULT} as Vault")
    await payer.hears("Watching Vault")
    await payer.asked(3)

    pays(payer, 4, VAULT)
    payer.world.transfer(ETHEREUM, USDC, ACCOUNT, PAYROLL, 5 * UNIT)

    await payer.hears("+4 USDC")
    await until(lambda: len(outcomes(payer)) == 3)
    assert extra_requests(payer) == 2


async def test_above_its_budget_history_is_not_asked_and_alerts_do_not_wait(payer: Stack) -> None:
    def is_spent() -> bool:
        return ("unknown", "quota") in outcomes(payer)

    sent = 0
    while not is_spent():
        sent += 1
        assert sent < 200, "it is never used up"
        payer.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1, counterparty=PAYROLL)
        await alert(payer, "−0.000001")

    assert extra_requests(payer) <= 20 + payer.balance_requests() / 10 + 1
