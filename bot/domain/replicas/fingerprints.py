"""Digests by which replicas compare their configurations.

A secret can't be read from one; a value that is easy to guess can be tried.
"""

from collections.abc import Mapping
from hashlib import blake2b


def fingerprint(values: Mapping[str, str], salt: bytes) -> dict[str, str]:
    """Return for each key a digest of its value, which tells whether two are the same and nothing else."""
    return {
        key: blake2b(f"{key}\0{value}".encode(), key=salt, digest_size=16).hexdigest()
        for key, value in values.items()
    }


def differing_keys(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys whose digests differ; a key that only one of two versions knows tells nothing."""
    return tuple(sorted(key for key in one.keys() & other.keys() if one[key] != other[key]))
