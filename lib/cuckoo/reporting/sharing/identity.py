"""Ids that are the same each time: version 5 of RFC 9562, from text."""

from uuid import UUID, uuid5

NAMESPACE = UUID("8f6d0c52-6e0a-5d0e-9c2b-3f1f4a7c6b11")
"""Ours; whatever is named below it is named by us."""


def named(*parts: object) -> str:
    """Return the id of what these parts name; parts never run into one another."""
    return str(uuid5(NAMESPACE, "\0".join(str(part).replace("\0", "\\0") for part in parts)))
