"""Errors of the contract, split by who must act.

`CuckooProcessingError` blames the analysis data, `CuckooDependencyError` the machine that fledge runs on.
Anything else that leaves a module is a fault of the module and is kept with its traceback.
"""


class CuckooCriticalError(Exception):
    """Nothing can go on."""


class CuckooStartupError(CuckooCriticalError):
    """The engine cannot start: no working root, unreadable configuration."""


class CuckooOperationalError(Exception):
    """One operation failed; the rest goes on."""


class CuckooProcessingError(CuckooOperationalError):
    """The data of this analysis cannot be processed: absent, cut short or malformed."""


class CuckooReportError(CuckooOperationalError):
    """A report could not be written."""


class CuckooDependencyError(CuckooOperationalError, CuckooCriticalError):
    """A library or program that the module needs is not installed.

    Both the operational and the critical error are its bases, because modules in the field catch it as either.
    """
