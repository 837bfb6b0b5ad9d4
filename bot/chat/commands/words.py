"""What the answers of several commands have in common."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import (
    account_on,
    age,
    chain_names,
    counted,
    length,
    moment,
)
from bot.domain.assets import ChainId
from bot.domain.chains import Chains, Listing
from bot.domain.chat.mutes import ActiveMutes, Mute
from bot.domain.deliver.alerts import MuteKind
from bot.domain.places import Place
from bot.domain.subscriptions import Subscription

EXAMPLE_ACCOUNT = "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
EXAMPLE_CONTRACT = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"

FIRST_WATCH = code("/watch 0x… as Treasury")

_MUTES_SHOWN = 5


def allow_command(chat_id: int) -> Html:
    """Return what an owner types to open a chat."""
    return code(f"/allow {chat_id}")


def not_watched(who: str, suggestion: str = "") -> Html:
    """Return the answer to a name, address or number that is not watched here."""
    meant = fill(" Did you mean {}?", bold_label(suggestion)) if suggestion else EMPTY
    return fill("{} is not watched here.{} /list shows what is.", typed_word(who), meant)


def nothing_watched() -> Html:
    """Return the answer to /list or /balance where nothing is watched."""
    return fill("Nothing is watched here yet. Begin with {}.", FIRST_WATCH)


def no_account_watched() -> Html:
    """Return the answer to /balance where tokens are watched, but no account that could hold them."""
    return fill("No account is watched here yet; {} adds one.", code("/watch 0x…"))


def listing_warning(chain_ids: Collection[ChainId], listing: Listing, chains: Chains) -> Html:
    """Return what is to be known of chains that somebody just named; nothing if all of them are listed."""
    if not chain_ids:
        return EMPTY
    if not listing.is_known:
        return fill(
            "The source of balances has not said yet which chains it has. I ask about {} all the same;"
            " if it has no such chain, /list will say so.",
            _named(chain_ids, chains),
        )
    return join(
        "\n", unlisted([chain_id for chain_id in chain_ids if chain_id not in listing.now], listing, chains)
    )


def unlisted(chain_ids: Collection[ChainId], listing: Listing, chains: Chains) -> list[Html]:
    """Return a line for the chains that the source does not list any more, and one for those it never did."""
    dropped = [chain_id for chain_id in chain_ids if listing.has_dropped(chain_id)]
    lacking = [chain_id for chain_id in chain_ids if listing.lacks(chain_id)]
    lines = []
    if dropped:
        lines.append(
            fill(
                "The source of balances no longer lists {}; I ask all the same.",
                _named(dropped, chains),
            )
        )
    if lacking:
        lines.append(
            fill(
                "The source of balances does not list {}; I ask all the same, but expect no answer.",
                _named(lacking, chains),
            )
        )
    return lines


def unlisted_of(subscriptions: Sequence[Subscription], listing: Listing, chains: Chains) -> list[Html]:
    """Return the same of all that subscriptions watch: where they name no chain, of all that is asked."""
    watched = {
        chain_id for subscription in subscriptions for chain_id in subscription.scope.chains or listing.asked
    }
    return [fill("⚠️ {}", line) for line in unlisted(watched, listing, chains)]


def _named(chain_ids: Collection[ChainId], chains: Chains) -> str:
    return chain_names(chains.in_order(chain_ids), chains, last=" and ")


def mutes_shown(here: ActiveMutes, place: Place, chains: Chains, now: datetime) -> list[Html]:
    """Return the lines about mutes that /list and /status show; none where nothing is muted."""
    lines = [_mute_line(mute, place, chains, now) for mute in here.mutes[:_MUTES_SHOWN]]
    if len(here.mutes) > _MUTES_SHOWN:
        lines.append(fill("🔕 … and {}", counted(len(here.mutes) - _MUTES_SHOWN, "more account")))
    if here.kept_back:
        lines.append(fill("Kept meanwhile: {}", counted(here.kept_back, "change")))
    return lines


def _mute_line(mute: Mute, place: Place, chains: Chains, now: datetime) -> Html:
    until = f"until {moment(mute.until, now)}, {_left(mute.until - now)} more"
    match mute.kind:
        case MuteKind.QUIET:
            return fill("🌙 {} is quiet {}", this_place(place), until)
        case MuteKind.BUDGET:
            return fill("⏳ Changes wait {}: the messages of this hour are used up", until)
        case MuteKind.MUTE:
            watched = "" if mute.is_watched else " (no longer watched)"
            watched += ", but not its alarms" if mute.alarms_pass else ""
            return fill("🔕 {} is muted {}{}", _muted(mute, place, chains), until, watched)


def typed_word(word: str) -> Html:
    """Return what somebody typed, as code: nothing in it becomes a link or a command."""
    return code(sanitized(word, "that").visible)


def refusal(typed: str, reason: str, lead: str = "") -> Html:
    """Return in a sentence why a word is not taken, or the whole line where no word is named."""
    if lead:
        return fill("{} “{}”. {}", lead, typed_word(typed), reason)
    return fill("{} {}", typed_word(typed), reason) if typed else EMPTY + reason


def bold_label(label: str) -> Html:
    """Return a label, or in its place that it can't be shown."""
    return bold(sanitized(label, "a name that cannot be shown"))


def _left(span: timedelta) -> str:
    """Return what is left of a length of time: `59 min`, `1 h`; the minute that has begun is counted."""
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    whole = -(-span // minute) * minute
    return age(whole) if whole % hour else length(whole)


def possible_key() -> Html:
    """Return the warning about 64 digits; they are not repeated in it."""
    return fill(
        "⚠️ 64 digits like these may be a private key. If they are, delete your message now and move"
        " everything that the key holds to another wallet: whoever has seen it can take it.\n"
        "They may also be a transaction's hash, which is no address. I have kept nothing of them."
    )


def recovery_phrase() -> Html:
    """Return the warning about the words of a recovery phrase; they are not repeated in it."""
    return fill(
        "⚠️ That looks like a wallet's recovery phrase. I never need one. Delete your message now and move"
        " everything that the wallet holds to a new one: whoever has seen the words can take it.\n"
        "I have kept nothing of them. To watch a wallet, send its address (0x…)."
    )


def this_place(place: Place) -> str:
    """Return what a place is called at the start of a sentence."""
    if place.is_channel:
        return "This channel"
    return "This topic" if place.thread_id is not None else "This chat"


def _muted(mute: Mute, place: Place, chains: Chains) -> Html:
    if mute.account is None:
        return EMPTY + this_place(place)
    return account_on(mute.account, mute.label, mute.chains, chains)
