"""The sample and the files that came of it: packers, documents, YARA, VirusTotal."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.inputs import holds_until
from lib.cuckoo.common.patterns import alternatives, as_number

_EXECUTE, _WRITE = 0x20000000, 0x80000000


class PeSignature(Signature):
    """What the signatures on Windows programs share: the static view, from wherever the results keep it."""

    def pe(self) -> Mapping[str, Any]:
        """Return the section about the program, {} for other files."""
        places = (self.results["static"].get("pe"), self.results["target"]["file"].get("pe"))
        return next((place for place in places if isinstance(place, Mapping) and place), {})

    def sections(self) -> list[Mapping[str, Any]]:
        """Return the table of sections, in the classic report under `pe_sections`."""
        found = self.pe().get("sections") or self.results["static"].get("pe_sections") or ()
        return [section for section in found if isinstance(section, Mapping)]

    def imports(self) -> set[str]:
        """Return the names of the functions imported."""
        found = self.pe().get("imports") or self.results["static"].get("pe_imports") or ()
        libraries = found.values() if isinstance(found, Mapping) else found
        functions = (function for library in libraries for function in library.get("imports") or ())
        return {str(function.get("name")) for function in functions if function.get("name")}


class PackerSections(PeSignature):
    """The sections bear the names that a packer or protector gives.

    Known false positives: legitimate programs packed to save space, or protected against copying.
    """

    name = "packer_sections"
    description = "The program is packed with a known packer"
    severity = 2
    confidence = 80
    categories = ["packer", "static"]
    ttps = ["T1027.002"]
    _names = re.compile(
        r"^(?:UPX\d|\.?aspack|\.adata|\.?nsp\d|\.MPRESS\d|\.?themida|\.?winlice|\.?vmp\d|\.enigma\d|\.petite|PEC2\w*"
        r"|pebundle|\.perplex|FSG!|\.?boom|\.ccg|\.?kkrunchy|\.yP|\.y0da|MEW|\.packed|\.RLPack|RCryptor|\.svkp"
        r"|PELOCKnt|\.shrink\d|\.WWPACK|_winzip_|\.obsidium|VProtect)",
        re.IGNORECASE,
    )

    def run(self) -> bool:
        """Look at the names."""
        names = (str(section.get("name", "")).rstrip("\x00") for section in self.sections())
        self.data.extend({"section": name} for name in names if self._names.match(name))
        return self.has_matches()


class HighEntropy(PeSignature):
    """A section that holds a good part of the program is as random as packed or encrypted data.

    Known false positives: programs with compressed pictures in their resources; installers.
    """

    name = "packer_entropy"
    description = "Part of the program is packed or encrypted"
    severity = 2
    confidence = 60
    categories = ["packer", "static"]
    ttps = ["T1027.002"]
    _least_entropy = 7.0
    _least_share = 0.1

    def run(self) -> bool:
        """Compare each section's entropy and its share of the whole."""
        sections = self.sections()
        total = sum(as_number(str(section.get("size_of_data", "0"))) for section in sections) or 1
        for section in sections:
            size = as_number(str(section.get("size_of_data", "0")))
            entropy = float(section.get("entropy") or 0)
            if entropy >= self._least_entropy and size / total >= self._least_share and size >= 4096:
                self.data.append({"section": section.get("name"), "entropy": entropy, "size_bytes": size})
        return self.has_matches()


class WritableCode(PeSignature):
    """A section may be both written and run, as in programs that unpack themselves.

    Known false positives: old compilers and copy protection.
    """

    name = "writable_code_section"
    description = "A section of the program is writable and executable"
    severity = 2
    confidence = 60
    categories = ["packer", "static"]
    ttps = ["T1027.002"]

    def run(self) -> bool:
        """Look at the characteristics, given as a number or by name."""
        for section in self.sections():
            number = as_number(str(section.get("characteristics_raw", "0")))
            names = str(section.get("characteristics", ""))
            by_number = number & _EXECUTE and number & _WRITE
            if by_number or ("MEM_EXECUTE" in names and "MEM_WRITE" in names):
                self.data.append({"section": section.get("name")})
        return self.has_matches()


class TlsCallbacks(PeSignature):
    """The program has a directory for thread-local storage, whose callbacks run before its entry point.

    Known false positives: programs of several compilers (Delphi, MinGW, Rust) have one; it says little alone.
    """

    name = "tls_directory"
    description = "The program can run code before its entry point"
    severity = 1
    confidence = 30
    categories = ["static"]

    def run(self) -> bool:
        """Look for the directory."""
        for entry in self.pe().get("dirents") or ():
            if entry.get("name") == "IMAGE_DIRECTORY_ENTRY_TLS" and as_number(str(entry.get("size", "0"))):
                self.data.append({"virtual_address": entry.get("virtual_address"), "size": entry.get("size")})
        return self.has_matches()


class LargeOverlay(PeSignature):
    """A good deal of data is appended to the program.

    Known false positives: installers and self-extracting archives; signatures alone are small.
    """

    name = "large_overlay"
    description = "Data is appended to the program"
    severity = 1
    confidence = 50
    categories = ["static"]
    _least_bytes = 20_000

    def run(self) -> bool:
        """Look at the size of the overlay."""
        overlay = self.pe().get("overlay")
        if isinstance(overlay, Mapping) and as_number(str(overlay.get("size", "0"))) >= self._least_bytes:
            self.data.append({"offset": overlay.get("offset"), "size": overlay.get("size")})
        return self.has_matches()


class BrokenSignature(PeSignature):
    """The program carries a digital signature that does not hold.

    Known false positives: certificates that ran out, on machines without the Internet. Programs without a
    signature do not count.
    """

    name = "invalid_digital_signature"
    description = "The digital signature of the program is not valid"
    severity = 2
    confidence = 60
    categories = ["static", "defense_evasion"]
    ttps = ["T1553.002"]

    def run(self) -> bool:
        """Look at what the guest said of the signature."""
        guest = self.pe().get("guest_signers")
        if not isinstance(guest, Mapping) or not (
            self.pe().get("digital_signers") or guest.get("aux_signers")
        ):
            return False
        if guest.get("aux_valid") or not guest.get("aux_error"):
            return False
        self.data.append({"error": guest.get("aux_error_desc")})
        return True


class OddCompileTime(PeSignature):
    """The program says that it was made before Windows NT or after the analysis.

    Known false positives: reproducible builds, which write a hash there; programs of Windows itself.
    """

    name = "odd_compile_time"
    description = "The program's time of compilation cannot be true"
    severity = 1
    confidence = 30
    categories = ["static"]
    ttps = ["T1070.006"]

    def run(self) -> bool:
        """Compare with 1993 and with when the analysis started."""
        stamp = str(self.pe().get("timestamp") or self.results["static"].get("pe_timestamp") or "")
        started = str(self.results["info"].get("started") or "")
        if not re.match(r"\d{4}-\d\d-\d\d", stamp):
            return False
        latest = started if re.match(r"\d{4}-\d\d-\d\d", started) else _today()
        if stamp[:4] >= "1993" and stamp[:10] <= latest[:10]:
            return False
        self.data.append({"timestamp": stamp})
        return True


class FewImports(PeSignature):
    """Hardly any function is imported but those with which others are found.

    Known false positives: small tools written in assembler.
    """

    name = "few_imports"
    description = "The program hides which functions it uses"
    severity = 2
    confidence = 60
    categories = ["packer", "static"]
    ttps = ["T1027.007"]
    _most = 8
    _finders = frozenset({"GetProcAddress", "LoadLibraryA", "LoadLibraryW", "LdrGetProcedureAddress"})

    def run(self) -> bool:
        """Look at the imports."""
        imports = self.imports()
        if not imports & self._finders or len(imports) > self._most:
            return False
        self.data.append({"imports": sorted(imports)})
        return True


class InjectionImports(PeSignature):
    """The program imports what it takes to run code in another process.

    Known false positives: debuggers, game overlays, security products.
    """

    name = "imports_for_injection"
    description = "The program imports functions for injecting code"
    severity = 2
    confidence = 50
    categories = ["static", "injection"]
    ttps = ["T1055"]
    _starts = frozenset({"CreateRemoteThread", "NtCreateThreadEx", "QueueUserAPC", "SetThreadContext"})
    _writes = frozenset({"WriteProcessMemory", "NtWriteVirtualMemory", "NtMapViewOfSection"})

    def run(self) -> bool:
        """Look for one of each kind."""
        imports = self.imports()
        found = imports & (self._starts | self._writes)
        if not (imports & self._starts and imports & self._writes):
            return False
        self.data.append({"imports": sorted(found)})
        return True


class DocumentMacro(Signature):
    """A document holds a macro that starts by itself and reaches for the system.

    Known false positives: forms with elaborate macros.
    """

    name = "document_macro"
    description = "A document with a macro that runs when it is opened"
    severity = 3
    confidence = 75
    categories = ["document", "execution"]
    ttps = ["T1204.002", "T1059.005"]
    _document = alternatives(
        [r"Microsoft (?:Word|Excel|PowerPoint|OOXML|Office)", r"Composite Document", r"Rich Text"]
    )
    _starts = alternatives(
        [r"\b(?:Auto_?Open|Auto_?Exec|Auto_?Close|Document_?Open|Workbook_?Open|Document_Close)\b"]
    )
    _reaches = alternatives(
        [r"\b(?:WScript\.Shell|CreateObject|Shell|URLDownloadToFile|powershell|GetObject|ADODB\.Stream)\b"]
    )

    def run(self) -> bool:
        """Look at the code of the macros and, where nobody took it out, at the strings of the document."""
        if not self._document.search(self.results["target"]["file"]["type"]):
            return False
        macros = (self.results["static"].get("office") or {}).get("macros") or ()
        lines = [line for macro in macros for line in str(macro.get("code") or "").splitlines()]
        texts = lines or [text for text in self.results["strings"] if isinstance(text, str)]
        starts = [text for text in texts if self._starts.search(text)]
        reaches = [text for text in texts if self._reaches.search(text)]
        self.data.extend({"string": text[:200]} for text in [*starts[:5], *reaches[:5]])
        return bool(starts and reaches)


class ActivePdf(Signature):
    """A PDF runs a script or a program when it is opened.

    Known false positives: forms, which have scripts but no launch action.
    """

    name = "pdf_with_action"
    description = "A PDF that runs something when it is opened"
    severity = 2
    confidence = 60
    categories = ["document", "execution"]
    ttps = ["T1204.002"]
    _action = re.compile(r"/(?:Launch|OpenAction|AA)\b")
    _active = re.compile(r"/(?:JavaScript|JS|Launch|EmbeddedFile|RichMedia)\b")

    def run(self) -> bool:
        """Look at the names that the document uses and, where nobody read it, at its strings."""
        if not self.results["target"]["file"]["type"].startswith("PDF"):
            return False
        names = {f"/{name}" for name in (self.results["static"].get("pdf") or {}).get("names") or ()}
        if names:
            self.data.append({"names": sorted(names)})
            return any(map(self._active.search, names)) and any(map(self._action.search, names))
        strings = [text for text in self.results["strings"] if isinstance(text, str)]
        active = [text for text in strings if self._active.search(text)]
        self.data.extend({"string": text[:200]} for text in active[:5])
        return bool(active) and any(map(self._action.search, strings))


class ShortcutToShell(Signature):
    """A shortcut starts a shell or script host.

    Known false positives: shortcuts of developers' tools.
    """

    name = "shortcut_starts_shell"
    description = "A shortcut that starts a shell or a script"
    severity = 3
    confidence = 75
    categories = ["execution"]
    ttps = ["T1204.002", "T1547.009"]
    _shell = alternatives(
        [r"\b(?:powershell|pwsh|cmd\.exe|mshta|wscript|cscript|rundll32|regsvr32|certutil)\b"]
    )

    def run(self) -> bool:
        """Look at the file's type and its strings."""
        if "shortcut" not in self.results["target"]["file"]["type"].lower():
            return False
        strings = (text for text in self.results["strings"] if isinstance(text, str))
        self.data.extend({"string": text[:200]} for text in strings if self._shell.search(text))
        return self.has_matches()


class RansomStrings(Signature):
    """The sample holds the words of a ransom note, or an address to pay to beside them.

    Known false positives: reports about ransomware.
    """

    name = "ransom_strings"
    description = "The file holds the text of a ransom note"
    severity = 3
    confidence = 75
    categories = ["static", "ransomware"]
    ttps = ["T1486"]
    _words = alternatives(
        [
            r"your (?:\w+ )?(?:files|documents|data)\b.{0,60}\b(?:encrypted|locked)",
            r"(?:decrypt|recover|restore) (?:all )?your (?:files|data)",
            r"\bpay(?:ment)?\b.{0,60}\b(?:bitcoins?|btc|monero|xmr)\b",
            r"\bvssadmin(?:\.exe)? delete shadows",
        ]
    )

    def run(self) -> bool:
        """Look through the strings."""
        strings = (text for text in self.results["strings"] if isinstance(text, str))
        found = [text for text in strings if self._words.search(text)]
        self.data.extend({"string": text[:200]} for text in found[:10])
        return len(found) >= 2


class DroppedPrograms(Signature):
    """Programs or scripts are among the files that were dropped.

    Known false positives: installers.
    """

    name = "drops_program"
    description = "Drops a program or a script"
    severity = 2
    confidence = 60
    categories = ["dropper"]
    ttps = ["T1105"]
    _type = alternatives(
        [r"^PE32", r"^ELF ", r"^MS-DOS executable", r"\bbatch file\b", r"shell script", r"^Java archive"]
    )
    _name = re.compile(r"\.(?:ps1|vbs|vbe|js|jse|wsf|hta|bat|cmd|lnk|scr)$", re.IGNORECASE)

    def run(self) -> bool:
        """Look at types and names."""
        for file in self.results["dropped"]:
            names = _names(file)
            if self._type.search(str(file.get("type", ""))) or any(map(self._name.search, names)):
                self.data.append(
                    {"file": names[0] if names else file.get("sha256"), "type": file.get("type")}
                )
        return self.has_matches()


def _names(file: Mapping[str, Any]) -> list[str]:
    """Return the names of a dropped file; newer reports have a list of them."""
    for member in ("guest_paths", "filepath", "name"):
        value = file.get(member)
        if value:
            return [str(name) for name in value] if isinstance(value, list) else [str(value)]
    return []


class YaraMatch(Signature):
    """A rule about malware fits the sample, a dropped file, a payload or memory.

    Known false positives: those of the rules; rules that only describe (packers, compilers, capabilities) have
    another name or say so in their meta data, and do not count.
    """

    name = "yara_match"
    description = "A YARA rule about malware fits"
    severity = 3
    confidence = 85
    categories = ["yara"]
    _descriptive = alternatives(
        [
            r"^(?:IsPE|IsELF|HasOverlay|HasDigitalSignature|HasRichSignature|IsPacked|IsWindowsGUI|IsConsole|embedded_)",
            r"packer|compiler|installer|protector|^(?:shellcode|vmdetect|anti\w*dbg|antivm|network_\w+|screenshot|keylogger)",
        ]
    )

    def run(self) -> bool:
        """Collect the rules by name, each with the first place it fits."""
        places: dict[str, str] = {}
        for source, path, match, _record in self.yara_detected("."):
            meta = match.get("meta") or {}
            if not self._descriptive.search(str(match["name"])) and meta.get("severity", 1) not in {0, "0"}:
                places.setdefault(str(match["name"]), f"{source}: {path}")
        self.data.extend({"rule": rule, "in": place} for rule, place in sorted(places.items()))
        return self.has_matches()


class VirusTotalPositives(Signature):
    """Several products at VirusTotal know the file.

    Known false positives: one or two products err often; it takes five.
    """

    name = "virustotal_positives"
    description = "Antivirus products know the file"
    severity = 3
    confidence = 90
    categories = ["reputation"]
    _least = 5

    def run(self) -> bool:
        """Count the products that detect it, from whichever form the section has."""
        found = dict(self._detections())
        if len(found) < self._least:
            return False
        self.data.extend({"product": product, "as": label} for product, label in sorted(found.items()))
        return True

    def _detections(self) -> Iterator[tuple[str, str]]:
        section = self.results["virustotal"]
        scans = section.get("scans") or {}
        for product, scan in scans.items() if isinstance(scans, Mapping) else ():
            if isinstance(scan, Mapping) and (scan.get("detected") or scan.get("category") == "malicious"):
                yield str(product), str(scan.get("result"))
        yield from _rows(section.get("results"))


def _today() -> str:
    """Return the date, which the answer depends on."""
    now = datetime.now(UTC)
    holds_until((now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).timestamp())
    return now.strftime("%Y-%m-%d")


def _rows(rows: object) -> Iterator[tuple[str, str]]:
    for row in rows if isinstance(rows, Iterable) else ():
        if isinstance(row, Mapping) and row.get("sig"):
            yield str(row.get("vendor")), str(row["sig"])
