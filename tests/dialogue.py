"""Transcripts of what people type and what comes back, replayed against the whole bot.

A transcript is a text file: what a person says or presses, then every message of the bot, with its
buttons. It is compared line for line, so that nobody changes a word unseen; the manual shows the
same transcripts. `python -m tests.dialogue [COMMAND…]` lets the bot answer anew and writes files and manual.

    # Watching, and taking it back          a title; a new stack for each
    = Ops: Olga member, Bob member          a group that there is
    = channel Alerts: Olga creator          a channel, which the bot is not in yet
    Olga takes the bot into Alerts          as an administrator
    = Olga owns the bot by its link         and the configuration names no owner
    Olga │ /watch 0x… as Treasury           somebody writes, in private unless `in Ops`
     bot │ 👁 Watching Treasury…            the answer; `bot in Ops`, `bot to Bob` where it is not Olga's
         └ [Undo]                           its buttons
     bot │ 🔇 🔴 Treasury…                  it arrives without sound
    Olga replies to bot │ /allow            to the newest message there of the bot, or of a person
    Olga presses [Undo]                     on the newest message with such a button
         ✓ Undone.                          what she is told for a moment
     bot ✎ 👁 Watching Treasury…            what the message shows then
     bot │ 📎 balances.csv                  a file, over what stands under it
    world │ −1 USDC                        so much moves in the example's account on Polygon
    world │ lists no transfers once        the next question for transfers is refused
    later │ 2 min                          the bot is started anew when so much time is over
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from bot.chat.commands.command import Command, Who
from bot.chat.commands.registry import COMMANDS
from bot.sandbox.gateway.faults.kinds import AnswerError
from bot.sandbox.telegram.world.world import Chat, Message, Status, User
from bot.wiring import clock
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import HANG_SECONDS, until

HERE = Path(__file__).parent / "dialogues"
MANUAL = Path(__file__).parents[1] / "docs" / "commands.md"
QUIET_SECONDS = 2.5
"""When answers are written anew: nothing more comes after so long."""

BEGIN = datetime(2026, 3, 2, 14, 3, 0, tzinfo=UTC)
"""When each talk begins, a Monday: whether it is quiet then is the same whenever it is replayed."""

_ABOUT_TRANSFERS = re.compile(r"/(why|name)")
"""In all other dialogues the source lists none."""

CALM = {"indexer": ["poll_interval_seconds = 2"]}

_SAID = re.compile(r"(?P<who>\w+)(?: in (?P<where>\w+))?(?: replies to (?P<author>\w+))? │ (?P<text>.*)")
_PRESSED = re.compile(r"(?P<who>\w+)(?: in (?P<where>\w+))? presses \[(?P<button>.+)\]")
_MOVED = re.compile(r"world │ (?P<sign>[+−])(?P<units>\d+) USDC")
_REFUSES = "world │ lists no transfers once"
_LATER = re.compile(r"later │ (?P<minutes>\d+) min")
_GROUP = re.compile(r"= (?P<kind>channel )?(?P<title>\w+): (?P<members>.+)")
_CLAIMED = "= Olga owns the bot by its link"
_TAKEN_IN = re.compile(r"(?P<who>\w+) takes the bot into (?P<where>\w+)")
_BOT = re.compile(r" bot(?: (?:in|to) (?P<where>\w+))? (?P<kind>[│✎]) ?(?P<text>.*)")
_MORE = "     │"
_SILENT = "🔇 "
"""Before what arrives without sound."""
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d (?=\d\d:\d\d)"), ""),
    (re.compile(r"(?<![\d:])\d\d:\d\d:\d\d (UTC|CET|JST)"), r"14:03:22 \1"),
    (re.compile(r"(?<![\d:\u2013])\d\d:\d\d (UTC|CET|JST)"), r"14:03 \1"),
    (re.compile(r"\b\d+ s ago"), "2 s ago"),
    (re.compile(r"\b(?:\d+ min|1 h) more"), "1 h more"),
    (re.compile(r"(was (?:below|above) \S+ for) \d+ s"), r"\1 9 s"),
    (re.compile(r"\d\d:\d\d:\d\d\u2013"), "14:03:22\u2013"),
    (re.compile(r"(?<![\d:])\d\d:\d\d\u2013\d\d:\d\d (UTC|CET|JST)"), r"14:03–14:23 \1"),
    (re.compile(r"view is \d+ (?:s|min) old"), "view is 40 s old"),
    (re.compile(r"took \d[\d.,]* m?s"), "took 0.1 s"),
    (re.compile(r"in sweep \d+"), "in sweep 4"),
    (re.compile(r"block 7[\d,]+"), "block 71,000,125"),
    (re.compile(r"\b\d+\.\d s later"), "0.1 s later"),
    # Over a server, whose clock shows another time than the talk's.
    (re.compile(r"\n(?:1 replica: \S+ does everything|⚠️ The clock of \S+ is \d+ days behind)"), ""),
)
"""What is another with each run: moments and how long ago they were."""

_ONLY_WHEN_SLOW = "Asking about"


@dataclass
class Turn:
    """What somebody does, as it is written, and what the bot is to answer: lines of each message."""

    lines: list[str]
    answers: list[list[str]] = field(default_factory=list)


@dataclass
class Dialogue:
    """One transcript."""

    title: str
    groups: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)

    def __str__(self) -> str:
        blocks = [f"# {self.title}", *(["\n".join(self.groups)] if self.groups else [])]
        blocks += [
            "\n".join([*turn.lines, *(line for answer in turn.answers for line in answer)])
            for turn in self.turns
        ]
        return "\n\n".join(blocks)


def read_dialogues(text: str) -> Iterator[Dialogue]:
    """Yield the dialogues of a file."""
    for section in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        title, *lines = section.strip().split("\n")
        dialogue = Dialogue(title)
        for line in filter(None, lines):
            if line == _CLAIMED or _GROUP.fullmatch(line):
                dialogue.groups.append(line)
            elif any(form.fullmatch(line) for form in (_LATER, _MOVED, _SAID, _PRESSED, _TAKEN_IN)):
                dialogue.turns.append(Turn([line]))
            elif _BOT.fullmatch(line) or line.startswith("     ✓"):
                dialogue.turns[-1].answers.append([line])
            elif dialogue.turns[-1].answers:
                dialogue.turns[-1].answers[-1].append(line)
            else:
                dialogue.turns[-1].lines.append(line)
        yield dialogue


class Player:
    """Plays the people of a dialogue before a whole bot."""

    def __init__(self, stack: Stack, dialogue: Dialogue, ahead: timedelta) -> None:
        self._stack = stack
        self._ahead = ahead
        self._people: dict[str, tuple[User, Chat]] = {"Olga": (stack.olga, stack.chat)}
        self._groups: dict[str, Chat] = {}
        self._seen: dict[int, int] = {}
        self._shown: dict[tuple[int, int], Message] = {}
        for group in dialogue.groups:
            if group != _CLAIMED:
                self._add_group(group)

    async def play(self, turn: Turn) -> Turn:
        """Do what somebody does; wait for as many messages as the transcript has, and return what came."""
        played = Turn(turn.lines, [*await self._act(turn.lines)])
        if _MOVED.fullmatch(turn.lines[0]) and not turn.answers:
            await self._stack.asked(2)  # by the second question what the first one brought is recorded
        for answer in turn.answers[len(played.answers) :]:
            read = _BOT.fullmatch(answer[0])
            assert read is not None, answer
            played.answers.append(await self._next(read["where"], is_changed=read["kind"] == "✎"))
        return played

    async def play_anew(self, turn: Turn) -> Turn:
        """Do what somebody does, and return all that comes until it is quiet."""
        played = Turn(turn.lines, [*await self._act(turn.lines)])
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(QUIET_SECONDS):
                    while not (fresh := self._fresh()):  # noqa: ASYNC110 - nobody sets an event
                        await asyncio.sleep(0.01)
                played.answers += [self._take(message) for message in fresh]
        return played

    def rest(self) -> list[list[str]]:
        """Return what the bot said and nobody waited for."""
        return [self._take(message) for message in self._fresh()]

    async def _act(self, lines: list[str]) -> Iterator[list[str]]:
        moved = _MOVED.fullmatch(lines[0])
        if moved is not None:
            units = int(moved["units"]) * (1 if moved["sign"] == "+" else -1)
            self._stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 10**6)
            return iter([])
        if lines[0] == _REFUSES:
            refusal = AnswerError(
                method="GetTransactionHistory", name="WebrpcInternalError", code=-8, status=500, times=1
            )
            self._stack.gateway.faults.add(refusal)
            return iter([])
        later = _LATER.fullmatch(lines[0])
        if later is not None:
            await self._go_on(timedelta(minutes=int(later["minutes"])))
            return iter([])
        taken_in = _TAKEN_IN.fullmatch(lines[0])
        if taken_in is not None:
            user, chat = self._place(taken_in["who"], taken_in["where"])
            status: Status = "administrator" if chat.type == "channel" else "member"
            self._stack.telegram.changes_bot(chat, status, by=user)
            return iter([])
        pressed = _PRESSED.fullmatch(lines[0])
        if pressed is not None:
            user, chat = self._place(pressed["who"], pressed["where"])
            showing = [one for one in chat.messages.values() if pressed["button"] in buttons_of(one)]
            assert showing, f"no message shows [{pressed['button']}]"
            message = showing[-1]
            toast = await self._stack.presses(message, pressed["button"], user=user)
            return iter([[f"     ✓ {_steady(toast)}"]] if toast else [])
        said = _SAID.fullmatch(lines[0])
        assert said is not None, lines
        # What is answered now may depend on it.
        await self._stack.explained()
        user, chat = self._place(said["who"], said["where"])
        text = "\n".join([said["text"], *(line.removeprefix(_MORE).removeprefix(" ") for line in lines[1:])])
        self._stack.say(text, user=user, chat=chat, reply_to=self._newest_of(said["author"], chat))
        return iter([])

    async def _go_on(self, span: timedelta) -> None:
        """Let time pass while the bot is off: whatever waits for a moment in it looks for it at a start."""
        # A sweep has begun and ended after all that was shown: that was seen before the bot was off.
        await self._stack.asked(2)
        await self._stack.stop()
        self._ahead += span
        self._stack.start(now=lambda: clock() + self._ahead)

    def _newest_of(self, author: str | None, chat: Chat) -> Message | None:
        """Return the newest message of somebody in a chat; None: of nobody."""
        if author is None:
            return None
        sender = self._stack.telegram.bot if author == "bot" else self._person(author)[0]
        return [one for one in chat.messages.values() if one.sender == sender][-1]

    async def _next(self, where: str | None, *, is_changed: bool) -> list[str]:
        _, chat = self._place(where or "Olga", where if where in self._groups else None)

        def found() -> Message | None:
            fresh = (one for one in self._fresh() if one.chat_id == chat.id)
            return next((one for one in fresh if self._is_known(one) == is_changed), None)

        try:
            await until(lambda: found() is not None)
        except TimeoutError:
            return [f"(nothing came within {HANG_SECONDS:.0f} s)"]
        message = found()
        assert message is not None
        return self._take(message)

    def _fresh(self) -> list[Message]:
        """Return what the bot said or changed since it was looked at, oldest first."""
        chats = [*(chat for _, chat in self._people.values()), *self._groups.values()]
        fresh = [
            message
            for chat in chats
            for message in chat.messages.values()
            if message.from_bot and self._looks_new(message) and not message.text.startswith(_ONLY_WHEN_SLOW)
        ]
        return sorted(fresh, key=lambda one: one.edited_at or one.date)

    def _looks_new(self, message: Message) -> bool:
        """Whether its text was not seen yet; buttons that go away show nothing new."""
        seen = self._shown.get((message.chat_id, message.message_id))
        return seen is None or seen.text != message.text

    def _is_known(self, message: Message) -> bool:
        return (message.chat_id, message.message_id) in self._shown

    def _take(self, message: Message) -> list[str]:
        kind = "✎" if self._is_known(message) else "│"
        self._shown[message.chat_id, message.message_id] = message
        file = f"📎 {message.document.file_name}\n" if message.document else ""
        text = (_SILENT * message.silent + _steady(file + message.text)).removesuffix("\n")
        first, *others = text.split("\n")
        lines = [f" bot{self._where(message.chat_id)} {kind} {first}"]
        lines += [f"{_MORE} {line}".rstrip() for line in others]
        lines += ["     └ " + " ".join(f"[{button.text}]" for button in row) for row in message.buttons]
        return lines

    def _where(self, chat_id: int) -> str:
        for title, chat in self._groups.items():
            if chat.id == chat_id:
                return f" in {title}"
        names = (name for name, (_, chat) in self._people.items() if chat.id == chat_id)
        name = next(names)
        return "" if name == "Olga" else f" to {name}"

    def _place(self, who: str, where: str | None) -> tuple[User, Chat]:
        user, private = self._person(who)
        return user, self._groups[where] if where else private

    def _person(self, name: str) -> tuple[User, Chat]:
        if name not in self._people:
            if name in self._groups:
                return self._stack.olga, self._groups[name]
            user = self._stack.telegram.add_user(name)
            self._people[name] = (user, self._stack.telegram.add_private_chat(user))
        return self._people[name]

    def _add_group(self, line: str) -> None:
        read = _GROUP.fullmatch(line)
        assert read is not None
        members = {
            self._person(name)[0]: status
            for name, status in (one.split() for one in read["members"].split(", "))
        }
        telegram = self._stack.telegram
        if read["kind"]:
            chat = telegram.add_channel(read["title"], members, bot="left")  # type: ignore[arg-type]
        else:
            chat = telegram.add_group(read["title"], members)  # type: ignore[arg-type]
        self._groups[read["title"]] = chat


def _steady(text: str) -> str:
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return text


async def replay(dialogue: Dialogue, directory: Path) -> Dialogue:
    """Return the dialogue as it goes with the bot of today."""
    async with _player(dialogue, directory) as player:
        turns = [await player.play(turn) for turn in dialogue.turns]
        turns[-1].answers += player.rest()
    return Dialogue(dialogue.title, dialogue.groups, turns)


@asynccontextmanager
async def _player(dialogue: Dialogue, directory: Path) -> AsyncIterator[Player]:
    """Start a bot that Olga owns, and bring the people before it."""
    is_claimed = _CLAIMED in dialogue.groups
    async with open_stack(directory, **CALM, **({"access": ["owners = []"]} if is_claimed else {})) as stack:
        if any(_ABOUT_TRANSFERS.search(line) for turn in dialogue.turns for line in turn.lines):
            stack.lists_transfers()
        ahead = BEGIN - clock()
        stack.start(now=lambda: clock() + ahead)
        if is_claimed:
            await until(lambda: bool(stack.announced))
            stack.say(f"/start {stack.announced[-1].rpartition('=')[2]}")
            await stack.hears("This bot is yours")
        player = Player(stack, dialogue, ahead)
        player.rest()
        yield player


# ---------------------------------------------------------------- writing anew


async def _written_anew(dialogue: Dialogue, directory: Path) -> Dialogue:
    async with _player(dialogue, directory) as player:
        turns = [await player.play_anew(turn) for turn in dialogue.turns]
    return Dialogue(dialogue.title, dialogue.groups, turns)


def manual() -> str:
    """Return the manual: the table of commands, each with its dialogues."""
    return "\n\n".join([_HEAD, _overview(COMMANDS), *map(_chapter, COMMANDS)]) + "\n"


_HEAD = """# Commands

Written by `python -m tests.dialogue` from the table of commands and from dialogues that tests replay word for
word. Each answer is what the bot says; only moments are made alike."""


def _overview(commands: Iterable[Command]) -> str:
    rows = [f"| [`{one.grammar}`](#{one.name}) | {one.does} |" for one in commands]
    return "\n".join(["| command | does |", "| --- | --- |", *rows])


_WHO = {
    Who.ANYONE: "Everybody.",
    Who.READERS: "Everybody in an open chat.",
    Who.CHANGERS: "In a private chat its user; in a group its administrators and the bot's owners.",
    Who.OWNERS: "The bot's owners.",
}


def _chapter(command: Command) -> str:
    also = f" Also {', '.join(f'`/{alias}`' for alias in command.aliases)}." if command.aliases else ""
    parts = [
        f"## /{command.name}",
        f"{command.does}. {_WHO[command.who]}{also}",
        f"```\n{command.grammar}\n```",
        "\n".join(f"- `{example.text}` {example.does}" for example in command.examples),
    ]
    file = HERE / f"{command.name}.txt"
    for dialogue in read_dialogues(file.read_text()) if file.exists() else ():
        body = str(dialogue).partition("\n\n")[2]
        parts.append(f"{dialogue.title}:\n\n```text\n{body}\n```")
    return "\n\n".join(parts)


def _main(names: list[str]) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    files = [HERE / f"{name}.txt" for name in names] or sorted(HERE.glob("*.txt"))
    for file in files:
        dialogues = []
        for dialogue in read_dialogues(file.read_text()):
            with tempfile.TemporaryDirectory() as directory:
                dialogues.append(asyncio.run(_written_anew(dialogue, Path(directory))))
        file.write_text("\n\n\n".join(map(str, dialogues)) + "\n")
    MANUAL.write_text(manual())


if __name__ == "__main__":
    _main(sys.argv[1:])
