"""What the tests of the example read from its logs, by a decoder that is not ours."""

from typing import Any

import bson as reference
import pytest

from tools.example import story
from tools.example.processes import logs

Calls = list[tuple[float, str, dict[str, Any]]]


@pytest.fixture(scope="session")
def logged() -> dict[int, Calls]:
    """The calls of each process: seconds since 1970, name, arguments by name."""
    return {
        process.pid: _calls(logs()[process.pid], story.moment(process.started).timestamp())
        for process in story.PROCESSES
    }


def _calls(log: bytes, started: float) -> Calls:
    declared: dict[int, dict[str, Any]] = {}
    calls = []
    for document in reference.decode_iter(log):
        if document.get("type") == "info":
            declared[document["I"]] = document
        else:
            kind = declared[document["I"]]
            names = [name if isinstance(name, str) else name[0] for name in kind["args"]]
            arguments = dict(zip(names, document["args"], strict=True))
            calls.append((started + document["t"] / 1000, kind["name"], arguments))
    return calls
