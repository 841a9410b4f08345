from pathlib import Path

import pytest

from lib.cuckoo.core.lint import lint_file

HEAD = '"""For tests."""\n\nfrom lib.cuckoo.common.abstracts import Signature\n\n\n'
GOOD = '''class Good(Signature):
    """Looks for nothing. Known false positives: all."""

    name = "good"
    description = "Good"
    ttps = ["T1055"]

    def run(self):
        return True
'''
EVENTED = '''class Good(Signature):
    """Looks for nothing. Known false positives: all."""

    name = "good"
    description = "Good"
    evented = True
    filter_apinames = {"NtClose"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def on_call(self, call, process):
        self.seen.append(call["api"])
'''


def findings(folder: Path, text: str) -> list[tuple[int, str]]:
    file = folder / "one.py"
    file.write_text(HEAD + text)
    return [(problem.line, problem.message) for problem in lint_file(file)]


@pytest.mark.parametrize("text", [GOOD, EVENTED, GOOD.replace('"T1055"', '"U1330", "T1055.012"')])
def test_a_good_signature_gives_no_finding(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (('    name = "good"\n', ""), (6, "Good has no name")),
        (('description = "Good"', 'description = ""'), (6, "Good has no description")),
        (('"""Looks for nothing. Known false positives: all."""', ""), (6, "Good has no docstring: ")),
        (('description = "Good"', "description = 'd'; severity = 4"), (6, "Good has the severity 4")),
        (('description = "Good"', "description = 'd'; confidence = 101"), (6, "Good has the confidence 101")),
        (('description = "Good"', "description = 'd'; weight = -1"), (6, "Good has the weight -1")),
        (
            ('description = "Good"', "description = 'd'; minimum = 'new'"),
            (6, "Good has a minimum that is no version"),
        ),
        (
            ('description = "Good"', "description = 'd'; filter_apinames = {'A'}"),
            (6, "Good sets filter_apinames and has"),
        ),
        (('"T1055"', '"1055"'), (6, "Good has a ttp that is no technique's id: '1055'")),
        (('"T1055"', '"T1060"'), (6, "Good uses T1060, which ATT&CK replaced by T1547.001")),
        (('"T1055"', '"T9999"'), (6, "Good uses T9999, which ATT&CK")),
        (("def run", "def walk"), (6, "Good defines none of run(), on_call() and on_complete()")),
        (
            ('description = "Good"', "description = 'd'; evented = True"),
            (6, "Good is evented and has no on_call()"),
        ),
        (
            ("return True", "return self.check_file('(', regex=True)"),
            (14, "Good looks for '(', which is no regular"),
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, change: tuple[str, str], finding: tuple[int, str]
) -> None:
    line, beginning = finding
    found = findings(tmp_path, GOOD.replace(*change))

    assert [(at, message[: len(beginning)]) for at, message in found] == [(line, beginning)]


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (("evented = True", "evented = False"), (6, "Good defines on_call() and is not evented")),
        (('{"NtClose"}', '"NtClose"'), (6, "Good has a filter_apinames that is no set of names")),
        (("super().__init__(*args, **kwargs)", "pass"), (14, "Good defines __init__() and does not call")),
        (
            (
                "def on_call",
                "shared = []\n\n    def on_complete(self):\n        self.shared.append(1)\n\n    def on_call",
            ),
            (21, "Good changes shared, which all analyses share"),
        ),
        (
            ('self.seen.append(call["api"])', 'return [c for c in process["calls"] if c == call]'),
            (19, "Good walks through all calls on each call"),
        ),
    ],
)
def test_what_is_wrong_with_an_evented_one_is_said_too(
    tmp_path: Path, change: tuple[str, str], finding: tuple[int, str]
) -> None:
    line, beginning = finding
    found = findings(tmp_path, EVENTED.replace(*change))

    assert [(at, message[: len(beginning)]) for at, message in found] == [(line, beginning)]


def test_a_signature_that_hears_everything_is_pointed_out(tmp_path: Path) -> None:
    text = (
        EVENTED.partition("    filter_apinames")[0]
        + "\n    def on_call(self, call, process):\n        return False\n"
    )

    assert [message for _, message in findings(tmp_path, text)] == [
        "Good hears every call: name APIs, categories or processes in a filter"
    ]


def test_two_of_one_name_are_pointed_out(tmp_path: Path) -> None:
    text = GOOD + "\n\n" + GOOD.replace("class Good", "class Again")

    assert [message for _, message in findings(tmp_path, text)] == ["Good has the name of another: good"]


def test_a_base_of_others_needs_no_name(tmp_path: Path) -> None:
    text = "class Base(Signature):\n    pass\n\n\n" + GOOD.replace("(Signature)", "(Base)")

    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    "file",
    sorted((Path(__file__).resolve().parents[3] / "modules" / "signatures").rglob("*.py")),
    ids=lambda f: f.name,
)
def test_our_own_signatures_give_no_finding(file: Path) -> None:
    assert lint_file(file) == []
