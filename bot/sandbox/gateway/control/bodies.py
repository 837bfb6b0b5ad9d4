"""Read and write the JSON of the gateway's control; every mistake is a ValueError with a sentence.

Members are the fields of the sandbox's own dataclasses, in camel case:
`{"fault": "FailTokens", "chainId": 137}`.
"""

import dataclasses
import json
import re
from decimal import Decimal, InvalidOperation
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bot.sandbox.gateway.transfers import SOMEBODY, Sending

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Value = TypeVar("_Value", bound="DataclassInstance")

Body = dict[str, object]

_INTEGER = re.compile(r"-?[0-9]{1,80}")
_PRICE = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?")
_NEXT_WORD = re.compile(r"_([a-z])")


def read_body(body: bytes) -> Body:
    """Parse a body; raises ValueError, as all readers here do."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - a value of the sender's, not a type of ours
    return value


def read_asset(body: Body) -> tuple[int, str | None, int | None]:
    """Read an asset: chain id, contract (None for the native coin), token id (None where there is none)."""
    contract = None if body.get("contract") is None else read_text(body, "contract")
    token_id = read_token_id(body)
    if contract is None and token_id is not None:
        raise ValueError("a native coin has no token ids: say which contract")
    return read_integer(body, "chainId"), contract, token_id


def read_token_id(body: Body) -> int | None:
    """Read which item of a collection is meant, if any."""
    return None if body.get("tokenId") is None else read_integer(body, "tokenId")


def read_text(body: Body, name: str) -> str:
    """Read a string."""
    value = body.get(name)
    if isinstance(value, str):
        return value
    raise ValueError(f"{name} must be a string, not {json.dumps(value)}")


def read_integer(body: Body, name: str) -> int:
    """Read an integer, as a number or as a decimal string."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise ValueError(f"{name} must be an integer, as a decimal string, not {json.dumps(value)}")


def read_counterparty(body: Body) -> str | None:
    """Read who is at the other end: somebody where it is left out, and with null there is no transfer."""
    if "counterparty" not in body:
        return SOMEBODY
    return None if body["counterparty"] is None else read_text(body, "counterparty")


def read_sendings(body: Body) -> list[Sending]:
    """Read `transfers`: objects with `from`, `to`, `amount`, and what is sent."""
    listed = body.get("transfers")
    if isinstance(listed, list) and all(isinstance(each, dict) for each in listed):
        return [_read_sending(each) for each in listed]
    raise ValueError(f"transfers must be a list of objects, not {json.dumps(listed)}")


def _read_sending(body: Body) -> Sending:
    """Read one transfer; `amounts`, an object by token id, stands for several items of a collection."""
    contract = None if body.get("contract") is None else read_text(body, "contract")
    amounts = body.get("amounts")
    if isinstance(amounts, dict):
        by_id = {read_integer({"tokenId": key}, "tokenId"): read_integer(amounts, key) for key in amounts}
    else:
        by_id = {read_token_id(body) or 0: read_integer(body, "amount")}
    return Sending(contract, read_text(body, "from"), read_text(body, "to"), by_id)


def read_price(body: Body) -> Decimal | None:
    """Read a price in US dollars, as a decimal string; null is none."""
    value = body.get("price")
    if value is None:
        return None
    if isinstance(value, str) and _PRICE.fullmatch(value):
        return Decimal(value)
    raise ValueError(f"price must be a decimal string or null, not {json.dumps(value)}")


def read_texts(body: Body, name: str) -> list[str]:
    """Read a list of strings."""
    value = body.get(name)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise ValueError(f"{name} must be a list of strings, not {json.dumps(value)}")


def build_value(kind: type[_Value], members: Body) -> _Value:
    """Return a new value with these members; those left out have their defaults."""
    given = _fields(kind, members)
    required = (each.name for each in dataclasses.fields(kind) if _is_required(each))
    if missing := [_camel(name) for name in required if name not in given]:
        raise ValueError(f"{_public_name(kind)} needs {', '.join(missing)}")
    return kind(**given)


def change_value(value: _Value, members: Body) -> _Value:
    """Return the value with these members replaced."""
    return dataclasses.replace(value, **_fields(type(value), members))


def show_value(value: "DataclassInstance") -> Body:
    """Return the members of a value, as JSON has them."""
    return {_camel(each.name): getattr(value, each.name) for each in dataclasses.fields(value)}


def _fields(kind: type[Any], members: Body) -> dict[str, Any]:
    names = {_camel(each.name): each.name for each in dataclasses.fields(kind)}
    if not members.keys() <= names.keys():
        raise ValueError(f"the fields of {_public_name(kind)} are: {', '.join(names)}")
    hints = get_type_hints(kind)
    fields = {}
    for name, value in members.items():
        try:
            fields[names[name]] = _converted(value, hints[names[name]])
        except (TypeError, InvalidOperation):
            raise ValueError(f"{name} of {_public_name(kind)} cannot be {json.dumps(value)}") from None
    return fields


def _public_name(kind: type[object]) -> str:
    # Callers over HTTP know a `Chain`; the prefix only keeps class names apart within this program.
    return kind.__name__.removeprefix("Gateway")


def _camel(name: str) -> str:
    return _NEXT_WORD.sub(lambda found: found[1].upper(), name)


def _is_required(wanted: dataclasses.Field[Any]) -> bool:
    return wanted.default is dataclasses.MISSING and wanted.default_factory is dataclasses.MISSING


def _converted(value: object, hint: Any) -> object:  # noqa: ANN401 - an annotation can be anything
    """Return a JSON value as its field's annotation wants it; raises TypeError where it does not fit."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (some,) = (each for each in arguments if each is not type(None))
        return None if value is None else _converted(value, some)
    if hint is Decimal and isinstance(value, str):
        return Decimal(value)
    if origin is tuple and isinstance(value, list):
        return tuple(value)
    if not _fits(value, hint):
        raise TypeError
    return value


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401 - the same
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    # A bool is an int to Python, but no number in JSON.
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    return isinstance(value, (int, float) if hint is float else get_origin(hint) or hint)
