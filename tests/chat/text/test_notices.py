import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.commands.dispatch import parse
from bot.chat.commands.owners.believe import BelieveRequest
from bot.chat.text.alerts import Composed, compose
from bot.domain.assets import Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import (
    Alert,
    AlertId,
    BackupFails,
    BackupWorks,
    Blind,
    ChainBack,
    ChainGone,
    ChangeAlert,
    DoubtEnd,
    Dropped,
    Gap,
    HeldBack,
    MassLoss,
    NoticeAlert,
    ReplicaAway,
    ReplicaBack,
    Restored,
    Sample,
    SeenAgain,
    SourceRefuses,
    StoredNotice,
    Undelivered,
    UnreadableNotice,
)
from bot.domain.observations import Change, MoveKind
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    HOSTILE_NAMES,
    MARKS,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    read,
    seen,
)
from tests.examples import examples

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
ALL_CHAINS = CHAINS.mainnets()[:20]
KEY_REFUSED = (
    "The indexer refused the access key; check indexer.access_key and what its project allows:"
    " Access key not found (HTTP 401, 1101 AccessKeyNotFound)"
)


def gap(chain_id: ChainId, minutes: float = 10, account: Address | None = None, label: str = "") -> Gap:
    return Gap(chain_id, account, label, NOON - timedelta(minutes=minutes))


def blind(*gaps: Gap, is_everything: bool = False) -> Blind:
    return Blind(gaps, is_everything)


def told(*notices: StoredNotice) -> list[NoticeAlert]:
    return [NoticeAlert(AlertId(1), notice, NOON) for notice in notices]


def composed(*alerts: Alert, at: datetime = NOON) -> Composed:
    return compose(alerts, "7KQ2F", CHAINS, at)


def lines(*notices: StoredNotice, at: datetime = NOON) -> list[str]:
    *above, footer = seen(composed(*told(*notices), at=at).html).split("\n")
    assert footer.endswith("14:03:22 UTC · 7KQ2F")
    return above


def test_one_account_under_two_names_is_blind_under_each() -> None:
    gaps = (
        gap(POLYGON, account=TREASURY, label="Safe Polygon"),
        gap(BASE, account=TREASURY, label="Safe Base"),
    )
    shown = seen(composed(*told(blind(*gaps))).html)

    assert "Safe Polygon on Polygon: since" in shown
    assert "Safe Base on Base: since" in shown


# ---------------------------------------------------------------- blindness


def held_back(chain_id: ChainId, end: DoubtEnd | None = None) -> Gap:
    return gap(chain_id, minutes=10)._replace(held_back=HeldBack(34, 40, end))


def test_chains_that_are_held_back_stand_apart_from_silent_ones() -> None:
    assert lines(Blind((held_back(POLYGON), gap(BASE, minutes=10)), is_everything=False)) == [
        "⚠️ Polygon is held back since 13:53 UTC (10 min): 34 of 40 token balances vanished at once.",
        (
            "An index that is being rebuilt looks like this, so nothing there is reported as gone, and I"
            " wait. If it is really gone, an owner can confirm it with /believe polygon."
        ),
        "⚠️ I can't read Base since 13:53 UTC (10 min): no answer.",
        "Last known values are kept; I keep trying.",
    ]


def test_the_end_of_a_hold_is_told_in_words_that_fit() -> None:
    ended = [
        held_back(POLYGON, DoubtEnd.BACK),
        held_back(BASE, DoubtEnd.BELIEVED),
        held_back(ETHEREUM, DoubtEnd.SETTLED),
    ]

    assert lines(SeenAgain(tuple(ended), 3)) == [
        "✅ The balances on Polygon are back after 10 min.",
        "✅ Base is no longer held back after 10 min: an owner confirmed that the balances are gone.",
        (
            "✅ Ethereum is no longer held back after 10 min:"
            " what is still missing has stayed so, and counts as gone."
        ),
        "3 changes meanwhile, reported as usual.",
    ]


def test_a_blind_chain_is_told_with_since_when_and_what_that_means() -> None:
    assert lines(blind(gap(POLYGON))) == [
        "⚠️ I can't read Polygon since 13:53 UTC (10 min): no answer.",
        "Last known values are kept; I keep trying.",
    ]


def test_a_blind_account_is_named_with_its_chain() -> None:
    assert lines(blind(gap(ETHEREUM, 12, TREASURY, "Treasury")))[0] == (
        "⚠️ I can't read Treasury on Ethereum since 13:51 UTC (12 min): no answer."
    )


def test_an_account_without_a_label_is_its_short_address() -> None:
    assert lines(blind(gap(ETHEREUM, 12, TREASURY)))[0].startswith("⚠️ I can't read 0x8e3E…d8B9 on Ethereum")


def test_what_is_blind_alike_shares_a_line_and_whole_chains_come_first() -> None:
    assert lines(
        blind(
            gap(ETHEREUM, 12, TREASURY, "Treasury"),
            gap(ETHEREUM, 12, VAULT),
            gap(ARBITRUM, 12, VAULT),
            gap(POLYGON),
            gap(BASE),
        )
    ) == [
        "⚠️ No answer, so I can't read:",
        "Polygon, Base: since 13:53 UTC (10 min)",
        "Treasury, 0xABaB…ABaB on Ethereum: since 13:51 UTC (12 min)",
        "0xABaB…ABaB on Arbitrum One: since 13:51 UTC (12 min)",
        "Last known values are kept; I keep trying.",
    ]


def test_an_account_of_a_chain_that_is_blind_as_a_whole_is_not_named() -> None:
    assert len(lines(blind(gap(POLYGON), gap(POLYGON, 12, TREASURY, "Treasury")))) == 2


def test_since_yesterday_has_a_date() -> None:
    assert "since 2026-11-21 14:03 UTC (24 h):" in lines(blind(gap(POLYGON, 24 * 60)))[0]


def test_everything_blind_is_one_clear_message() -> None:
    everything = blind(*(gap(chain_id, 10) for chain_id in ALL_CHAINS), is_everything=True)

    assert lines(everything) == [
        "⚠️ I can't read any balances since 13:53 UTC (10 min): the source isn't answering.",
        "Last known values are kept; I keep trying.",
    ]


def test_everything_is_blind_since_the_last_of_it_was_seen() -> None:
    assert "13:53 UTC" in lines(blind(gap(POLYGON, 40), gap(BASE, 10), is_everything=True))[0]


def test_many_accounts_fold() -> None:
    gaps = [gap(BASE, 10, Address(f"0x{number:040x}"), f"Till {number}") for number in range(500)]

    assert lines(blind(*gaps))[0] == (
        "⚠️ I can't read Till 0, Till 1, Till 2 and 497 more on Base since 13:53 UTC (10 min): no answer."
    )


def test_many_lines_fold() -> None:
    shown = lines(blind(*(gap(chain_id, 10 + number) for number, chain_id in enumerate(ALL_CHAINS))))

    assert shown[1] == "Ethereum: since 13:53 UTC (10 min)"
    assert shown[-2] == "… and 12 more chains"
    assert len(shown) == 11


def test_notices_of_one_kind_become_one_block() -> None:
    assert lines(blind(gap(POLYGON)), blind(gap(BASE)))[0] == (
        "⚠️ I can't read Polygon, Base since 13:53 UTC (10 min): no answer."
    )


def test_blindness_and_its_end_keep_their_order() -> None:
    shown = lines(blind(gap(POLYGON)), SeenAgain((gap(POLYGON),), 0), blind(gap(POLYGON, 2)))

    assert [line[0] for line in shown if line[:1] in "⚠✅" and line] == ["⚠", "✅", "⚠"]


def test_what_is_seen_again_says_how_long_it_was_not_and_that_nothing_changed() -> None:
    assert lines(SeenAgain((gap(POLYGON, 47),), 0)) == [
        "✅ Polygon is back after 47 min.",
        "Nothing changed meanwhile.",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [(1, "1 change meanwhile, reported as usual."), (3, "3 changes meanwhile, reported as usual.")],
)
def test_what_changed_meanwhile_is_counted(changes: int, words: str) -> None:
    assert lines(SeenAgain((gap(POLYGON, 47),), changes))[-1] == words


def test_many_things_seen_again_share_lines() -> None:
    assert lines(
        SeenAgain((gap(POLYGON, 47), gap(BASE, 47), gap(ETHEREUM, 49, TREASURY, "Treasury")), 0)
    ) == [
        "✅ Back again:",
        "Polygon, Base: after 47 min",
        "Treasury on Ethereum: after 49 min",
        "Nothing changed meanwhile.",
    ]


# ---------------------------------------------------------------- the source


def test_a_chain_that_is_no_longer_listed_is_told_with_what_the_bot_does() -> None:
    assert lines(ChainGone(BASE)) == [
        "⚠️ The source no longer lists Base.",
        "I keep asking for it, and report when no answer comes.",
    ]
    assert "no longer lists Base and Polygon." in lines(ChainGone(BASE), ChainGone(POLYGON))[0]


def test_a_chain_that_is_listed_again_is_told() -> None:
    assert lines(ChainBack(BASE)) == ["✅ The source lists Base again."]


def test_a_mass_loss_is_told_as_doubt_with_the_command_that_ends_it() -> None:
    assert lines(MassLoss(POLYGON, 12, 14)) == [
        "⚠️ Polygon: 12 of 14 token balances vanished at once.",
        (
            "An index that is being rebuilt looks like this, so nothing is reported as gone, and the "
            "balances there count as unknown. If they are really gone, confirm it with /believe polygon."
        ),
    ]


def test_several_mass_losses_share_the_explanation() -> None:
    shown = lines(MassLoss(POLYGON, 12, 14), MassLoss(BASE, 1_200, 1_400))

    assert shown[1] == "⚠️ Base: 1,200 of 1,400 token balances vanished at once."
    assert "/believe CHAIN" in shown[2]
    assert len(lines(*(MassLoss(chain_id, 12, 14) for chain_id in ALL_CHAINS))) == 7


@pytest.mark.parametrize("chain_id", [*ALL_CHAINS, ChainId(987654321)])
def test_the_command_of_a_mass_loss_can_be_sent_as_it_is(chain_id: ChainId) -> None:
    (command,) = read(composed(*told(MassLoss(chain_id, 12, 14))).html).code

    assert parse(command, "OurBot", CHAINS) == BelieveRequest(chain_id)


def test_a_source_that_refuses_is_quoted_and_told_once() -> None:
    shown = lines(SourceRefuses(KEY_REFUSED), SourceRefuses(KEY_REFUSED))

    assert shown == [
        "⚠️ The source refuses to answer until somebody fixes this:",
        KEY_REFUSED,
        "Until then I can't read anything. Last known values are kept.",
    ]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_what_a_source_says_is_code_in_one_line(name: str) -> None:
    message = composed(*told(SourceRefuses(name)))

    assert len(read(message.html).code) == 1
    assert len(seen(message.html).split("\n")) == 4


# ---------------------------------------------------------------- replicas


def test_a_replica_that_is_away_is_told_with_what_is_left_and_what_to_do() -> None:
    assert lines(ReplicaAway("gamma", NOON, 2)) == [
        "⚠️ Replica gamma has not been seen since 14:03 UTC.",
        "2 replicas are left, and do what it did.",
        "I say when it is back. If it is gone for good, there is nothing to do: I forget it after a day.",
    ]


def test_that_one_replica_is_left_is_said_with_what_it_means() -> None:
    away = ReplicaAway("gamma", NOON, 2), ReplicaAway("beta", NOON, 1), ReplicaAway("beta", NOON, 1)

    assert lines(*away)[:3] == [
        "⚠️ Replica gamma has not been seen since 14:03 UTC.",
        "⚠️ Replica beta has not been seen since 14:03 UTC.",
        "1 replica is left: if that fails too, I see nothing.",
    ]


def test_a_replica_that_is_back_is_told_once() -> None:
    assert lines(ReplicaBack("gamma"), ReplicaBack("beta"), ReplicaBack("gamma")) == [
        "✅ Replica gamma is back.",
        "✅ Replica beta is back.",
    ]


# ---------------------------------------------------------------- copies of the database


def test_a_backup_that_fails_is_told_with_its_reason_and_what_happens_next() -> None:
    assert lines(BackupFails("the folder /backups does not exist: make it, or choose another one")) == [
        "⚠️ The daily backup failed:",
        "the folder /backups does not exist: make it, or choose another one",
        "I retry every hour, and say so when it works.",
    ]


def test_a_backup_that_works_again_is_told() -> None:
    assert lines(BackupWorks()) == ["✅ The daily backup works again."]


def test_who_hears_from_a_restored_bot_is_told_what_that_means() -> None:
    first, second = lines(Restored(NOON - timedelta(days=3)))

    assert first == "⚠️ I was restored from a backup of 2026-11-19 14:03 UTC."
    assert second == (
        "Changes since then are reported now, even those that I reported before. "
        "What was watched or stopped since then is as it was: check /list."
    )


# ---------------------------------------------------------------- what can't be read


def test_a_notice_that_cannot_be_read_is_told_with_what_it_calls_itself() -> None:
    assert lines(UnreadableNotice("of <b>tomorrow</b>")) == [
        "⚠️ This version of me can't read 1 notice (of <b>tomorrow</b>) for this chat.",
        "It stays in my database; /status shows how things stand.",
    ]


def test_many_of_them_are_counted_and_each_name_is_said_once() -> None:
    assert lines(
        UnreadableNotice("a"), UnreadableNotice(""), UnreadableNotice("b"), UnreadableNotice("a")
    ) == [
        "⚠️ This version of me can't read 4 notices (a, b) for this chat.",
        "They stay in my database; /status shows how things stand.",
    ]
    assert lines(UnreadableNotice(""))[0] == "⚠️ This version of me can't read 1 notice for this chat."


# ---------------------------------------------------------------- a sample


def test_a_sample_says_that_it_is_a_test_and_how_long_it_took() -> None:
    assert lines(Sample(), Sample(), at=NOON + timedelta(seconds=1.25)) == [
        "🧪 This is a test: nothing has changed. Alerts look like this:",
        "🔴 Example −1,250 TEST (−$1,250.00) · Ethereum",
        "    3,400 → 2,150",
        "It took 1.2 s from your request to this message.",
    ]


# ---------------------------------------------------------------- laws

CHAIN_IDS = st.sampled_from([*ALL_CHAINS, ChainId(2**53)])
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=3)).map(lambda before: NOON - before)
GAPS = st.lists(
    st.builds(
        Gap,
        CHAIN_IDS,
        st.one_of(st.none(), st.sampled_from([TREASURY, VAULT])),
        st.one_of(st.sampled_from(HOSTILE_NAMES), st.text()),
        MOMENTS,
    ),
    max_size=40,
).map(tuple)
NOTICES = st.one_of(
    st.builds(Blind, GAPS, st.booleans()),
    st.builds(SeenAgain, GAPS, st.integers(0, 10**9)),
    st.builds(ChainGone, CHAIN_IDS),
    st.builds(ChainBack, CHAIN_IDS),
    st.builds(MassLoss, CHAIN_IDS, st.integers(10, 10**9), st.integers(10, 10**9)),
    st.builds(SourceRefuses, st.one_of(st.sampled_from(HOSTILE_NAMES), st.text())),
    st.builds(BackupFails, st.text()),
    st.builds(BackupWorks),
    st.builds(Restored, st.just(NOON)),
    st.builds(ReplicaAway, st.sampled_from(HOSTILE_NAMES), MOMENTS, st.integers(0, 9)),
    st.builds(ReplicaBack, st.sampled_from(HOSTILE_NAMES)),
    st.builds(UnreadableNotice, st.one_of(st.sampled_from(HOSTILE_NAMES), st.text())),
)
A_SIGNED_NUMBER = re.compile(r"(?<!\w)[+\u2212]\s*\d")


@settings(max_examples=examples(60))
@given(st.lists(NOTICES, min_size=1, max_size=12))
def test_every_message_of_notices_is_one_that_telegram_takes(notices: list[StoredNotice]) -> None:
    message = composed(*told(*notices))

    reader = read(message.html)
    assert 1 <= message.alerts <= len(notices)
    assert len(reader.visible.encode("utf-16-le")) // 2 <= 3_900
    assert len(reader.tags) - reader.tags.count("b") <= 90
    assert reader.urls == []


@settings(max_examples=examples(60))
@given(NOTICES)
def test_a_single_notice_fits_many_times_over(notice: StoredNotice) -> None:
    assert composed(*told(*[notice] * 100)).alerts == 100
    assert len(seen(composed(*told(notice)).html)) < 2_500


@settings(max_examples=examples(60))
@given(st.lists(NOTICES, min_size=1, max_size=12))
def test_no_line_of_a_notice_looks_like_a_change(notices: list[StoredNotice]) -> None:
    for line in composed(*told(*notices)).html.split("\n"):
        plain = seen(re.sub(r"<code>.*?</code>", "", line))
        assert not A_SIGNED_NUMBER.search(plain)
        assert not plain.startswith(MARKS)


def test_a_notice_stands_above_the_changes_it_speaks_of() -> None:
    change = Change(TREASURY, Asset(POLYGON, USDC), MoveKind.MOVED, Amount(5), Amount(2), NOON, None)
    alert = ChangeAlert(AlertId(2), change, "Treasury", Description("ERC20", "USDC", 0))

    shown = seen(composed(alert, *told(SeenAgain((gap(POLYGON, 47),), 1))).html).split("\n")

    assert [line[:2] for line in shown] == ["✅ ", "1 ", "", "🔴 ", "  ", "14"]


# ---------------------------------------------------------------- what was not told


def test_what_was_dropped_is_counted_with_its_time() -> None:
    first, second = lines(Dropped(3, NOON - timedelta(days=4), NOON - timedelta(days=3, hours=1)))

    assert first == (
        "⚠️ 3 changes waited too long to be sent and were dropped,"
        " observed 2026-11-18 14:03 to 2026-11-19 13:03 UTC."
    )
    assert second == "/balance shows what is held now."


def test_one_dropped_change_is_one() -> None:
    assert lines(Dropped(1, NOON, NOON))[0].startswith(
        "⚠️ 1 change waited too long to be sent and was dropped"
    )


def test_what_telegram_refuses_is_named_with_its_reason() -> None:
    assert lines(Undelivered("QQQQ1", 2, "Something new")) == [
        "⚠️ Message QQQQ1, with 2 changes, could not be delivered: Something new"
    ]


def test_owners_hear_whom_it_was_for() -> None:
    assert lines(Undelivered("QQQQ1", 1, "Something new", -1001, "Ops <b>")) == [
        "⚠️ Message QQQQ1 to Ops <b> (-1001), with 1 change, could not be delivered: Something new"
    ]


def test_many_refused_messages_are_counted() -> None:
    told_of = lines(*[Undelivered(f"QQQQ{number}", 1, "odd") for number in range(9)])

    assert len(told_of) == 6
    assert told_of[-1] == "… and 4 more messages."
