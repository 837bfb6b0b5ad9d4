"""A digest leaves out what only changed pockets: transfers that explain both of their ends exactly."""

from bot.domain.assets import Address
from bot.domain.deliver.alerts import DigestContent, Within
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg
from bot.domain.explain.transfers import TransactionHash
from bot.store.explain.explanations import save_explanations
from tests.builders import NOON, TREASURY, USDC, VAULT, reading
from tests.store.conftest import Keeper
from tests.store.digest_reader import EIGHT, Reader, amounts_of, one_digest
from tests.store.test_explained_filters import NONE_LISTED, PAYROLL, between


class Pockets:
    """The treasury and the vault of one reader, and what moves between them."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.reader = Reader(keeper)
        self.amounts = {TREASURY: 10_000, VAULT: 500}
        self.transactions = 0

    async def begin(self) -> "Pockets":
        await self.reader.begin()
        await self.keeper.watch(VAULT)
        await self.see()
        await self.keeper.alerts()
        return self

    async def see(self) -> None:
        await self.keeper.record(
            *(reading({USDC: amount}, native=1, account=one) for one, amount in self.amounts.items())
        )

    async def move(self, amount: int, *, known: bool = True, paid: int = 0) -> None:
        """Move something from the treasury to the vault, and let the treasury pay something else."""
        self.amounts[TREASURY] -= amount + paid
        self.amounts[VAULT] += amount
        await self.see()
        rows = await self.keeper.rows(
            "SELECT a.address, c.id FROM change c JOIN account a ON a.id = c.account_id"
            " ORDER BY c.id DESC LIMIT 2"
        )
        ids = {Address("0x" + blob.hex()): number for blob, number in rows}
        self.transactions += 1
        ours = TransactionHash("0x" + f"{self.transactions:064x}")
        payment = TransactionHash("0x" + f"{self.transactions + 1_000:064x}")
        legs = [Leg(VAULT, -amount, None, ours, 1, 1, NOON)]
        legs += [Leg(PAYROLL, -paid, None, payment, 2, 1, NOON)] if paid else []
        out = Explanation(outcome=ExplanationOutcome.EXPLAINED, legs=tuple(legs), listed_at=NOON)
        into = Explanation(
            outcome=ExplanationOutcome.EXPLAINED,
            legs=(Leg(TREASURY, amount, None, ours, 1, 1, NOON),),
            listed_at=NOON,
        )
        found = {ids[TREASURY]: out, ids[VAULT]: into if known else NONE_LISTED}
        await self.keeper.db.run(save_explanations, found, NOON)

    async def digest(self) -> DigestContent:
        await self.reader.look(EIGHT)
        _, content = one_digest(await self.reader.told())
        return content


async def test_what_changed_pockets_is_in_no_net_and_said_once(keeper: Keeper) -> None:
    pockets = await Pockets(keeper).begin()
    await pockets.move(1_000)
    await pockets.move(200)

    content = await pockets.digest()

    assert content.nets == ()
    assert [(one.asset.contract, one.amount_raw) for one in content.within] == [(USDC, 1_200)]


async def test_what_was_paid_elsewhere_stays_in(keeper: Keeper) -> None:
    pockets = await Pockets(keeper).begin()
    await pockets.move(1_000, paid=250)

    content = await pockets.digest()

    assert amounts_of(content.nets) == [(10_000, 8_750, 1)]
    assert [net.within for net in content.nets] == [Within(-1_000, is_all=False)]
    assert [one.amount_raw for one in content.within] == [1_000]


async def test_what_is_explained_at_one_end_alone_stays_in(keeper: Keeper) -> None:
    pockets = await Pockets(keeper).begin()
    await pockets.move(1_000, known=False)

    content = await pockets.digest()

    assert sorted(amounts_of(content.nets)) == [(500, 1_500, 1), (10_000, 9_000, 1)]
    assert [net.within for net in content.nets] == [None, None]
    assert content.within == ()


async def test_what_goes_to_somebody_else_is_never_left_out(keeper: Keeper) -> None:
    pockets = await Pockets(keeper).begin()
    pockets.amounts[TREASURY] -= 300
    await pockets.see()
    newest = await keeper.value("SELECT max(id) FROM change")
    await keeper.db.run(save_explanations, {newest: between((PAYROLL, -300))}, NOON)

    content = await pockets.digest()

    assert amounts_of(content.nets) == [(10_000, 9_700, 1)]
    assert content.within == ()


async def test_one_change_that_is_not_explained_leaves_the_others_as_they_are(keeper: Keeper) -> None:
    pockets = await Pockets(keeper).begin()
    await pockets.move(1_000)
    await pockets.move(200)
    pockets.amounts[TREASURY] -= 7
    await pockets.see()

    content = await pockets.digest()

    assert amounts_of(content.nets) == [(10_000, 8_793, 3)]
    assert [net.within for net in content.nets] == [Within(-1_200, is_all=False)]
