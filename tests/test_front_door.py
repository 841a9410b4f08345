"""`import fledge` binds `lib.cuckoo` to our own tree, or says which other tree is in the way."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ROOT / "lib" / "cuckoo" / "__init__.py"


def _run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder`, which comes before our tree on the path, as it does for any script there."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _last_line_of_error(program: str, folder: Path) -> str:
    finished = _run(program, folder)
    assert finished.returncode == 1, finished.stdout
    return finished.stderr.splitlines()[-1]


def _write(file: Path, text: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def test_another_tree_that_was_imported_before_is_named_beside_ours(tmp_path: Path) -> None:
    theirs = tmp_path / "lib" / "cuckoo" / "__init__.py"
    _write(theirs)

    line = _last_line_of_error("import lib.cuckoo\nimport fledge", tmp_path)

    assert (
        line == f"ImportError: lib.cuckoo was imported from {theirs} before; fledge needs its own at {OURS}"
    )


def test_another_tree_without_a_file_is_named_by_its_folder(tmp_path: Path) -> None:
    theirs = tmp_path / "lib" / "cuckoo"
    _write(tmp_path / "lib" / "__init__.py")
    theirs.mkdir()

    line = _last_line_of_error("import lib.cuckoo\nimport fledge", tmp_path)

    assert (
        line == f"ImportError: lib.cuckoo was imported from {theirs} before; fledge needs its own at {OURS}"
    )


def test_a_stand_in_made_in_memory_is_refused_too(tmp_path: Path) -> None:
    program = "import sys, types\nsys.modules['lib.cuckoo'] = types.ModuleType('lib.cuckoo')\nimport fledge"

    assert "imported from memory before" in _last_line_of_error(program, tmp_path)


def test_our_tree_may_be_imported_before(tmp_path: Path) -> None:
    finished = _run(
        "import lib.cuckoo as tree\nimport fledge\nprint(tree.__file__, fledge.__version__ == tree.__version__)",
        tmp_path,
    )

    assert finished.stdout.split() == [str(OURS), "True"], finished.stderr


def test_another_tree_in_the_same_folder_is_not_in_the_way(tmp_path: Path) -> None:
    _write(tmp_path / "lib" / "__init__.py")
    _write(tmp_path / "lib" / "cuckoo" / "__init__.py")
    _write(tmp_path / "lib" / "cuckoo" / "common" / "abstracts.py", "Processing = None")

    finished = _run("import fledge\nprint(fledge.Processing.__module__)", tmp_path)

    assert finished.stdout == "lib.cuckoo.common.processing\n", finished.stderr


def test_a_dropped_in_file_reaches_the_tree_from_lib(tmp_path: Path) -> None:
    _write(tmp_path / "lib" / "__init__.py")
    _write(
        tmp_path / "dropped.py",
        "import lib.cuckoo.common.abstracts\n\n"
        "class Dropped(lib.cuckoo.common.abstracts.Processing):\n    key = 'dropped'\n",
    )

    finished = _run(
        "import fledge, pathlib\n"
        "from lib.cuckoo.core.discovery import load_file\n"
        "print(load_file(pathlib.Path('dropped.py')).Dropped.__mro__[1] is fledge.Processing)",
        tmp_path,
    )

    assert finished.stdout == "True\n", finished.stderr


def test_what_is_not_offered_is_refused_by_name(tmp_path: Path) -> None:
    line = _last_line_of_error("import fledge\nfledge.procces", tmp_path)

    assert line.startswith("AttributeError: module 'fledge' has no attribute 'procces'")


def test_dir_lists_what_is_offered(tmp_path: Path) -> None:
    finished = _run(
        "import fledge\nprint(set(fledge.__all__) <= set(dir(fledge)))\n[getattr(fledge, n) for n in dir(fledge)]",
        tmp_path,
    )

    assert finished.stdout == "True\n", finished.stderr
