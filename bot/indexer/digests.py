"""Tells in 16 bytes whether two answers to the same question say the same of an account."""

from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b

from msgspec.json import Encoder

from bot.domain.model import Address, Answer, ChainId, Holding, Question

DIGEST_BYTES = 16

_NOBODY: Mapping[Address, Holding] = {}
_CANONICAL = Encoder(order="deterministic")
"""Sorts the contracts of an account; chains are sorted here, and a holding is a list."""


def digests_of(question: Question, answer: Answer) -> dict[Address, bytes]:
    """Return a digest for each asked account: of what is held, and of what the answer leaves open.

    None where chains were asked for by name: one that is missing would not be missed.
    """
    chain_ids = sorted(set(question.chain_ids))
    if not chain_ids:
        return {}
    natives = [answer.natives.get(chain_id, _NOBODY) for chain_id in chain_ids] if question.natives else []
    tokens = [answer.tokens.get(chain_id) for chain_id in chain_ids]
    open_chains = [held is None for held in tokens]
    start = blake2b(_CANONICAL.encode((question.natives, chain_ids, open_chains)), digest_size=DIGEST_BYTES)
    lists = [held or {} for held in tokens]
    doubted: dict[Address, list[ChainId]] = defaultdict(list)
    for chain_id, account in sorted(answer.doubtful):
        doubted[account].append(chain_id)
    digests: dict[Address, bytes] = {}
    for account in question.accounts:
        digest = start.copy()
        coins = [held.get(account) for held in natives]
        digest.update(
            _CANONICAL.encode((coins, [held.get(account) for held in lists], doubted.get(account, ())))
        )
        digests[account] = digest.digest()
    return digests
