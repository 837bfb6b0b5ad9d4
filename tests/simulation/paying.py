"""Lets people pay each other, and somebody play tricks; both ledgers note it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from bot.sandbox.gateway.transfers import SOMEBODY, Sending
from bot.sandbox.gateway.world import MAX_AMOUNT, GatewayWorld
from tests.builders import NOON
from tests.poller.conftest import Clock
from tests.simulation.ledger import Cell, Ledger
from tests.simulation.payments import NOBODY, Payment, PaymentLedger
from tests.simulation.small_world import ACCOUNTS, CARDS, CHAINS, OUTSIDERS, TOKENS

CARD_IDS = range(1, 5)
FORTUNE = 10**40
"""What each of those whom nobody watches holds of everything at first."""


@dataclass
class Paying:
    """The world's payments, hand in hand with what both ledgers know."""

    rng: Random
    """Of its own, so that the rest of a story stays as it was."""
    world: GatewayWorld
    ledger: Ledger
    payments: PaymentLedger
    clock: Clock
    _block_at: datetime = NOON
    spared: set[int] = field(default_factory=set)
    """Chains whose index may be rebuilt: nobody loses there what would not be believed to be lost."""
    story: list[str] = field(default_factory=list)
    """What was paid since somebody looked."""

    def begin(self) -> None:
        """Let those whom nobody watches be rich."""
        for chain_id in CHAINS:
            for account in OUTSIDERS:
                self.world.set_native(chain_id, account, FORTUNE)
                for token in TOKENS:
                    self.world.set_token(chain_id, token, account, FORTUNE)
                for card in CARD_IDS:
                    self.world.set_token(chain_id, CARDS, account, FORTUNE, card)

    def sets(self, cell: Cell, amount: int, token_id: int | None = None) -> None:
        """Let an account hold this much from now on: the rest comes from somebody, or goes there."""
        contract = cell.contract or None
        before = self._held(cell.chain_id, contract, cell.account, token_id or 0)
        other = self.rng.choice((NOBODY, SOMEBODY, SOMEBODY))
        with self._block() as at:
            self.world.move(
                cell.chain_id, contract, cell.account, amount - before, token_id, counterparty=other
            )
        ends = (other, cell.account) if amount > before else (cell.account, other)
        self._note(cell.chain_id, Sending(contract, *ends, {token_id or 0: abs(amount - before)}), at)

    async def pay(self) -> None:
        """Let somebody pay somebody, or play a trick."""
        choice = (self._transfer, self._transfer, self._transfer, self._batch, self._swap, self._nothing)
        chain_id = self.rng.choice(CHAINS)
        sendings = self.rng.choice(choice)(chain_id, *self._two())
        if chain_id in self.spared or not all(self._can(chain_id, one) for one in sendings):
            return
        with self._block() as at:
            self.world.transact(chain_id, *sendings)
        self.story.append(f"on {chain_id}: {sendings}")
        for one in sendings:
            self._note(chain_id, one, at)
        for one in sendings:
            for account in {one.sender, one.receiver} & {*ACCOUNTS}:
                self._hold(Cell(account, chain_id, one.contract or ""))

    # ------------------------------------------------------------ what may happen

    def _transfer(self, chain_id: int, sender: str, receiver: str) -> tuple[Sending, ...]:
        contract = self.rng.choice((None, *TOKENS, CARDS))
        return (Sending(contract, sender, receiver, self._some(chain_id, contract, sender)),)

    def _batch(self, _chain_id: int, sender: str, receiver: str) -> tuple[Sending, ...]:
        amounts = {card: self.rng.randint(0, 2) for card in self.rng.sample(CARD_IDS, 3)}
        return (Sending(CARDS, sender, receiver, amounts),)

    def _swap(self, chain_id: int, one: str, other: str) -> tuple[Sending, ...]:
        """Exchange something for something else, in one transaction."""
        there, back = self.rng.sample((None, *TOKENS, CARDS), 2)
        return (
            Sending(there, one, other, self._some(chain_id, there, one)),
            Sending(back, other, one, self._some(chain_id, back, other)),
        )

    def _nothing(self, _chain_id: int, sender: str, receiver: str) -> tuple[Sending, ...]:
        """Transfer nothing in the name of somebody, as anybody can."""
        contract = self.rng.choice((*TOKENS, CARDS))
        return (Sending(contract, sender, receiver, {1 if contract == CARDS else 0: 0}),)

    def _two(self) -> tuple[str, str]:
        """Return who pays whom: at least one of them may be watched, and somebody may pay itself."""
        one, other = self.rng.choice(ACCOUNTS), self.rng.choice((*ACCOUNTS, *OUTSIDERS, *OUTSIDERS))
        return (one, other) if self.rng.random() < 0.5 else (other, one)

    def _some(self, chain_id: int, contract: str | None, sender: str) -> Mapping[int, int]:
        token_id = self.rng.choice(CARD_IDS) if contract == CARDS else 0
        held = self._held(chain_id, contract, sender, token_id)
        return {token_id: self.rng.choice((1, held // 3, held // 2, min(held, 10**9)))}

    # ------------------------------------------------------------ the world and both ledgers

    @contextmanager
    def _block(self) -> Iterator[datetime]:
        """Let a second pass and a block be made; it may be seen late, and none is older than the last one."""
        self.clock.seconds += 1
        seen_at = self.clock.now().replace(microsecond=0)
        at = max(self._block_at, seen_at - timedelta(seconds=self.rng.choice((0, 0, 1, 8))))
        self._block_at, self.world.clock = at, lambda: at
        yield at
        self.world.clock = self.clock.now

    def _held(self, chain_id: int, contract: str | None, account: str, token_id: int) -> int:
        if contract is None:
            return self.world.native(chain_id, account)
        return self.world.token(chain_id, contract, account, token_id if contract == CARDS else None)

    def _can(self, chain_id: int, sending: Sending) -> bool:
        contract, sender, receiver, amounts = sending
        return all(
            amount <= self._held(chain_id, contract, sender, token_id)
            and self._held(chain_id, contract, receiver, token_id) + amount <= MAX_AMOUNT
            for token_id, amount in amounts.items()
        )

    def _note(self, chain_id: int, sending: Sending, at: datetime) -> None:
        contract, sender, receiver, amounts = sending
        for token_id, amount in amounts.items():
            self.payments.pays(
                Payment(
                    chain_id,
                    contract or "",
                    sender,
                    receiver,
                    amount,
                    token_id if contract == CARDS else None,
                    self.world.block(chain_id),
                    at,
                )
            )

    def _hold(self, cell: Cell) -> None:
        ids = CARD_IDS if cell.contract == CARDS else (0,)
        amount = sum(self._held(cell.chain_id, cell.contract or None, cell.account, item) for item in ids)
        if self.ledger.history[cell][-1] != amount:
            self.ledger.holds(cell, amount)
