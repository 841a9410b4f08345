"""The whole description of a Portable Executable."""

from typing import Any

from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.pe import headers, linking
from lib.cuckoo.files.pe.image import Image


def describe_pe(data: Data, budget: Budget, save: Save) -> dict[str, Any]:
    """Describe a Portable Executable in the shape `PortableExecutable` of `records.py`.

    Parts that cannot be read are absent or empty and stand in `anomalies`.

    Raises:
        CuckooProcessingError: the headers cannot be read.
        CuckooDependencyError: pefile is not installed.
    """
    image = Image(data, budget)
    name, exports = linking.exports(image)
    imports = linking.by_library(linking.imports(image))
    return {
        **headers.header_facts(image),
        "exact_size": headers.exact_size(image),
        "dirents": headers.directories(image),
        "sections": headers.sections(image),
        "overlay": headers.overlay(image),
        "imports": imports,
        "delay_imports": linking.by_library(linking.delay_imports(image)),
        "imported_dll_count": len(imports),
        "imphash": linking.imphash(image),
        "exported_dll_name": name,
        "exports": exports,
        "peid_signatures": None,
        "guest_signers": {},
        "anomalies": image.anomalies,
    }
