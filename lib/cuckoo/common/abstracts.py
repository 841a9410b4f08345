"""The base classes that dropped-in files derive from."""

from lib.cuckoo.common.processing import Processing
from lib.cuckoo.common.report import Report
from lib.cuckoo.common.signature import Signature

__all__ = ["Processing", "Report", "Signature"]
