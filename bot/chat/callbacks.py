"""A press on a button, checked like a command.

In this order: the form, the row of this chat, whether the presser may, whether the state still
allows it. Only then it is done, and done once: a second press finds it done. The press is answered
first; a failure of that answer changes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping

from telegram import CallbackQuery, Message

from bot.chat.buttons import toasts
from bot.chat.buttons.data import Button, Keyboard, read_press
from bot.chat.commands.command import Answer, CallbackResult, Services
from bot.chat.commands.dispatch import FIND
from bot.chat.permissions import Incoming
from bot.chat.refusals import not_written
from bot.chat.telegram.receiver import HANDLED_AGAIN
from bot.domain.chat.access import Action, Author, Permission
from bot.domain.places import Place
from bot.store.database.errors import DatabaseUnavailable

_REFUSALS: Mapping[Permission, str] = {
    Permission.STRANGER: toasts.NOT_OPEN,
    Permission.NEEDS_OWNER: toasts.OWNERS_ONLY,
    Permission.NEEDS_ADMINISTRATOR: toasts.ADMINISTRATORS_ONLY,
}


class Callbacks:
    """Handles presses on buttons; the caller hands them over one at a time for each chat, in order."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._screens = services.screens

    async def on_press(self, query: CallbackQuery, wait_seconds: Callable[[Incoming, Action], int]) -> None:
        """Handle one press.

        `wait_seconds` counts it by what it needs; where it returns more than 0 the press is refused.
        """
        place = _place(query)
        if place is None:
            await self._screens.toast(None, query.id, toasts.UNKNOWN_BUTTON)
            return
        incoming = Incoming(place, _author(query, place))
        result, incoming, needs = await self._result_of(incoming, query.data or "", wait_seconds)
        while_open = needs is not Action.OWN
        shown = _shown(query)
        is_lost = shown is None and result.is_only_to_see
        # The toast first: until it is there the button turns, and `then` may take long.
        await self._screens.toast(place, query.id, toasts.TOO_OLD if is_lost else result.toast)
        if result.then is not None:
            await self._screens.say(incoming.place, await _done(result.then), while_open=while_open)
        if shown is not None:
            await self._show(incoming.place, shown, result, query.data or "", while_open=while_open)

    async def _result_of(
        self, incoming: Incoming, data: str, wait_seconds: Callable[[Incoming, Action], int]
    ) -> tuple[CallbackResult, Incoming, Action]:
        """Return what comes of a press, the presser with the place where it happens, and what it needed."""
        # In a channel there are no buttons, so that none of its readers can make the bot do anything.
        press = None if incoming.place.is_channel else read_press(data)
        find = FIND.get(press.action) if press else None
        # Found before it is counted: how much a press counts depends on what its action needs.
        action = await find(self._services, incoming, press) if press and find else None
        wait = wait_seconds(incoming, action.needs if action else Action.LOOK)
        if wait:
            return CallbackResult(toasts.too_many(wait)), incoming, Action.LOOK
        if find is None:
            return CallbackResult(toasts.UNKNOWN_BUTTON), incoming, Action.LOOK
        if action is None:
            return CallbackResult(toasts.NOT_HERE), incoming, Action.LOOK
        # From here on the place is the row's: under a message out of reach Telegram names no topic.
        incoming = Incoming(action.place, incoming.author)
        permission = await self._services.permissions.check(incoming, action.needs)
        if permission is not Permission.ALLOWED:
            return CallbackResult(_REFUSALS[permission]), incoming, action.needs
        return await action.act(incoming), incoming, action.needs

    async def _show(
        self, place: Place, shown: Message, result: CallbackResult, data: str, *, while_open: bool
    ) -> None:
        if result.redraw is not None:
            await self._screens.redraw(
                place,
                shown.message_id,
                result.redraw,
                is_caption=shown.effective_attachment is not None,
                while_open=while_open,
            )
        elif result.ends_buttons:
            await self._screens.change_buttons(place, shown.message_id, ())
        elif result.is_used_up and shown.reply_markup is not None:
            await self._screens.change_buttons(place, shown.message_id, _without(shown, data))


async def _done(then: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do what follows the toast and return the answer; a failure is an answer too, as the toast is gone."""
    try:
        return await then()
    except DatabaseUnavailable as trouble:
        if trouble.kind in HANDLED_AGAIN:
            raise
        return (not_written(trouble.kind),)


def _without(shown: Message, data: str) -> Keyboard:
    """Return the buttons of a message, without the one that carries `data`."""
    assert shown.reply_markup is not None
    kept = [
        tuple(
            Button(one.text, one.callback_data)
            for one in row
            if isinstance(one.callback_data, str) and one.callback_data != data
        )
        for row in shown.reply_markup.inline_keyboard
    ]
    return tuple(row for row in kept if row)


def _shown(query: CallbackQuery) -> Message | None:
    """Return the message under which the button stands; None: it is too old or gone."""
    message = query.message
    return message if isinstance(message, Message) and message.is_accessible else None


def _place(query: CallbackQuery) -> Place | None:
    """Return where the button stands; of a message that is out of reach only the chat is known."""
    if query.message is None:
        return None
    chat, shown = query.message.chat, _shown(query)
    thread_id = shown.message_thread_id if shown is not None and shown.is_topic_message else None
    return Place(chat.id, str(chat.type), chat.title or chat.full_name or "", thread_id)


def _author(query: CallbackQuery, place: Place) -> Author:
    """Return who pressed: the person, even an anonymous one (docs/telegram.md, "Administrators")."""
    user = query.from_user
    return Author(user.id, place.chat_id, place.is_private, name=user.full_name)
