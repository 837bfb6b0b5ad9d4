"""What of the configuration has to be the same for all replicas: all that doesn't belong to one machine."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from bot.settings.sections import Settings

_OF_A_MACHINE = {
    # Its own way to the same service.
    "telegram.api_url",
    "indexer.url",
    # Where a secret is; the secret itself counts.
    "telegram.token_file",
    "indexer.access_key_file",
    "store.path",
    "store.url",
    "store.url_file",
    "store.replica",
    "store.backup_dir",
    "store.backups_kept",
}
_SECTIONS_OF_A_MACHINE = {"web", "log"}


def shared_values(settings: Settings) -> Mapping[str, str]:
    """Return each key that all replicas share with its value as text; secrets are among them, as they are."""
    values = {
        f"{section}.{key}": value
        for section in Settings.model_fields.keys() - _SECTIONS_OF_A_MACHINE
        for key, value in getattr(settings, section).model_dump().items()
    }
    return {key: _text(value) for key, value in sorted(values.items()) if key not in _OF_A_MACHINE}


def _text(value: Any) -> str:  # noqa: ANN401 - whatever a key may be
    """Return a value as text, the same for what means the same."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    # The order in a list means nothing; 60 and 60.0 are one number.
    if isinstance(value, tuple):
        return json.dumps(sorted(value))
    return json.dumps(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
