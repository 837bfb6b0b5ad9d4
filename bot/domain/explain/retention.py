"""How long the source lists a transfer."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.assets import ChainId

_RETENTION = timedelta(days=30)
_SHORTER: Mapping[ChainId, timedelta] = {ChainId(421614): timedelta(days=20)}
"""Documented: the source keeps the transfers of arbitrum-sepolia for less long."""


def is_listed_no_longer(chain_id: ChainId, since: datetime, now: datetime) -> bool:
    """Whether the source has dropped the transfers of that moment by now: asking would be in vain."""
    return now - since >= _SHORTER.get(chain_id, _RETENTION)
