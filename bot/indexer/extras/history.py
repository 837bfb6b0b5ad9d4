"""Asks which transfers the source lists: page after page, one answer, or an IndexerError."""

from collections.abc import Callable
from typing import Final

from msgspec import Raw, json

from bot.domain.assets import NATIVE
from bot.domain.explain.questions import ACCOUNTS_MOST, HistoryAnswer, HistoryQuestion
from bot.domain.explain.transfers import NOBODY
from bot.indexer.errors import OverBudget
from bot.indexer.extras.line import EXTRA_BOUNDS, ExtraLine
from bot.indexer.extras.transfer_pages import TransferCollector
from bot.indexer.extras.transfer_rows import LOGGED_COIN, LOGS_ITS_COIN
from bot.indexer.wire import first_page

PAGE_SIZE: Final = 40
"""The size that every published client uses (docs/indexer-gateway.md, "History")."""

PAGES_MOST: Final = 5
"""How many pages of an answer are read; where more follow, it is incomplete."""

METHOD: Final = "GetTransactionHistory"


async def read_history(
    line: ExtraLine,
    question: HistoryQuestion,
    *,
    on_demand: bool,
    conceal: str,
    monotonic: Callable[[], float],
) -> HistoryAnswer:
    """Return what the source lists, as much as five pages show; `conceal` is blotted out of its words.

    Raises an IndexerError, or ValueError for a question that must not be sent.
    """
    collected = TransferCollector(question, conceal=conceal)
    share = line.share()
    page = first_page(PAGE_SIZE)
    began_at = monotonic()
    try:
        for number in range(PAGES_MOST):
            body = encode_history_question(question, page)
            try:
                mark = await line.ask(METHOD, body, collected.add, share, on_demand=on_demand)
            except OverBudget:
                if not number:
                    raise
                break
            share.keep(mark.rows, mark.kept_bytes)
            if not mark.more or collected.is_past_range:
                return collected.answer()
            # A cursor that does not move, or pages of known rows alone, would go on for ever.
            if mark.page == page or not mark.new_rows or monotonic() - began_at > EXTRA_BOUNDS.seconds:
                break
            page = mark.page
        return collected.answer(is_cut=True)
    finally:
        share.end()


def encode_history_question(question: HistoryQuestion, page: bytes) -> bytes:
    """Return the body of a request for transfers.

    Raises ValueError for no accounts, or more than one question may name.
    """
    if not 0 < len(question.accounts) <= ACCOUNTS_MOST:
        raise ValueError(f"a question for transfers names 1 to {ACCOUNTS_MOST} accounts")
    filters: dict[str, object] = {"accountAddresses": question.accounts, "omitPrices": True}
    if question.contracts:
        asks_logs = NATIVE in question.contracts and question.chain_id in LOGS_ITS_COIN
        contracts = [contract or NOBODY for contract in question.contracts]
        filters["contractAddresses"] = contracts + [LOGGED_COIN] * asks_logs
    # Whether the first block is one of them is open, so the one before it is asked for as well.
    if question.from_block is not None and question.from_block > 1:
        filters["fromBlock"] = question.from_block - 1
    return json.encode(
        {
            "chainIds": [question.chain_id],
            "filter": filters,
            "includeMetadata": False,
            "page": Raw(page),
        }
    )
