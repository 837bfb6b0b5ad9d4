"""The text of a sample alert: that it is one, what a change looks like, and how long it took."""

from datetime import UTC, datetime, timedelta

from bot.chat.text.changes import change_lines
from bot.chat.text.html import EMPTY, Html, bold, fill, join
from bot.domain.assets import Address, Amount, Asset, ChainId, Description
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import AlertId, ChangeAlert
from bot.domain.observations import Change, MoveKind

_NOWHERE = Address("0x" + "0" * 40)
"""The account and the token of the example: so nothing that anybody holds is in it."""

_CHANGE = ChangeAlert(
    id=AlertId(0),
    change=Change(
        account=_NOWHERE,
        asset=Asset(ChainId(1), _NOWHERE),
        kind=MoveKind.MOVED,
        before=Amount(3_400),
        after=Amount(2_150),
        observed_at=datetime(2026, 1, 1, tzinfo=UTC),
        price_usd="1",
    ),
    label="",
    description=Description("ERC20", "TEST", 0),
)


def sample(chains: Chains, waited: timedelta) -> Html:
    """Return a sample alert; `waited` is how long it took from the wish to this message."""
    return join(
        "\n",
        (
            "🧪 This is a test: nothing has changed. Alerts look like this:",
            change_lines(_CHANGE, chains, frozenset(), who=bold(EMPTY + "Example")),
            fill("It took {} s from your request to this message.", f"{waited.total_seconds():.1f}"),
        ),
    )
