"""Where the analysed file lies in an analysis folder."""

from itertools import islice
from pathlib import Path

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.paths import INPUTS

SAMPLE = INPUTS["file_path"]
_NAMES_LOOKED_AT = 10_000


def sample_name(folder: AnalysisFolder) -> str:
    """Return the name of the sample inside the folder, "binary" also when there is none.

    Exported analyses hold it as `binary-<original name>` at times; that counts when there is no `binary` and
    just one such file.
    """
    if folder.exists(SAMPLE):
        return SAMPLE
    try:
        names = [path.name for path in islice(Path(folder.path).iterdir(), _NAMES_LOOKED_AT)]
    except OSError:
        return SAMPLE
    named = [name for name in names if name.startswith(f"{SAMPLE}-")]
    return named[0] if len(named) == 1 else SAMPLE


def original_name(name: str, target: str) -> str:
    """Return the name under which the sample was submitted.

    It is the last part of the task's target, a path on the host or in the guest, else what follows `binary-`.
    """
    base = target.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return base or name.removeprefix(f"{SAMPLE}-")
