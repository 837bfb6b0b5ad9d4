"""Files that the bot sends, refused in Telegram's words where it would refuse them."""

from dataclasses import replace

from bot.sandbox.telegram.api.parameters import Parameters, Upload
from bot.sandbox.telegram.world.wire import bad_request
from bot.sandbox.telegram.world.world import Document, TelegramWorld

ATTACHED = "attach://"
MAX_PICTURE_BYTES = 10 * 2**20
MAX_PICTURE_PIXELS = 10_000
"""Width and height together."""
MAX_PICTURE_RATIO = 20

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


def _kept(upload: Upload, world: TelegramWorld) -> Document:
    if not upload.content:
        raise bad_request("file must be non-empty")
    return world.add_document(upload.file_name, upload.mime_type, upload.content)
