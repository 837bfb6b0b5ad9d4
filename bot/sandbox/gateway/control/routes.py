"""The gateway's control over HTTP under `/sandbox/`: people and other processes change its world.

Bodies and answers are JSON; what cannot be done is answered with 400 and a sentence. docs/sandbox.md lists
all.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, get_args

from aiohttp import web

from bot.sandbox.gateway.control.bodies import (
    Body,
    build_value,
    change_value,
    read_asset,
    read_body,
    read_counterparty,
    read_integer,
    read_price,
    read_sendings,
    read_text,
    read_texts,
    read_token_id,
    show_value,
)
from bot.sandbox.gateway.faults.active import ActiveFaults
from bot.sandbox.gateway.faults.kinds import Fault
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.limits import CallGate
from bot.sandbox.gateway.poison import poison
from bot.sandbox.gateway.request import RecordedRequest
from bot.sandbox.gateway.transfers import SOMEBODY, WorldTransfer
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld, HeldAmount

_Handler = Callable[[web.Request], Awaitable[web.Response]]

_KINDS: dict[str, type[Fault]] = {kind.__name__: kind for kind in get_args(Fault)}


class ControlledGateway(Protocol):
    """What the control changes and shows; a `Gateway` is one."""

    world: GatewayWorld
    knobs: Knobs
    faults: ActiveFaults
    gate: CallGate
    requests: list[RecordedRequest]
    access_keys: Collection[str] | None


@dataclass(frozen=True, slots=True)
class GatewayControl:
    """The handlers of all routes under `/sandbox/`."""

    gateway: ControlledGateway

    def routes(self) -> list[web.RouteDef]:
        """Return all routes of the control."""
        return [
            web.post("/sandbox/set", _handler_with_body(self._set)),
            web.post("/sandbox/move", _handler_with_body(self._move)),
            web.post("/sandbox/transact", _handler_with_body(self._transact)),
            web.post("/sandbox/emit", _handler_with_body(self._emit)),
            web.post("/sandbox/poison", _handler_with_body(self._poison)),
            web.post("/sandbox/rename-transaction", _handler_with_body(self._rename_transaction)),
            web.get("/sandbox/transfers", _handler_without_body(self._transfers)),
            web.post("/sandbox/drift", _handler_with_body(self._drift)),
            web.post("/sandbox/reorganise", _handler_with_body(self._reorganise)),
            web.post("/sandbox/advance", _handler_with_body(self._advance)),
            web.post("/sandbox/chain", _handler_with_body(self._chain)),
            web.post("/sandbox/hide-chain", _handler_with_body(self._hide_chain)),
            web.post("/sandbox/show-chain", _handler_with_body(self._show_chain)),
            web.post("/sandbox/contract", _handler_with_body(self._contract)),
            web.post("/sandbox/price", _handler_with_body(self._price)),
            web.post("/sandbox/fault", _handler_with_body(self._fault)),
            web.post("/sandbox/heal", _handler_without_body(self._heal)),
            web.post("/sandbox/hold", _handler_without_body(self._hold)),
            web.post("/sandbox/release", _handler_without_body(self._release)),
            web.post("/sandbox/knobs", _handler_with_body(self._turn_knobs)),
            web.get("/sandbox/knobs", _handler_without_body(self._knobs)),
            web.post("/sandbox/keys", _handler_with_body(self._keys)),
            web.get("/sandbox/requests", _handler_without_body(self._requests)),
            web.get("/sandbox/world", _handler_without_body(self._world)),
        ]

    def _set(self, body: Body) -> Body:
        chain_id, contract, token_id = read_asset(body)
        account, amount = read_text(body, "account"), read_integer(body, "balance")
        other = read_counterparty(body)
        if contract is None:
            self.gateway.world.set_native(chain_id, account, amount, counterparty=other)
        else:
            self.gateway.world.set_token(chain_id, contract, account, amount, token_id, counterparty=other)
        return self._block(chain_id)

    def _move(self, body: Body) -> Body:
        chain_id, contract, token_id = read_asset(body)
        account, delta = read_text(body, "account"), read_integer(body, "delta")
        other = read_counterparty(body)
        self.gateway.world.move(chain_id, contract, account, delta, token_id, counterparty=other)
        return self._block(chain_id)

    def _transact(self, body: Body) -> Body:
        chain_id = read_integer(body, "chainId")
        self.gateway.world.transact(chain_id, *read_sendings(body))
        return self._block(chain_id)

    def _emit(self, body: Body) -> Body:
        chain_id = read_integer(body, "chainId")
        self.gateway.world.emit(chain_id, *read_sendings(body))
        return self._block(chain_id)

    def _poison(self, body: Body) -> Body:
        chain_id, contract = read_integer(body, "chainId"), read_text(body, "contract")
        account = read_text(body, "account")
        counterparty = read_text({"counterparty": SOMEBODY, **body}, "counterparty")
        to = poison(self.gateway.world, chain_id, contract, account, counterparty=counterparty)
        return {**self._block(chain_id), "to": to}

    def _rename_transaction(self, body: Body) -> Body:
        chain_id, transaction = read_integer(body, "chainId"), read_text(body, "transaction")
        return {"transaction": self.gateway.world.rename_transaction(chain_id, transaction)}

    def _transfers(self) -> Body:
        world = self.gateway.world
        listed = (transfer for chain in world.chains() for transfer in world.transfers(chain.chain_id))
        return {"transfers": [_describe_transfer(transfer) for transfer in listed]}

    def _drift(self, body: Body) -> Body:
        chain_id, contract = read_integer(body, "chainId"), read_text(body, "contract")
        account, amount = read_text(body, "account"), read_integer(body, "balance")
        self.gateway.world.drift(chain_id, contract, account, amount, read_token_id(body))
        return self._block(chain_id)

    def _reorganise(self, body: Body) -> Body:
        chain_id, contract = read_integer(body, "chainId"), read_text(body, "contract")
        account, amount = read_text(body, "account"), read_integer(body, "balance")
        block, token_id = read_integer(body, "block"), read_token_id(body)
        self.gateway.world.reorganise(chain_id, contract, account, amount, block, token_id=token_id)
        return self._block(chain_id)

    def _advance(self, body: Body) -> Body:
        chain_id = read_integer(body, "chainId")
        self.gateway.world.advance(chain_id, to_block=read_integer(body, "toBlock"))
        return self._block(chain_id)

    def _chain(self, body: Body) -> Body:
        chain = build_value(GatewayChain, body)
        self.gateway.world.add_chain(chain)
        return self._block(chain.chain_id)

    def _hide_chain(self, body: Body) -> Body:
        self.gateway.world.hide_chain(read_integer(body, "chainId"))
        return self._chain_ids()

    def _show_chain(self, body: Body) -> Body:
        self.gateway.world.show_chain(read_integer(body, "chainId"))
        return self._chain_ids()

    def _contract(self, body: Body) -> Body:
        """Add a contract, or change some fields of a known one."""
        try:
            # Only a new contract needs all fields; of a known one the others stay.
            known = self.gateway.world.contract(read_integer(body, "chainId"), read_text(body, "address"))
        except ValueError:
            contract = build_value(Contract, body)
        else:
            contract = change_value(known, body)
        self.gateway.world.add_contract(contract)
        return self._block(contract.chain_id)

    def _price(self, body: Body) -> Body:
        chain_id, contract, _ = read_asset(body)
        self.gateway.world.set_price(chain_id, contract, read_price(body))
        self.gateway.world.price_age = timedelta(
            seconds=read_integer({"ageSeconds": 0, **body}, "ageSeconds")
        )
        return self._block(chain_id)

    def _fault(self, body: Body) -> Body:
        self.gateway.faults.add(_read_fault(body))
        return {"faults": [repr(fault) for fault in self.gateway.faults.active()]}

    def _heal(self) -> Body:
        # A held gateway is broken too, to whoever asks for it to be healed.
        self.gateway.faults.heal()
        self.gateway.gate.release()
        return {"faults": []}

    def _hold(self) -> Body:
        self.gateway.gate.hold()
        return {"held": True}

    def _release(self) -> Body:
        self.gateway.gate.release()
        return {"held": False}

    def _turn_knobs(self, body: Body) -> Body:
        self.gateway.knobs = change_value(self.gateway.knobs, body)
        return self._knobs()

    def _knobs(self) -> Body:
        return show_value(self.gateway.knobs)

    def _keys(self, body: Body) -> Body:
        """Set which access keys are known; null stands for any."""
        self.gateway.access_keys = None if body.get("keys") is None else read_texts(body, "keys")
        return {"keys": self.gateway.access_keys}

    def _requests(self) -> Body:
        requests = self.gateway.requests
        return {
            "count": Counter(request.method for request in requests),
            "requests": [_describe_request(request) for request in requests],
        }

    def _world(self) -> Body:
        world = self.gateway.world
        return {"chains": [_describe_chain(world, chain) for chain in world.chains()]}

    def _block(self, chain_id: int) -> Body:
        return {"block": self.gateway.world.block(chain_id)}

    def _chain_ids(self) -> Body:
        return {"chains": [chain.chain_id for chain in self.gateway.world.chains()]}


def _handler_with_body(act: Callable[[Body], Body]) -> _Handler:
    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(act(read_body(await request.read())))
        except ValueError as mistake:
            return web.json_response({"error": str(mistake)}, status=400)

    return handler


def _handler_without_body(act: Callable[[], Body]) -> _Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(act())

    return handler


def _read_fault(body: Body) -> Fault:
    """Read a fault from `{"fault": "FailTokens", "chainId": 137}`: the class and its fields."""
    kind = _KINDS.get(str(body.get("fault")))
    if kind is None:
        raise ValueError(f"fault must be one of {', '.join(sorted(_KINDS))}")
    return build_value(kind, {name: value for name, value in body.items() if name != "fault"})


def _describe_request(request: RecordedRequest) -> Body:
    return {
        "method": request.method,
        "body": request.body,
        "headers": dict(request.headers),
        "receivedAt": request.received_at.isoformat(),
    }


def _describe_transfer(transfer: WorldTransfer) -> Body:
    return {
        "chainId": transfer.chain_id,
        "block": transfer.block,
        "logIndex": transfer.log_index,
        "transaction": transfer.transaction,
        "at": transfer.at.isoformat(),
        "contract": transfer.contract,
        "from": transfer.sender,
        "to": transfer.receiver,
        "amounts": {str(token_id): str(amount) for token_id, amount in transfer.amounts},
    }


def _describe_chain(world: GatewayWorld, chain: GatewayChain) -> Body:
    return {
        "chainId": chain.chain_id,
        "name": chain.name,
        "block": world.block(chain.chain_id),
        "accounts": {
            account: _describe_account(world, chain, account) for account in world.accounts(chain.chain_id)
        },
    }


def _describe_account(world: GatewayWorld, chain: GatewayChain, account: str) -> Body:
    return {
        chain.native_symbol: str(world.native(chain.chain_id, account)),
        "tokens": [
            _describe_token(world, chain.chain_id, address, held)
            for address, held in world.tokens(chain.chain_id, account).items()
        ],
    }


def _describe_token(world: GatewayWorld, chain_id: int, address: str, held: Mapping[int, HeldAmount]) -> Body:
    contract = world.contract(chain_id, address)
    shown: Body = {"contract": address, "kind": contract.kind, "symbol": contract.symbol}
    if contract.kind == "ERC20":
        return {**shown, "balance": str(held[0].amount)}
    return {**shown, "balances": {str(token_id): str(holding.amount) for token_id, holding in held.items()}}
