"""It never lies: whatever the gateway does, no alert without a cause, and none lost."""

from dataclasses import replace
from itertools import count

import pytest

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    CutBody,
    DripBody,
    DropConnection,
    EndlessPages,
    FailNativeRow,
    FailNatives,
    FailTokens,
    Fault,
    GzipBomb,
    LeaveOutNatives,
    LeaveOutTokens,
    Redirect,
    RepeatPage,
    ReplaceFields,
)
from tests.chat.reading import moves
from tests.stack import ACCOUNT, ETHEREUM, POLL, POLYGON, SKYWEAVER, USDC_POLYGON, Stack
from tests.waits import until


def relist(stack: Stack, *, verified: bool) -> None:
    stack.world.add_contract(replace(stack.world.contract(POLYGON, USDC_POLYGON), verified=verified))


TROUBLES: dict[str, Fault] = {
    "the tokens of a chain fail": FailTokens(chain_id=POLYGON),
    "the natives of a chain fail": FailNatives(chain_id=POLYGON),
    "one native row fails and shows zero": FailNativeRow(chain_id=POLYGON),
    "a chain is missing from the tokens": LeaveOutTokens(chain_id=POLYGON),
    "a chain is missing from the natives": LeaveOutNatives(chain_id=POLYGON),
    "the gateway is down": AnswerHtml(status=502),
    "a proxy answers with a page and 200": AnswerHtml(status=200),
    "bodies are cut": CutBody(),
    "connections are dropped": DropConnection(),
    "a transient error comes with status 400": AnswerError(name="QueryFailed", code=2003, status=400),
    "the quota is used up": AnswerError(name="QuotaExceeded", code=1200, status=423, method=POLL, times=2),
    "the key is refused": AnswerError(name="AccessKeyNotFound", code=1101, status=401, method=POLL, times=2),
    "a source that moved points elsewhere": Redirect(location="http://127.0.0.1:9/", method=POLL, times=1),
    "a small answer unpacks to a large one": GzipBomb(unpacked_bytes=20 * 2**20),
    "an answer comes a byte at a time": DripBody(seconds_per_byte=0.5, method=POLL, times=1),
    "pages repeat themselves": RepeatPage(),
    "pages begin again and never end": EndlessPages(),
}

NO_AMOUNTS: tuple[object, ...] = (
    -1,
    "-1",
    "",
    None,
    True,
    1.5,
    1e18,
    " 10 ",
    "01",
    "0x10",
    "1e3",
    "1_000",
    "١٢",
    str(2**256),
    "9" * 5000,
    2**53 + 1,
    [],
    {},
)

MALFORMED: tuple[ReplaceFields, ...] = (
    *(ReplaceFields(fields={"balance": value}) for value in NO_AMOUNTS),
    *(ReplaceFields(fields={"accountAddress": value}) for value in ("0x12", None, 7)),
    *(ReplaceFields(fields={"chainId": value}) for value in ("137", 1.5, None, -1, 2**64)),
    *(ReplaceFields(fields={"contractAddress": value}) for value in ("", "0x12", None, 7)),
    *(ReplaceFields(fields={"blockNumber": value}) for value in (-1, "7", 1.5, 2**53 + 1, 2**64)),
    *(ReplaceFields(fields={"contractType": value}) for value in (None, 20)),
    ReplaceFields(remove=("balance",)),
    ReplaceFields(remove=("contractAddress",)),
    ReplaceFields(remove=("chainId",)),
)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_is_no_change_and_hides_none(stack: Stack, trouble: Fault) -> None:
    await stack.watches()
    before = stack.said()

    stack.gateway.faults.add(trouble)
    await stack.asked(3)
    assert "→" not in "".join(stack.said()[len(before) :])
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    stack.world.move(POLYGON, None, ACCOUNT, 10**18)
    stack.gateway.faults.heal()

    def told() -> str:
        return moves("\n".join(stack.said()[len(before) :]))

    await until(lambda: told().count("→") >= 2)
    await stack.asked(3)
    assert told().count("→") == 2
    assert "🔴 −1 USDC | 50 → 49" in told()
    assert "🟢 +1 POL | 12.5 → 13.5" in told()


async def test_malformed_rows_are_no_change_and_hide_none(stack: Stack) -> None:
    await stack.watches()
    for held, malformed in zip(count(50, -1), MALFORMED, strict=False):
        before = "".join(stack.said())
        stack.gateway.faults.add(malformed)
        await stack.asked(2)
        assert "".join(stack.said()) == before, malformed
        stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
        stack.gateway.faults.heal()

        told = (await stack.hears("USDC")).text
        assert f"🔴 −1 USDC | {held} → {held - 1}" in moves(told), malformed

    assert "".join(stack.said()).count("→") == len(MALFORMED)


async def test_a_token_that_loses_its_verification_is_still_held_and_no_loss(stack: Stack) -> None:
    await stack.watches()
    before = stack.said()

    relist(stack, verified=False)
    await stack.asked(4)

    assert stack.said() == before


async def test_a_token_that_lost_its_verification_is_still_told_when_it_moves(stack: Stack) -> None:
    await stack.watches()
    relist(stack, verified=False)
    await stack.asked(4)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "🔴 −1 USDC | 50 → 49" in moves((await stack.hears("USDC")).text)


async def test_a_token_that_is_spent_is_gone(stack: Stack) -> None:
    await stack.watches()

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -50_000_000)

    assert "🔴 −50 USDC | 50 → 0" in moves((await stack.hears("USDC")).text)


async def test_a_spent_token_is_asked_for_by_name_before_it_is_told(stack: Stack) -> None:
    await stack.watches()
    asked_before = len(stack.gateway.requests)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -50_000_000)
    await stack.hears("USDC")

    questions = [str(request.body) for request in stack.gateway.requests[asked_before:]]
    assert any(f"'contractWhitelist': ['{USDC_POLYGON}']" in question for question in questions)


async def test_a_token_listed_later_than_it_came_is_no_gain(stack: Stack) -> None:
    relist(stack, verified=False)
    stack.world.move(POLYGON, SKYWEAVER, ACCOUNT, 1, 70_000)
    await stack.watches()

    relist(stack, verified=True)

    told = (await stack.hears("USDC")).text
    assert "◦ 50 USDC now listed | held since block 71,000,123" in moves(told)
    assert "+50" not in told


async def test_a_token_that_comes_in_anew_is_a_gain(stack: Stack) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -50_000_000)
    await stack.watches()

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 50_000_000)

    assert "✨ +50 USDC | 0 → 50" in moves((await stack.hears("USDC")).text)


async def test_a_native_coin_that_is_spent_to_nothing_is_told(stack: Stack) -> None:
    await stack.watches()

    stack.world.set_native(ETHEREUM, ACCOUNT, 0)

    assert "🔴 −0.158495082541645504 ETH | 0.158495… → 0" in moves((await stack.hears("ETH")).text)
