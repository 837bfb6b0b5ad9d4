"""Changes whose transfers are to be asked for, and the fewest questions that cover them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.ask.plan import chunks
from bot.domain.assets import Address, ChainId
from bot.domain.explain.questions import ACCOUNTS_MOST, HistoryAnswer, HistoryQuestion
from bot.domain.observations import Change

READ_BACK = timedelta(minutes=3)
"""So much earlier than a balance was last seen as before the source may date a transfer."""


class Unexplained(NamedTuple):
    """A change whose transfers are to be asked for."""

    row: int
    """The number of the change."""
    change: Change
    previous_at: datetime | None
    """When the amount before was last seen; None: nobody knows."""
    was_asked: bool
    """Whether it was asked about before, and is not explained."""


class Inquiry(NamedTuple):
    """One question for transfers, and the changes that its answer is to explain."""

    question: HistoryQuestion
    about: tuple[Unexplained, ...]


def inquiries(changes: Iterable[Unexplained]) -> list[Inquiry]:
    """Return one question for each chain, or several where it would name too many accounts.

    What was asked about before comes last, in questions of its own: its transfers may be far back, and nobody
    waits for them.
    """
    groups: dict[tuple[bool, ChainId], list[Unexplained]] = defaultdict(list)
    for one in changes:
        groups[one.was_asked, one.change.asset.chain_id].append(one)
    in_order = sorted(groups.items(), key=lambda group: group[0][0])
    return [inquiry for (_, chain_id), some in in_order for inquiry in _of_chain(chain_id, some)]


def without_range(inquiry: Inquiry) -> HistoryQuestion:
    """Return a question that does not rest on blocks: the source may ignore or mistake them."""
    previous = [one.previous_at for one in inquiry.about]
    known = [at for at in previous if at is not None]
    since = min(known) - READ_BACK if known and len(known) == len(previous) else None
    question = inquiry.question
    return HistoryQuestion(
        chain_id=question.chain_id, accounts=question.accounts, contracts=question.contracts, since=since
    )


def busiest_apart(inquiry: Inquiry, answer: HistoryAnswer) -> tuple[Inquiry, list[Inquiry]]:
    """Return which changes an answer that is cut is about, and what is to be asked again for the others.

    The account with the most transfers has cut it; the others may have few.
    """
    listed = Counter(end for one in answer.transfers for end in {one.sender, one.receiver})
    accounts = inquiry.question.accounts
    busiest = max(accounts, key=lambda account: listed[account])
    if len(accounts) == 1 or not listed[busiest]:
        return inquiry, []
    others = [one for one in inquiry.about if one.change.account != busiest]
    about = tuple(one for one in inquiry.about if one.change.account == busiest)
    return inquiry._replace(about=about), list(_of_chain(inquiry.question.chain_id, others))


def _of_chain(chain_id: ChainId, changes: Sequence[Unexplained]) -> Iterator[Inquiry]:
    by_account: dict[Address, list[Unexplained]] = defaultdict(list)
    for one in changes:
        by_account[one.change.account].append(one)
    for accounts in chunks(tuple(by_account), ACCOUNTS_MOST):
        about = tuple(one for account in accounts for one in by_account[account])
        question = HistoryQuestion(
            chain_id=chain_id,
            accounts=tuple(accounts),
            contracts=tuple(sorted({one.change.asset.contract for one in about})),
            from_block=_first_block(about),
        )
        inquiry = Inquiry(question, about)
        yield inquiry if question.from_block is not None else Inquiry(without_range(inquiry), about)


def _first_block(about: Iterable[Unexplained]) -> int | None:
    """Return the first block that may hold a transfer; None: not all blocks are known, or to be trusted."""
    blocks = [None if one.was_asked else one.change.before.block for one in about]
    known = [block for block in blocks if block is not None]
    return min(known) + 1 if len(known) == len(blocks) else None
