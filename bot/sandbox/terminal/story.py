"""What happens in the sandbox by itself, in the words that a director could type."""

from bot.sandbox.terminal.commands import Move, read_command

STORY = (
    "move -1250 usdc on polygon",
    "move 0.42 pol",
    "move 500 degen on base",
    "move 1 skywvr #65600",
    "move 1250 usdc on polygon",
    "move -0.42 pol",
    "move -500 degen on base",
    "move -1 skywvr #65600",
)
"""Ends where it began, so that it can go round."""


def moves() -> tuple[Move, ...]:
    """Return what happens, in order."""
    return tuple(command for command in map(read_command, STORY) if isinstance(command, Move))
