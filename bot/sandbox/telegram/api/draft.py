"""Texts, captions and buttons that the bot sends, checked as Telegram does (docs/telegram.md, "Limits")."""

import re
from dataclasses import dataclass

from bot.sandbox.telegram.api.parameters import Parameters
from bot.sandbox.telegram.world.html import CannotParse, Entity, Formatted, read_html, read_plain
from bot.sandbox.telegram.world.wire import Json, bad_request
from bot.sandbox.telegram.world.world import Buttons, InlineButton

MAX_RAW_BYTES = 32_768
MAX_CHARACTERS = 4096
MAX_CAPTION_CHARACTERS = 1024
MAX_CALLBACK_BYTES = 64
MAX_BUTTONS = 100
MAX_BUTTONS_IN_ROW = 8
MAX_COPY_CHARACTERS = 256

_URL = re.compile(r"(?:https?|tg)://[^\s/?#]+\S*", re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """A text or caption that passed all checks, with formatting and buttons; `html` is the text as sent."""

    text: str
    html: str
    entities: tuple[Entity, ...]
    buttons: Buttons
    link_preview_options: Json | None


def read_draft(parameters: Parameters) -> Draft:
    """Return the text that a call sends; raises ApiError where Telegram would refuse it."""
    raw = parameters.text("text")
    return _draft(raw, _read_text(raw, parameters.text("parse_mode")), parameters)


def read_caption(parameters: Parameters) -> Draft:
    """Return the caption that a call sends below a file, which may be empty."""
    raw = parameters.text("caption")
    formatted = _formatted(raw, parameters.text("parse_mode").lower())
    if len(formatted.text) > MAX_CAPTION_CHARACTERS:
        raise bad_request("message caption is too long")
    return _draft(raw, formatted, parameters)


def read_buttons(parameters: Parameters) -> Buttons:
    """Return the inline keyboard, empty rows left out; other keyboards have nothing to press in a message."""
    markup = parameters.mapping("reply_markup") or {}
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" must be of type Array of Arrays')
    buttons = tuple(tuple(_read_button(button) for button in row) for row in rows if row)
    if sum(map(len, buttons)) > MAX_BUTTONS or any(len(row) > MAX_BUTTONS_IN_ROW for row in buttons):
        raise bad_request("reply markup is too long")
    return buttons


def _draft(raw: str, formatted: Formatted, parameters: Parameters) -> Draft:
    return Draft(
        text=formatted.text,
        html=raw,
        entities=formatted.entities,
        buttons=read_buttons(parameters),
        link_preview_options=parameters.mapping("link_preview_options"),
    )


def _read_text(raw: str, parse_mode: str) -> Formatted:
    if not raw:
        raise bad_request("message text is empty")
    # Telegram limits the raw bytes, tags included, as well as the visible characters below.
    if len(raw.encode()) > MAX_RAW_BYTES:
        raise bad_request("text is too long")
    formatted = _formatted(raw, parse_mode.lower())
    if not formatted.text:
        raise bad_request("message text is empty")
    if len(formatted.text) > MAX_CHARACTERS:
        raise bad_request("message is too long")
    return formatted


def _formatted(raw: str, parse_mode: str) -> Formatted:
    if parse_mode not in ("", "html"):
        raise bad_request("unsupported parse_mode")
    try:
        return read_html(raw) if parse_mode else read_plain(raw)
    except CannotParse as reason:
        raise bad_request(f"can't parse entities: {reason}") from None


def _read_button(button: object) -> InlineButton:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"]:
        raise bad_request('can\'t parse inline keyboard button: Field "text" must be of type String')
    if "url" in button:
        return InlineButton(button["text"], url=_checked_url(str(button["url"])))
    if "callback_data" in button:
        return InlineButton(button["text"], callback_data=_checked_data(str(button["callback_data"])))
    if isinstance(button.get("copy_text"), dict):
        return InlineButton(button["text"], copy_text=_checked_copy(str(button["copy_text"].get("text", ""))))
    raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")


def _checked_data(data: str) -> str:
    if not 1 <= len(data.encode()) <= MAX_CALLBACK_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    return data


def _checked_url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise bad_request("BUTTON_URL_INVALID")
    return url


def _checked_copy(text: str) -> str:
    if not 1 <= len(text) <= MAX_COPY_CHARACTERS:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    return text
