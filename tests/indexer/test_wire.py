"""Questions as they go out, and short replies as they come in."""

import json

import pytest

from bot.domain.ask.questions import Question
from bot.domain.chains import CHAINS_MOST
from bot.indexer.errors import ReplyMalformed, Unavailable
from bot.indexer.wire import (
    decode_chains,
    decode_ping,
    encode_chains_question,
    encode_question,
    first_page,
)
from tests.indexer.rows import (
    ANN,
    BOB,
    DAI,
    MAINNET,
    OF_ANN,
    OF_BOTH,
    POLYGON,
    USDC,
)

# ---------------------------------------------------------------- questions


def test_a_plain_question_asks_one_status_of_some_chains() -> None:
    assert json.loads(encode_question(OF_BOTH, b'{"pageSize": 1000}')) == {
        "chainIds": [1],
        "filter": {
            "accountAddresses": [ANN, BOB],
            "contractStatus": "VERIFIED",
            "omitNativeBalances": False,
            "omitPrices": False,
        },
        "omitMetadata": True,
        "page": {"pageSize": 1000},
    }


def test_a_narrow_question_names_its_contracts() -> None:
    question = Question(
        accounts=(ANN,),
        networks=("mainnet",),
        contract_status="ALL",
        contracts=(USDC,),
        contracts_left_out=(DAI,),
        natives=False,
        prices=False,
        metadata=True,
    )

    assert json.loads(encode_question(question, first_page(40))) == {
        "networks": ["mainnet"],
        "filter": {
            "accountAddresses": [ANN],
            "contractStatus": "ALL",
            "contractWhitelist": [USDC],
            "contractBlacklist": [DAI],
            "omitNativeBalances": True,
            "omitPrices": True,
        },
        "omitMetadata": False,
        "page": {"pageSize": 40},
    }


def test_a_page_is_sent_back_byte_for_byte() -> None:
    page = b'{ "after":{"1":"MQ==",  "137":1e2}, "more":true,"n":1.50 }'

    assert encode_question(OF_ANN, page).endswith(b'"page":' + page + b"}")


@pytest.mark.parametrize(
    "question",
    [
        Question(accounts=(), chain_ids=(MAINNET,)),
        Question(accounts=(ANN,)),
        Question(accounts=(ANN,), chain_ids=(MAINNET,), networks=("mainnet",)),
        Question(accounts=(ANN,), chain_ids=(MAINNET,), contract_status="verified"),
        Question(accounts=(ANN,), chain_ids=(MAINNET,), contract_status=""),
    ],
)
def test_a_question_of_undocumented_meaning_is_refused_here(question: Question) -> None:
    with pytest.raises(ValueError, match=r"a question needs|no contract status"):
        encode_question(question, b"{}")


# ---------------------------------------------------------------- companions


def test_chains_are_read_with_their_names() -> None:
    assert json.loads(encode_chains_question("MAINNETS")) == {"networkType": "MAINNETS"}
    assert decode_chains(
        b'{"chains":[{"chainId":1,"chainName":"mainnet","new":1},{"chainId":137,"chainName":"polygon"}]}'
    ) == ((MAINNET, "mainnet"), (POLYGON, "polygon"))
    assert decode_chains(b'{"chains":null}') == ()


@pytest.mark.parametrize(
    "chain", [b'{"chainId":"1","chainName":"x"}', b'{"chainId":0,"chainName":"x"}', b'{"chainId":1}', b"null",
              b'{"chainId":9223372036854775808,"chainName":"x"}', b'{"chainId":1,"chainName":null}']
)  # fmt: skip
def test_one_malformed_chain_spoils_the_list(chain: bytes) -> None:
    with pytest.raises(ReplyMalformed):
        decode_chains(b'{"chains":[{"chainId":137,"chainName":"polygon"},' + chain + b"]}")


def test_a_ping_is_answered_with_true() -> None:
    decode_ping(b'{"status":true}')
    with pytest.raises(Unavailable):
        decode_ping(b'{"status":false}')
    with pytest.raises(ReplyMalformed):
        decode_ping(b'{"status":"true"}')


def test_a_list_of_more_chains_than_there_are_is_refused() -> None:
    def listed(count: int) -> bytes:
        chains = ",".join(f'{{"chainId":{number + 1},"chainName":"n"}}' for number in range(count))
        return f'{{"chains":[{chains}]}}'.encode()

    assert len(decode_chains(listed(CHAINS_MOST))) == CHAINS_MOST
    with pytest.raises(ReplyMalformed):
        decode_chains(listed(CHAINS_MOST + 1))
