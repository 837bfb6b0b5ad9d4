"""[Transfers] under an alert: who paid and who was paid, asked for now where nobody knows yet."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.chat.buttons.data import Attachment, Press
from bot.chat.commands.command import Answer, CallbackAction, CallbackResult, Services
from bot.chat.permissions import Incoming
from bot.chat.text.changes import change_lines, linked_account, on_the_clock_of
from bot.chat.text.history.explanations import LISTED_MOST, explanation_lines
from bot.chat.text.html import EMPTY, Html, Section, fill, paged
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import counted
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.deliver.delivery import DeliveryId
from bot.domain.deliver.message_ids import message_id
from bot.domain.explain.counterparties import counterparty_totals
from bot.domain.history.transfer_files import transfers_file
from bot.domain.observations import MoveKind
from bot.domain.observe.descriptions import decimals_in
from bot.domain.places import Place
from bot.store.history import exports, ways
from bot.store.outbox import delivered

_PAGES_MOST = 3


async def find_transfers(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Say what the transfers behind the changes of a message are."""
    found = await services.db.run(delivered.find_delivery, press.row, incoming.place.chat_id)
    if found is None:
        return None
    delivery_id = DeliveryId(press.row)

    async def act(presser: Incoming) -> CallbackResult:
        async def work(note: Callable[[Html], None]) -> Answer:
            note(EMPTY + "⏳ I'm asking the source for the transfers. If nothing comes, please ask again.")
            return await _transfers(services, presser, found.place, delivery_id)

        async def then() -> Answer:
            return await services.run_slowly(presser.place, work)

        return CallbackResult(then=then)

    return CallbackAction(Action.LOOK, act, incoming.place if found.is_fallback else found.place)


async def _transfers(services: Services, presser: Incoming, place: Place, delivery_id: DeliveryId) -> Answer:
    await services.explain(await services.db.run(ways.changes_in, delivery_id))
    alerts = await services.db.run(ways.changes_told, delivery_id)
    now = await services.now_in(place)
    moved = [on_the_clock_of(now, alert) for alert in alerts if alert.change.kind is not MoveKind.LISTED]
    if not moved:
        return (EMPTY + "I no longer know of any change in that message.",)
    sections = [
        Section(_lines(alert, services.chains), explanation_lines(alert, services.chains, now))
        for alert in moved
    ]
    pages = paged(sections, most=_PAGES_MOST)
    if not any(_is_cut(alert) for alert in moved):
        return pages
    name = message_id(delivery_id)
    await services.db.run(
        exports.note_export, place, f"transfers of {name}, csv", presser.actor(services.now())
    )
    return (*pages, _file(name, moved, services.chains))


def _lines(alert: ChangeAlert, chains: Chains) -> Html:
    alike = frozenset({alert.change.asset} if alert.is_look_alike else ())
    who = linked_account(alert.change, alert.label, chains)
    return change_lines(replace(alert, explanation=None), chains, alike, who=who)


def _is_cut(alert: ChangeAlert) -> bool:
    """Whether there are more counterparties than the lines name."""
    return alert.explanation is not None and len(counterparty_totals(alert.explanation.legs)) > LISTED_MOST


def _file(message: str, alerts: Sequence[ChangeAlert], chains: Chains) -> Attachment:
    rows = [
        (alert, _symbol(alert, chains), decimals_in(alert.change, alert.description, chains).after)
        for alert in alerts
    ]
    count = sum(len(alert.explanation.legs) for alert in alerts if alert.explanation)
    return Attachment(
        name=f"transfers-{message}.csv",
        content=transfers_file(rows),
        caption=fill("All of them: {} behind {}", counted(count, "transfer"), message),
    )


def _symbol(alert: ChangeAlert, chains: Chains) -> str:
    asset, symbol = alert.change.asset, alert.description.symbol or ""
    spelled = symbol or ("" if asset.contract else chains.get(asset.chain_id).native_symbol)
    return sanitized(spelled).visible
