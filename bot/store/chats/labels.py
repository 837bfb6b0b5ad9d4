"""All that has a name in a destination: what it watches, by its labels, and addresses that were named."""

from collections.abc import Iterable, Mapping

from bot.domain.assets import Address
from bot.domain.chat.labels import Labels, LabelTarget, label_target
from bot.domain.chat.subscribe import LabelTaken
from bot.domain.subscriptions import DestinationId, ListedSubscription, Subscription, WatchSpec
from bot.store.database.door import Database
from bot.store.rows import to_address


def labels_of(listed: Iterable[ListedSubscription], names: Mapping[Address, str]) -> Labels:
    """Return the names of a destination: labels of its subscriptions, and names that were given."""
    subscriptions = (one.subscription for one in listed)
    # The oldest first: of two things with one label, which former versions allowed, that one is named.
    labels = Labels((one.label, thing_named(one)) for one in sorted(subscriptions, key=lambda one: one.id))
    for address, name in names.items():
        labels.give(name, address)
    return labels


def thing_named(one: Subscription | WatchSpec) -> LabelTarget:
    """Return what a subscription's label names: its account or its contracts."""
    return label_target(one.account, one.scope.contracts)


def label_taken(labels: Labels, label: str, target: LabelTarget) -> LabelTaken | None:
    """Return what else a label names in the destination; None: it is free for this target."""
    holder = labels.holder(label, target)
    if holder is None:
        return None
    return LabelTaken(min(holder) if isinstance(holder, frozenset) else holder, labels.free(label))


def given_names(db: Database, destination_id: DestinationId | None) -> dict[Address, str]:
    """Return the names that a destination gave with /name, by address; none where there is no destination."""
    rows = db.execute("SELECT address, name FROM name WHERE destination_id = ? ORDER BY id", [destination_id])
    return {to_address(blob): name for blob, name in rows}
