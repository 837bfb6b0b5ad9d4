"""What has to be asked: from what people wish to the fewest questions that observe it.

Every watched account is asked for once, whatever the number of chats. *Broad*
asks for all tokens of the configured status, natives included; *narrow* asks
for named contracts, verified or not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Part
from bot.domain.questions import Question
from bot.domain.subscriptions import DestinationId, Subscription

CONTRACTS_PER_QUESTION = 50
"""A whitelist's length; the source names no limit (indexer-gateway.md 8)."""

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
        named = {Part(contract) for contract, chains in self.named.items() if chain_id in chains}
        return frozenset(named | ({NATIVE_PART, status} if chain_id in self.broad else set()))

    def chains(self) -> frozenset[ChainId]:
        """Return every chain on which anything is wanted."""
        return self.broad.union(*self.named.values())


@dataclass(frozen=True, slots=True)
class Batch:
    """Accounts that are asked together, whose answers are compared together."""

    accounts: tuple[Address, ...]
    questions: tuple[Question, ...]


def watches_by_account(
    subscriptions: Iterable[Subscription],
) -> dict[Address, list[tuple[Subscription, Subscription]]]:
    """Return, for every watched account, who wishes something of it.

    Each wish is a pair: the subscription that names the account, and the one
    that says what to look at. They are the same, but for a contract alone: it
    is wished of every account its destination watches, on the chains of both.
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
            assert watch.account is not None
            result[watch.account].append((watch, token))
    return result


def watched_parts(
    pairs: Iterable[tuple[Subscription, Subscription]], chain_id: ChainId, status: Part
) -> frozenset[Part]:
    """Return the parts of one account on one chain that these wishes speak of."""
    parts: set[Part] = set()
    for watch, wish in pairs:
        if watch.covers_chain(chain_id) and wish.covers_chain(chain_id):
            parts.update(map(Part, wish.contracts) if wish.contracts else (NATIVE_PART, status))
    return frozenset(parts)


def wanted_by(subscriptions: Iterable[Subscription], chains: frozenset[ChainId]) -> dict[Address, Wanted]:
    """Return what is to be observed of each account; `chains` are meant where a subscription names none.

    Accounts of which the same is wished share one value: there may be many of them.
    """
    shared: dict[_Wishes, Wanted] = {}
    result = {}
    for account, pairs in watches_by_account(subscriptions).items():
        wished = tuple((wish.contracts, _chains_of(watch, wish, chains)) for watch, wish in pairs)
        if wished not in shared:
            shared[wished] = _wanted(wished)
        result[account] = shared[wished]
    return result


_Wishes = tuple[tuple[frozenset[Address], frozenset[ChainId]], ...]


def _wanted(wished: _Wishes) -> Wanted:
    broad: set[ChainId] = set()
    named: dict[Address, set[ChainId]] = defaultdict(set)
    for contracts, on in wished:
        for contract in contracts:
            named[contract] |= on
        if not contracts:
            broad |= on
    return Wanted(frozenset(broad), {contract: frozenset(on) for contract, on in named.items() if on})


def _chains_of(watch: Subscription, wish: Subscription, chains: frozenset[ChainId]) -> frozenset[ChainId]:
    """Return the chains of both; one that names none leaves the choice to the other."""
    if watch.chains and wish.chains:
        return watch.chains & wish.chains
    return watch.chains or wish.chains or chains


def with_unlisted(
    wanted: Mapping[Address, Wanted], unlisted: Mapping[Address, Iterable[Asset]]
) -> dict[Address, Wanted]:
    """Return the same, and by name what lost its listing where the account is still asked broadly."""
    result = dict(wanted)
    for account, assets in unlisted.items():
        one = result.get(account)
        if one is None:
            continue
        named = dict(one.named)
        for asset in assets:
            if asset.chain_id in one.broad:
                named[asset.contract] = named.get(asset.contract, frozenset()) | {asset.chain_id}
        result[account] = Wanted(one.broad, named)
    return result


def batches(
    wanted: Mapping[Address, Wanted],
    *,
    accounts_per_request: int,
    contract_status: str,
    contracts_left_out: tuple[Address, ...] = (),
    metadata_for: frozenset[Address] = frozenset(),
) -> Iterator[Batch]:
    """Group accounts that can share requests, and word the questions.

    `metadata_for` are the accounts never read before: their answers describe
    the assets, which steady ones leave out.
    """
    groups: dict[tuple[frozenset[ChainId], frozenset[ChainId], bool], list[Address]] = defaultdict(list)
    for account, one in wanted.items():
        if one.broad or one.named:
            groups[one.broad, frozenset().union(*one.named.values()), account in metadata_for].append(account)
    for (broad, narrow, metadata), accounts in groups.items():
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
    """Word the questions for contracts by name: one list serves all accounts of the group.

    Always with status `ALL`, or unverified contracts stay hidden (indexer-gateway.md 1.3).
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
