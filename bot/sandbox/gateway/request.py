"""Requests for balances and chains, read as the vendor's Go server reads them.

That means member names in any case, null as absent, and zero values for what is left out.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

from bot.sandbox.gateway.errors import (
    BAD_REQUEST,
    INVALID_ARGUMENT,
    RESOURCE_EXHAUSTED,
    CallRefused,
    TooLarge,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.rows import Row, failed_entry
from bot.sandbox.gateway.world import GatewayChain

_UINT64_END = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One call as it arrived: `body` is the parsed JSON, or None where it was none."""

    method: str
    body: object
    headers: Mapping[str, str]
    received_at: datetime


class Fields:
    """The members of one JSON object: keys in any case, null as absent, unknown ones never looked at.

    An absent member reads as its type's zero; one of a wrong type raises CallRefused
    (docs/indexer-gateway.md, "Requests").
    """

    def __init__(self, members: Mapping[str, object]) -> None:
        # Go's JSON decoder matches names in any case and treats null as absent.
        self.members = {key.lower(): value for key, value in members.items() if value is not None}

    def text(self, name: str) -> str:
        """Return a string member, "" where absent."""
        value = self._get(name, "")
        return value if isinstance(value, str) else _mistyped(name, value, "string")

    def flag(self, name: str) -> bool:
        """Return a boolean member, False where absent."""
        value = self._get(name, default=False)
        return value if isinstance(value, bool) else _mistyped(name, value, "bool")

    def number(self, name: str) -> int:
        """Return a member that is an unsigned whole JSON number, 0 where absent."""
        return _unsigned(name, self._get(name, 0))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings, empty where absent."""
        items = self._items(name)
        return tuple(item if isinstance(item, str) else _mistyped(name, item, "string") for item in items)

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return a list of unsigned whole JSON numbers, empty where absent."""
        return tuple(_unsigned(name, item) for item in self._items(name))

    def big_integers(self, name: str) -> tuple[int, ...]:
        """Return a list of integers that may be decimal strings or numbers."""
        return tuple(_big_integer(name, item) for item in self._items(name))

    def big_integer(self, name: str) -> int | None:
        """Return an integer that may be a decimal string or a number, None where absent."""
        value = self._get(name, None)
        return None if value is None else _big_integer(name, value)

    def objects(self, name: str) -> "tuple[Fields, ...]":
        """Return a list of objects, empty where absent."""
        items = self._items(name)
        return tuple(
            Fields(item) if isinstance(item, dict) else _mistyped(name, item, "struct") for item in items
        )

    def nested(self, name: str) -> "Fields":
        """Return the members of an object, none where absent."""
        value = self._get(name, {})
        return Fields(value) if isinstance(value, dict) else _mistyped(name, value, "struct")

    def _items(self, name: str) -> list[object]:
        value = self._get(name, [])
        return value if isinstance(value, list) else _mistyped(name, value, "list")

    def _get(self, name: str, default: object) -> object:
        return self.members.get(name.lower(), default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selectors:
    """Which chains are meant; an empty list and an empty type choose nothing."""

    chain_ids: frozenset[int]
    networks: frozenset[str]
    network_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFilter:
    """Whose balances, and of which contracts; addresses in lower case, an empty list restricts nothing.

    Accounts are in order, each of them once.
    """

    accounts: tuple[str, ...]
    contract_status: str
    contract_types: frozenset[str]
    whitelist: frozenset[str]
    blacklist: frozenset[str]
    token_ids: frozenset[int]
    omit_natives: bool
    omit_prices: bool
    of_all_holders: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """The page object of a request: its number and size, 0 where absent, and all its members as they came."""

    number: int
    size: int
    members: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancesRequest:
    """The body that asks for balances (docs/indexer-gateway.md, "Requests")."""

    selectors: Selectors
    filter: BalanceFilter
    omit_metadata: bool
    page: AskedPage


def read_fields(body: bytes) -> Fields:
    """Parse a request body; a bare null has no members."""
    try:
        # Python would take NaN and Infinity, which are no JSON.
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CallRefused(BAD_REQUEST.because(f"failed to unmarshal request data: {error}")) from None
    if value is None:
        return Fields({})
    return Fields(value) if isinstance(value, dict) else _mistyped("request", value, "struct")


def read_selectors(fields: Fields) -> Selectors:
    """Read the chain selectors."""
    return Selectors(
        chain_ids=frozenset(fields.numbers("chainIds")),
        networks=frozenset(fields.texts("networks")),
        network_type=fields.text("networkType"),
    )


def read_accounts(fields: Fields) -> frozenset[str]:
    """Read whose balances are asked for."""
    return lowered(fields.nested("filter").texts("accountAddresses"))


def read_balances_request(fields: Fields) -> BalancesRequest:
    """Read the body that Summary and Details share."""
    return BalancesRequest(
        selectors=read_selectors(fields),
        filter=_read_filter(fields.nested("filter")),
        omit_metadata=fields.flag("omitMetadata"),
        page=read_page(fields),
    )


def read_contract_request(fields: Fields) -> BalancesRequest:
    """Read the body that asks for the balances of some contracts; without accounts it is of all holders."""
    wanted = fields.nested("filter")
    contracts = lowered(wanted.texts("contractAddresses"))
    if not contracts:
        raise CallRefused(INVALID_ARGUMENT.because("filter.contractAddresses is empty"))
    return BalancesRequest(
        selectors=read_selectors(fields),
        filter=replace(_read_filter(wanted), whitelist=contracts, of_all_holders=not read_accounts(fields)),
        omit_metadata=fields.flag("omitMetadata"),
        page=read_page(fields),
    )


def read_native_request(fields: Fields) -> BalancesRequest:
    """Read the body that asks for one account's native balances."""
    accounts = list(read_native_accounts(fields))
    asked = _read_filter(Fields({"omitPrices": fields.flag("omitPrices"), "accountAddresses": accounts}))
    return BalancesRequest(
        selectors=read_selectors(fields), filter=asked, omit_metadata=True, page=read_page(Fields({}))
    )


def read_native_accounts(fields: Fields) -> frozenset[str]:
    """Read whose native balance is asked for, nobody's where it is left out."""
    return lowered(filter(None, [fields.text("accountAddress")]))


def _read_filter(fields: Fields) -> BalanceFilter:
    return BalanceFilter(
        accounts=tuple(sorted(lowered(fields.texts("accountAddresses")))),
        contract_status=fields.text("contractStatus"),
        contract_types=frozenset(fields.texts("contractTypes")),
        whitelist=lowered(fields.texts("contractWhitelist")),
        blacklist=lowered(fields.texts("contractBlacklist")),
        token_ids=frozenset(fields.big_integers("tokenIDs")),
        omit_natives=fields.flag("omitNativeBalances"),
        omit_prices=fields.flag("omitPrices"),
    )


def read_page(fields: Fields) -> AskedPage:
    """Read the page object."""
    page = fields.nested("page")
    return AskedPage(number=page.number("page"), size=page.number("pageSize"), members=page.members)


def require_few_accounts(count: int, knobs: Knobs) -> None:
    """Raise for more accounts than the maximum, as the knobs say."""
    maximum = knobs.max_accounts
    if maximum is None or count <= maximum:
        return
    if knobs.above_max_accounts == "too_large":
        raise TooLarge
    refused = knobs.above_max_accounts == "invalid_argument"
    error = INVALID_ARGUMENT if refused else RESOURCE_EXHAUSTED
    raise CallRefused(error.because(f"{count} accounts are more than {maximum}"))


def lowered(addresses: Iterable[str]) -> frozenset[str]:
    """Return addresses or hashes in lower case."""
    return frozenset(address.lower() for address in addresses)


def _unsigned(name: str, value: object) -> int:
    # True and False are integers to Python, and are none on the wire.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _UINT64_END:
        return value
    return _mistyped(name, value, "uint64")


def _big_integer(name: str, value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return _mistyped(name, value, "bigint")


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _mistyped(name: str, value: object, wanted: str) -> NoReturn:
    found = type(value).__name__
    cause = f"failed to unmarshal request data: cannot unmarshal {found} into field {name} of type {wanted}"
    raise CallRefused(BAD_REQUEST.because(cause))


# Both are case-sensitive, and an unknown type decodes to the first one of the enum.
_TESTNET_OR_NOT = {"ALL": (True, False), "TESTNETS": (True,), "MAINNETS": (False,)}
_UNKNOWN_TYPE = "MAINNETS"


@dataclass(frozen=True, slots=True)
class SelectedChains:
    """The chains that a request means, sorted by chain id, and the entries of those that do not exist."""

    chains: tuple[GatewayChain, ...]
    unknown: tuple[Row, ...] = ()

    @property
    def chain_ids(self) -> frozenset[int]:
        """The ids of the chains that are meant."""
        return frozenset(chain.chain_id for chain in self.chains)


def select_chains(chains: Iterable[GatewayChain], selectors: Selectors, knobs: Knobs) -> SelectedChains:
    """Choose from all chains as a request says; raises CallRefused where unknown ones are not allowed."""
    known = tuple(chains)
    unknown = _unknown(known, selectors)
    if unknown and knobs.unknown_chains == "refused":
        raise CallRefused(INVALID_ARGUMENT.because(", ".join(reason for _, reason in unknown)))
    failed = unknown if knobs.unknown_chains == "failed" else []
    return SelectedChains(
        tuple(chain for chain in known if _is_selected(chain, selectors, knobs)),
        tuple(failed_entry(chain_id, reason) for chain_id, reason in failed),
    )


def _unknown(chains: Iterable[GatewayChain], selectors: Selectors) -> list[tuple[int, str]]:
    """Return the chains asked for that do not exist, each with a reason; named ones have the chain id 0."""
    known = {chain.chain_id: chain.name for chain in chains}
    ids = sorted(selectors.chain_ids - known.keys())
    names = sorted(selectors.networks - set(known.values()))
    return [(chain_id, f"unknown chain {chain_id}") for chain_id in ids] + [
        (0, f"unknown network {name}") for name in names
    ]


def _is_selected(chain: GatewayChain, selectors: Selectors, knobs: Knobs) -> bool:
    by_id, by_name = chain.chain_id in selectors.chain_ids, chain.name in selectors.networks
    # Both selectors at once: the vendor does not say whether both or either must match.
    if selectors.chain_ids and selectors.networks:
        listed = (by_id or by_name) if knobs.both_selectors == "union" else (by_id and by_name)
    else:
        listed = by_id or by_name or not (selectors.chain_ids or selectors.networks)
    return listed and chain.testnet in _TESTNET_OR_NOT.get(
        _network_type(selectors, knobs), _TESTNET_OR_NOT[_UNKNOWN_TYPE]
    )


def _network_type(selectors: Selectors, knobs: Knobs) -> str:
    """Return the network type asked for, or the one that its absence means."""
    if selectors.network_type:
        return selectors.network_type
    return "ALL" if selectors.chain_ids or selectors.networks or knobs.no_selector == "all" else "MAINNETS"
