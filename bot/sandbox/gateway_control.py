"""The back door of the simulated Indexer Gateway: people and other processes move its world over HTTP.

Bodies and answers are JSON; what cannot be is answered with 400 and a sentence.
"""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from aiohttp import web

from bot.sandbox.gateway_faults import Fault, Faults, Gate
from bot.sandbox.gateway_request import RecordedRequest
from bot.sandbox.world import Chain, Holding, World

_Answer = dict[str, object]
_Handler = Callable[[web.Request], Awaitable[web.Response]]

_INTEGER = re.compile(r"-?[0-9]{1,80}")
_NEXT_WORD = re.compile(r"_([a-z])")
_KINDS: dict[str, type[Fault]] = {kind.__name__: kind for kind in get_args(Fault)}


@dataclass(frozen=True, slots=True)
class Control:
    """The handlers under `/sandbox/`, over what they move and show."""

    world: World
    faults: Faults
    gate: Gate
    requests: Sequence[RecordedRequest]

    def routes(self) -> list[web.RouteDef]:
        """Return all routes of the back door."""
        return [
            web.post("/sandbox/set", _posted(self._set)),
            web.post("/sandbox/move", _posted(self._move)),
            web.post("/sandbox/fault", _posted(self._fault)),
            web.post("/sandbox/heal", _asked(self._heal)),
            web.post("/sandbox/hold", _asked(self._hold)),
            web.post("/sandbox/release", _asked(self._release)),
            web.get("/sandbox/requests", _asked(self._requests)),
            web.get("/sandbox/world", _asked(self._world)),
        ]

    def _set(self, body: _Answer) -> _Answer:
        chain_id, contract, token_id = _asset(body)
        account, amount = _text(body, "account"), _integer(body, "balance")
        if contract is None:
            self.world.set_native(chain_id, account, amount)
        else:
            self.world.set_token(chain_id, contract, account, amount, token_id)
        return {"block": self.world.block(chain_id)}

    def _move(self, body: _Answer) -> _Answer:
        chain_id, contract, token_id = _asset(body)
        self.world.move(chain_id, contract, _text(body, "account"), _integer(body, "delta"), token_id)
        return {"block": self.world.block(chain_id)}

    def _fault(self, body: _Answer) -> _Answer:
        self.faults.add(_read_fault(body))
        return {"faults": [repr(fault) for fault in self.faults.active()]}

    def _heal(self) -> _Answer:
        self.faults.heal()
        self.gate.release()
        return {"faults": []}

    def _hold(self) -> _Answer:
        self.gate.hold()
        return {"held": True}

    def _release(self) -> _Answer:
        self.gate.release()
        return {"held": False}

    def _requests(self) -> _Answer:
        return {
            "count": Counter(request.method for request in self.requests),
            "requests": [_shown_request(request) for request in self.requests],
        }

    def _world(self) -> _Answer:
        return {"chains": [_shown_chain(self.world, chain) for chain in self.world.chains()]}


def _posted(act: Callable[[_Answer], _Answer]) -> _Handler:
    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(act(_parsed(await request.read())))
        except ValueError as mistake:
            return web.json_response({"error": str(mistake)}, status=400)

    return handler


def _asked(act: Callable[[], _Answer]) -> _Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(act())

    return handler


def _parsed(body: bytes) -> _Answer:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - a value of the sender's, not a type of ours
    return value


def _asset(body: _Answer) -> tuple[int, str | None, int | None]:
    """Read which asset is meant: chain id, contract (None for the native coin), token id."""
    contract = None if body.get("contract") is None else _text(body, "contract")
    token_id = None if body.get("tokenId") is None else _integer(body, "tokenId")
    if contract is None and token_id is not None:
        raise ValueError("a native coin has no token ids: say which contract")
    return _integer(body, "chainId"), contract, token_id


def _text(body: _Answer, name: str) -> str:
    value = body.get(name)
    if isinstance(value, str):
        return value
    raise ValueError(f"{name} must be a string, not {json.dumps(value)}")


def _integer(body: _Answer, name: str) -> int:
    """Read an integer, as a number or as a decimal string."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise ValueError(f"{name} must be an integer, as a decimal string, not {json.dumps(value)}")


def _read_fault(body: _Answer) -> Fault:
    """Read a fault from `{"fault": "FailTokens", "chainId": 137}`: the class and its fields."""
    kind = _KINDS.get(str(body.get("fault")))
    if kind is None:
        raise ValueError(f"fault must be one of {', '.join(sorted(_KINDS))}")
    known = {_camel(each.name): each for each in dataclasses.fields(kind)}
    given = {name: _tupled(value) for name, value in body.items() if name != "fault"}
    if not given.keys() <= known.keys():
        raise ValueError(f"the fields of {kind.__name__} are: {', '.join(known) or 'none'}")
    if missing := [name for name, each in known.items() if name not in given and _is_required(each)]:
        raise ValueError(f"{kind.__name__} needs {', '.join(missing)}")
    hints = get_type_hints(kind)
    for name, value in given.items():
        if not _fits(value, hints[known[name].name]):
            raise ValueError(f"{name} of {kind.__name__} cannot be {json.dumps(value)}")
    arguments: dict[str, Any] = {known[name].name: value for name, value in given.items()}
    return kind(**arguments)


def _is_required(wanted: dataclasses.Field[Any]) -> bool:
    return wanted.default is dataclasses.MISSING and wanted.default_factory is dataclasses.MISSING


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401 - an annotation can be anything
    if isinstance(value, bool):  # an integer to Python, and no field is a yes or no
        return False
    if hint is float:
        return isinstance(value, int | float)
    origin = get_origin(hint)
    return isinstance(value, origin if origin in (Mapping, tuple) else hint)


def _tupled(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _camel(name: str) -> str:
    return _NEXT_WORD.sub(lambda found: found[1].upper(), name)


def _shown_request(request: RecordedRequest) -> _Answer:
    return {
        "method": request.method,
        "body": request.body,
        "headers": dict(request.headers),
        "receivedAt": request.received_at.isoformat(),
    }


def _shown_chain(world: World, chain: Chain) -> _Answer:
    return {
        "chainId": chain.chain_id,
        "name": chain.name,
        "block": world.block(chain.chain_id),
        "accounts": {
            account: _shown_account(world, chain, account) for account in world.accounts(chain.chain_id)
        },
    }


def _shown_account(world: World, chain: Chain, account: str) -> _Answer:
    return {
        chain.native_symbol: str(world.native(chain.chain_id, account)),
        "tokens": [
            _shown_token(world, chain.chain_id, address, held)
            for address, held in world.tokens(chain.chain_id, account).items()
        ],
    }


def _shown_token(world: World, chain_id: int, address: str, held: Mapping[int, Holding]) -> _Answer:
    contract = world.contract(chain_id, address)
    shown: _Answer = {"contract": address, "kind": contract.kind, "symbol": contract.symbol}
    if contract.kind == "ERC20":
        return {**shown, "balance": str(held[0].amount)}
    return {**shown, "balances": {str(token_id): str(holding.amount) for token_id, holding in held.items()}}
