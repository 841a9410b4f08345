"""Plays conversations to parsers, whole and in pieces."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from lib.cuckoo.network.conversation import Context, Conversation
from lib.cuckoo.network.detect import Place, recognise

Segment = tuple[int, bytes | int]
"""Side, and its bytes or the size of a gap."""


def detect(
    client: bytes, server: bytes, ports: tuple[int, int], *, final: bool = False
) -> Conversation | None:
    """Return the parser for a conversation whose sides begin with these bytes; None while that cannot be said."""
    return recognise(Place(Context(), ports), (client, server), final=final)


def play(conversation: Conversation, *segments: Segment) -> list[dict[str, Any]]:
    """Feed the segments at one point in time, close, and return the records."""
    for side, event in segments:
        if isinstance(event, int):
            conversation.gap(side, event)
        else:
            conversation.data(side, event, 1.5)
    conversation.close()
    return conversation.records


def only(records: Sequence[dict[str, Any]], protocol: str) -> list[dict[str, Any]]:
    """Return the records of one section."""
    return [record for record in records if record["protocol"] == protocol]


def in_pieces(segments: Sequence[Segment], size: int) -> list[Segment]:
    """Cut the bytes of every segment into pieces of `size`."""
    return [
        (side, event[at : at + size]) if isinstance(event, bytes) else (side, event)
        for side, event in segments
        for at in (range(0, len(event), size) if isinstance(event, bytes) else range(1))
    ]


def damaged(*valid: bytes) -> st.SearchStrategy[list[Segment]]:
    """Segments of nonsense, of pieces of valid bytes, and gaps, of either side."""
    pieces = st.sampled_from(valid).flatmap(
        lambda whole: st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole))).map(
            lambda ends: whole[min(ends) : max(ends)]
        )
    )
    event = st.one_of(st.sampled_from(valid), pieces, st.binary(max_size=60), st.integers(1, 3000))
    return st.lists(st.tuples(st.integers(0, 1), event), max_size=12)
