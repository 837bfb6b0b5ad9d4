"""Files that a bot sends: new ones come with the request, known ones by their id."""

from bot.sandbox.telegram.api.parameters import Parameters, Upload
from bot.sandbox.telegram.world.wire import bad_request
from bot.sandbox.telegram.world.world import Document, World

ATTACHED = "attach://"


def read_document(parameters: Parameters, world: World) -> Document:
    """Return the file that the call wants to send; ApiError where Telegram would refuse it.

    Nothing leaves this machine, so files from other addresses can't be got.
    """
    named = parameters.text("document")
    upload = parameters.files.get(named.removeprefix(ATTACHED) if named.startswith(ATTACHED) else "document")
    if upload is not None:
        return _kept(upload, world)
    if not named or named.startswith(ATTACHED):
        raise bad_request("there is no document in the request")
    if named.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    if named not in world.documents:
        raise bad_request("wrong file identifier/HTTP URL specified")
    return world.documents[named]


def _kept(upload: Upload, world: World) -> Document:
    if not upload.content:
        raise bad_request("file must be non-empty")
    return world.add_document(upload.file_name, upload.mime_type, upload.content)
