"""Where things lie in an analysis folder, under the attribute names of the contract."""

import os

INPUTS = {
    "log_path": "analysis.log",
    "conf_path": "analysis.conf",
    "file_path": "binary",
    "dropped_path": "files",
    "logs_path": "logs",
    "shots_path": "shots",
    "pcap_path": "dump.pcap",
    "memory_path": "memory.dmp",
    "pmemory_path": "memory",
    "aux_path": "aux",
    "package_files": "package_files",
    "files_metadata": "files.json",
    "procdump_path": "procdump",
    "CAPE_path": "CAPE",
    "network_path": "network",
    "tlsmaster_path": "tlsmaster.txt",
    "self_extracted": "selfextracted",
    "reports_path": "reports",
}
"""Attribute name to the name inside the analysis folder."""


class AnalysisPaths:
    """The paths of one analysis, all `str`, set by `set_path` whether or not the file exists."""

    analysis_path: str
    log_path: str
    conf_path: str
    file_path: str
    dropped_path: str
    logs_path: str
    shots_path: str
    pcap_path: str
    memory_path: str
    pmemory_path: str
    aux_path: str
    package_files: str
    files_metadata: str
    procdump_path: str
    CAPE_path: str
    network_path: str
    tlsmaster_path: str
    self_extracted: str
    reports_path: str

    def set_path(self, analysis_path: str | os.PathLike[str]) -> None:
        """Point the object at an analysis folder; called by the engine before `run`."""
        self.analysis_path = os.fspath(analysis_path)
        for attribute, name in INPUTS.items():
            setattr(self, attribute, os.path.join(self.analysis_path, name))  # noqa: PTH118 - the contract wants str
