"""The words about replicas: who does what, who is away, and who is back."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from bot.chat.text.html import Html, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import age, counted, moment
from bot.domain.deliver.alerts import ReplicaAway, ReplicaBack
from bot.domain.replicas.replica import ReplicaSeen
from bot.domain.replicas.roles import Role

_DOES = {
    Role.RECEIVER: "receives",
    Role.POLLER: "polls",
    Role.SENDER: "sends",
    Role.CHORES: "does chores",
}


def replica_lines(replicas: Sequence[ReplicaSeen]) -> list[Html]:
    """Return how many replicas there are, who does what, and what is wrong with them; none: nothing."""
    if not replicas:
        return []
    here = [one for one in replicas if one.is_live]
    idle = frozenset(Role).difference(*(one.roles for one in here))
    said = [join(", ", (fill("{} {}", _name(one.name), does(one.roles)) for one in here))]
    said += [fill("nobody {}", _listed(idle, " or "))] if idle and here else []
    said += [
        fill("{} has not been seen for {}", _name(one.name), age(timedelta(seconds=one.seen_ago_seconds)))
        for one in replicas
        if not one.is_live
    ]
    return [
        fill("{}: {}", counted(len(here), "replica"), join("; ", filter(None, said))),
        *(_clock(one) for one in here if one.is_clock_wrong),
    ]


def away(notices: Sequence[ReplicaAway], now: datetime) -> Html:
    """Return which replicas are away, each once; `now` is in the reader's zone."""
    last = {notice.name: notice for notice in notices}
    left = notices[-1].left
    return join(
        "\n",
        (
            *(
                fill("⚠️ Replica {} has not been seen since {}.", _name(one.name), moment(one.seen_at, now))
                for one in last.values()
            ),
            "1 replica is left: if that fails too, I see nothing."
            if left == 1
            else f"{counted(left, 'replica')} are left, and do what it did.",
            "I say when it is back. If it is gone for good, there is nothing to do: I forget it after a day.",
        ),
    )


def back(notices: Sequence[ReplicaBack]) -> Html:
    """Return which replicas are back."""
    names = dict.fromkeys(notice.name for notice in notices)
    return join("\n", (fill("✅ Replica {} is back.", _name(name)) for name in names))


def _clock(one: ReplicaSeen) -> Html:
    way = "ahead" if one.clock_ahead_ms > 0 else "behind"
    span = age(timedelta(milliseconds=abs(one.clock_ahead_ms)))
    return fill("⚠️ The clock of {} is {} {}", _name(one.name), span, way)


def does(roles: Collection[Role]) -> str:
    """Return what a replica does with these roles: `receives and polls`."""
    if frozenset(roles) == frozenset(Role):
        return "does everything"
    return _listed(roles) or "stands by"


def _listed(roles: Collection[Role], last: str = " and ") -> str:
    words = [_DOES[role] for role in Role if role in roles]
    return last.join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _name(name: str) -> Html:
    return sanitized(name, "?")
