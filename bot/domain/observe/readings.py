"""What one sweep saw of an account on a chain, and which of it can be relied on.

An answer speaks of assets in *parts*: the native coin, all tokens of a contract status, or
one contract by name. What no answered part speaks of is unknown, never zero.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bot.domain.ask.plan import Wanted
from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import NATIVE, NATIVE_PART, NOTHING, Address, Asset, ChainId, Part
from bot.domain.observations import Reading, Standing

Answered = tuple[Question, Answer]


def readings(wanted: Mapping[Address, Wanted], answered: Iterable[Answered]) -> Iterator[Reading]:
    """Merge the answers about a group of accounts into one reading of each account on each wanted chain.

    Rows nobody asked for are left out; a question without an answer leaves its parts unknown. Where a list
    and a question by name show the same asset, the name wins.
    """
    pairs = tuple(answered)
    for account, one in wanted.items():
        about = [(question, answer) for question, answer in pairs if account in question.accounts]
        for chain_id in sorted(one.chains()):
            on_chain = [pair for pair in about if _asks(pair[0], chain_id)]
            yield _named_in(on_chain, _listed_in(on_chain, account, chain_id, one), one)


def with_named(reading: Reading, question: Question, answer: Answer, contracts: Iterable[Address]) -> Reading:
    """Add what a narrow answer says of these contracts: an amount or `NOTHING`, unknown ones left out."""
    account, chain_id = reading.account, reading.chain_id
    asked = [contract for contract in contracts if contract in question.contracts]
    if not asked or account not in question.accounts or not _tokens_known(answer, account, chain_id):
        return reading
    seen = answer.tokens[chain_id].get(account, {})
    added = {Asset(chain_id, contract): seen.get(contract, NOTHING) for contract in asked}
    return reading._replace(named={**reading.named, **added})


def observed_parts(reading: Reading, status: Part) -> frozenset[Part]:
    """Return the parts that a reading has an answer for."""
    parts = {asset.part for asset in reading.named}
    if reading.native is not None:
        parts.add(NATIVE_PART)
    if reading.listed is not None:
        parts.add(status)
    return frozenset(parts)


class Coverage(NamedTuple):
    """Parts of one account on one chain, and which assets they speak of."""

    parts: frozenset[Part]
    status: Part
    """The part that lists all tokens of the configured contract status."""

    def parts_about(self, asset: Asset, standing: Standing) -> frozenset[Part]:
        """Return the parts that would show a change of an asset that is known in this way.

        A token that was only ever named stands in no list, so the list says nothing of it.
        """
        if asset.contract == NATIVE:
            return self.parts & {NATIVE_PART}
        is_listed = standing is not Standing.NAMED
        return self.parts & ({asset.part, self.status} if is_listed else {asset.part})

    def speaks_of(self, asset: Asset, standing: Standing) -> bool:
        """Whether any of the parts would show a change of the asset."""
        if asset.contract == NATIVE:
            return NATIVE_PART in self.parts
        return asset.part in self.parts or (standing is not Standing.NAMED and self.status in self.parts)


def _asks(question: Question, chain_id: ChainId) -> bool:
    return not question.chain_ids or chain_id in question.chain_ids


def _listed_in(about: Iterable[Answered], account: Address, chain_id: ChainId, wanted: Wanted) -> Reading:
    """Return what the last answer to a question for lists says of an account that was asked about."""
    lists = [answer for question, answer in about if not question.contracts]
    if not lists or chain_id not in wanted.broad:
        return Reading(account, chain_id)
    answer = lists[-1]
    listed = None
    if _tokens_known(answer, account, chain_id):
        tokens = answer.tokens[chain_id].get(account, {})
        listed = {Asset(chain_id, contract): holding for contract, holding in tokens.items()}
    return Reading(account, chain_id, native=answer.natives.get(chain_id, {}).get(account), listed=listed)


def _named_in(about: Iterable[Answered], reading: Reading, wanted: Wanted) -> Reading:
    if not wanted.named:
        return reading
    here = [contract for contract, chains in wanted.named.items() if reading.chain_id in chains]
    for question, answer in about:
        reading = with_named(reading, question, answer, here)
    return reading


def _tokens_known(answer: Answer, account: Address, chain_id: ChainId) -> bool:
    return chain_id in answer.tokens and (chain_id, account) not in answer.doubtful
