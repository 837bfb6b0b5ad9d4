"""Encodes the questions of the Indexer Gateway, and decodes its short replies.

Replies with balances come in pages, which `replies` and `items` collect.
"""

from typing import Final

from msgspec import Raw, Struct, json
from msgspec.json import Decoder

from bot.domain.ask.questions import Question
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.chains import CHAINS_MOST
from bot.indexer.errors import ReplyMalformed, Unavailable
from bot.indexer.loose_json import try_decode
from bot.indexer.rows import SIGNED_MAX

CONTRACT_STATUSES: Final = frozenset({"VERIFIED", "UNVERIFIED", "ALL"})


def first_page(page_size: int) -> bytes:
    """Return the page object that asks for the first rows."""
    return json.encode({"pageSize": page_size})


def encode_question(question: Question, page: bytes) -> bytes:
    """Return the body of a request for balances, the same for both methods.

    See docs/indexer-gateway.md, "Requests".

    Raises ValueError for what the service would answer in an undocumented way: no accounts, both or
    neither chain selector, a contract status that it does not know.
    """
    if not question.accounts:
        raise ValueError("a question needs at least one account")
    if bool(question.chain_ids) == bool(question.networks):
        raise ValueError("a question needs either chain ids or networks")
    if question.contract_status not in CONTRACT_STATUSES:
        raise ValueError(f"no contract status: {question.contract_status!r}")
    selector = {"chainIds": question.chain_ids} if question.chain_ids else {"networks": question.networks}
    filters: dict[str, object] = {
        "accountAddresses": question.accounts,
        "contractStatus": question.contract_status,
        "omitNativeBalances": not question.natives,
        "omitPrices": not question.prices,
    }
    if question.contracts:
        filters["contractWhitelist"] = question.contracts
    if question.contracts_left_out:
        filters["contractBlacklist"] = question.contracts_left_out
    return json.encode(
        {**selector, "filter": filters, "omitMetadata": not question.metadata, "page": Raw(page)},
    )


def items_question(account: Address, asset: Asset) -> Question:
    """Return the question for the single items of a collection.

    Raises ValueError for a native coin, which has none.
    """
    if not asset.contract:
        raise ValueError("a native coin has no items")
    return Question(
        accounts=(account,),
        chain_ids=(asset.chain_id,),
        contract_status="ALL",
        contracts=(asset.contract,),
        natives=False,
        prices=False,
    )


def encode_chains_question(network_type: str) -> bytes:
    """Return the body of a GetChains request for `MAINNETS`, `TESTNETS` or `ALL`."""
    return json.encode({"networkType": network_type})


def decode_chains(body: bytes) -> tuple[tuple[ChainId, str], ...]:
    """Return the chains of a GetChains reply with their names.

    One malformed entry makes all of it a ReplyMalformed: a list with a gap would say that a chain is gone.
    So does a list that is longer than any can be: each chain would be asked for with every sweep.
    """
    reply = try_decode(_CHAINS, body)
    if reply is None:
        raise ReplyMalformed("no list of chains", status=200)
    if len(reply.chains or ()) > CHAINS_MOST:
        raise ReplyMalformed(f"more than {CHAINS_MOST} chains", status=200)
    chains = tuple((ChainId(chain.chain_id), chain.chain_name) for chain in reply.chains or ())
    if not all(0 < chain_id <= SIGNED_MAX for chain_id, _ in chains):
        raise ReplyMalformed("a chain id out of range", status=200)
    return chains


def decode_ping(body: bytes) -> None:
    """Return if the reply to a Ping says that all is well; raise an IndexerError if not."""
    reply = try_decode(_PING, body)
    if reply is None:
        raise ReplyMalformed("no answer to a ping", status=200)
    if not reply.status:
        raise Unavailable("the service says it is not well", status=200)


class _ListedChain(Struct, rename="camel"):
    chain_id: int
    chain_name: str


class _Chains(Struct):
    chains: list[_ListedChain] | None


class _Ping(Struct):
    status: bool


_CHAINS = Decoder(_Chains)
_PING = Decoder(_Ping)
