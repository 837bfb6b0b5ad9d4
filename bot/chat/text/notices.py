"""The text of notices: what has to be known beside the changes, or to trust them.

Notices of one kind that come together are one block: many are folded, none is dropped. For outages see
`outages.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

from bot.chat.text.alarms import ended, rang, repeated
from bot.chat.text.changes import INDENT
from bot.chat.text.digests import digest
from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.outages import blind, seen_again
from bot.chat.text.prices import worth_line
from bot.chat.text.replicas import away, back
from bot.chat.text.samples import sample
from bot.chat.text.untrusted import quoted, sanitized
from bot.chat.text.wording import (
    account_name,
    account_on,
    asset_name,
    chain_names,
    clock,
    counted,
    length,
    moment,
    token_names,
)
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import (
    AlarmEnded,
    AlarmRang,
    AlarmRepeated,
    BackupFails,
    BackupWorks,
    Baseline,
    Blind,
    ChainBack,
    ChainGone,
    Digest,
    Dropped,
    FirstWorth,
    MassLoss,
    MuteKind,
    MuteOver,
    NoticeAlert,
    PricedBalance,
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
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.worth import Worth
from bot.domain.units import format_shown, format_usd

_BASELINES_SINGLY = 5
_SINGLY = 5

SourceNotice = ChainGone | ChainBack | MassLoss | SourceRefuses
OperationNotice = BackupFails | BackupWorks | Restored | ReplicaAway | ReplicaBack
DeliveryNotice = Dropped | Undelivered | UnreadableNotice | MuteOver | Sample
Kind = TypeVar("Kind", bound=StoredNotice)


def notice_blocks(alerts: Sequence[NoticeAlert], chains: Chains, composed_at: datetime) -> list[Html]:
    """Return a block for each run of notices of one kind, in their order."""
    # Only neighbours share a block: a notice of another kind between them keeps its place.
    return [
        _block(list(run), chains, composed_at)
        for _, run in groupby(alerts, key=lambda alert: type(alert.notice))
    ]


def _block(run: Sequence[NoticeAlert], chains: Chains, composed_at: datetime) -> Html:
    notices = [alert.notice for alert in run]
    observed_at = max(alert.observed_at for alert in run)
    match notices[0]:
        case Baseline():
            return _baselines(run, chains)
        case Blind() | SeenAgain() as first:
            return _outages(first, notices, chains, observed_at, composed_at)
        case ChainGone() | ChainBack() | MassLoss() | SourceRefuses() as first:
            return _source_notice(first, notices, chains)
        case Dropped() | Undelivered() | UnreadableNotice() | MuteOver() | Sample() as first:
            return _delivery_notice(first, notices, chains, composed_at, waited=composed_at - observed_at)
        case BackupFails() | BackupWorks() | Restored() | ReplicaAway() | ReplicaBack() as first:
            return _operation_notice(first, notices, composed_at)
        case AlarmRang() | AlarmRepeated() | AlarmEnded() | Digest():
            return join("\n", (_alone(alert, chains, composed_at) for alert in run))


def _outages(
    first: Blind | SeenAgain,
    notices: Sequence[StoredNotice],
    chains: Chains,
    observed_at: datetime,
    now: datetime,
) -> Html:
    match first:
        case Blind():
            return blind(_only(Blind, notices), chains, observed_at, now)
        case SeenAgain():
            return seen_again(_only(SeenAgain, notices), chains, observed_at)


def _alone(alert: NoticeAlert, chains: Chains, now: datetime) -> Html:
    """Return what each notice of a kind says for itself."""
    match alert.notice:
        case AlarmRang() as notice:
            return rang(notice, chains)
        case AlarmRepeated() as notice:
            return repeated(notice, chains, now)
        case AlarmEnded() as notice:
            return ended(notice, chains, alert.observed_at)
        case Digest():
            return digest(alert, chains, now)
        case _:
            return EMPTY


def _delivery_notice(
    first: DeliveryNotice,
    notices: Sequence[StoredNotice],
    chains: Chains,
    now: datetime,
    *,
    waited: timedelta,
) -> Html:
    match first:
        case Dropped():
            return _dropped(_only(Dropped, notices), now)
        case Undelivered():
            return _undelivered(_only(Undelivered, notices))
        case UnreadableNotice():
            return _unreadable(_only(UnreadableNotice, notices))
        case MuteOver():
            return join("\n", (mute_over(over, chains, now) for over in _only(MuteOver, notices)))
        case Sample():
            return sample(chains, waited)


def _source_notice(first: SourceNotice, notices: Sequence[StoredNotice], chains: Chains) -> Html:
    match first:
        case ChainGone():
            return _gone([notice.chain_id for notice in _only(ChainGone, notices)], chains)
        case ChainBack():
            return _back([notice.chain_id for notice in _only(ChainBack, notices)], chains)
        case MassLoss():
            return _mass_losses(_only(MassLoss, notices), chains)
        case SourceRefuses():
            return _refusals(_only(SourceRefuses, notices))


def _only(kind: type[Kind], notices: Iterable[StoredNotice]) -> list[Kind]:
    return [notice for notice in notices if isinstance(notice, kind)]


# ---------------------------------------------------------------- first readings


def _baselines(run: Sequence[NoticeAlert], chains: Chains) -> Html:
    baselines = _only(Baseline, [alert.notice for alert in run])
    if len(baselines) <= _BASELINES_SINGLY:
        lines = [_baseline(baseline, chains) for baseline in baselines]
        worth = [_first_worth(alert.worth, chains) if alert.worth else [] for alert in run]
        return join("\n", (part for line, below in zip(lines, worth, strict=True) for part in (line, *below)))
    accounts = len({baseline.account for baseline in baselines})
    # Tokens are named only if every account was read for the same ones.
    (contracts, *others) = {baseline.contracts for baseline in baselines}
    seen = dict.fromkeys(chain for baseline in baselines for chain in baseline.chains)
    silent = dict.fromkeys(chain for baseline in baselines for chain in baseline.unanswered)
    return _watching(
        _narrowed(EMPTY + counted(accounts, "account"), () if others else contracts),
        _found(sum(baseline.balances for baseline in baselines), tuple(seen)),
        _silent(tuple(silent), chains),
    )


def _baseline(baseline: Baseline, chains: Chains) -> Html:
    found = _found(baseline.balances, baseline.chains)
    if baseline.balances:
        found += f" ({chain_names(baseline.chains, chains)})"
    who = _narrowed(account_name(baseline.account, baseline.label), baseline.contracts)
    return _watching(who, found, _silent(baseline.unanswered, chains))


def _first_worth(worth: FirstWorth, chains: Chains) -> list[Html]:
    """Return what an account is worth, and its largest balances; nothing where it holds none."""
    total = worth_line(Worth(usd=worth.usd, priced=len(worth.largest), unpriced=worth.unpriced), chains)
    return [total, *(_priced(one, chains) for one in worth.largest)] if total else []


def _priced(one: PricedBalance, chains: Chains) -> Html:
    decimals = decimals_of(one.asset, one.description, chains)
    return fill(
        "{}{} {} · {} · {}",
        INDENT,
        format_shown(one.amount.amount_raw, decimals or 0),
        asset_name(one.asset, one.description, chains, {one.asset} if one.is_look_alike else frozenset()),
        format_usd(one.usd),
        chains.get(one.asset.chain_id).title,
    )


def _narrowed(who: Html, contracts: Sequence[Address]) -> Html:
    """Return whose balances were read, or which tokens of theirs."""
    return fill("{} in {}", token_names(contracts), who) if contracts else who


def _watching(who: Html, found: str, silent: str) -> Html:
    sentence = "👁 Watching " + who + (f": {found}" if found else "")
    return sentence + f". {silent}" if silent else sentence


def _found(balances: int, seen: Sequence[ChainId]) -> str:
    if not seen:
        return ""
    what = counted(balances, "balance") if balances else "nothing held yet"
    return f"{what} on {counted(len(seen), 'chain')}"


def _silent(unanswered: Sequence[ChainId], chains: Chains) -> str:
    if not unanswered:
        return ""
    they_join = "it joins when it answers" if len(unanswered) == 1 else "they join when they answer"
    return f"No answer yet from {chain_names(unanswered, chains, last=' and ')}; {they_join}."


# ---------------------------------------------------------------- the source


def _gone(chain_ids: Iterable[ChainId], chains: Chains) -> Html:
    return fill(
        "⚠️ The source no longer lists {}.\nI keep asking for it, and report when no answer comes.",
        _titles(chain_ids, chains),
    )


def _back(chain_ids: Iterable[ChainId], chains: Chains) -> Html:
    return fill("✅ The source lists {} again.", _titles(chain_ids, chains))


def _titles(chain_ids: Iterable[ChainId], chains: Chains) -> str:
    return chain_names(tuple(dict.fromkeys(chain_ids)), chains, last=" and ")


def _mass_losses(losses: Sequence[MassLoss], chains: Chains) -> Html:
    # The latest of each chain: the counts before it are out of date.
    last = {loss.chain_id: loss for loss in losses}
    lines = [_mass_loss(loss, chains) for loss in tuple(last.values())[:_SINGLY]]
    more = [f"… and on {counted(len(last) - _SINGLY, 'more chain')}."] if len(last) > _SINGLY else []
    believe = fill(
        "An index that is being rebuilt looks like this, so nothing is reported as gone, and the balances "
        "there count as unknown. If they are really gone, confirm it with {}.",
        code(f"/believe {chains.get(next(iter(last))).name}" if len(last) == 1 else "/believe CHAIN"),
    )
    return join("\n", (*lines, *more, believe))


def _mass_loss(loss: MassLoss, chains: Chains) -> Html:
    return fill(
        "⚠️ {}: {} of {} vanished at once.",
        chains.get(loss.chain_id).title,
        f"{loss.lost:,}",
        counted(loss.held, "token balance"),
    )


def _refusals(refusals: Sequence[SourceRefuses]) -> Html:
    reasons = list(dict.fromkeys(refusal.reason for refusal in refusals))[-_SINGLY:]
    return join(
        "\n",
        (
            "⚠️ The source refuses to answer until somebody fixes this:",
            *map(quoted, reasons),
            "Until then I can't read anything. Last known values are kept.",
        ),
    )


# ---------------------------------------------------------------- copies of the database, and replicas


def _operation_notice(first: OperationNotice, notices: Sequence[StoredNotice], now: datetime) -> Html:
    match first:
        case BackupFails():
            return _backup_fails(_only(BackupFails, notices)[-1].reason)
        case BackupWorks():
            return EMPTY + "✅ The daily backup works again."
        case Restored():
            return _restored(_only(Restored, notices)[-1].copied_at, now)
        case ReplicaAway():
            return away(_only(ReplicaAway, notices), now)
        case ReplicaBack():
            return back(_only(ReplicaBack, notices))


def _backup_fails(reason: str) -> Html:
    return fill(
        "⚠️ The daily backup failed:\n{}\nI retry every hour, and say so when it works.",
        quoted(reason),
    )


def _restored(copied_at: datetime, now: datetime) -> Html:
    return fill(
        "⚠️ I was restored from a backup of {}.\nChanges since then are reported now, even those that I "
        "reported before. What was watched or stopped since then is as it was: check {}.",
        moment(copied_at, now),
        code("/list"),
    )


# ---------------------------------------------------------------- what was sent late, or not at all


def mute_over(over: MuteOver, chains: Chains, now: datetime) -> Html:
    """Return what stands before all that a mute held; `now` is in the reader's zone."""
    span = length(over.until - over.since)
    changes = counted(over.changes, "change") if over.changes else "no changes"
    match over.ended:
        case MuteKind.QUIET:
            return fill("🔔 Quiet hours are over: {} meanwhile.", changes)
        case MuteKind.BUDGET:
            since = moment(over.since, now)
            return fill("⏳ At most {} an hour here: {} since {}.", _messages(over.budget), changes, since)
        case MuteKind.MUTE if over.account is None:
            return fill("🔔 Muted for {}: {} meanwhile.", span, changes)
        case MuteKind.MUTE:
            who = account_on(over.account, over.label, over.chains, chains)
            return fill("🔔 {} was muted for {}: {} meanwhile.", who, span, changes)


def _messages(budget: int) -> str:
    # Where the budget was taken back by then, it is not known any more.
    return counted(budget, "message") if budget else "so many messages"


def _dropped(notices: Sequence[Dropped], now: datetime) -> Html:
    """Return how many changes waited too long, and from when they were."""
    changes = sum(notice.changes for notice in notices)
    first, last = min(notice.first_at for notice in notices), max(notice.last_at for notice in notices)
    return fill(
        "⚠️ {} waited too long to be sent and {} dropped, observed {} to {}.\n{} shows what is held now.",
        counted(changes, "change"),
        "was" if changes == 1 else "were",
        clock(first, now, pattern="%H:%M"),
        moment(last, now),
        code("/balance"),
    )


def _undelivered(notices: Sequence[Undelivered]) -> Html:
    """Return which messages Telegram does not take; many are counted."""
    lines = [_one_undelivered(notice) for notice in notices[:_SINGLY]]
    more = len(notices) - len(lines)
    return join("\n", (*lines, *([f"… and {counted(more, 'more message')}."] if more else ())))


def _one_undelivered(notice: Undelivered) -> Html:
    where = "" if notice.chat_id is None else _chat(notice.chat_id, notice.title)
    return fill(
        "⚠️ Message {}{}, with {}, could not be delivered: {}",
        notice.message_id,
        where,
        counted(notice.changes, "change"),
        quoted(notice.reason),
    )


def _chat(chat_id: int, title: str) -> Html:
    named, number = bold(sanitized(title)), code(str(chat_id))
    return fill(" to {} ({})", named, number) if named else fill(" to chat {}", number)


def _unreadable(notices: Sequence[UnreadableNotice]) -> Html:
    """Return that something is kept which can't be read, and what it calls itself."""
    kinds = list(dict.fromkeys(notice.kind for notice in notices if notice.kind))[:_SINGLY]
    return fill(
        "⚠️ This version of me can't read {}{} for this chat.\n{} in my database; {} shows how things stand.",
        counted(len(notices), "notice"),
        fill(" ({})", join(", ", map(quoted, kinds))) if kinds else EMPTY,
        "It stays" if len(notices) == 1 else "They stay",
        code("/status"),
    )
