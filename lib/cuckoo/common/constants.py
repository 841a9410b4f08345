"""Constants of the contract."""

from typing import TYPE_CHECKING

CUCKOO_VERSION = "2.4"
"""The level of the contract, which the `minimum` and `maximum` of signatures are compared with."""

SCHEMA_VERSION = "1.0"
"""Of the published shape of reports: the second number rises when fields are added, the first when one changes."""

if TYPE_CHECKING:
    CUCKOO_ROOT: str


def __getattr__(name: str) -> str:
    """Find `CUCKOO_ROOT`, the working root, when it is first asked for."""
    if name != "CUCKOO_ROOT":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lib.cuckoo.common.root import find_root  # noqa: PLC0415 - importing constants reads nothing from disk

    return str(find_root().path)
