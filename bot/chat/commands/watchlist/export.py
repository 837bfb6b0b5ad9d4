"""`/export watchlist`: what is watched here, with its rules and alarms, as text that can be imported."""

import asyncio
from dataclasses import dataclass

from bot.chat.buttons.data import Attachment
from bot.chat.commands.command import Answer, Request, Services
from bot.chat.commands.watchlist.words import in_list
from bot.chat.commands.watchlist.writer import write_watchlist
from bot.chat.commands.words import nothing_watched
from bot.chat.permissions import Incoming
from bot.chat.text.html import fill
from bot.domain.chat.access import Action
from bot.store.history.exports import note_export
from bot.store.watchlists.content import watchlist_here


@dataclass(frozen=True, slots=True)
class WatchlistRequest(Request):
    """`/export watchlist`."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Send the list."""
        place = incoming.place
        watchlist = await services.db.run(watchlist_here, place)
        if not watchlist.specs:
            return (nothing_watched(),)
        what = in_list(watchlist)
        await services.db.run(
            note_export, place, f"the watchlist: {what.visible}", incoming.actor(services.now())
        )
        text = await asyncio.to_thread(write_watchlist, watchlist, services.chains)
        day = (await services.now_in(place)).date()
        return (
            Attachment(
                name=f"watchlist-{day:%Y-%m-%d}.txt",
                content=text.encode(),
                caption=fill(
                    "📋 {}\nTo watch the same in another chat, send it there with the caption /import.", what
                ),
            ),
        )
