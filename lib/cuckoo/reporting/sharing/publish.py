"""From results to a file for other platforms: what every format of sharing does alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.iocs.allowfiles import read_allowed
from lib.cuckoo.reporting.sharing.gather import bounds_from, gather
from lib.cuckoo.reporting.sharing.records import Findings
from lib.cuckoo.reporting.story.values import Record


def publish(
    target: Path,
    results: Record,
    options: Mapping[str, Any],
    chunks_of: Callable[[Findings], Iterable[bytes]],
) -> Sequence[str]:
    """Gather what is worth sharing and write it, whole or not at all; return what was left out, in sentences.

    Args:
        target: the file.
        results: all sections.
        options: `entries`, `text`, `threshold`, `indicators` and `allowlist`, as the modules describe them.
        chunks_of: says findings in the words of a format.

    Raises:
        CuckooReportError: an option is out of range, or a file cannot be read or written.
        CuckooDependencyError: the format's library is not installed.
    """
    findings = gather(results, bounds_from(options), read_allowed(options.get("allowlist")))
    try:
        write_whole(target, chunks_of(findings))
    except OSError as error:
        raise CuckooReportError(f"cannot write {target}: {error.strerror}") from error
    return findings.left_out
