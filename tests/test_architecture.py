"""The house rules that a reader relies on: who imports whom, and that an import does nothing but define."""

import ast
import configparser
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "lib" / "cuckoo"
NOUNS = {path.name for path in TREE.iterdir() if path.is_dir()} - {
    "cli",
    "common",
    "console",
    "core",
    "__pycache__",
}
MAY_IMPORT = {
    "common": {"common"},
    "core": {"core", "common"} | NOUNS,
    "console": {"console", "core", "common"} | NOUNS,
    "cli": {"cli", "console", "core", "common", "testing"} | NOUNS,
    "testing": {"testing", "core", "common"} | NOUNS,
    "modules": {"common"} | NOUNS,
} | {noun: {noun, "common"} for noun in NOUNS}
"""Part of the tree to the parts that its files may import; a new part at the top of lib/cuckoo belongs here."""
ON_DISK = {"makedirs", "mkdir", "open", "read_bytes", "read_text", "write_bytes", "write_text"}
IN_THE_PROCESS = {
    "Popen",
    "Process",
    "Thread",
    "Timer",
    "basicConfig",
    "getLogger",
    "getenv",
    "signal",
    "start",
}
"""Calls that have no place at the level of a module, by the last word of their name."""

SOURCES = sorted([*TREE.rglob("*.py"), *(ROOT / "modules").rglob("*.py")])
EVERY_SOURCE = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def _part(path: Path) -> str:
    return (
        "modules"
        if path.is_relative_to(ROOT / "modules")
        else path.relative_to(TREE).with_suffix("").parts[0]
    )


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _at_module_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what runs when the module is imported: everything outside the bodies of functions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        waiting.extend(child for child in ast.iter_child_nodes(node) if not isinstance(child, functions))


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func)


@EVERY_SOURCE
def test_imports_never_point_upwards(path: Path) -> None:
    imported = {name.split(".")[2] for name in _imports(_tree(path)) if name.startswith("lib.cuckoo.")}

    assert imported - {"__version__"} <= MAY_IMPORT.get(_part(path), set())


@EVERY_SOURCE
def test_nothing_in_the_tree_imports_the_front_door(path: Path) -> None:
    assert not [name for name in _imports(_tree(path)) if name.split(".")[0] == "fledge"]


@pytest.mark.parametrize("path", sorted(TREE.glob("common/*.py")), ids=lambda path: path.name)
def test_the_contract_needs_the_standard_library_only(path: Path) -> None:
    imported = {
        name.split(".")[0]
        for node in _at_module_level(_tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _imports(node)
    }

    assert imported - sys.stdlib_module_names <= {"lib"}


@EVERY_SOURCE
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    calls = {_called(node) for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)}

    if _part(path) != "cli":
        assert not calls & {"print", "input", "breakpoint", "exit", "quit", "sys.exit", "SystemExit"}


@EVERY_SOURCE
def test_a_module_defines_and_does_nothing_else(path: Path) -> None:
    nodes = list(_at_module_level(_tree(path)))
    statements = [node.value for node in nodes if isinstance(node, ast.Expr)]
    calls = {_called(node).rpartition(".")[2] for node in nodes if isinstance(node, ast.Call)}

    assert not [ast.unparse(value) for value in statements if not isinstance(value, ast.Constant)]
    assert not calls & (ON_DISK | IN_THE_PROCESS)


def test_the_tree_stays_a_namespace() -> None:
    assert not (ROOT / "lib" / "__init__.py").exists()
    assert not list((ROOT / "modules").rglob("__init__.py"))


def test_every_package_is_declared_for_the_wheel() -> None:
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg", encoding="utf-8")
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("fledge", "lib")
        for path in (ROOT / top).rglob("*.py")
    }
    shipped = {
        f"fledge.shipped.{'.'.join(path.parent.relative_to(ROOT).parts)}"
        for path in SOURCES
        if _part(path) == "modules"
    }

    assert set(declared["options"]["packages"].split()) == packages | shipped | {
        "fledge.shipped.conf",
        "fledge.shipped.data",
        "fledge.shipped.schema",
    }


def _run(program: str) -> list[str]:
    """Run `program` in a fresh interpreter and return its lines."""
    finished = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


def test_the_front_door_loads_no_library() -> None:
    loaded = _run(
        "import sys; before = set(sys.modules)\n"
        "import fledge\n"
        "from lib.cuckoo.common.abstracts import Processing, Report\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )

    assert set(loaded) - sys.stdlib_module_names == {"fledge", "lib"}


WATCH = """
import importlib, logging, os, signal, sys, threading
import fledge

ROOT = os.getcwd()
ACTIONS = {"os.fork", "os.mkdir", "os.remove", "os.rename", "socket.bind", "socket.connect", "subprocess.Popen"}

def watch(event, arguments):
    if event in ACTIONS:
        print(event)
    path = str(arguments[0]) if event == "open" else ""
    if path.startswith(ROOT) and not path.endswith((".py", ".pyc", ".so")):
        print("open", path)

def state():
    handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
    logger = logging.getLogger()
    return threading.active_count(), logger.handlers[:], logger.level, handlers, dict(os.environ)

before = state()
sys.addaudithook(watch)
for name in NAMES:
    importlib.import_module(name)
for one, other in zip(before, state()):
    if one != other:
        print(one, "became", other)
"""


def test_importing_everything_touches_nothing() -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(TREE.rglob("*.py"))]

    assert _run(f"NAMES = {[name.removesuffix('.__init__') for name in names]}\n{WATCH}") == []
