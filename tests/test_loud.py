"""Loud rules end to end: what rings, what arrives without sound, and whom it calls."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.telegram.world.world import Message
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack
from tests.waits import until


def called_in(message: Message) -> list[int]:
    """Return whom a message calls by their numbers."""
    return [one.user_id for one in message.entities if one.type == "text_mention"]


async def test_two_chats_hear_one_change_each_by_its_own_rules(stack: Stack) -> None:
    petr = stack.telegram.add_user("Petr", username="petr_t", user_id=7002)
    private = stack.telegram.add_private_chat(petr)
    group = stack.telegram.add_group("Ops", members={stack.olga: "administrator", petr: "member"})
    stack.say("/start", chat=private, user=petr)
    await stack.hears("", chat=private)
    stack.say("/allow", chat=group)
    await stack.hears("", chat=group)
    await stack.watches()
    stack.say(f"/watch {CHECKSUMMED} as Treasury", chat=group)
    await stack.hears("9 balances on 5 chains", chat=group)
    stack.say("/loud in @petr_t", chat=group)
    await stack.hears("incoming changes ring and mention @petr_t", chat=group)
    stack.say("/loud Treasury out")
    await stack.hears("outgoing changes ring")

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    mine, theirs = await stack.hears("+1 USDC"), await stack.hears("+1 USDC", chat=group)

    assert (mine.silent, called_in(mine)) == (True, [])
    assert (theirs.silent, called_in(theirs)) == (False, [7002])

    # Nothing breaks where somebody whom a rule calls is there no more.
    stack.telegram.leaves(petr, group)
    del stack.telegram.chats[private.id]
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    theirs = await stack.hears("+1 USDC", chat=group)

    assert "🔔 @petr_t" in theirs.text
    assert (theirs.silent, called_in(theirs)) == (False, [])


async def test_an_alarm_rings_where_only_large_changes_do(stack: Stack) -> None:
    await stack.watches()
    stack.say("/alarm Treasury below 40 USDC on polygon")
    await stack.hears("A1")
    stack.say("/loud min $100 @olga_t")
    await stack.hears("ring and mention")

    usdc_moves(stack, -20)
    rang = await stack.hears("⏰ Treasury · Polygon: 30 USDC, below 40")
    usdc_moves(stack, -1)
    changed = await stack.hears("−1 USDC")

    assert (rang.silent, "@olga_t" in rang.text) == (False, False)
    assert changed.silent


@pytest.mark.parametrize(("moved", "is_silent"), [(-2, True), (-20, False)])
async def test_what_quiet_hours_kept_sounds_as_its_loudest_change(
    stack: Stack, moved: int, *, is_silent: bool
) -> None:
    await stack.watches()
    stack.say("/loud min $10")
    await stack.hears("All other changes here arrive without sound.")
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    stack.say(f"/quiet {now - hour:%H:%M}-{now + hour:%H:%M}")
    await stack.hears("It is quiet now, until ")
    usdc_moves(stack, moved)
    await until(lambda: held(stack) == 1)
    usdc_moves(stack, 1)
    await until(lambda: held(stack) == 2)

    stack.say("/unmute")

    told = await stack.hears(f"50 → {50 + moved + 1} in 2 steps")
    assert told.silent is is_silent


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def held(stack: Stack) -> int:
    ((count,),) = stack.rows("SELECT count(*) FROM alert WHERE state = 'held'")
    return int(count)


async def test_somebody_without_a_username_is_called_by_number(stack: Stack) -> None:
    anna = stack.telegram.add_user("Anna <b>", user_id=7003)
    group = stack.telegram.add_group("Ops", members={stack.olga: "administrator", anna: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Treasury", chat=group)
    await stack.hears("Treasury", chat=group)
    await stack.hears("balance", chat=group)
    stack.telegram.says(stack.olga, group, "/loud Treasury out Anna <b>", calling=anna)
    await stack.hears("outgoing changes ring and mention Anna <b>.", chat=group)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert called_in(await stack.hears("−1 USDC", chat=group)) == [7003]


async def test_a_reply_to_an_alert_is_about_its_account(stack: Stack) -> None:
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    alert = await stack.hears("+1 USDC")
    assert not alert.silent

    stack.say("/loud out", reply_to=alert)

    await stack.hears("🔔 Treasury · 0x8e3E…d8B9: outgoing changes ring.")


async def test_what_is_typed_is_repeated_and_taken_back_by_its_button(stack: Stack) -> None:
    await stack.watches()
    stack.say("/loud min $1000 @petr_t")
    await stack.hears("changes of $1,000.00 and more ring and mention @petr_t")
    stack.say("/loud all")
    every = await stack.hears("All that is watched here: every change rings.")

    await stack.presses(every, "Undo")
    await stack.hears("changes of $1,000.00 and more ring and mention @petr_t")
    stack.say("/loud Treasury @PETR_T, @petr_t in")
    await stack.hears("Treasury · 0x8e3E…d8B9: incoming changes ring and mention @PETR_T.")
    stack.say("/loud all off")
    await stack.hears("All that is watched here: no loud rule of its own any more.\nAll other changes here")
    stack.say("/loud off")
    off = await stack.hears("Every change rings here again.")
    await stack.presses(off, "Undo")
    await stack.hears("Treasury · 0x8e3E…d8B9: incoming changes ring and mention @PETR_T.")
    stack.say("/loud Treasury off")
    await stack.hears("Treasury · 0x8e3E…d8B9: no loud rule of its own any more.\nEvery change rings here.")


async def test_what_is_no_rule_sets_none(stack: Stack) -> None:
    await stack.watches()
    for typed, answer in (
        ("/loud min 1,5", "1,5 could be 1.5 or 15."),
        ("/loud Tresury out @petr_t", "Did you mean Treasury?"),
        ("/loud out min 5 NOPE", "No token held here is called “NOPE”"),
        ("/loud " + " ".join(f"@petr_{number}" for number in range(21)), "is too many: 20 people at most."),
    ):
        stack.say(typed)
        await stack.hears(answer)
    stack.say("/loud")

    await stack.hears("Every change rings here.")
