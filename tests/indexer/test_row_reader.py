"""Whatever rows come: reading some accounts, reading all and passing over what has an equal digest agree."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.ask.questions import Answer, Question, Reply
from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId, Description, Quote
from bot.indexer.replies.collector import ReplyCollector
from tests.examples import examples
from tests.indexer.rows import (
    ABSENT,
    ANN,
    BOB,
    DAI,
    EVE,
    MAINNET,
    OF_BOTH,
    POLYGON,
    USDC,
    body,
    entry,
    native,
    token,
)

QUESTION = Question(accounts=(ANN, BOB), chain_ids=(MAINNET, POLYGON))
COLLECTION = "ERC1155"

Row = dict[str, Any]
PageOf = dict[str, list[dict[str, Any]]]


def reply(pages: Sequence[PageOf]) -> Reply:
    collected = ReplyCollector(QUESTION)
    for page in pages:
        collected.add(json.dumps(page).encode())
    return collected.reply()


def said(answer: Answer, account: Address) -> list[object]:
    """Return all that an answer says of one account; of a list that is unknown, a doubt says nothing more."""
    return [
        (
            chain_id in answer.natives,
            answer.natives.get(chain_id, {}).get(account),
            chain_id in answer.tokens,
            answer.tokens.get(chain_id, {}).get(account),
            chain_id in answer.tokens and (chain_id, account) in answer.doubtful,
        )
        for chain_id in QUESTION.chain_ids
    ]


# ---------------------------------------------------------------- rows of every kind

mostly_ann = st.sampled_from([ANN, ANN, ANN, BOB, BOB, ANN.upper().replace("X", "x"), EVE])
anybody = st.sampled_from([ANN] * 20 + [BOB] * 10 + ["nobody", None])
contracts = st.sampled_from([USDC] * 4 + [DAI] * 4 + [USDC.upper().replace("X", "x"), "0x12"])
amounts = st.sampled_from(["5"] * 6 + ["6", "0", "-1", "05", None])
reasons = st.sampled_from([ABSENT] * 5 + ["down"])


@st.composite
def token_rows(draw: st.DrawFn, chain: int) -> Row:
    return token(
        draw(contracts),
        draw(amounts),
        draw(st.one_of(mostly_ann, mostly_ann, anybody)),
        chainId=draw(st.sampled_from([chain] * 20 + [POLYGON])),
        contractType=draw(st.sampled_from(["ERC20", COLLECTION])),
        blockNumber=draw(st.sampled_from([ABSENT, None, 0, 3, 9, 9, -1])),
        uniqueCollectibles=draw(st.sampled_from([ABSENT] * 4 + ["2", "x"])),
        tokenID=draw(st.sampled_from([ABSENT] * 6 + ["0", "7"])),
        priceUSD=draw(st.sampled_from([ABSENT, "1", "2", 3])),
    )


@st.composite
def native_rows(draw: st.DrawFn, chain: int) -> Row:
    return native(
        draw(amounts),
        draw(st.one_of(mostly_ann, anybody)),
        chainId=draw(st.sampled_from([chain] * 20 + [POLYGON])),
        errorReason=draw(reasons),
        priceUSD=draw(st.sampled_from([ABSENT, "1", "2"])),
    )


@st.composite
def pages(draw: st.DrawFn) -> list[PageOf]:
    """Return the pages of one answer, natives on the first one."""
    result: list[PageOf] = []
    for number in range(draw(st.integers(1, 3))):
        tokens = [_entry(draw, chain, token_rows(chain)) for chain in QUESTION.chain_ids]
        natives = (
            [_entry(draw, chain, native_rows(chain)) for chain in QUESTION.chain_ids] if not number else []
        )
        result.append({"nativeBalances": natives, "balances": tokens[draw(st.sampled_from([0, 0, 1])) :]})
    return result


def _entry(draw: st.DrawFn, chain: int, rows: st.SearchStrategy[Row]) -> dict[str, Any]:
    made = entry(*draw(st.lists(rows, max_size=4)), chain=chain, errorReason=draw(reasons))
    return {name: value for name, value in made.items() if value is not ABSENT}


changes: st.SearchStrategy[Row] = st.sampled_from(
    [
        {"balance": "6"},
        {"balance": "-1"},
        {"chainId": 10},
        {"tokenID": "7"},
        {"priceUSD": "9"},
        {"blockNumber": 9},
    ]
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[PageOf], list[PageOf]]:
    """Return two answers that differ in little or nothing."""
    one = draw(pages())
    other: list[PageOf] = json.loads(json.dumps(one))
    entries = [each for page in other for side in page.values() for each in side]
    for each in entries:
        each["results"] = draw(st.permutations(each["results"]))
    lists = [each["results"] for each in entries if each["results"]]
    if lists:
        rows = draw(st.sampled_from(lists))
        match draw(st.sampled_from(["same", "gone", "moved", "odd beside"])):
            case "gone":
                rows.pop()
            case "moved":
                rows[-1].update(draw(changes))
            case "odd beside":
                rows.append({**rows[-1], **draw(changes)})
    return one, other


# ---------------------------------------------------------------- laws


@given(pages())
def test_reading_some_accounts_says_of_them_what_reading_all_does(of: list[PageOf]) -> None:
    whole = reply(of)
    everything, described = whole.about(QUESTION.accounts), whole.descriptions(QUESTION.accounts)

    for account in QUESTION.accounts:
        alone = whole.about((account,))
        assert said(alone, account) == said(everything, account)
        assert whole.descriptions((account,)).keys() <= described.keys()
        for other in set(QUESTION.accounts) - {account}:
            assert not any(other in held for side in (alone.natives, alone.tokens) for held in side.values())


@given(pages())
def test_reading_changes_nothing_in_a_reply(of: list[PageOf]) -> None:
    whole = reply(of)

    assert whole.about(QUESTION.accounts) == whole.about(QUESTION.accounts)
    assert whole.descriptions(QUESTION.accounts) == whole.descriptions(QUESTION.accounts)


@given(pairs())
def test_equal_digests_mean_that_all_that_is_said_is_equal(pair: tuple[list[PageOf], list[PageOf]]) -> None:
    first, second = map(reply, pair)

    for account in QUESTION.accounts:
        if first.digests[account] == second.digests[account]:
            one, other = (whole.about(QUESTION.accounts) for whole in (first, second))
            assert said(one, account) == said(other, account)


@given(pages())
def test_chains_are_seen_where_tokens_or_anybodys_natives_are(of: list[PageOf]) -> None:
    whole = reply(of)
    answer = whole.about(QUESTION.accounts)

    assert whole.chains == answer.tokens.keys() | {chain for chain, held in answer.natives.items() if held}


@settings(max_examples=examples(400))
@given(pages())
def test_rows_are_read_as_plainly_one_after_the_other(of: list[PageOf]) -> None:
    answer = reply(of).about(QUESTION.accounts)
    plain = Plain.of(of)

    for account in QUESTION.accounts:
        assert said(answer, account) == plain.said(account)


# ---------------------------------------------------------------- the same in the plainest way


@dataclass
class Plain:
    """Reads one row after the other and forgets nothing; slow, and short enough to be seen to be right."""

    held: dict[tuple[str, int, str], dict[str, dict[str, tuple[Amount, int]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    """By side, chain and account: by contract and token id, what is held and the last page that said so."""
    kinds: dict[tuple[int, str, str], str] = field(default_factory=dict)
    seen: set[tuple[str, int]] = field(default_factory=set)
    unknown: set[tuple[str, int]] = field(default_factory=set)
    doubtful: set[tuple[str, int, str]] = field(default_factory=set)
    strangers: set[tuple[str, int]] = field(default_factory=set)
    shown: set[tuple[str, int, str]] = field(default_factory=set)
    """Whose rows came that could be sorted."""

    @classmethod
    def of(cls, pages: Sequence[PageOf]) -> "Plain":
        plain = cls()
        for number, page in enumerate(pages):
            for side, entries in page.items():
                for each in entries:
                    plain.seen.add((side, each["chainId"]))
                    if each.get("errorReason"):
                        plain.unknown.add((side, each["chainId"]))
                    for row in each["results"]:
                        plain.read(side, each["chainId"], row, number)
        plain.doubt_silence()
        return plain

    def read(self, side: str, chain: int, row: Row, page: int) -> None:
        account = str(row["accountAddress"]).lower()
        if row["chainId"] != chain:
            self.unknown |= {(side, chain), (side, row["chainId"])}
        if account not in QUESTION.accounts:
            self.unknown.add((side, chain))
            if re.fullmatch("0x[0-9a-f]{40}", account):
                self.strangers.add((side, chain))
        contract = str(row.get("contractAddress", "")).lower()
        holding = None if row.get("errorReason") else _plain_holding(row)
        kind = row.get("contractType", "")
        is_asset = side == "nativeBalances" or re.fullmatch("0x[0-9a-f]{40}", contract)
        is_sorted = isinstance(row["balance"], str) and is_asset and not row.get("errorReason")
        if is_sorted and row["chainId"] == chain and account in QUESTION.accounts:
            self.shown.add((side, chain, account))
        if holding is None or not is_asset or self.kinds.setdefault((chain, account, contract), kind) != kind:
            self.doubtful.add((side, chain, account))
            return
        held = self.held[side, chain, account][contract]
        token_id = row.get("tokenID", "0") if kind == COLLECTION else ""
        before, last_page = held.get(token_id, (holding, -1))
        is_newer = (holding.block or 0) > (before.block or 0)
        if holding.differs_from(before) and not (is_newer and before.block and last_page < page):
            self.doubtful.add((side, chain, account))
        held[token_id] = (holding if is_newer else before, page)

    def doubt_silence(self) -> None:
        sides = "nativeBalances", "balances"
        if self.strangers and not self.shown:
            self.unknown |= {(side, chain) for side in sides for chain in QUESTION.chain_ids}
        for side, chain in self.strangers:
            for account in QUESTION.accounts:
                if side == sides[0] and not {(one, chain, account) for one in sides} & self.shown:
                    self.doubtful.add(("balances", chain, account))

    def said(self, account: Address) -> list[object]:
        return [
            (
                self._is_known("nativeBalances", chain),
                self._of("nativeBalances", chain, account).get(""),
                self._is_known("balances", chain),
                self._of("balances", chain, account) or None,
                self._is_known("balances", chain) and ("balances", chain, account) in self.doubtful,
            )
            for chain in QUESTION.chain_ids
        ]

    def _is_known(self, side: str, chain: int) -> bool:
        return (side, chain) in self.seen - self.unknown

    def _of(self, side: str, chain: int, account: str) -> Mapping[str, Amount]:
        if (side, chain, account) in self.doubtful or not self._is_known(side, chain):
            return {}
        return {
            contract: _plain_sum([holding for holding, _ in by_id.values()])
            for contract, by_id in self.held[side, chain, account].items()
        }


def _plain_holding(row: Row) -> Amount | None:
    balance, block, uniques = row["balance"], row.get("blockNumber"), row.get("uniqueCollectibles")
    if not isinstance(balance, str) or not re.fullmatch("0|[1-9][0-9]*", balance) or (block or 0) < 0:
        return None
    if row.get("contractType") != COLLECTION or uniques is None:
        return Amount(int(balance), None, block or None)
    return Amount(int(balance), int(uniques), block or None) if uniques.isdigit() else None


def _plain_sum(holdings: list[Amount]) -> Amount:
    summaries = [one for one in holdings if (one.uniques or 0) > 1]
    if len(holdings) == 1 or len(summaries) == 1:
        return (summaries or holdings)[0]
    return Amount(
        sum(one.amount_raw for one in holdings),
        sum((one.amount_raw > 0 if one.uniques is None else one.uniques) for one in holdings),
        max(one.block or 0 for one in holdings) or None,
    )


# ---------------------------------------------------------------- rules


def test_only_what_the_read_accounts_hold_is_described() -> None:
    collected = ReplyCollector(OF_BOTH)
    tokens = token(), token(account=BOB, priceUSD="1"), token(account=BOB, contract=DAI)
    collected.add(body([entry(*tokens)], [entry(native(account=BOB, priceUSD="2500"))]))

    assert collected.reply().descriptions((ANN,)) == {Asset(MAINNET, USDC): Description("ERC20")}
    assert collected.reply().descriptions((BOB,)) == {
        Asset(MAINNET, NATIVE): Description("NATIVE", "ETH", price_usd="2500"),
        Asset(MAINNET, USDC): Description("ERC20", price_usd="1"),
        Asset(MAINNET, DAI): Description("ERC20"),
    }


def test_a_row_that_only_strict_reading_refuses_describes_nothing() -> None:
    collected = ReplyCollector(OF_BOTH)
    page = body([entry(token(), token(DAI))])
    twice = page.replace(b'"contractType": "ERC20"', b'"contractType": "ERC721", "contractType": "ERC20"', 1)
    assert twice != page
    collected.add(twice)

    assert collected.reply().descriptions((ANN,)).keys() == {Asset(MAINNET, DAI)}


def test_what_is_a_collection_by_anybody_s_ids_is_one_for_all() -> None:
    collected = ReplyCollector(OF_BOTH)
    unknown = {"contractType": "ERC9999"}
    collected.add(body([entry(token(**unknown), token(account=BOB, tokenID="7", **unknown))]))

    assert collected.reply().descriptions((ANN,))[Asset(MAINNET, USDC)].is_collection


def test_prices_are_told_of_every_asset_that_has_one_whoever_holds_it() -> None:
    collected = ReplyCollector(OF_BOTH)
    priced = token(account=BOB, priceUSD="0.9998"), token(contract=DAI), token(contract=EVE, priceUSD="dear")
    coins = native(priceUSD="2500.00"), native(account=BOB)
    collected.add(body([entry(*priced)], [entry(*coins)]))

    assert collected.reply().prices({}) == {
        Asset(MAINNET, USDC): Quote("0.9998"),
        Asset(MAINNET, NATIVE): Quote("2500.00"),
    }
    assert collected.reply().prices({MAINNET: {USDC}, POLYGON: {NATIVE}}) == {
        Asset(MAINNET, NATIVE): Quote("2500.00")
    }


@given(pages())
def test_every_price_that_is_told_is_one_that_a_row_of_that_asset_names(of: list[PageOf]) -> None:
    named = {
        (entry["chainId"], row.get("contractAddress", NATIVE).lower(), row.get("priceUSD"))
        for page in of
        for entries in page.values()
        for entry in entries
        for row in entry["results"]
    }

    assert {(*asset, quote.usd) for asset, quote in reply(of).prices({}).items()} <= named


def test_blocks_come_from_those_who_are_read() -> None:
    collected = ReplyCollector(OF_BOTH)
    collected.add(body([entry(token(blockNumber=7), token(account=BOB, blockNumber=9))]))

    assert collected.reply().about((ANN,)).highest_blocks == {MAINNET: 7}
    assert collected.reply().about((ANN, BOB)).highest_blocks == {MAINNET: ChainId(9)}
