"""For authors: `run_module` runs one module file on one analysis folder."""

from lib.cuckoo.testing import Outcome, Run, run_module

__all__ = ["Outcome", "Run", "run_module"]
