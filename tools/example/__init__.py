"""Write the example analysis, and the parts of it for tests that want variants.

``python -m tools.example storage/analyses/1`` writes the folder; docs/example-analysis.md tells its story.
The parts:

==============  ================================================================================
`bson`          the encoding of behaviour logs
`behavior`      a log in each of the three dialects
`activity`      what a program does, as calls of the successor's monitor
`pe`            a valid program that does nothing
`pcap`          packets, datagrams, connections
`protocols`     messages of DNS, HTTP and mail
`tls`           an encrypted session and its certificate
`pictures`      PNG files with text
`story`         who, where, when, and the files
`families`      the first process as the two other families leave it
`processes`, `traffic`, `screens`, `folder`  the story told in logs, packets, pictures, a folder
==============  ================================================================================

A test takes what it needs::

    write_analysis(tmp_path, without=("logs", "task.json"))
    write_files(tmp_path, classic_files())

Everything is written by the standard library, the same bytes every time and everywhere.
"""

from tools.example.activity import Activity
from tools.example.behavior import ClassicLogWriter, LogWriter, SecondLogWriter, number, pointer
from tools.example.families import classic_files, second_family_files
from tools.example.folder import analysis_files, write_analysis, write_files
from tools.example.pcap import Host, PcapWriter
from tools.example.pe import Program, build_pe
from tools.example.pictures import Picture

__all__ = [
    "Activity",
    "ClassicLogWriter",
    "Host",
    "LogWriter",
    "PcapWriter",
    "Picture",
    "Program",
    "SecondLogWriter",
    "analysis_files",
    "build_pe",
    "classic_files",
    "number",
    "pointer",
    "second_family_files",
    "write_analysis",
    "write_files",
]
