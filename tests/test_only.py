"""Filters end to end: what is set, and what the buttons under the answers set again."""

from bot.domain.addresses import checksummed
from tests.builders import DAI, USDC
from tests.stack import CHECKSUMMED, Stack, buttons_of

PAYROLL, TAX = DAI, USDC


async def test_undo_means_all_that_is_watched_whatever_a_label_is_called(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as out")
    stack.say("/only all out min $100")
    await stack.hears("All that is watched here: only outgoing changes of $100.00 and more")
    stack.say("/only all min $500")
    answer = await stack.hears("All that is watched here: only changes of $500.00 and more")

    await stack.presses(answer, "Undo")

    await stack.hears("All that is watched here: only outgoing changes of $100.00 and more")


async def test_the_button_that_reports_all_does_so_whatever_a_label_is_called(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as off")
    stack.say("/only min $100")
    await stack.hears("All that is watched here: only changes of $100.00 and more")
    stack.say("/only")
    shown = await stack.hears("To set it")
    assert buttons_of(shown) == ["Report all"]

    await stack.presses(shown, "Report all")

    await stack.hears("All that is watched here: every change is reported")


async def test_what_was_tried_is_set_for_all_whatever_a_label_is_called(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as min")
    stack.say("/only all min $100 ?")
    tried = await stack.hears("Nothing was changed")

    await stack.presses(tried, "Set it")

    await stack.hears("All that is watched here: only changes of $100.00 and more")


async def test_a_filter_names_those_at_the_other_end_as_they_are_called_here(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as Treasury")
    await stack.watches(f"/watch {checksummed(PAYROLL)} as Payroll, Berlin")

    stack.say(f"/only Treasury to Payroll, Berlin, {checksummed(TAX)} min $100")

    answer = await stack.hears("only outgoing changes to Payroll, Berlin or")
    assert f"to Payroll, Berlin or {checksummed(TAX)[:8]}…{checksummed(TAX)[-6:]} of $100.00" in answer.text
    assert (
        "Where the transfers behind such a change can't be told in time, it is reported too." in answer.text
    )
    await stack.presses(answer, "Undo")
    again = await stack.hears("no filter of its own any more")
    await stack.presses(again, "Undo")
    assert "to Payroll, Berlin or" in (await stack.hears("only outgoing changes to")).text


async def test_who_has_no_name_here_is_refused_with_the_one_probably_meant(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as Treasury")
    await stack.watches(f"/watch {checksummed(PAYROLL)} as Payroll")

    stack.say("/only Treasury from Payrol")
    refused = await stack.hears("Nobody here is called “Payrol”. Send the address itself (0x…), or")
    await stack.presses(refused, "Payroll is meant")

    await stack.hears("only incoming changes from Payroll.")


async def test_a_name_that_was_given_is_one_too(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as Treasury")
    stack.say(f"/name {checksummed(TAX)} Tax office")
    await stack.hears("Tax office")

    stack.say("/only Treasury to tax office")
    await stack.hears("only outgoing changes to Tax office.")
    stack.say(f"/name {checksummed(TAX)} Ministry")
    await stack.hears("Ministry")
    stack.say("/list")

    await stack.hears("only outgoing changes to Ministry")


async def test_an_amount_behind_from_is_no_name(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as Treasury")

    stack.say("/only from $100")

    await stack.hears("$100 is no name. An amount comes after “min”.")


async def test_an_owners_private_chat_names_a_counterparty_where_no_channel_is_called_so(
    stack: Stack,
) -> None:
    channel = stack.telegram.add_channel("Alerts", {stack.olga: "creator"}, bot="left")
    stack.telegram.changes_bot(channel, "administrator", by=stack.olga)
    await stack.presses(await stack.hears("You made me an administrator"), "Open Alerts")
    await stack.watches(f"/watch {checksummed(PAYROLL)} as Payroll")

    stack.say(f"/watch {CHECKSUMMED} to Payroll as Treasury")
    await stack.hears("Reported: only outgoing changes to Payroll.")

    # A channel that is called so is meant, as ever; nobody and no channel is a mistake.
    stack.say(f"/watch {CHECKSUMMED} to Alerts")
    await stack.hears("📣 Alerts")
    stack.say(f"/watch {CHECKSUMMED} to Nobody")
    await stack.hears("I don't know a channel called Nobody.")


async def test_what_rings_and_what_quiet_hours_let_pass_is_judged_too_early_for_names(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as Treasury")
    is_for_only = "to is for /only: who is at the other end is not known in time for this."

    stack.say("/loud to Treasury")
    await stack.hears(is_for_only)
    stack.say("/quiet 22:00-07:00 except to Treasury")
    await stack.hears(is_for_only)


async def test_whoever_gets_another_name_has_it_in_filters_too(stack: Stack) -> None:
    await stack.watches(f"/watch {checksummed(PAYROLL)} as Payroll")
    stack.say(f"/watch {CHECKSUMMED} only from Payroll as Treasury")
    await stack.hears("Reported: only incoming changes from Payroll.")

    stack.say("/rename Payroll as Salaries")
    await stack.hears("Salaries")
    stack.say("/only")

    await stack.hears("#2 Treasury · 0x8e3E…d8B9: only incoming changes from Salaries")
