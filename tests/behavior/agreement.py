"""All that can be learned from a log, so that two scanners can be compared."""

from lib.cuckoo.behavior.log import LogIndex


def everything(index: LogIndex) -> object:
    """Return the index, and what each call and its JSON say."""
    parts = index.calls("logs/1.bson")
    texts = [b"".join(part.json_chunks()) for part in parts]
    columns = [column.tolist() for column in index.columns.arrays()]
    picked = [part.pick(row, (2, 3)) for part in parts for row in range(len(part))]
    calls = [
        list(part.call(row, raw=raw).items())
        for part in parts
        for row in range(len(part))
        for raw in (False, True)
    ]
    return columns, index.kinds, index.faults, index.spans, calls, texts, picked
