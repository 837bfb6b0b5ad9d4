"""How it is told that a chain is held back: too much of it vanished at once, which is no silence."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from bot.chat.text.html import Html, code, fill, join
from bot.chat.text.wording import counted
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Gap, HeldBack, HoldEnd

_SINGLY = 5


def vanished(one: HeldBack) -> str:
    """Return `34 of 34 token balances vanished at once`."""
    if not one.lost:
        return "most token balances vanished at once"
    return f"{one.lost:,} of {counted(one.held, 'token balance')} vanished at once"


def waiting(chain_id: ChainId, chains: Chains) -> Html:
    """Return what the bot waits for, and what ends the wait."""
    return fill("waiting for the index, or for an owner's {}", _believe([chain_id], chains))


def told_held_back(gaps: Sequence[Gap], chains: Chains, when: Callable[[datetime], str]) -> Html:
    """Return how subscribers hear that chains are held back; `when` words the moment since then."""
    last = {gap.chain_id: gap for gap in gaps if gap.held_back}
    shown = tuple(last.values())[:_SINGLY]
    more = [f"… and {counted(len(last) - _SINGLY, 'more chain')}."] if len(last) > _SINGLY else []
    wait = fill(
        "An index that is being rebuilt looks like this, so nothing there is reported as gone, and I wait."
        " If it is really gone, an owner can confirm it with {}.",
        _believe(tuple(last), chains),
    )
    return join("\n", (*(_line(gap, chains, when) for gap in shown), *more, wait))


def told_released(gaps: Iterable[Gap], chains: Chains, when: Callable[[datetime], str]) -> list[Html]:
    """Return how subscribers hear that chains are held back no more, a line for each."""
    last = {gap.chain_id: gap for gap in gaps if gap.held_back}
    return [_released(gap, chains, when(gap.since)) for gap in last.values()]


def _line(gap: Gap, chains: Chains, when: Callable[[datetime], str]) -> Html:
    assert gap.held_back is not None
    title = chains.get(gap.chain_id).title
    return fill("⚠️ {} is held back {}: {}.", title, when(gap.since), vanished(gap.held_back))


def _released(gap: Gap, chains: Chains, after: str) -> Html:
    assert gap.held_back is not None
    title = chains.get(gap.chain_id).title
    match gap.held_back.end:
        case HoldEnd.BELIEVED:
            return fill("👁 {} is no longer held back, {}: an owner confirmed that it is gone.", title, after)
        case HoldEnd.SETTLED:
            return fill(
                "👁 {} is no longer held back, {}: what is still missing has stayed so, and counts as gone.",
                title,
                after,
            )
        case _:
            return fill("👁 The balances on {} are back, {}.", title, after)


def _believe(chain_ids: Sequence[ChainId], chains: Chains) -> Html:
    return code(f"/believe {chains.get(chain_ids[0]).name}" if len(chain_ids) == 1 else "/believe CHAIN")
