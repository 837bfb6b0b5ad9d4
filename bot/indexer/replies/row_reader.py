"""Reads the sorted rows of one answer for the accounts that are asked about: strings in, amounts out.

A malformed row makes its account doubtful on its chain; the other accounts stand.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId, Description, Quote
from bot.indexer.replies.sorted_rows import AccountOnChain, Remarks, SortedNatives, SortedTokens
from bot.indexer.rows import (
    NativeRow,
    TokenRow,
    describe_native,
    describe_token,
    parse_amount,
    read_amount,
    read_quote,
    read_total,
)


class RowReader:
    """Reads the rows of one answer after its last page has come."""

    def __init__(
        self, question: Question, natives: SortedNatives, tokens: SortedTokens, remarks: Remarks
    ) -> None:
        """Read sorted rows; `remarks` are what the sorting had to say."""
        self._question = question
        self._natives = natives
        self._tokens = tokens
        self._remarks = remarks

    def about(self, accounts: Collection[Address]) -> Answer:
        """Return what all rows together say of these accounts, without descriptions."""
        remarks = self._remarks_on_chains()
        coins = _read_natives(self._natives, accounts, remarks)
        lists = _read_tokens(self._tokens, accounts, remarks)
        return Answer(
            natives=coins,
            tokens=lists.held,
            doubtful=frozenset(lists.doubtful),
            highest_blocks=lists.highest_blocks,
            refused_rows=remarks.refused_rows,
            troubles=tuple(remarks.troubles),
        )

    def troubles(self) -> dict[ChainId, str]:
        """Return, by chain, the first sign in the sorted rows that something is unknown there."""
        return self._remarks_on_chains().by_chain

    def _remarks_on_chains(self) -> Remarks:
        """Return a copy of the remarks, with the chains added that the answer left out.

        A copy, because accounts may be read several times, and each time counts its own refused rows.
        """
        kept = self._remarks
        remarks = replace(kept, troubles=dict(kept.troubles), by_chain=dict(kept.by_chain))
        for side in (self._natives, self._tokens) if self._question.natives else (self._tokens,):
            for chain_id in self._question.chain_ids:
                if chain_id not in side.rows:
                    remarks.add(chain_id, f"no {side.name}")
        return remarks

    def chains_seen(self) -> frozenset[ChainId]:
        """Return the chains of which anything is known: the tokens, or the natives of somebody."""
        natives, tokens = self._natives, self._tokens
        listed = tokens.rows.keys() - tokens.unknown
        coins = {
            chain_id
            for chain_id, rows in natives.rows.items()
            if chain_id not in natives.unknown
            and any(_coin_of(natives, (chain_id, account)) is not None for account in rows)
        }
        return frozenset(listed | coins)

    def prices(self, known: Mapping[ChainId, AbstractSet[Address]]) -> dict[Asset, Quote]:
        """Return the price of one unit of each asset that is not `known`, from any one of its rows."""
        return {
            Asset(chain_id, contract): quote
            for chain_id, rows in self._rows_of_assets()
            for contract in rows.keys() - known.get(chain_id, frozenset())
            if (quote := read_quote(rows[contract])) is not None
        }

    def _rows_of_assets(self) -> Iterator[tuple[ChainId, Mapping[Address, NativeRow | TokenRow]]]:
        """Yield, by chain, one row of each asset."""
        for chain_id, coins in self._natives.rows.items():
            coin = next((coin for coin in coins.values() if coin.price_usd), None)
            yield chain_id, {} if coin is None else {NATIVE: coin}
        for chain_id, lists in self._tokens.rows.items():
            rows: dict[Address, TokenRow] = {}
            # Merging dictionaries is cheap; a look at each row in Python is not.
            for held in lists.values():
                rows |= held
            yield chain_id, rows

    def descriptions(self, accounts: Collection[Address]) -> dict[Asset, Description]:
        """Return the first description of each asset, or the first with metadata, from these accounts."""
        result: dict[Asset, Description] = {}
        # The coin of a chain is described by any row of it: the first that can be believed.
        for chain_id, coins in self._natives.rows.items():
            rows = [coins[account] for account in accounts if account in coins]
            believed = next((row for row in rows if parse_amount(row.balance) is not None), None)
            if believed is not None:
                result[Asset(chain_id, NATIVE)] = describe_native(believed)
        # An id in anybody's row makes a contract of an unknown type a collection for all.
        numbered: dict[ChainId, set[Address]] = defaultdict(set)
        for (chain_id, _), contracts in self._tokens.numbered.items():
            numbered[chain_id] |= contracts
        for chain_id, lists in self._tokens.rows.items():
            theirs = [lists[account] for account in accounts if account in lists]
            described = _described(theirs, numbered[chain_id])
            result |= {Asset(chain_id, contract): one for contract, one in described.items()}
        return result


def _read_natives(
    natives: SortedNatives, accounts: Collection[Address], remarks: Remarks
) -> dict[ChainId, dict[Address, Amount]]:
    result: dict[ChainId, dict[Address, Amount]] = {}
    for chain_id, rows in natives.rows.items():
        coins: dict[Address, Amount] = {}
        for account in accounts:
            if account in rows:
                coin = _coin_of(natives, (chain_id, account))
                if coin is not None:
                    coins[account] = coin
                elif (chain_id, account) not in natives.doubtful:
                    remarks.refuse(chain_id, natives.name)
        if chain_id not in natives.unknown:
            result[chain_id] = coins
    return result


def _coin_of(natives: SortedNatives, key: AccountOnChain) -> Amount | None:
    """Return what an account holds of the native coin; None where that is not certain."""
    chain_id, account = key
    amount = parse_amount(natives.rows[chain_id][account].balance)
    return None if amount is None or key in natives.doubtful else Amount(amount)


@dataclass(slots=True)
class _ReadTokens:
    held: dict[ChainId, dict[Address, dict[Address, Amount]]] = field(default_factory=dict)
    doubtful: set[AccountOnChain] = field(default_factory=set)
    highest_blocks: dict[ChainId, int] = field(default_factory=dict)


def _read_tokens(tokens: SortedTokens, accounts: Collection[Address], remarks: Remarks) -> _ReadTokens:
    result = _ReadTokens(doubtful={key for key in tokens.doubtful if key[0] not in tokens.unknown})
    for chain_id, rows in tokens.rows.items():
        if chain_id in tokens.unknown:
            continue
        lists: dict[Address, dict[Address, Amount]] = {}
        highest = 0
        for account in accounts:
            key = (chain_id, account)
            if account not in rows or key in tokens.doubtful:
                continue
            held: dict[Address, Amount] = {}
            several = tokens.by_id.get(key, {})
            for contract, row in rows[account].items():
                # All token ids of a contract together.
                amount = read_total(several[contract].values()) if contract in several else read_amount(row)
                if amount is None:
                    result.doubtful.add(key)
                    remarks.refuse(chain_id, tokens.name)
                else:
                    held[contract] = amount
                    if amount.block is not None and amount.block > highest:
                        highest = amount.block
            if key not in result.doubtful:
                lists[account] = held
        result.held[chain_id] = lists
        if highest:
            result.highest_blocks[chain_id] = highest
    return result


def _described(
    lists: Iterable[Mapping[Address, TokenRow]], numbered: AbstractSet[Address]
) -> dict[Address, Description]:
    """Return the first description of each contract, or the first with metadata."""
    result: dict[Address, Description] = {}
    bare: set[Address] = set()
    for held in lists:
        for contract, row in held.items():
            is_known = contract in result and not (row.contract_info and contract in bare)
            if is_known or read_amount(row) is None:
                continue
            description = describe_token(row, is_numbered=contract in numbered)
            if description.is_bare:
                bare.add(contract)
                result.setdefault(contract, description)
            else:
                bare.discard(contract)
                result[contract] = description
    return result
