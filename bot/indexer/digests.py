"""Tells in 16 bytes whether two answers to the same question say the same of an account."""

from hashlib import blake2b

from msgspec.json import Encoder

from bot.domain.model import Address, Answer, Question

DIGEST_BYTES = 16

_CANONICAL = Encoder(order="deterministic")
"""Sorts the contracts of an account; chains are sorted here, and a holding is a list."""


def digests_of(question: Question, answer: Answer) -> dict[Address, bytes]:
    """Return a digest for each asked account of which the answer leaves nothing open.

    None where any asked chain is unknown, nor where chains were asked for by name: one that is missing
    would not be missed.
    """
    chain_ids = sorted(set(question.chain_ids))
    sides = (answer.natives, answer.tokens) if question.natives else (answer.tokens,)
    if not chain_ids or not all(chain_id in side for side in sides for chain_id in chain_ids):
        return {}
    natives = [answer.natives[chain_id] for chain_id in chain_ids] if question.natives else []
    tokens = [answer.tokens[chain_id] for chain_id in chain_ids]
    doubtful = {account for _, account in answer.doubtful}
    start = blake2b(_CANONICAL.encode((question.natives, chain_ids)), digest_size=DIGEST_BYTES)
    digests: dict[Address, bytes] = {}
    for account in question.accounts:
        coins = [held.get(account) for held in natives]
        if account not in doubtful and None not in coins:
            digest = start.copy()
            digest.update(_CANONICAL.encode((coins, [held.get(account) for held in tokens])))
            digests[account] = digest.digest()
    return digests
