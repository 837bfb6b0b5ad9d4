"""The parameters of a Bot API call, from a query, a form, multipart or JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.telegram.world.wire import ApiError, Json, bad_request

TRUE_WORDS = frozenset({"true", "yes", "1"})


@dataclass(frozen=True)
class Upload:
    """A file that came in a multipart body."""

    file_name: str
    mime_type: str
    content: bytes


async def read_parameters(request: web.Request) -> "Parameters":
    """Return what the URL and the body carry; the body wins. Too large a body is refused."""
    try:
        body = await (_read_json(request) if request.content_type == "application/json" else request.post())
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, "Request Entity Too Large") from None
    files = {name: value for name, value in body.items() if isinstance(value, web.FileField)}
    # A file part is no text; methods that want it look it up by name.
    fields = {name: value for name, value in body.items() if name not in files}
    return Parameters({**request.query, **fields}, {name: _upload(file) for name, file in files.items()})


def _upload(file: web.FileField) -> Upload:
    return Upload(file.filename, file.content_type, file.file.read())


async def _read_json(request: web.Request) -> Json:
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(body, dict):
        raise bad_request("can't parse JSON object: expected an Object")
    return body


class Parameters:
    """The parameters of one call; forms carry numbers and structures as text, JSON as they are."""

    def __init__(self, values: Mapping[str, object], files: Mapping[str, Upload]) -> None:
        self.values = dict(values)
        self.files = files

    def text(self, name: str) -> str:
        """Return a text; empty where it is not given."""
        value = self.values.get(name, "")
        # JSON bodies carry numbers and booleans as they are: spelled as a form would.
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str) -> int | None:
        """Return a number; none where it is not given or is no number."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    def boolean(self, name: str) -> bool:
        """Return whether it is given and true."""
        return self.text(name).lower() in TRUE_WORDS

    def structure(self, name: str) -> object:
        """Return an object or array; none where it is not given. Bad JSON is refused."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def mapping(self, name: str) -> Json | None:
        """Return an object; none where it is not given. Anything else is refused."""
        value = self.structure(name)
        if value is None or isinstance(value, dict):
            return value
        raise bad_request(f"object expected as {name.replace('_', ' ')}")
