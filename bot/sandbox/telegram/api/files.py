"""Files that the bot sends and fetches, refused in Telegram's words where it would refuse them."""

from dataclasses import replace

from bot.sandbox.telegram.api.parameters import Parameters, Upload
from bot.sandbox.telegram.world.wire import ApiError, Json, bad_request
from bot.sandbox.telegram.world.world import Document, TelegramWorld

ATTACHED = "attach://"
MAX_PICTURE_BYTES = 10 * 2**20
MAX_PICTURE_PIXELS = 10_000
"""Width and height together."""
MAX_PICTURE_RATIO = 20
MAX_FETCHED_BYTES = 20 * 2**20

_FOLDER = "documents/"
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def read_file(parameters: Parameters, field: str, world: TelegramWorld) -> Document:
    """Return the file that a call sends in a field; raises ApiError where Telegram would refuse it.

    A new file comes with the request, a known one by its id. Files from URLs are refused, as nothing leaves
    this machine.
    """
    named = parameters.text(field)
    upload = parameters.files.get(named.removeprefix(ATTACHED) if named.startswith(ATTACHED) else field)
    if upload is not None:
        return _kept(upload, world)
    if not named or named.startswith(ATTACHED):
        raise bad_request(f"there is no {field} in the request")
    if named.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    if named not in world.documents:
        raise bad_request("wrong file identifier/HTTP URL specified")
    return world.documents[named]


def as_picture(file: Document) -> Document:
    """Return a file as it is shown in a chat; raises ApiError for what is no PNG, or too large a one."""
    if len(file.content) > MAX_PICTURE_BYTES:
        raise bad_request(
            f"file of size {len(file.content)} bytes is too big for a photo; "
            f"the maximum size is {MAX_PICTURE_BYTES} bytes"
        )
    if not file.content.startswith(_PNG):
        raise bad_request("IMAGE_PROCESS_FAILED")
    sizes = file.content[len(_PNG) : len(_PNG) + 8]
    width, height = int.from_bytes(sizes[:4]), int.from_bytes(sizes[4:])
    longer, shorter = max(width, height), min(width, height)
    if width + height > MAX_PICTURE_PIXELS or longer > MAX_PICTURE_RATIO * shorter:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return replace(file, pixels=(width, height))


def file_json(parameters: Parameters, world: TelegramWorld) -> Json:
    """Write where a file can be fetched that somebody sent; ApiError where Telegram would refuse."""
    file = world.documents.get(parameters.text("file_id"))
    if file is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if len(file.content) > MAX_FETCHED_BYTES:
        raise bad_request("file is too big")
    return {
        "file_id": file.file_id,
        "file_unique_id": file.file_id,
        "file_size": len(file.content),
        "file_path": f"{_FOLDER}{file.file_id}",
    }


def file_at(path: str, world: TelegramWorld) -> Document:
    """Return the file at a path that `file_json` wrote; ApiError where there is none."""
    file = world.documents.get(path.removeprefix(_FOLDER))
    if file is None or not path.startswith(_FOLDER):
        raise ApiError(404, "Not Found")
    return file


def _kept(upload: Upload, world: TelegramWorld) -> Document:
    if not upload.content:
        raise bad_request("file must be non-empty")
    return world.add_document(upload.file_name, upload.mime_type, upload.content)
