"""What is said of chains that the source does not list, or not any more: nothing of them is promised."""

from collections.abc import Collection, Sequence

from bot.chat.text.html import EMPTY, Html, fill, join
from bot.chat.text.wording import chain_names
from bot.domain.assets import ChainId
from bot.domain.chains import Chains, Listing
from bot.domain.subscriptions import Subscription


def unsure(chain_ids: Collection[ChainId], listing: Listing, chains: Chains) -> Html:
    """Return what is to be known of chains that somebody just named; nothing if all of them are listed."""
    if not chain_ids:
        return EMPTY
    if not listing.is_known:
        return fill(
            "The source of balances has not said yet which chains it has. I ask about {} all the same;"
            " if it has no such chain, /list will say so.",
            _names(chain_ids, chains),
        )
    return join("\n", unlisted([one for one in chain_ids if one not in listing.now], listing, chains))


def unlisted(chain_ids: Collection[ChainId], listing: Listing, chains: Chains) -> list[Html]:
    """Return a line for the chains that the source does not list any more, and one for those it never did."""
    dropped = [chain_id for chain_id in chain_ids if listing.has_dropped(chain_id)]
    lacking = [chain_id for chain_id in chain_ids if listing.lacks(chain_id)]
    lines = []
    if dropped:
        lines.append(
            fill("The source of balances no longer lists {}; I ask all the same.", _names(dropped, chains))
        )
    if lacking:
        lines.append(
            fill(
                "The source of balances does not list {}; I ask all the same, but expect no answer.",
                _names(lacking, chains),
            )
        )
    return lines


def unlisted_of(
    subscriptions: Sequence[Subscription], asked: Collection[ChainId], listing: Listing, chains: Chains
) -> list[Html]:
    """Return the same of all that subscriptions watch; `asked` are meant where they name no chain."""
    watched = {chain_id for one in subscriptions for chain_id in one.chains or asked}
    return [fill("⚠️ {}", line) for line in unlisted(watched, listing, chains)]


def _names(chain_ids: Collection[ChainId], chains: Chains) -> str:
    return chain_names(chains.in_order(chain_ids), chains, last=" and ")
