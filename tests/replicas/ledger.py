"""Judges what people were told by what the world did, without a line of the bot's own."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from bot.sandbox.telegram.world.world import Message

STEP = re.compile(r"^[🟢🔴✨] (?:\S+ )?([+−])([\d,]+) (\w+) · Polygon\n {4}([\d,]+) → ([\d,]+)", re.MULTILINE)
NUMBER = re.compile(r"UTC(?:, sent [^·]+)? · ([0-9A-Z]{4,10})$")


class Held(NamedTuple):
    """What an account held from a moment on; amounts of one account are never the same twice."""

    amount: int
    at: float


class Told(NamedTuple):
    """A message as a chat shows it, with the steps in it: token, amount before, amount after."""

    number: str
    at: float
    text: str
    steps: tuple[tuple[str, int, int], ...]


Wrong = Literal["lost", "false", "disorder"]
"""A step that nobody told; one that never was, is of no interest here or was told as news before; one that is
told after a later one."""


@dataclass
class Verdict:
    """What is wrong with what one chat was told, and how late it was."""

    wrongs: list[tuple[Wrong, str]] = field(default_factory=list)
    repeated: int = 0
    """Messages that were there already, under the same number and to the letter."""
    latest: float = 0
    """Seconds from a movement to its message, at the worst."""
    latest_of: str = ""

    def count(self, wrong: Wrong) -> int:
        """Return how often something was wrong in this way."""
        return sum(kind == wrong for kind, _ in self.wrongs)


def to_told(message: Message) -> Told:
    """Read a message; what is no alert has no steps."""
    steps = tuple(
        (symbol, _amount(before), _amount(after))
        for _, _, symbol, before, after in STEP.findall(message.text)
    )
    (number,) = NUMBER.findall(message.text) or [""]
    return Told(number, message.date.timestamp(), message.text, steps)


def judge(held: Mapping[str, Sequence[Held]], messages: Iterable[Told], since: float = 0) -> Verdict:
    """Judge the messages of a chat, oldest first, by all that the tokens it watches ever held.

    How late they were counts for what moved since a moment.
    """
    verdict = Verdict()
    texts: dict[str, str] = {}
    reached = dict.fromkeys(held, 0)
    for told in messages:
        if told.number and told.number in texts:
            verdict.repeated += 1
            if texts[told.number] != told.text:
                verdict.wrongs.append(("false", f"{told.number} is another text by now: {told.text}"))
            continue
        texts[told.number] = told.text
        for symbol, before, after in told.steps:
            moments = {one.amount: moment for moment, one in enumerate(held.get(symbol, ()))}
            if before not in moments or after not in moments:
                verdict.wrongs.append(("false", f"{symbol} of here never stepped from {before} to {after}"))
                continue
            begin, end = moments[before], moments[after]
            verdict.wrongs += _wrong_step(begin, end, reached[symbol], f"{symbol} from {before} to {after}")
            for one in held[symbol][reached[symbol] + 1 : end + 1]:
                if one.at >= since and told.at - one.at > verdict.latest:
                    verdict.latest = told.at - one.at
                    verdict.latest_of = f"{symbol} {one.amount}, moved {datetime.fromtimestamp(one.at, UTC)}"
            reached[symbol] = max(reached[symbol], end)
    for symbol, moment in reached.items():
        if moment < len(held[symbol]) - 1:
            verdict.wrongs.append(("lost", f"{symbol}: nothing said since {held[symbol][moment]}"))
    return verdict


def _wrong_step(begin: int, end: int, reached: int, step: str) -> Iterator[tuple[Wrong, str]]:
    """Say what is wrong with a step between two moments where all before a third was told."""
    if begin >= end:
        yield "disorder", f"{step}: the other way round"
    elif end <= reached:
        yield "false", f"{step}: told before"
    elif begin < reached:
        yield "disorder", f"{step}: part of it was told before"
    elif begin > reached:
        yield "lost", f"{step}: what came before was not told"


def is_all_told(held: Mapping[str, Sequence[Held]], messages: Iterable[Told]) -> bool:
    """Say whether the last amount of each token stands in a message."""
    said = {(symbol, after) for told in messages for symbol, _, after in told.steps}
    return all((symbol, history[-1].amount) in said for symbol, history in held.items() if len(history) > 1)


def _amount(shown: str) -> int:
    return int(shown.replace(",", ""))
