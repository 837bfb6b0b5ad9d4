"""`/believe`: an owner confirms that balances which disappeared are really gone."""

from dataclasses import dataclass

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.command import Answer, Command, Example, Feature, Request, Services, Usage, Who
from bot.chat.commands.owners import words
from bot.chat.permissions import Incoming
from bot.domain.assets import ChainId
from bot.store.polling import sweeps

BELIEVE_COMMAND = Command(
    name="believe",
    does="Confirm that balances which disappeared are really gone",
    grammar="/believe CHAIN",
    examples=(Example("/believe polygon", "reports as gone, after the next check, what disappeared there"),),
    who=Who.OWNERS,
)


@dataclass(frozen=True, slots=True)
class BelieveRequest(Request):
    """`/believe`."""

    needs = BELIEVE_COMMAND.needs
    chain_id: ChainId

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Confirm that what disappeared from a chain is gone."""
        was_doubted = await services.db.run(
            sweeps.believe_losses, self.chain_id, incoming.actor(services.now())
        )
        return (words.losses_confirmed(self.chain_id, services.chains, was_doubted=was_doubted),)


def _read_believe(rest: str, chains: ChainReader) -> BelieveRequest | Usage:
    text = " ".join(rest.split())
    if not text:
        return Usage(BELIEVE_COMMAND, "")
    try:
        return BelieveRequest(chains.one(text))
    except LineRefused as refused:
        return Usage(BELIEVE_COMMAND, refused.sentence)


BELIEVE = Feature(BELIEVE_COMMAND, _read_believe)
