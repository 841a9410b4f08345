"""All that can be learned from a log, so that two scanners can be compared."""

from lib.cuckoo.behavior.log import LogIndex


def everything(index: LogIndex) -> object:
    """Return the index, and what each call and its JSON say."""
    parts = index.calls("logs/1.bson")
    texts = [b"".join(part.json_chunks()) for part in parts]
    columns = [column.tolist() for column in index.columns.arrays()]
    picked = [part.pick(row, (2, 3)) for part in parts for row in range(len(part))]
    return columns, index.kinds, index.faults, index.spans, list(map(list, parts)), texts, picked
