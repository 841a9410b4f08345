"""What went over the wire: hosts, flows, and what was said in the protocols that are known.

Options (``[network]`` in processing.conf):
    maximum            entries kept in each list (default 10000)
    megabytes          memory for what was said in all protocols together (default 80)
    flows              flows followed at a time, TCP and UDP each (default 50000)
    waiting_megabytes  TCP data that may wait for missing segments (default 64)
    private_hosts      list hosts with private addresses too (default no)
    save_bodies        write bodies of HTTP and attachments of mail to network/ (default yes)
    bodies             most files written (default 1000)
    bodies_megabytes   most data written (default 512)
    body_megabytes     largest body kept, as sent and as unpacked (default 32)
    host_allowlist     file of addresses and networks of no interest, one a line (default none)
    domain_allowlist   file of domains of no interest, with all below them, one a line (default none)
    country_database   MaxMind database of countries (default none)
    network_database   MaxMind database of autonomous systems (default none)

Files are named relative to the working root.
"""

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.allowlist import AllowList, parse_allow_list
from lib.cuckoo.common.exceptions import CuckooDependencyError, CuckooProcessingError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.common.root import find_root
from lib.cuckoo.network.analysis import Analysis, Settings
from lib.cuckoo.network.attribution import MOST_CLAIMS, attribute
from lib.cuckoo.network.bodies import Bodies
from lib.cuckoo.network.capture import EMPTY, Capture
from lib.cuckoo.network.conversation import Context, digest_only
from lib.cuckoo.network.keylog import Secrets
from lib.cuckoo.network.places import Places

KEY_LOGS = (
    "tlsmaster.txt",
    "sslkeylogfile.txt",
    "sslkeylogfile.log",
    "sslkeys.log",
    "aux/sslkeylogfile/sslkeys.log",
    "tlsdump/tlsdump.log",
)
"""Where sandboxes and programs leave the secrets of TLS connections."""
LONGEST_KEY_LOG = 64 << 20


class Network(Processing):
    """Read the capture of the analysis in one pass."""

    key = "network"
    order = 2
    traceable = True

    def run(self) -> dict[str, Any]:
        """Return the sections; those of an analysis without a capture are empty, and `pcap_sha256` is None.

        Raises:
            CuckooProcessingError: the file is no capture, or its link type is not known.
            CuckooDependencyError: an allow-list or a database that is configured cannot be read.
        """
        folder = AnalysisFolder(self.analysis_path)
        if not folder.exists(self.pcap_path):
            self.note("there is no capture")
            return {"pcap_sha256": None, **Analysis(Capture(BytesIO(EMPTY)), Settings()).run()}
        with folder.open(self.pcap_path) as file:
            source, bodies = _Hashed(file), self._bodies()
            sections = self._sections(source, bodies)
            source.finish()
        if not attribute(sections, (self.results.get("behavior") or {}).get("processes") or ()):
            self.note(f"{MOST_CLAIMS} calls were looked at for whose traffic it is, the others were not")
        for kind in ("problems", "truncated"):
            if sections[kind]:
                self.note(
                    f"{kind}: " + ", ".join(f"{name} {count}" for name, count in sections[kind].items())
                )
        for note in bodies.notes():
            self.note(note)
        return {"pcap_sha256": source.sha256.hexdigest(), **sections}

    def _sections(self, source: "_Hashed", bodies: Bodies) -> dict[str, Any]:
        places = Places(self._file("country_database"), self._file("network_database"))
        return Analysis(Capture(source), self._settings(bodies)).run(places.locate)

    def _settings(self, bodies: Bodies) -> Settings:
        return Settings(
            context=self._context(bodies),
            allowed=self._allow_list(),
            maximum=self._number("maximum", 10_000),
            record_bytes=self._number("megabytes", 80) << 20,
            flows=self._number("flows", 50_000),
            waiting_bytes=self._number("waiting_megabytes", 64) << 20,
            private_hosts=bool(self.options.get("private_hosts", False)),
        )

    def _secrets(self) -> Secrets:
        """Read the key logs of the folder; one that cannot be read is noted."""
        folder, secrets = AnalysisFolder(self.analysis_path), Secrets()
        for name in filter(folder.exists, KEY_LOGS):
            try:
                secrets.read(folder.read(name, LONGEST_KEY_LOG))
            except CuckooProcessingError as error:
                self.note(str(error))
        return secrets

    def _bodies(self) -> Bodies:
        return Bodies(
            Path(self.network_path), self._number("bodies", 1000), self._number("bodies_megabytes", 512) << 20
        )

    def _context(self, bodies: Bodies) -> Context:
        save = bodies.save if self.options.get("save_bodies", True) else digest_only
        return Context(
            save=save, secrets=self._secrets(), body_limit=self._number("body_megabytes", 32) << 20
        )

    def _number(self, option: str, default: int) -> int:
        return whole_number(self.options, option, default)

    def _file(self, option: str) -> str:
        name = self.options.get(option)
        return str(find_root().path / str(name)) if name else ""

    def _allow_list(self) -> AllowList:
        domains = self._parsed("domain_allowlist", lambda lines: parse_allow_list(lines, ()))
        hosts = self._parsed("host_allowlist", lambda lines: parse_allow_list((), lines))
        return AllowList(domains.domains, hosts.networks)

    def _parsed(self, option: str, parse: Callable[[list[str]], AllowList]) -> AllowList:
        path = self._file(option)
        if not path:
            return AllowList()
        try:
            return parse(Path(path).read_text(encoding="utf-8-sig").splitlines())
        except OSError as error:
            raise CuckooDependencyError(f"cannot read the {option} {path}: {error.strerror}") from error
        except ValueError as error:
            raise CuckooDependencyError(f"cannot read the {option} {path}: {error}") from error


class _Hashed:
    """A file whose bytes are hashed while they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self.sha256 = hashlib.sha256()
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, nothing at the end."""
        piece = self._file.read(size)
        self.sha256.update(piece)
        return piece

    def finish(self) -> None:
        """Hash what the reader had no use for, as behind damage."""
        while self.read(1 << 20):
            pass
