"""Does a module file keep the contract? What can be seen without running it on an analysis."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from lib.cuckoo.common.processing import Processing
from lib.cuckoo.common.report import Report
from lib.cuckoo.common.signature import Signature
from lib.cuckoo.core.discovery import classes_of, line_of_class, line_of_fault, load_file, read_source
from lib.cuckoo.core.ledger import Problem
from lib.cuckoo.core.signatures.lint import signature_faults

_CONTRACT = "contract"


def lint_file(file: Path) -> list[Problem]:
    """Return what is wrong with a module file, by line; an empty list if it keeps the contract."""
    try:
        tree = ast.parse(read_source(file), filename=str(file))
    except OSError as error:
        return [Problem(_CONTRACT, f"cannot be read: {error.strerror}", str(file))]
    except (SyntaxError, ValueError) as error:
        return [Problem(_CONTRACT, f"is not Python: {error}", str(file), getattr(error, "lineno", 0) or 0)]
    findings = [*_class_findings(file, tree), *_style_findings(file, tree)]
    return sorted(findings, key=lambda finding: finding.line)


def _class_findings(file: Path, tree: ast.Module) -> Iterator[Problem]:
    """Load the file, as the engine would, and check each class that it defines."""
    try:
        module = load_file(file)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a dropped-in file may raise anything, SystemExit included
        message = f"cannot be imported: {type(error).__name__}: {error}"
        yield Problem(_CONTRACT, message, str(file), line_of_fault(error, file))
        return
    source = read_source(file)
    classes = [*classes_of(module, Processing), *classes_of(module, Report)]
    signatures = [cls for cls in classes_of(module, Signature) if issubclass(cls, Signature)]
    if not classes and not signatures:
        message = "defines no class derived from Processing, Signature or Report"
        yield Problem(_CONTRACT, message, str(file), 1)
    yield from _signature_findings(file, source, signatures, tree)
    bases = {base for cls in classes for base in cls.__mro__[1:]}
    for cls in classes:
        for message in _class_faults(cls, tree, serves_others=cls in bases):
            yield Problem(
                _CONTRACT, f"{cls.__name__} {message}", str(file), line_of_class(source, cls.__name__)
            )


def _signature_findings(
    file: Path, source: str, signatures: Sequence[type[Signature]], tree: ast.Module
) -> Iterator[Problem]:
    bases = {base for cls in signatures for base in cls.__mro__[1:]}
    names: set[str] = set()
    for cls in signatures:
        if cls in bases and not vars(cls).get("name"):
            continue
        where = line_of_class(source, cls.__name__)
        for message, line in signature_faults(cls, tree):
            yield Problem(_CONTRACT, f"{cls.__name__} {message}", str(file), line or where)
        if cls.name in names:
            yield Problem(_CONTRACT, f"{cls.__name__} has the name of another: {cls.name}", str(file), where)
        names.add(cls.name)


def _class_faults(
    cls: type[Processing] | type[Report], tree: ast.Module, *, serves_others: bool
) -> Iterator[str]:
    base = Processing if issubclass(cls, Processing) else Report
    if cls.run is base.run:
        if not serves_others:
            yield "defines no run()"
        return
    if not isinstance(cls.order, int):
        yield f"has an `order` that is no whole number: {cls.order!r}"
    if issubclass(cls, Processing) and not cls.key and not _assigns_key(tree):
        yield "has no key: neither a class attribute nor `self.key = …` in run()"


def _assigns_key(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == "key" and isinstance(node.ctx, ast.Store)
        for node in ast.walk(tree)
    )


def _style_findings(file: Path, tree: ast.Module) -> Iterator[Problem]:
    documentation = ast.get_docstring(tree) or ""
    if not documentation:
        yield Problem(_CONTRACT, "has no docstring: it is the module's manual", str(file), 1)
    for option, line in _options_read(tree).items():
        if option not in documentation.split():
            yield Problem(_CONTRACT, f"the docstring does not explain the option {option!r}", str(file), line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield Problem(_CONTRACT, "prints: return data, or use self.note()", str(file), node.lineno)


def _options_read(tree: ast.Module) -> dict[str, int]:
    """Return the options that the source reads, by line.

    It reads them as `self.options.get("x")`, `self.options["x"]`, `self.options.x` or
    `whole_number(self.options, "x")`.
    """
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        option = _option_of(node)
        if option not in {None, "get", "enabled"}:
            found.setdefault(str(option), node.lineno)  # type: ignore[attr-defined]  # calls and subscripts have lines
    return found


def _option_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        return _constant(node.args[0]) if node.args and _is_options(node.func.value) else None
    if isinstance(node, ast.Call) and len(node.args) > 1 and _is_options(node.args[0]):
        return _constant(node.args[1])
    if isinstance(node, ast.Subscript) and _is_options(node.value):
        return _constant(node.slice)
    if isinstance(node, ast.Attribute) and _is_options(node.value):
        return node.attr
    return None


def _is_options(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "options"


def _constant(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
