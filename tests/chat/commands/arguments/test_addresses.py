"""Addresses as people paste them: as such, or in the link of an explorer's page."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.chat.commands.arguments.addresses import read_named, read_words
from bot.chat.commands.command import Usage
from bot.chat.commands.ignore import (
    IgnoreRequest,
    UnignoreRequest,
)
from bot.chat.commands.watch.bare import BareRequest
from bot.chat.commands.watch.watch import WatchRequest, WatchTokenRequest
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, ChainId
from tests.chat.commands.builders import entries, parsed, refused, sentences, watched
from tests.chat.reading import (
    BASE,
    CHAINS,
    ETHEREUM,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
)

WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
CHECKSUM = (
    "isn't an address: its checksum is wrong, so at least one digit or capital is mistyped. Copy it again."
)
SEVERAL = "names several addresses. Send the one you mean."
NONE_IN_IT = "has no address in it. Send the address itself (0x…)."
ADDRESSES = (TREASURY, VAULT, USDC, OTHER)
TILL = "0x" + "7a" * 20


@pytest.mark.parametrize(
    ("typed", "chain"),
    [
        (TILL, None),
        (TILL.upper(), None),
        (checksummed(VAULT).replace(checksummed(VAULT), TILL), None),
        ("7a" * 20, None),
        (("7a" * 20).upper(), None),
        (f"\u200b{TILL}\ufeff", None),
        (f",{TILL},", None),
        (f"{TILL}.", None),
        (f"({TILL})", None),
        (f'"{TILL}"', None),
        (f"“{TILL}”,", None),
        (f"<{TILL}>", None),
        (f"`{TILL}`", None),
        (f"**{TILL}**", None),
        (f"| {TILL} |", None),
        (f"- {TILL}", None),
        (f"• {TILL}", None),
        (f"eth:{TILL}", ETHEREUM),
        (f"ETH:{TILL}", ETHEREUM),
        (f"matic:{TILL}", POLYGON),
        (f"arb1:{TILL}", ChainId(42161)),
        (f"oeth:{TILL}", ChainId(10)),
        (f"(base:{TILL})", BASE),
        (f"eip155:137:{TILL}", POLYGON),
        (f"ethereum:{TILL}@137", POLYGON),
        (f"ethereum:{TILL}", ETHEREUM),
        (f"https://app.safe.global/home?safe=eth:{TILL}", ETHEREUM),
        (f"https://app.safe.global/balances?safe=matic%3A{TILL}", POLYGON),
        (f"https://app.safe.global/transactions/history?safe=base:{TILL}", BASE),
        (f"https://app.safe.global/transactions/tx?safe=base:{TILL}&id=multisig_{TILL}_0x{'ab' * 32}", BASE),
        (f"https://debank.com/profile/{TILL}", None),
        (f"https://debank.com/profile/{TILL}?chain=matic", POLYGON),
        (f"https://zapper.xyz/account/{TILL}?tab=wallet", None),
        (f"https://zapper.xyz/token/polygon/{TILL}", POLYGON),
        (f"https://app.zerion.io/{TILL}/overview", None),
        (f"https://opensea.io/{TILL}", None),
        (f"https://opensea.io/assets/matic/{TILL}/7804", POLYGON),
        (f"https://etherscan.io/tokenholdings?a={TILL}", ETHEREUM),
        (f"https://etherscan.io/txs?a={TILL}", ETHEREUM),
        (f"https://polygonscan.com/address/{TILL}", POLYGON),
        (f"https://etherscan.io/token/{TILL}", ETHEREUM),
        (f"https://etherscan.io/token/{TILL}?a=7804#inventory", ETHEREUM),
        (f"https://blockscout.com/xdai/mainnet/address/{TILL}?tab=tokens", ChainId(100)),
        (f"http://basescan.org/address/{TILL}#tokentxns", BASE),
        (f"etherscan.io/address/{TILL}/", ETHEREUM),
        (f"(see https://basescan.org/address/{TILL}).".replace("see ", ""), BASE),
        (f"[](https://basescan.org/address/{TILL})", BASE),
        (f"https://explorer.example/polygon/address/{TILL}", POLYGON),
        (f"https://explorer.example/137/{TILL}", None),
    ],
)
def test_an_address_is_taken_however_it_is_written_with_the_chain_beside_it(
    typed: str, chain: ChainId | None
) -> None:
    (entry,) = entries(f"/watch {typed} as Till")
    bare = parsed(typed)

    assert entry == watched(1, parse(TILL), label="Till"), "the chain is offered, and no limit"
    assert entry.chain == chain
    assert bare == BareRequest((watched(1, parse(TILL)),), ())
    assert isinstance(bare, BareRequest)
    assert bare.entries[0].chain == chain


def parse(text: str) -> Address:
    return read_named(text).address


@pytest.mark.parametrize(
    "typed",
    [
        f"Treasury: {TILL}",
        f"Treasury:{TILL}",
        f"please watch {TILL} thanks",
        f"see https://etherscan.io/address/{TILL}, it moved",
        f"key={TILL}",
        f"请看{TILL}谢谢",
        f"https://etherscan.io/ and {TILL}",
    ],
)
def test_an_address_in_a_sentence_is_found_and_in_a_group_may_be_meant_for_others(typed: str) -> None:
    bare = parsed(typed)

    assert isinstance(bare, BareRequest)
    assert [entry.account for entry in bare.entries] == [TILL]
    assert bare.is_talk


@pytest.mark.parametrize(
    "text",
    [
        "https://etherscan.io/",
        "github.com/someone/something/commit/" + "7a" * 20,
        "0xMantle moved",
        "it cost 0x12",
    ],
)
def test_another_link_or_sentence_has_no_address(text: str) -> None:
    assert not isinstance(parsed(text), BareRequest)


@pytest.mark.parametrize(
    "link",
    [
        f"https://etherscan.io/token/{USDC}?a={VAULT}",
        f"https://polygonscan.com/token/{checksummed(USDC)}?a={checksummed(VAULT)}#transfers",
        f"https://etherscan.io/token/{USDC}#balances?a={VAULT}",
        f"https://etherscan.io/token/{USDC}?tab=x&a={VAULT}",
        f"etherscan.io/nft/{USDC}?a={VAULT}",
    ],
)
def test_the_page_of_a_holder_is_of_the_holder_and_the_token(link: str) -> None:
    entry = watched(1, VAULT, contracts=frozenset({USDC}), label="Vault")

    assert entries(f"/watch {link} as Vault") == [entry]
    assert parsed(link) == BareRequest((watched(1, VAULT, contracts=frozenset({USDC})),), ())
    assert parsed(f"/ignore {link}") == IgnoreRequest((USDC,), frozenset())
    assert parsed(f"/unignore {link}") == UnignoreRequest((USDC,))
    assert entries(f"/watch {VAULT} contract {link}") == [watched(1, VAULT, contracts=frozenset({USDC}))]


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (f"https://etherscan.io/token/{USDC}?b={VAULT}", SEVERAL),
        (f"https://etherscan.io/token/{USDC}?a={VAULT}&a={OTHER}", SEVERAL),
        (f"https://etherscan.io/address/{TREASURY}?a={VAULT}", SEVERAL),
        (f"ethereum:{USDC}@1/transfer?address={VAULT}&uint256=1", SEVERAL),
        ("https://etherscan.io/tokenholdings?a=7", NONE_IN_IT),
        (f"https://etherscan.io/address/{WRONG_CHECKSUM}", CHECKSUM),
        (f"https://etherscan.io/address/{TREASURY}00", "this has 42. Copy it again."),
    ],
)
def test_a_link_that_could_be_misread_is_refused_with_the_reason(link: str, reason: str) -> None:
    (sentence,) = sentences(refused(f"/watch {link} as Till"))

    assert sentence.endswith(reason)


HASH = "ab" * 32


@pytest.mark.parametrize("typed", [f"https://etherscan.io/tx/0x{HASH}", f"etherscan.io/tx/0x{HASH}#eventlog"])
def test_the_page_of_a_transaction_is_told_from_that_of_an_address_and_not_repeated(typed: str) -> None:
    sentence = "This is the page of a transaction, not of an address. Send the address (0x…)."
    bare = parsed(f"look at {typed}")

    assert sentences(refused(f"/watch {typed}")) == [sentence]
    assert isinstance(bare, BareRequest)
    assert sentences(bare.bad) == [sentence]


@pytest.mark.parametrize("digits", [HASH[1:], HASH + "a", HASH[:52]])
def test_what_may_be_most_of_a_private_key_is_refused_and_not_repeated(digits: str) -> None:
    (sentence,) = sentences(refused(f"/watch 0x{digits}"))

    assert sentence.startswith("One word isn't an address: an address has 40 digits after 0x, this has")
    assert digits[:4] not in sentence


def test_a_holder_is_not_dropped_where_a_contract_is_expected() -> None:
    link = f"https://etherscan.io/token/{USDC}?a={VAULT}"

    (sentence,) = sentences(refused(f"/watch {TREASURY} contract {link}"))
    assert sentence.endswith("names a holder too. Send the token's address itself.")
    request = parsed(f"/watch token {link}")
    assert isinstance(request, WatchTokenRequest)
    assert sentences(request.bad) == ["A link names a holder too. Send it after /watch, without “token”."]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["contract", "on", "polygon", "base mainnet", ",", "\n", "and"]),
            st.sampled_from(ADDRESSES),
            st.builds(
                "https://etherscan.io/token/{}?a={}".format,
                st.sampled_from(ADDRESSES),
                st.sampled_from(ADDRESSES),
            ),
            st.builds(
                "https://etherscan.io/{}/{}?x={}".format,
                st.sampled_from(["address", "token", "x"]),
                st.sampled_from(ADDRESSES),
                st.sampled_from(ADDRESSES),
            ),
        ),
        max_size=8,
    )
)
def test_no_address_of_a_line_is_lost_in_silence(words: list[str]) -> None:
    text = " ".join(words)
    request = parsed(f"/watch {text}")

    if isinstance(request, WatchRequest) and not request.bad:
        taken = {address for entry in request.entries for address in (entry.account, *entry.scope.contracts)}
        assert {address for address in ADDRESSES if address in text} == taken


# ---------------------------------------------------------------- laws


@given(
    st.sampled_from(["", "/watch ", "/watch token ", "/ignore ", "/unignore "]),
    st.lists(
        st.one_of(st.text(max_size=6), st.sampled_from([" ", "\n", ",", ";", "as", "on base", *ADDRESSES]))
    ),
)
def test_every_address_of_a_message_is_taken_or_the_message_says_why_not(call: str, parts: list[str]) -> None:
    text = call + " ".join(parts)
    request = parsed(text)
    named = {address for address in ADDRESSES if address in text}

    match request:
        case WatchRequest(entries, bad) | BareRequest(entries, bad):
            taken = {one for entry in entries for one in (entry.account, *entry.scope.contracts)}
            assert bad or named <= taken
        case WatchTokenRequest(scope, _, bad):
            assert bad or named <= scope.contracts
        case IgnoreRequest(contracts) | UnignoreRequest(contracts):
            assert named <= set(contracts)
        case _:
            assert not named or isinstance(request, Usage), "refused with the reason, or nothing in it"


AROUND = st.sampled_from(
    [
        "",
        " ",
        "(",
        ")",
        ".",
        ",",
        ";",
        "\n",
        "\t",
        ":",
        "“",
        "/",
        "=",
        "@",
        "x",
        "for ",
        "谢",
        "https://",
        "a.bc/",
    ]
)


@given(st.lists(st.one_of(st.text(max_size=6), AROUND, st.sampled_from(ADDRESSES)), max_size=12))
@example([USDC, "x", VAULT])
@example([USDC, "(", "https://", VAULT])
@example([USDC, VAULT])
@example(["a.bc/", USDC, "x"])
def test_no_address_in_a_text_disappears_without_a_word(parts: list[str]) -> None:
    text = "".join(parts)
    words = read_words(text)
    found = {address for word in words if word.named for address in (word.named.address, *word.named.tokens)}
    missing = {address for address in ADDRESSES if address in text} - found

    assert not missing or any(word.refused for word in words)


@given(st.text())
def test_any_text_has_addresses_words_or_nothing(text: str) -> None:
    for word in read_words(text):
        assert word.text
        assert text[word.start : word.end]
        assert word.named is None or word.refused is None


@given(st.sampled_from(ADDRESSES), st.sampled_from(CHAINS.registered()))
def test_an_address_with_any_chain_before_it_names_both(address: Address, chain_id: ChainId) -> None:
    for before in (CHAINS.get(chain_id).name, f"eip155:{chain_id}"):
        named = read_named(f"{before}:{address}")

        assert (named.address, named.chain(CHAINS)) == (address, chain_id)
