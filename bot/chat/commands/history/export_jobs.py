"""Does what takes long beside the commands that follow: one at a time for each chat, and few at once for all.

That are files, and transfers that the source is asked for. A message says how far it is, and the answer
follows (`late_answers`).
"""

import asyncio
import secrets
from collections import Counter
from functools import partial

import structlog

from bot.chat.buttons.data import Attachment, Screen
from bot.chat.buttons.screens import Screens
from bot.chat.commands.command import Answer, SlowWork
from bot.chat.commands.late_answers import LateAnswers
from bot.chat.refusals import not_written, went_wrong
from bot.chat.text.html import EMPTY, Html
from bot.domain.deliver.outcomes import Sent
from bot.domain.places import Place
from bot.store.database.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

AT_ONCE_SECONDS = 1.0
"""A file that takes longer is announced."""

PROGRESS_SECONDS = 5.0
"""Between two words about how far it is: the edits of a minute leave a group room for its alerts."""

FILES_MOST = 2
"""At the same time, for all chats together."""


class ExportJobs:
    """Runs what makes files, and says how far it is."""

    def __init__(
        self,
        screens: Screens,
        *,
        at_once_seconds: float = AT_ONCE_SECONDS,
        progress_seconds: float = PROGRESS_SECONDS,
        made: Counter[str] | None = None,
    ) -> None:
        self.made: Counter[str] = Counter() if made is None else made
        """Files since the start, by what their names end with."""
        self._screens = screens
        self._progress_seconds = progress_seconds
        self._late = LateAnswers[Answer](at_once_seconds)

    async def run(self, place: Place, work: SlowWork) -> Answer:
        """Return what comes of the work if that is soon; else nothing, and it is said when it comes.

        The work gets a function that it tells now and then how far it is.
        """
        if place.chat_id in self._late:
            return (still_making(),)
        if len(self._late) >= FILES_MOST:
            return (all_busy(),)
        progress = _Progress()
        follow = partial(self._follow, place, progress)
        return await self._late.take(place.chat_id, self._counted(work, progress), follow) or ()

    async def close(self) -> None:
        """Cancel what is still being made."""
        await self._late.close()

    async def _counted(self, work: SlowWork, progress: "_Progress") -> Answer:
        answer = await work(progress.note)
        self.made.update(one.name.rpartition(".")[2] for one in answer if isinstance(one, Attachment))
        return answer

    async def _follow(self, place: Place, progress: "_Progress", task: asyncio.Task[Answer]) -> None:
        shown = progress.text
        outcome = await self._screens.write(place, Screen(shown), while_open=True)
        message_id = outcome.message_id if isinstance(outcome, Sent) else None
        while not task.done():
            await self._screens.show_uploading(place)
            await asyncio.wait({task}, timeout=self._progress_seconds)
            if message_id is not None and progress.text != shown:
                shown = progress.text
                await self._screens.redraw(place, message_id, Screen(shown), while_open=True)
        await self._screens.say(place, await _answer_of(task), while_open=True)


class _Progress:
    """How far the work is."""

    def __init__(self) -> None:
        self.text = EMPTY + "⏳ I'm writing the file. If it doesn't come, please ask again."

    def note(self, text: Html) -> None:
        """Keep what is to be shown from now on."""
        self.text = text


async def _answer_of(task: asyncio.Task[Answer]) -> Answer:
    """Return what came of the work; a failure is an answer too, as nobody else waits for it."""
    try:
        return await task
    except DatabaseUnavailable as trouble:
        return (not_written(trouble.kind),)
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("a file could not be made", action="export_failed", reference=reference)
        return (went_wrong(reference),)


def still_making() -> Html:
    """Return the answer to a second command while the first is still being carried out."""
    return EMPTY + "I'm still working on what was asked for here. Ask again when it has come."


def all_busy() -> Html:
    """Return the answer where too much is being done for others."""
    return EMPTY + "I'm busy for other chats. Please ask again in a minute."
