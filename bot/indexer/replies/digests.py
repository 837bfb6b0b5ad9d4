"""Digests: 16 bytes that are equal if two answers to the same question say the same of an account.

They are made of the strings in the rows, so that most rows never need to be read.
"""

from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import TypeVar

from msgspec.json import Encoder

from bot.domain.ask.questions import Question
from bot.domain.assets import Address, ChainId
from bot.indexer.replies.sorted_rows import SortedNatives, SortedTokens
from bot.indexer.rows import TokenRow, read_total

DIGEST_BYTES = 16

Row = TypeVar("Row")

_CANONICAL = Encoder(order="deterministic")
"""Sorts the keys of dictionaries: the contracts of an account come in any order."""

_SAID_OF_TOKEN = attrgetter("balance", "block_number", "contract_type", "unique_collectibles")
"""All fields of a row that say what is held; names and prices do not belong to a digest."""

_ACCOUNT_ON_CHAIN = itemgetter(0)


def make_digests(question: Question, natives: SortedNatives, tokens: SortedTokens) -> dict[Address, bytes]:
    """Return a digest for each asked account: of what it holds, and of what is unknown.

    Empty where chains were asked for by network name: nobody would notice that one is missing.
    """
    chain_ids = sorted(set(question.chain_ids))
    if not chain_ids:
        return {}
    unknown_chains = [[_is_unknown(side, chain_id) for chain_id in chain_ids] for side in (natives, tokens)]
    start = blake2b(
        _CANONICAL.encode((question.natives, chain_ids, unknown_chains)), digest_size=DIGEST_BYTES
    )
    coins = [_known_rows(natives.rows, natives, chain_id) for chain_id in chain_ids]
    lists = [_known_rows(tokens.rows, tokens, chain_id) for chain_id in chain_ids]
    irregular = _irregularities(natives, tokens)
    digests: dict[Address, bytes] = {}
    for account in question.accounts:
        said = (
            [rows[account].balance if account in rows else None for rows in coins],
            [_said(rows[account]) if account in rows else None for rows in lists],
        )
        # The question and the unknown chains are the same for all accounts, and hashed once.
        digest = start.copy()
        digest.update(_CANONICAL.encode(said))
        if account in irregular:
            digest.update(_CANONICAL.encode(irregular[account]))
        digests[account] = digest.digest()
    return digests


def _known_rows(
    rows: Mapping[ChainId, Mapping[Address, Row]], side: SortedNatives | SortedTokens, chain_id: ChainId
) -> Mapping[Address, Row]:
    """Return the rows of a chain by account, without those that were refused while sorting."""
    if chain_id in side.unknown:
        return {}
    here = rows.get(chain_id, {})
    doubtful = {account for there, account in side.doubtful if there == chain_id}
    return {account: row for account, row in here.items() if account not in doubtful} if doubtful else here


def _is_unknown(side: SortedNatives | SortedTokens, chain_id: ChainId) -> bool:
    return chain_id in side.unknown or chain_id not in side.rows


def _said(held: dict[Address, TokenRow]) -> dict[Address, object]:
    return {contract: _SAID_OF_TOKEN(row) for contract, row in held.items()}


def _irregularities(natives: SortedNatives, tokens: SortedTokens) -> dict[Address, list[object]]:
    """Return, by account, what `rows` do not show: refused rows, totals of several ids, unknown types."""
    irregular: dict[Address, list[object]] = defaultdict(list)
    for side in (natives, tokens):
        for chain_id, account in sorted(side.doubtful):
            irregular[account].append((side.name, chain_id))
    for (chain_id, account), by_contract in sorted(tokens.by_id.items(), key=_ACCOUNT_ON_CHAIN):
        come_to = {contract: repr(read_total(rows.values())) for contract, rows in by_contract.items()}
        irregular[account].append((chain_id, come_to))
    for (chain_id, account), contracts in sorted(tokens.numbered.items()):
        irregular[account].append((chain_id, sorted(contracts)))
    return irregular
