"""Does a signature keep the contract? What can be seen of it without an analysis."""

import ast
import re
from collections.abc import Collection, Iterator

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.signatures.attack import attack, current

Fault = tuple[str, int]
"""What is wrong, as the end of a sentence that begins with the name of the class; and the line, 0 for the class's."""
_FILTERS = ("filter_apinames", "filter_categories", "filter_processnames", "filter_analysistypes")
_CALL_FILTERS = _FILTERS[:3]
_GROWING = frozenset({"append", "add", "update", "extend", "insert", "setdefault", "pop", "clear", "remove"})
_GIVEN = frozenset(name for name in vars(Signature) if not name.startswith("_"))


def signature_faults(cls: type[Signature], tree: ast.Module) -> Iterator[Fault]:
    """Yield what is wrong with a class that the file with this syntax tree defines."""
    yield from ((message, 0) for message in _attribute_faults(cls))
    yield from ((message, 0) for message in _method_faults(cls))
    yield from ((message, 0) for message in _technique_faults(cls))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            yield from _body_faults(node)


def _attribute_faults(cls: type[Signature]) -> Iterator[str]:
    if not cls.name:
        yield "has no name"
    if not cls.description:
        yield "has no description"
    if not vars(cls).get("__doc__"):
        yield "has no docstring: say what it looks for, and its known false positives"
    yield from _number_faults(cls)
    for name in ("minimum", "maximum"):
        version = getattr(cls, name)
        if version is not None and not re.fullmatch(r"\d+(?:\.\d+)*(?:-\w+)?", str(version)):
            yield f"has a {name} that is no version: {version!r}"
    for name in _FILTERS:
        if isinstance(getattr(cls, name), str) or not isinstance(getattr(cls, name), Collection):
            yield f"has a {name} that is no set of names"


def _number_faults(cls: type[Signature]) -> Iterator[str]:
    if cls.severity not in {1, 2, 3}:
        yield f"has the severity {cls.severity!r}: it must be 1, 2 or 3"
    if not _is_number(cls.confidence) or not 0 <= cls.confidence <= 100:
        yield f"has the confidence {cls.confidence!r}: it must be from 0 to 100"
    if not _is_number(cls.weight) or cls.weight < 0:
        yield f"has the weight {cls.weight!r}: it must be a number that is not negative"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _method_faults(cls: type[Signature]) -> Iterator[str]:
    hears = cls.on_call is not Signature.on_call
    filtered = [name for name in _CALL_FILTERS if getattr(cls, name)]
    if not hears and cls.run is Signature.run and cls.on_complete is Signature.on_complete:
        yield "defines none of run(), on_call() and on_complete()"
    elif cls.evented and not hears and cls.run is Signature.run:
        yield "is evented and has no on_call(): it only concludes; define run() instead"
    elif cls.evented and not hears:
        yield "is evented and has no on_call(): it is run like any other"
    if hears and not cls.evented:
        yield "defines on_call() and is not evented: on_call() is never called"
    if hears and cls.evented and not filtered and "__init__" not in vars(cls):
        yield "hears every call: name APIs, categories or processes in a filter"
    if filtered and not hears:
        yield f"sets {filtered[0]} and has no on_call() to use it"


def _technique_faults(cls: type[Signature]) -> Iterator[str]:
    for identifier in map(str, cls.ttps or ()):
        if not re.fullmatch(r"[TU]\d{4}(?:\.\d{3})?", identifier):
            yield f"has a ttp that is no technique's id: {identifier!r}"
        elif current(identifier) != identifier:
            yield f"uses {identifier}, which ATT&CK replaced by {current(identifier)}"
        elif identifier.startswith("T") and identifier.partition(".")[0] not in attack()["techniques"]:
            yield f"uses {identifier}, which ATT&CK {attack()['version']} does not have among what is known here"


def _body_faults(node: ast.ClassDef) -> Iterator[Fault]:
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    if "__init__" in methods and not _calls_init(methods["__init__"]):
        yield "defines __init__() and does not call that of its base", methods["__init__"].lineno
    if "on_call" in methods:
        yield from _repeated_walks(methods["on_call"])
    shared = _shared_containers(node)
    for method in methods.values():
        yield from _growing(method, shared)
    yield from _bad_expressions(node)


def _calls_init(method: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "__init__" for node in ast.walk(method))


def _repeated_walks(on_call: ast.FunctionDef) -> Iterator[Fault]:
    message = "walks through all calls on each call: its time grows with the square of their number"
    for node in ast.walk(on_call):
        if isinstance(node, ast.For | ast.comprehension):
            over = node.iter
            if '["calls"]' in ast.unparse(over).replace("'", '"'):
                yield message, over.lineno


def _shared_containers(node: ast.ClassDef) -> set[str]:
    """Return the class attributes of its own that hold a list, dict or set."""
    names = set()
    for item in node.body:
        targets = (
            item.targets
            if isinstance(item, ast.Assign)
            else [item.target]
            if isinstance(item, ast.AnnAssign)
            else []
        )
        value = getattr(item, "value", None)
        empty = (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id in {"list", "dict", "set"}
        )
        if isinstance(value, ast.List | ast.Dict | ast.Set) or empty:
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names - _GIVEN


def _growing(method: ast.FunctionDef, shared: Collection[str]) -> Iterator[Fault]:
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute | ast.Subscript) and _changes(node):
            container = node.value
            if isinstance(container, ast.Attribute) and container.attr in shared:
                yield (
                    f"changes {container.attr}, which all analyses share: make it in __init__()",
                    node.lineno,
                )


def _changes(node: ast.Attribute | ast.Subscript) -> bool:
    return node.attr in _GROWING if isinstance(node, ast.Attribute) else isinstance(node.ctx, ast.Store)


def _bad_expressions(node: ast.ClassDef) -> Iterator[Fault]:
    """Yield the constant patterns given to a `check_…` with `regex=True` that are no regular expressions."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).startswith("self.check_"):
            continue
        words = {word.arg: word.value for word in call.keywords}
        pattern = words.get("pattern", call.args[0] if call.args else None)
        if "regex" in words and isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
            try:
                re.compile(pattern.value)
            except re.error as error:
                yield f"looks for {pattern.value!r}, which is no regular expression: {error}", call.lineno
