"""`/audit`: who changed what."""

from dataclasses import dataclass

from bot.chat.buttons.data import ButtonAction, Press, Screen, pager
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Request,
    Services,
    Who,
)
from bot.chat.commands.owners import words
from bot.chat.permissions import Incoming
from bot.domain.places import Place
from bot.store.chats import audit

AUDIT_COMMAND = Command(
    name="audit",
    does="Show who changed what",
    grammar="/audit",
    examples=(Example("/audit", "shows the latest changes first"),),
    who=Who.OWNERS,
)

SHOW_AUDIT = ButtonAction("audit")
"""Shows a page of /audit; the row is the page."""


@dataclass(frozen=True, slots=True)
class AuditRequest(Request):
    """`/audit`."""

    needs = AUDIT_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show who did what, in private."""
        if not incoming.place.is_private:
            return (words.private_only("audit"),)
        return (await _audit_page(services, incoming.place, 1),)


def _read_audit(_rest: str, _chains: ChainReader) -> AuditRequest:
    return AuditRequest()


async def _find_page(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show another page of who did what."""

    async def act(presser: Incoming) -> CallbackResult:
        page = await _audit_page(services, presser.place, press.row)
        return CallbackResult(redraw=page, is_only_to_see=True)

    return CallbackAction(AUDIT_COMMAND.needs, act, incoming.place) if incoming.place.is_private else None


async def _audit_page(services: Services, place: Place, page: int) -> Screen:
    entries, total = await services.db.run(audit.audit_page, max(1, page), words.ENTRIES_A_PAGE)
    pages = max(1, -(-total // words.ENTRIES_A_PAGE))
    page = min(max(1, page), pages)
    text = words.audit(entries, page, pages, services.chains, await services.now_in(place))
    return Screen(text, pager(SHOW_AUDIT, page, pages))


AUDIT = Feature(AUDIT_COMMAND, _read_audit, {SHOW_AUDIT: _find_page})
