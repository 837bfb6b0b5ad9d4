"""Tells in 16 bytes whether two answers to the same question say the same of an account.

Made of what rows say, as they spell it: most of them never need to be read.
"""

from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any

from msgspec.json import Encoder

from bot.domain.assets import Address, ChainId
from bot.domain.questions import Question
from bot.indexer.replies.sorted_rows import SortedNatives, SortedTokens
from bot.indexer.rows import TokenRow, folded

DIGEST_BYTES = 16

_CANONICAL = Encoder(order="deterministic")
"""Sorts the contracts of an account; chains are sorted here."""

_SAID_OF_TOKEN = attrgetter("balance", "block_number", "contract_type", "unique_collectibles")
"""All that a row is read for, but names and prices."""

_SPOT = itemgetter(0)


def digests_of(question: Question, natives: SortedNatives, tokens: SortedTokens) -> dict[Address, bytes]:
    """Return a digest for each asked account: of what is held, and of what the answer leaves open.

    None where chains were asked for by name: one that is missing would not be missed.
    """
    chain_ids = sorted(set(question.chain_ids))
    if not chain_ids:
        return {}
    open_chains = [[_is_open(side, chain_id) for chain_id in chain_ids] for side in (natives, tokens)]
    start = blake2b(_CANONICAL.encode((question.natives, chain_ids, open_chains)), digest_size=DIGEST_BYTES)
    coins = [_known_rows(natives, chain_id) for chain_id in chain_ids]
    lists = [_known_rows(tokens, chain_id) for chain_id in chain_ids]
    odd = _odd_spots(natives, tokens)
    digests: dict[Address, bytes] = {}
    for account in question.accounts:
        said = (
            [rows[account].balance if account in rows else None for rows in coins],
            [_said(rows[account]) if account in rows else None for rows in lists],
        )
        digest = start.copy()
        digest.update(_CANONICAL.encode(said))
        if account in odd:
            digest.update(_CANONICAL.encode(odd[account]))
        digests[account] = digest.digest()
    return digests


def _known_rows(side: SortedNatives | SortedTokens, chain_id: ChainId) -> Mapping[Address, Any]:
    """Return the rows of a chain that are not known to be worthless."""
    rows: Mapping[Address, Any] = {} if chain_id in side.unknown else side.rows.get(chain_id, {})
    doubtful = {account for there, account in side.doubtful if there == chain_id}
    return {account: row for account, row in rows.items() if account not in doubtful} if doubtful else rows


def _is_open(side: SortedNatives | SortedTokens, chain_id: ChainId) -> bool:
    return chain_id in side.unknown or chain_id not in side.rows


def _said(held: dict[Address, TokenRow]) -> dict[Address, object]:
    return {contract: _SAID_OF_TOKEN(row) for contract, row in held.items()}


def _odd_spots(natives: SortedNatives, tokens: SortedTokens) -> dict[Address, list[object]]:
    """Return, by account, where rows were refused at sight, and what those of several ids come to."""
    odd: dict[Address, list[object]] = defaultdict(list)
    for side in (natives, tokens):
        for chain_id, account in sorted(side.doubtful):
            odd[account].append((side.name, chain_id))
    for (chain_id, account), by_contract in sorted(tokens.by_id.items(), key=_SPOT):
        come_to = {contract: repr(folded(rows.values())) for contract, rows in by_contract.items()}
        odd[account].append((chain_id, come_to))
    for (chain_id, account), contracts in sorted(tokens.numbered.items()):
        odd[account].append((chain_id, sorted(contracts)))
    return odd
