"""What a sweep asks: from the subscriptions to the fewest questions that observe all of them.

Every watched account is asked for once, whatever the number of chats. A *broad* question asks
for all tokens of the configured status, native coins included; a *narrow* one asks for named
contracts, verified or not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bot.domain.ask.questions import Question
from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Part
from bot.domain.subscriptions import DestinationId, Scope, Subscription

CONTRACTS_PER_QUESTION = 50
"""The most contracts that one question names; the source documents no limit."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of one account is to be observed."""

    broad: frozenset[ChainId] = frozenset()
    """Chains on which natives and all tokens of the status are asked."""
    named: Mapping[Address, frozenset[ChainId]] = field(default_factory=dict)
    """Contracts asked by name, and on which chains."""

    def parts(self, chain_id: ChainId, status: Part) -> frozenset[Part]:
        """Return the parts wanted on one chain."""
        parts = {Part(contract) for contract, chains in self.named.items() if chain_id in chains}
        if chain_id in self.broad:
            parts |= {NATIVE_PART, status}
        return frozenset(parts)

    def chains(self) -> frozenset[ChainId]:
        """Return every chain on which anything is wanted."""
        return self.broad.union(*self.named.values())


@dataclass(frozen=True, slots=True)
class Batch:
    """Accounts that are asked for together and compared together."""

    accounts: tuple[Address, ...]
    questions: tuple[Question, ...]


def watches_by_account(
    subscriptions: Iterable[Subscription],
) -> dict[Address, list[tuple[Subscription, Subscription]]]:
    """Return the subscriptions about each watched account.

    Each is a pair: the subscription that names the account, and the one that says what to watch of it. They
    are the same, but for a subscription to a contract alone: that is about every account its destination
    watches, on the chains of both.
    """
    watching: dict[DestinationId, list[Subscription]] = defaultdict(list)
    tokens: list[Subscription] = []
    result: dict[Address, list[tuple[Subscription, Subscription]]] = defaultdict(list)
    for subscription in subscriptions:
        if subscription.account is None:
            tokens.append(subscription)
        else:
            watching[subscription.destination_id].append(subscription)
            result[subscription.account].append((subscription, subscription))
    for token in tokens:
        for watch in watching[token.destination_id]:
            # Guaranteed above: only subscriptions with an account are in `watching`.
            assert watch.account is not None
            result[watch.account].append((watch, token))
    return result


def watched_parts(
    pairs: Iterable[tuple[Subscription, Subscription]], chain_id: ChainId, status: Part
) -> frozenset[Part]:
    """Return the parts of one account on one chain that these pairs watch."""
    parts: set[Part] = set()
    for watch, what in pairs:
        if watch.scope.covers_chain(chain_id) and what.scope.covers_chain(chain_id):
            contracts = what.scope.contracts
            parts.update(map(Part, contracts) if contracts else (NATIVE_PART, status))
    return frozenset(parts)


def wanted_by(subscriptions: Iterable[Subscription], chains: frozenset[ChainId]) -> dict[Address, Wanted]:
    """Return what is to be observed of each account; a subscription that names no chains means `chains`.

    Accounts of which the same is wanted share one value, as there may be thousands of them.
    """
    shared: dict[_Scopes, Wanted] = {}
    result = {}
    for account, pairs in watches_by_account(subscriptions).items():
        scopes = tuple(
            (what.scope.contracts, _chains_of(watch.scope, what.scope, chains)) for watch, what in pairs
        )
        if scopes not in shared:
            shared[scopes] = _wanted(scopes)
        result[account] = shared[scopes]
    return result


_Scopes = tuple[tuple[frozenset[Address], frozenset[ChainId]], ...]


def _wanted(scopes: _Scopes) -> Wanted:
    broad: set[ChainId] = set()
    named: dict[Address, set[ChainId]] = defaultdict(set)
    for contracts, on in scopes:
        for contract in contracts:
            named[contract] |= on
        if not contracts:
            broad |= on
    return Wanted(frozenset(broad), {contract: frozenset(on) for contract, on in named.items() if on})


def _chains_of(one: Scope, other: Scope, chains: frozenset[ChainId]) -> frozenset[ChainId]:
    """Return the chains that both name; one that names none leaves the choice to the other."""
    if one.chains and other.chains:
        return one.chains & other.chains
    return one.chains or other.chains or chains


def with_unlisted(
    wanted: Mapping[Address, Wanted], unlisted: Mapping[Address, Iterable[Asset]]
) -> dict[Address, Wanted]:
    """Add, by name, the tokens that lost their listing on chains where the account is still asked broadly."""
    result = dict(wanted)
    for account, assets in unlisted.items():
        before = result.get(account)
        # Nobody asks for the account any more.
        if before is None:
            continue
        named = dict(before.named)
        for asset in assets:
            if asset.chain_id in before.broad:
                named[asset.contract] = named.get(asset.contract, frozenset()) | {asset.chain_id}
        result[account] = Wanted(before.broad, named)
    return result


def batches(
    wanted: Mapping[Address, Wanted],
    *,
    accounts_per_request: int,
    contract_status: str,
    contracts_left_out: tuple[Address, ...] = (),
    metadata_for: frozenset[Address] = frozenset(),
) -> Iterator[Batch]:
    """Group the accounts that can share requests, and make their questions.

    `metadata_for` are the accounts that were never read before: only their answers are to describe the
    assets, which would make every other answer larger for nothing.
    """
    groups: dict[tuple[frozenset[ChainId], frozenset[ChainId], bool], list[Address]] = defaultdict(list)
    # Only accounts wanted on the same chains can share a question: it asks for each account on each chain.
    for account, what in wanted.items():
        if what.broad or what.named:
            narrow = frozenset().union(*what.named.values())
            groups[what.broad, narrow, account in metadata_for].append(account)
    for (broad, narrow, metadata), accounts in groups.items():
        # Accounts with the same contracts come together, so that their lists are short.
        accounts.sort(key=lambda account: (sorted(wanted[account].named), account))
        for some in chunks(accounts, accounts_per_request):
            questions: list[Question] = []
            if broad:
                questions.append(
                    Question(
                        accounts=some,
                        chain_ids=tuple(sorted(broad)),
                        contract_status=contract_status,
                        contracts_left_out=contracts_left_out,
                        metadata=metadata,
                    )
                )
            named = {account: wanted[account].named for account in some}
            questions += narrow_questions(named, narrow, metadata=metadata)
            yield Batch(some, tuple(questions))


def narrow_questions(
    named: Mapping[Address, Iterable[Address]], chains: frozenset[ChainId], *, metadata: bool
) -> list[Question]:
    """Return the questions for contracts by name; one list of contracts serves all accounts of the group.

    Their status is always `ALL`, or unverified contracts could be hidden (docs/indexer-gateway.md,
    "Requests").
    """
    askers: dict[Address, set[Address]] = defaultdict(set)
    for account, contracts in named.items():
        for contract in contracts:
            askers[contract].add(account)
    return [
        Question(
            accounts=tuple(sorted(set().union(*(askers[contract] for contract in some)))),
            chain_ids=tuple(sorted(chains)),
            contract_status="ALL",
            contracts=some,
            natives=False,
            metadata=metadata,
        )
        for some in chunks(sorted(askers), CONTRACTS_PER_QUESTION)
    ]


def chunks(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """Cut a sequence into tuples of at most `size`."""
    for start in range(0, len(items), size):
        yield tuple(items[start : start + size])
