"""A request for transfers, read as the vendor's Go server reads it."""

from dataclasses import dataclass

from bot.sandbox.gateway.request import AskedPage, Fields, Selectors, lowered, read_page, read_selectors


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """Whose transfers, and of what; hexadecimal words in lower case, an empty set restricts nothing.

    Accounts are in order, each of them once. A block of 0 is no limit.
    """

    selectors: Selectors
    accounts: tuple[str, ...]
    contracts: frozenset[str]
    transactions: frozenset[str]
    meta_transactions: frozenset[str]
    token_id: int | None
    from_block: int
    to_block: int
    omit_prices: bool
    include_metadata: bool
    page: AskedPage


def read_history_request(fields: Fields) -> HistoryRequest:
    """Read the body; a member in its older, singular spelling counts like the newer one."""
    wanted = fields.nested("filter")
    return HistoryRequest(
        selectors=read_selectors(fields),
        accounts=tuple(sorted(read_history_accounts(fields))),
        contracts=_either(wanted, "contractAddress", "contractAddresses"),
        transactions=lowered(wanted.texts("transactionHashes")),
        meta_transactions=lowered(wanted.texts("metaTransactionIDs")),
        token_id=wanted.big_integer("tokenID"),
        from_block=wanted.number("fromBlock"),
        to_block=wanted.number("toBlock"),
        omit_prices=wanted.flag("omitPrices"),
        include_metadata=fields.flag("includeMetadata"),
        page=read_page(fields),
    )


def read_history_accounts(fields: Fields) -> frozenset[str]:
    """Read whose transfers are asked for."""
    return _either(fields.nested("filter"), "accountAddress", "accountAddresses")


def _either(fields: Fields, one: str, several: str) -> frozenset[str]:
    return lowered(filter(None, (fields.text(one), *fields.texts(several))))
