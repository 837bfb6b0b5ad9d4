"""The gateway's behaviour where the vendor's documents leave it open.

Tests run the bot against every setting, as nobody knows which one it will meet (docs/indexer-gateway.md,
"What is open").
"""

from dataclasses import dataclass
from typing import Literal

Metadata = Literal["full", "no_decimals", "null_extensions", "no_contract_info", "hostile_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """One possible gateway; each default is the likeliest behaviour, or the hardest on clients."""

    # Whether what went to zero keeps its row, with "0".
    emit_zero_rows: bool = False
    # The entry of a chain that has no rows on a page: `[]`, `null`, or no entry at all.
    chains_without_rows: Literal["empty", "null", "missing"] = "empty"
    # Chain ids and names that do not exist: skipped, 400 with code 2001, or an entry with an errorReason.
    unknown_chains: Literal["ignored", "refused", "failed"] = "ignored"
    # Calls without a key: 401 with code 1000, or served at the rate of their IP address.
    missing_key: Literal["refused", "public"] = "refused"
    # Both chainIds and networks.
    both_selectors: Literal["intersection", "union"] = "intersection"
    # None of chainIds, networks and networkType.
    no_selector: Literal["mainnets", "all"] = "mainnets"
    # Balances of nobody: 400 with code 2001, or an answer without rows.
    no_accounts: Literal["refused", "empty"] = "refused"

    # No maximum means any page size.
    max_page_size: int | None = None
    # What has as many rows as a page: all chains together, or each of them.
    page_scope: Literal["request", "chain"] = "request"
    natives_on_later_pages: Literal["repeated", "omitted"] = "repeated"
    cursor_type: Literal["object", "string"] = "object"
    # Whether page objects have `page`, which is deprecated.
    page_numbers: bool = True

    # Histories: in which order the rows come, what a page counts, and how many it has where no size is asked.
    history_order: Literal["newest_first", "oldest_first", "shuffled"] = "newest_first"
    history_page_counts: Literal["rows", "transactions"] = "rows"
    history_page_size: int = 10
    history_cursor_type: Literal["string", "object"] = "string"
    # What follows the last page: nothing; more pages without rows, for ever. Or each page leads to itself.
    history_end: Literal["end", "never", "repeated"] = "end"
    # Whether the blocks asked for are obeyed, with the first and the last of them or without.
    history_block_range: Literal["obeyed", "ignored", "exclusive"] = "obeyed"
    # A transfer between two accounts that are both asked for.
    history_of_pairs: Literal["one_row", "two_rows"] = "one_row"
    # Moves of the native coin; twice is also as logs of 0x…1010, on the chains that have them.
    native_transfers: Literal["listed", "missing", "twice"] = "listed"
    # How far the history is behind balances, and how far back it goes; None is to the beginning.
    history_lag_seconds: float = 0.0
    history_retention_days: float | None = 30.0
    # What the direction of a transfer is told from: the account of its row, nobody, or the other account.
    transfer_types: Literal["right", "unknown", "of_the_other"] = "right"
    transfer_ids: Literal["tokenIds", "tokenIDs", "absent"] = "tokenIds"
    # Whether transactions have their transfers, or `null`.
    transfers_listed: bool = True
    transaction_timestamps: Literal["seconds", "null", "date"] = "seconds"

    # Whether balance rows have prices where they are asked for.
    row_prices: bool = True
    # Whether prices that are asked for know the native coin, as the zero address.
    natives_priced: bool = False
    # What has no price, where prices are asked for: a row that has none, or no row.
    without_price: Literal["row", "missing"] = "row"

    # Rows, contracts and items as they should be described, or as they sometimes are.
    metadata: Metadata = "full"

    # No maximum means any number. Above it: 400 with code 2001, 400 with code 2004, or 413 in HTML.
    max_accounts: int | None = None
    above_max_accounts: Literal["invalid_argument", "resource_exhausted", "too_large"] = "invalid_argument"

    # Whether answers have the headers of docs/indexer-gateway.md, "Rates and quotas".
    limit_headers: bool = True
    # Requests of the project in a sliding minute; None is any number. The public's are per IP address.
    rate_limit: int | None = None
    public_rate_limit: int = 3000
    # Units of the project in a calendar month, one for each request; None is any number.
    quota_limit: int | None = None
    # Units beyond the quota that are served all the same.
    overage_limit: int = 0

    latency_seconds: float = 0.0
    # What each pair of an account and a chain adds, so that large requests take long.
    latency_seconds_per_pair: float = 0.0

    def latency(self, *, accounts: int, chains: int) -> float:
        """Return how long the answer to a call for so many accounts and chains takes, in seconds."""
        return self.latency_seconds + self.latency_seconds_per_pair * accounts * chains
