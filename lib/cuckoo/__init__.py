"""The engine: the module contract (`common`), the machine (`core`) and a folder for each kind of raw result.

Module authors import from `lib.cuckoo.common`; tools import `fledge`, which binds this package to its own tree.
"""

__version__ = "0.1.0"
