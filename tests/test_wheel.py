"""The wheel, installed where nothing else is: what it holds, and what `lib.cuckoo` means beside other `lib` folders."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "storage" / "analyses" / "1"
NOT_SOURCES = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "*.so", "*.c", "build", "dist", "storage", "tests", "benchmarks"
)
WHICH_READERS = (
    "import fledge\n"
    "from lib.cuckoo import behavior, network\n"
    "print(behavior.reader_name(), network.reader_name())"
)

pytestmark = pytest.mark.slow


def _run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FLEDGE"))
    }
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=inherited | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def _must_run(*command: str | Path, cwd: Path, **variables: str) -> str:
    finished = _run(*command, cwd=cwd, **variables)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive and the wheel that was built from it.

    The sources are a copy: the left-overs of an earlier build would get into the archive.
    """
    work = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, work / "source", ignore=NOT_SOURCES)
    _must_run(sys.executable, "-m", "build", "--outdir", work, work / "source", cwd=work, CFLAGS="-O0")
    return work


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (file,) = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it requires, nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    _must_run(interpreter, "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return interpreter


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def _empty(_: Path) -> None:
    """A folder that has no `lib`."""


def _beside_a_foreign_package(folder: Path) -> None:
    _write(folder, {"lib/__init__.py": "X = 1\n", "lib/cuckoo.py": "X = 1\n"})


def _beside_a_plain_folder(folder: Path) -> None:
    _write(folder, {"lib/readme.txt": "drivers\n", "lib/tools.py": "X = 1\n"})


def _inside_another_checkout(folder: Path) -> None:
    packages = ("lib", "lib/cuckoo", "lib/cuckoo/common")
    _write(folder, {f"{package}/__init__.py": "" for package in packages})
    _write(folder, {"lib/cuckoo/common/abstracts.py": "class Processing:\n    'Theirs.'\n"})


def _inside_a_checkout_without_init_files(folder: Path) -> None:
    _write(folder, {"lib/cuckoo/common/abstracts.py": "class Processing:\n    'Theirs.'\n"})


EVERY_FOLDER = pytest.mark.parametrize(
    "furnish",
    [
        _empty,
        _beside_a_foreign_package,
        _beside_a_plain_folder,
        _inside_another_checkout,
        _inside_a_checkout_without_init_files,
    ],
)


@EVERY_FOLDER
def test_both_names_give_one_class_in_every_folder(
    python: Path, tmp_path: Path, furnish: Callable[[Path], None]
) -> None:
    furnish(tmp_path)

    told = _must_run(
        python,
        "-c",
        "import fledge\n"
        "from lib.cuckoo.common.abstracts import Processing\n"
        "import lib.cuckoo.core.engine as engine\n"
        "print(fledge.Processing is Processing, engine.__file__)",
        cwd=tmp_path,
    )

    same, engine = told.split()
    assert same == "True"
    assert Path(engine).is_relative_to(python.parent.parent)


@EVERY_FOLDER
def test_the_example_is_processed_in_every_folder(
    python: Path, tmp_path: Path, furnish: Callable[[Path], None]
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    furnish(here)
    analysis = tmp_path / "1"
    shutil.copytree(EXAMPLE, analysis, ignore=shutil.ignore_patterns("reports"))

    _must_run(python, "-m", "fledge", "process", analysis, cwd=here)

    report = json.loads((analysis / "reports" / "report.json").read_bytes())
    assert report["info"]["id"] == 1
    assert report["strings"]


def test_another_sandbox_that_was_imported_first_is_named_beside_ours(python: Path, tmp_path: Path) -> None:
    _inside_another_checkout(tmp_path)

    finished = _run(python, "-c", "import lib.cuckoo.common.abstracts\nimport fledge", cwd=tmp_path)

    message = finished.stderr.splitlines()[-1]
    assert finished.returncode == 1
    assert message.startswith("ImportError: lib.cuckoo was imported from ")
    assert str(tmp_path / "lib" / "cuckoo" / "__init__.py") in message
    assert str(python.parent.parent.resolve()) in message


def test_the_contract_is_importable_without_the_front_door_where_no_other_lib_is(
    python: Path, tmp_path: Path
) -> None:
    told = _must_run(
        python,
        "-c",
        "from lib.cuckoo.common.abstracts import Processing\nimport fledge\nprint(fledge.Processing is Processing)",
        cwd=tmp_path,
    )

    assert told == "True\n"


def test_the_console_command_is_installed(python: Path, tmp_path: Path) -> None:
    assert _must_run(python.with_name("fledge"), "--version", cwd=tmp_path).startswith("fledge, version ")


def test_the_wheel_holds_the_tree_and_nothing_at_the_top_but_our_names(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"fledge", "lib"}
    assert "lib/__init__.py" not in names


def test_the_source_archive_holds_what_extensions_are_compiled_from(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    compiled = {str(path.relative_to(ROOT)) for path in (ROOT / "lib").rglob("*.p[yx][xd]")}

    assert (compiled | {"setup.py", "setup.cfg", "pyproject.toml", "LICENSE", "README.md"}) - names == set()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
def test_with_a_compiler_the_compiled_readers_run(python: Path, tmp_path: Path) -> None:
    assert _must_run(python, "-c", WHICH_READERS, cwd=tmp_path) == "cython cython\n"


def test_without_a_compiler_their_twins_run(built: Path, tmp_path: Path) -> None:
    (archive,) = built.glob("*.tar.gz")

    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "site", archive)
    _must_run(sys.executable, *install, cwd=tmp_path, CC="false")

    assert _must_run(sys.executable, "-c", WHICH_READERS, cwd=tmp_path / "site") == "python python\n"


def test_the_wheel_holds_every_file_that_the_code_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    places = {"fledge": "", "lib": ""} | dict.fromkeys(("modules", "conf", "data"), "fledge/shipped/")
    files = {
        place + str(path.relative_to(ROOT))
        for top, place in places.items()
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".so", ".c", ".pyx", ".pxd"}
    }

    assert files - names == set()
