"""Which chains a request to the simulated Indexer Gateway means (indexer-gateway.md 1.3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.sandbox.gateway.errors import INVALID_ARGUMENT, Refused
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.request import Selectors
from bot.sandbox.gateway.rows import Row, failed_entry
from bot.sandbox.gateway.world import Chain

# Both are case-sensitive, and an unknown type decodes to the first one of the enum.
_TESTNET_OR_NOT = {"ALL": (True, False), "TESTNETS": (True,), "MAINNETS": (False,)}
_UNKNOWN_TYPE = "MAINNETS"


@dataclass(frozen=True, slots=True)
class Selected:
    """The chains that are meant, by chain id, and the entries of those that do not exist."""

    chains: tuple[Chain, ...]
    unknown: tuple[Row, ...] = ()

    @property
    def chain_ids(self) -> frozenset[int]:
        """The ids of the chains that are meant."""
        return frozenset(chain.chain_id for chain in self.chains)


def selected(chains: Iterable[Chain], selectors: Selectors, knobs: Knobs) -> Selected:
    """Choose from all chains as a request says; raises Refused where unknown ones are not allowed."""
    known = tuple(chains)
    unknown = _unknown(known, selectors)
    if unknown and knobs.unknown_chains == "refused":
        raise Refused(INVALID_ARGUMENT.because(", ".join(reason for _, reason in unknown)))
    failed = unknown if knobs.unknown_chains == "failed" else []
    return Selected(
        tuple(chain for chain in known if _is_selected(chain, selectors, knobs)),
        tuple(failed_entry(chain_id, reason) for chain_id, reason in failed),
    )


def _unknown(chains: Iterable[Chain], selectors: Selectors) -> list[tuple[int, str]]:
    """Return what is asked for and does not exist; a name has no chain id, which is 0 to Go."""
    known = {chain.chain_id: chain.name for chain in chains}
    ids = sorted(selectors.chain_ids - known.keys())
    names = sorted(selectors.networks - set(known.values()))
    return [(chain_id, f"unknown chain {chain_id}") for chain_id in ids] + [
        (0, f"unknown network {name}") for name in names
    ]


def _is_selected(chain: Chain, selectors: Selectors, knobs: Knobs) -> bool:
    by_id, by_name = chain.chain_id in selectors.chain_ids, chain.name in selectors.networks
    if selectors.chain_ids and selectors.networks:
        listed = (by_id or by_name) if knobs.both_selectors == "union" else (by_id and by_name)
    else:
        listed = by_id or by_name or not (selectors.chain_ids or selectors.networks)
    return listed and chain.testnet in _TESTNET_OR_NOT.get(
        _network_type(selectors, knobs), _TESTNET_OR_NOT[_UNKNOWN_TYPE]
    )


def _network_type(selectors: Selectors, knobs: Knobs) -> str:
    """Return the type asked for, or else the one that is meant."""
    if selectors.network_type:
        return selectors.network_type
    return "ALL" if selectors.chain_ids or selectors.networks or knobs.no_selector == "all" else "MAINNETS"
