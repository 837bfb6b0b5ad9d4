"""Tells in 16 bytes whether two answers to the same question say the same of an account.

Made of what rows say, as they spell it: most of them never need to be read.
"""

from collections import defaultdict
from hashlib import blake2b
from operator import attrgetter, itemgetter

from msgspec.json import Encoder

from bot.domain.model import Address, ChainId, Question
from bot.indexer.rows import TokenRow
from bot.indexer.sides import Natives, Tokens

DIGEST_BYTES = 16

_CANONICAL = Encoder(order="deterministic")
"""Sorts the contracts of an account; chains are sorted here."""

_SAID_OF_TOKEN = attrgetter("balance", "block_number", "contract_type", "unique_collectibles")
"""All that a row is read for, but names and prices."""

_SPOT = itemgetter(0)


def digests_of(question: Question, natives: Natives, tokens: Tokens) -> dict[Address, bytes]:
    """Return a digest for each asked account: of what is held, and of what the answer leaves open.

    None where chains were asked for by name: one that is missing would not be missed.
    """
    chain_ids = sorted(set(question.chain_ids))
    if not chain_ids:
        return {}
    open_chains = [[_is_open(side, chain_id) for chain_id in chain_ids] for side in (natives, tokens)]
    start = blake2b(_CANONICAL.encode((question.natives, chain_ids, open_chains)), digest_size=DIGEST_BYTES)
    coins = [natives.rows.get(chain_id, {}) for chain_id in chain_ids]
    lists = [tokens.rows.get(chain_id, {}) for chain_id in chain_ids]
    odd = _odd_spots(natives, tokens)
    digests: dict[Address, bytes] = {}
    for account in question.accounts:
        said = (
            [rows[account].balance if account in rows else None for rows in coins],
            [_said(rows[account]) if account in rows else None for rows in lists],
            odd.get(account, ()),
        )
        digest = start.copy()
        digest.update(_CANONICAL.encode(said))
        digests[account] = digest.digest()
    return digests


def _is_open(side: Natives | Tokens, chain_id: ChainId) -> bool:
    return chain_id in side.unknown or chain_id not in side.rows


def _said(held: dict[Address, TokenRow]) -> dict[Address, object]:
    return {contract: _SAID_OF_TOKEN(row) for contract, row in held.items()}


def _odd_spots(natives: Natives, tokens: Tokens) -> dict[Address, list[object]]:
    """Return, by account, where rows were refused at sight, and what other rows said beside the first."""
    odd: dict[Address, list[object]] = defaultdict(list)
    for side in (natives, tokens):
        for chain_id, account in sorted(side.doubtful):
            odd[account].append((side.name, chain_id))
    for (chain_id, account), coins in sorted(natives.again.items(), key=_SPOT):
        odd[account].append((chain_id, [row.balance for row in coins]))
    for (chain_id, account), rows in sorted(tokens.again.items(), key=_SPOT):
        odd[account].append((chain_id, [(contract, _SAID_OF_TOKEN(row)) for contract, row in rows]))
    return odd
