"""The text of a message of alerts: notices above changes, then when they were observed and the message id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.chat.text.change_blocks import SHOWN_OPENLY, SHOWN_OPENLY_IN_DIGESTS, change_blocks
from bot.chat.text.changes import on_the_clock_of
from bot.chat.text.html import Html, code, fill, join
from bot.chat.text.loud import mention_line
from bot.chat.text.notices import notice_blocks
from bot.chat.text.wording import age, clock, moment
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Alert, ChangeAlert, Digest, NoticeAlert
from bot.domain.deliver.steps import LATE_AFTER, summed
from bot.domain.rules.loud import distinct
from bot.domain.zones import zone_word


@dataclass(frozen=True, slots=True)
class Composed:
    """One message, ready to be sent."""

    html: str
    alerts: int
    """How many of the alerts are in it, from the first on; the others need another message."""
    trouble: Exception | None = None
    """The error in putting its only alert into words, which is then shown in bare numbers."""


def compose(alerts: Sequence[Alert], message_id: str, chains: Chains, composed_at: datetime) -> Composed:
    """Return a message of as many of the alerts, in order, as fit; at least of the first.

    `composed_at` is in the zone of who reads it, and so are all moments in the message.
    An alert that can't be put into words is shown alone, in bare numbers, so that it blocks none behind it.
    """

    def message(count: int) -> Html:
        return _message(alerts[:count], message_id, chains, composed_at)

    def fits(count: int) -> bool:
        try:
            return message(count).fits
        except Exception:  # noqa: BLE001 - once it is the first, its error is reported
            return False

    # Doubled until it is too much, then halved: composing is slow, and hundreds of alerts may wait.
    fitting, step = 1, 1
    while fitting < len(alerts) and fits(min(fitting + step, len(alerts))):
        fitting = min(fitting + step, len(alerts))
        step *= 2
    while step > 1:
        step //= 2
        if fitting + step <= len(alerts) and fits(fitting + step):
            fitting += step
    try:
        return Composed(message(fitting).source, fitting)
    except Exception as error:  # noqa: BLE001 - whatever it is, the alert is sent
        called = mention_line(alerts[0].loudness.mentions)
        bare = join(
            "\n", [*filter(None, [_bare(alerts[0]), called]), _footer(alerts[:1], message_id, composed_at)]
        )
        return Composed(bare.source, 1, error)


def _message(alerts: Sequence[Alert], message_id: str, chains: Chains, composed_at: datetime) -> Html:
    notices = [alert for alert in alerts if isinstance(alert, NoticeAlert)]
    changes = [
        on_the_clock_of(composed_at, alert)
        for alert in summed((alert for alert in alerts if isinstance(alert, ChangeAlert)), composed_at)
    ]
    shown_openly = SHOWN_OPENLY_IN_DIGESTS if _has_digest(alerts) else SHOWN_OPENLY
    blocks = notice_blocks(notices, chains, composed_at)
    blocks += change_blocks(changes, chains, shown_openly=shown_openly)
    # Part of the text that has to fit, and that stays the same on every attempt.
    called = mention_line(distinct(one for alert in alerts for one in alert.loudness.mentions))
    blocks += [called] if called else []
    return join("\n\n", blocks) + "\n" + _footer(alerts, message_id, composed_at)


def _bare(alert: Alert) -> Html:
    """Return an alert by numbers only, without anything that was named by others: that can't fail."""
    if isinstance(alert, NoticeAlert):
        return fill("⚠️ A notice could not be put into words. {} shows how things stand.", code("/status"))
    change = alert.change
    return fill(
        "⚠️ A change could not be put into words. In smallest units: {} → {}\n{}\nchain {}, contract {}",
        str(change.before.amount_raw),
        str(change.after.amount_raw),
        code(change.account),
        str(change.asset.chain_id),
        code(change.asset.contract or "none"),
    )


def _footer(alerts: Sequence[Alert], message_id: str, composed_at: datetime) -> str:
    moments = [_observed_at(alert) for alert in alerts]
    seen = _when(min(moments), max(moments), composed_at)
    late = composed_at - min(moments)
    # A digest is about what is long ago, and says itself how late it is.
    delay = f", sent {age(late)} later" if late >= LATE_AFTER and not _has_digest(alerts) else ""
    return f"{seen}{delay} · {message_id}"


def _has_digest(alerts: Sequence[Alert]) -> bool:
    return any(isinstance(alert, NoticeAlert) and isinstance(alert.notice, Digest) for alert in alerts)


def _observed_at(alert: Alert) -> datetime:
    return alert.change.observed_at if isinstance(alert, ChangeAlert) else alert.observed_at


def _when(first: datetime, last: datetime, now: datetime) -> str:
    if last - first < timedelta(seconds=1):
        return moment(first, now, pattern="%H:%M:%S")
    start, end = first.astimezone(now.tzinfo), last.astimezone(now.tzinfo)
    # Where the clock was changed in between, both ends say how: 02:59:50 CEST – 02:00:10 CET.
    word = f" {zone_word(start)}" if zone_word(start) != zone_word(end) else ""
    if start.date() != end.date():
        return f"{start:%Y-%m-%d %H:%M:%S}{word} – {end:%Y-%m-%d %H:%M:%S} {zone_word(end)}"
    return f"{clock(first, now)}{word}–{end:%H:%M:%S} {zone_word(end)}"
