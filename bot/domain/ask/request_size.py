"""How many accounts a request may name, and how a question is cut into smaller ones."""

from dataclasses import dataclass, replace

from bot.domain.ask.plan import chunks
from bot.domain.ask.questions import Question

GOOD_SWEEPS_TO_GROW = 20


@dataclass(frozen=True, slots=True)
class RequestSize:
    """How many accounts, or chains of one account, a request may name: between one and `most`."""

    most: int
    now: int
    good_sweeps: int = 0
    """In a row, since the size last changed."""

    def worked(self, size: int) -> "RequestSize":
        """Return what to use after a larger request failed whose parts, of this size, were answered."""
        return RequestSize(self.most, max(1, min(size, self.now)))

    def after_good_sweep(self) -> "RequestSize":
        """Return what to use after a sweep in which this size worked: twice as much after 20 of them."""
        if self.now == self.most:
            return self
        if self.good_sweeps + 1 < GOOD_SWEEPS_TO_GROW:
            return replace(self, good_sweeps=self.good_sweeps + 1)
        return RequestSize(self.most, min(2 * self.now, self.most))


def halves(question: Question) -> tuple[Question, ...]:
    """Cut a question in two: by accounts, a single account by chains; () where there is nothing to cut."""
    accounts, chains = question.accounts, question.chain_ids
    if len(accounts) > 1:
        middle = len(accounts) // 2
        return replace(question, accounts=accounts[:middle]), replace(question, accounts=accounts[middle:])
    if len(chains) > 1:
        middle = len(chains) // 2
        return replace(question, chain_ids=chains[:middle]), replace(question, chain_ids=chains[middle:])
    return ()


def first_and_rest(question: Question) -> tuple[Question, ...]:
    """Cut off the first account; () where halves do the same."""
    accounts = question.accounts
    if len(accounts) <= 2 or len(question.chain_ids) <= 1:  # noqa: PLR2004 - halves of two are single accounts
        return ()
    return replace(question, accounts=accounts[:1]), replace(question, accounts=accounts[1:])


def sized(question: Question, accounts_per_request: int) -> tuple[Question, ...]:
    """Cut a question into such as name no more accounts than that."""
    return tuple(replace(question, accounts=some) for some in chunks(question.accounts, accounts_per_request))


def smallest(question: Question, turn: int) -> Question:
    """Return one account and chain of a question, other ones with each `turn`."""
    accounts, chains = question.accounts, question.chain_ids
    turn, place = divmod(turn, len(chains))
    return replace(question, accounts=(accounts[turn % len(accounts)],), chain_ids=(chains[place],))


def pair_count(question: Question) -> int:
    """Return how many pairs of account and chain a question asks for."""
    return len(question.accounts) * len(question.chain_ids)
