"""The whole description of a Portable Executable."""

from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.files.budget import Budget, Data, Save
from lib.cuckoo.files.pe import anomalies, authenticode, dotnet, headers, linking, resources, tables
from lib.cuckoo.files.pe.image import Image
from lib.cuckoo.files.pe.records import Library, PortableExecutable, Signature


def describe_pe(data: Data, budget: Budget, save: Save) -> PortableExecutable:
    """Describe a Portable Executable in the shape `PortableExecutable` of `records.py`.

    Parts that cannot be read are None or empty and stand in `anomalies`.

    Raises:
        CuckooProcessingError: the headers cannot be read.
        CuckooDependencyError: pefile is not installed.
    """
    image = Image(data, budget)
    facts = _headers(image) | _linking(image) | _resources(image, save) | _tables(image) | _origin(image)
    odd = chain(
        anomalies.header_anomalies(image, facts["debug"]),
        anomalies.section_anomalies(image),
        anomalies.import_anomalies(
            _functions(facts), image.directory("IMPORT"), managed=facts["dotnet"] is not None
        ),
        image.anomalies,
        image.pe.get_warnings(),
    )
    described = facts | {
        "peid_signatures": None,
        "guest_signers": {},
        "anomalies": budget.take("anomalies", dict.fromkeys(odd)),
    }
    if image.parts.refused:
        budget.note(f"{image.parts.refused} parts of the PE overlap others and were not measured")
    return cast("PortableExecutable", described)


def _headers(image: Image) -> dict[str, Any]:
    time = image.pe.FILE_HEADER.TimeDateStamp
    return headers.header_facts(image) | {
        "timestamp_plausible": anomalies.plausible_time(time, datetime.now(UTC)),
        "exact_size": headers.exact_size(image),
        "dirents": headers.directories(image),
        "sections": image.budget.take("sections", headers.sections(image)),
        "overlay": headers.overlay(image),
    }


def _linking(image: Image) -> dict[str, Any]:
    name, exports = linking.exports(image)
    libraries = linking.imports(image)
    imports = linking.by_library(image, libraries)
    return {
        "imports": imports,
        "delay_imports": linking.by_library(image, linking.delay_imports(image)),
        "imported_dll_count": len(imports),
        "imphash": linking.imphash(libraries),
        "exported_dll_name": name,
        "exports": exports,
    }


def _functions(facts: dict[str, Any]) -> int:
    libraries: dict[str, Library] = facts["imports"]
    return sum(len(library["imports"]) for library in libraries.values())


def _resources(image: Image, save: Save) -> dict[str, Any]:
    tree = resources.Tree(image)
    icons = resources.icons(image, tree, save)
    return {
        "resources": resources.records(image, tree),
        "icons": icons,
        "icon": icons[0]["path"] if icons else None,
        "icon_hash": icons[0]["md5"] if icons else None,
        "manifest": resources.manifest(image, tree),
        "versioninfo": resources.version_entries(image, tree),
    }


def _tables(image: Image) -> dict[str, Any]:
    debug = tables.debug_entries(image)
    return {
        "rich": tables.rich_header(image),
        "debug": debug,
        "pdbpath": next((entry["pdb"] for entry in debug if entry["pdb"]), None),
        "tls": tables.tls(image),
        "load_config": tables.load_config(image),
    }


def _origin(image: Image) -> dict[str, Any]:
    found = _signatures(image)
    return {
        "authentihash": authenticode.authentihash(image, "sha256"),
        "signatures": found,
        "digital_signers": [certificate for signature in found for certificate in signature["chain"]],
        "dotnet": image.attempt("the .NET metadata", lambda: dotnet.dotnet(image), None),
    }


def _signatures(image: Image) -> list[Signature]:
    """Return the signatures; without the libraries for them the rest of the description stands."""
    try:
        return authenticode.signatures(image)
    except CuckooDependencyError as error:
        image.budget.note(str(error))
        return []
