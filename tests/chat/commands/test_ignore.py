"""What is answered about ignored tokens."""

from bot.chat.commands import ignore
from bot.domain.chat.ignore_list import IgnoredToken, IgnoreResult
from tests.builders import USDC
from tests.chat.reading import CHAINS

TOKEN = IgnoredToken(1, USDC, frozenset(), "USDC")


def test_what_names_an_ignored_token_is_said_to_be_told_still() -> None:
    def told(*numbers: int) -> str:
        return ignore.tokens_ignored(IgnoreResult((TOKEN,), (), 0, 0), CHAINS, named=numbers).visible

    assert told() == "Ignoring USDC · 0x3c49…3359: no more alerts about it here, and /balance leaves it out."
    assert told(3).endswith("3359, but #3 still reports it by name.")
    assert told(3, 4).endswith("3359, but #3 and #4 still report it by name.")
