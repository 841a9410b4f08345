"""For authors: `run_module` runs one module file on one analysis folder."""

from lib.cuckoo.testing import Outcome, Run, SignatureRun, StageResult, call, run_module, run_signature

__all__ = ["Outcome", "Run", "SignatureRun", "StageResult", "call", "run_module", "run_signature"]
