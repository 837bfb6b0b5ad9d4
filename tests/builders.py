"""Small builders of domain values: a test names only what matters to it.

Where nothing else is said, everything happens to `TREASURY` on `POLYGON`, and the
configured status is `VERIFIED`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import NATIVE, NATIVE_PART, Address, Amount, Asset, ChainId, Description, Part
from bot.domain.deliver.alerts import AlertId, ChangeAlert
from bot.domain.deliver.delivery import Delivery, DeliveryId
from bot.domain.deliver.outcomes import Form
from bot.domain.explain.transfers import Moved, TransactionHash, Transfer
from bot.domain.observations import Balance, Change, Hold, MoveKind, Reading, Standing, View
from bot.domain.subscriptions import DestinationId, Scope, Subscription, SubscriptionId
from bot.settings.sections import shipped_chains

ETHEREUM, POLYGON, BASE = ChainId(1), ChainId(137), ChainId(8453)

TREASURY = Address("0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9")
VAULT = Address("0x4444444444444444444444444444444444444444")

USDC = Address("0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
DAI = Address("0x8f3cf7ad23cd3cadbd9735aff958023239c6a063")
DEGEN = Address("0x4ed4e862860bed51a9570b96d89af5e1b0efefed")
PUNKS = Address("0x631998e91476da5b870d741192fc5cbc55f5a52e")
"""A collection; the others are tokens."""

VERIFIED, ALL = Part("VERIFIED"), Part("ALL")
BROAD = frozenset({NATIVE_PART, VERIFIED})
"""What a subscription to all that an account holds wishes for."""

REGISTRY = shipped_chains()

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

Amounts = Mapping[Address, int | Amount]
"""By contract, on the chain in question; a bare number has no block and no ids."""

NO_AMOUNTS: Amounts = {}
NO_HOLDS: Mapping[Asset, Hold] = {}
NO_HOLDINGS: Mapping[Asset, Amount] = {}


def address(number: int) -> Address:
    """Return the address that ends with this number."""
    return Address(f"0x{number:040x}")


def at(seconds: float) -> datetime:
    """Return the moment so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def held(amount: int | Amount, *, uniques: int | None = None, block: int | None = None) -> Amount:
    return amount if isinstance(amount, Amount) else Amount(amount, uniques, block)


def coin(chain_id: ChainId = POLYGON) -> Asset:
    """Return a chain's native coin."""
    return Asset(chain_id, NATIVE)


def asset(contract: Address = USDC, chain_id: ChainId = POLYGON) -> Asset:
    return Asset(chain_id, contract)


def view(
    listed: Amounts = NO_AMOUNTS,
    *,
    native: int | None = None,
    named: Amounts = NO_AMOUNTS,
    unlisted: Amounts = NO_AMOUNTS,
    covered: Iterable[Part] = BROAD,
    unknown: Iterable[Part] = (),
    holds: Mapping[Asset, Hold] = NO_HOLDS,
    previous: Mapping[Asset, Amount] = NO_HOLDINGS,
    rebasing: Iterable[Asset] = (),
    chain_id: ChainId = POLYGON,
) -> View:
    """Return what is stored: amounts by standing, covered parts, and those of them unknown since noon."""
    balances = {coin(chain_id): Balance(held(native), Standing.LISTED)} if native else {}
    by_standing = ((Standing.LISTED, listed), (Standing.NAMED, named), (Standing.UNLISTED, unlisted))
    for standing, amounts in by_standing:
        for contract, amount in amounts.items():
            balances[asset(contract, chain_id)] = Balance(held(amount), standing)
    coverage: dict[Part, datetime | None] = dict.fromkeys(covered)
    return View(coverage | dict.fromkeys(unknown, NOON), balances, holds, previous, frozenset(rebasing))


def reading(
    listed: Amounts | None = None,
    *,
    native: int | None = None,
    named: Amounts = NO_AMOUNTS,
    account: Address = TREASURY,
    chain_id: ChainId = POLYGON,
) -> Reading:
    """Return what was seen; None, as in the answers themselves, is unknown and not zero."""
    return Reading(
        account,
        chain_id,
        native=None if native is None else held(native),
        listed=None if listed is None else _by_asset(listed, chain_id),
        named=_by_asset(named, chain_id),
    )


def subscription(
    account: Address | None = TREASURY,
    *,
    number: int = 1,
    destination: int = 1,
    contracts: Iterable[Address] = (),
    chains: Iterable[ChainId] = (),
    label: str = "",
) -> Subscription:
    return Subscription(
        id=SubscriptionId(number),
        destination_id=DestinationId(destination),
        account=account,
        scope=Scope(contracts=frozenset(contracts), chains=frozenset(chains)),
        label=label,
    )


def question(
    *accounts: Address, chains: Iterable[ChainId] = (POLYGON,), contracts: Iterable[Address] = ()
) -> Question:
    """Return a broad question, or a narrow one where contracts are named."""
    some = tuple(contracts)
    return Question(
        accounts or (TREASURY,),
        chain_ids=tuple(chains),
        contract_status=ALL if some else VERIFIED,
        contracts=some,
        natives=not some,
    )


def answer(
    tokens: Mapping[ChainId, Mapping[Address, Amounts]] | None = None,
    *,
    natives: Mapping[ChainId, Mapping[Address, int]] | None = None,
    doubtful: Iterable[tuple[ChainId, Address]] = (),
) -> Answer:
    """Return an answer: tokens by chain, account and contract, natives by chain and account."""
    return Answer(
        natives={
            chain_id: {account: held(amount) for account, amount in amounts.items()}
            for chain_id, amounts in (natives or {}).items()
        },
        tokens={
            chain_id: {
                account: {contract: held(amount) for contract, amount in amounts.items()}
                for account, amounts in by_account.items()
            }
            for chain_id, by_account in (tokens or {}).items()
        },
        doubtful=frozenset(doubtful),
    )


def change(
    before: int | Amount = 0,
    after: int | Amount = 5,
    *,
    of: Asset | None = None,
    account: Address = TREASURY,
    kind: MoveKind = MoveKind.MOVED,
    observed_at: datetime = NOON,
    price_usd: str | None = None,
) -> Change:
    return Change(account, of or asset(), kind, held(before), held(after), observed_at, price_usd)


def change_alert(
    what: Change | None = None, *, number: int = 1, label: str = "", description: Description | None = None
) -> ChangeAlert:
    return ChangeAlert(
        AlertId(number), what or change(), label, description or Description("ERC20", "USDC", 6)
    )


def transaction(number: int) -> TransactionHash:
    """Return the hash of a transaction that ends with this number."""
    return TransactionHash(f"0x{number:064x}")


def transfer(
    amount: int | tuple[Moved, ...] = 5,
    *,
    sender: Address = VAULT,
    receiver: Address = TREASURY,
    of: Asset | None = None,
    number: int = 1,
    log_index: int | None = 0,
    block: int = 1,
    at: datetime | None = NOON,
) -> Transfer:
    """Return a transfer in the transaction of that number; of a collection, say what is moved."""
    moved = amount if isinstance(amount, tuple) else (Moved(amount),)
    return Transfer(of or asset(), sender, receiver, moved, transaction(number), log_index, block, at)


def delivery(
    number: int = 1,
    *,
    chat: int = 7001,
    thread: int | None = None,
    is_group: bool = False,
    text: str = "hello",
    attempts: int = 0,
    unknowns: int = 0,
    refusals: int = 0,
    form: Form = Form.WHOLE,
    alerts: int = 1,
    unanswered_questions: int = 0,
    fallback_reason: str | None = None,
    is_silent: bool = False,
) -> Delivery:
    return Delivery(
        id=DeliveryId(number),
        chat_id=chat,
        thread_id=thread,
        is_group=is_group,
        text=text,
        attempts=attempts,
        unknowns=unknowns,
        refusals=refusals,
        form=form,
        alerts=alerts,
        unanswered_questions=unanswered_questions,
        fallback_reason=fallback_reason,
        is_silent=is_silent,
    )


def _by_asset(amounts: Amounts, chain_id: ChainId) -> dict[Asset, Amount]:
    return {asset(contract, chain_id): held(amount) for contract, amount in amounts.items()}
