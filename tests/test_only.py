"""Filters end to end: what is set, and what the buttons under the answers set again."""

from tests.stack import CHECKSUMMED, Stack, buttons_of


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
