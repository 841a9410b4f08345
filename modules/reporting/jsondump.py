"""All results as one JSON file, `reports/report.json`.

Options (``[jsondump]`` in reporting.conf):
    indent    spaces for each level of nesting, 0 for one line (default 0)
    calls     yes, no, or separate: in reports/calls/<pid>.ndjson, one call a line (default yes)
    compress  no, gzip (report.json.gz) or zstd (report.json.zst, needs zstandard) (default no)
"""

from pathlib import Path
from typing import Any

from lib.cuckoo.common.abstracts import Report
from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.reporting.callfiles import call_file_names, remove_calls, told_elsewhere, write_calls
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.jsonstream import in_report_order, json_chunks
from lib.cuckoo.reporting.packing import ENDINGS, packer
from lib.cuckoo.reporting.saved import REPORT_NAMES
from lib.cuckoo.reporting.story.values import mapping, records, sequence

_PLACES = ("yes", "no", "separate")
"""Where the calls may be."""


class JsonDump(Report):
    """Write the report, keys in a fixed order; it appears whole or not at all."""

    traceable = True

    def run(self, results: dict[str, Any]) -> None:
        """Stream the results to disk, so that memory does not grow with them; calls first, others link to them."""
        how, place = self._word("compress"), self._word("calls", "yes")
        if place not in _PLACES:
            raise CuckooReportError(f"the option calls is {place!r}: there are {', '.join(_PLACES)}")
        indent = whole_number(self.options, "indent", 0)
        pack, reports = packer(how), Path(self.reports_path)
        target = reports / f"report.json{ENDINGS[how]}"
        try:
            told = _with_calls_in_place(place, reports, results)
            write_whole(target, pack(json_chunks(in_report_order(told), indent)))
            for name in {*REPORT_NAMES} - {target.name}:
                (reports / name).unlink(missing_ok=True)
        except OSError as error:
            raise CuckooReportError(
                f"cannot write {error.filename2 or error.filename or target}: {error.strerror}"
            ) from error

    def _word(self, option: str, default: str = "no") -> str:
        """Return an option in words: the configuration has truth values for yes and no."""
        value = self.options.get(option, default)
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _with_calls_in_place(place: str, reports: Path, results: dict[str, Any]) -> dict[str, Any]:
    """Return what report.json is to say, with the calls inside or not."""
    processes = records(mapping(results.get("behavior")).get("processes"))
    if place == "separate":
        return told_elsewhere(results, write_calls(reports, processes), call_file_names(processes))
    remove_calls(reports)
    counts = [len(sequence(each.get("calls"))) for each in processes]
    return results if place == "yes" else told_elsewhere(results, counts, ())
