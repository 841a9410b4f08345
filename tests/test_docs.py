"""The documentation's code is executed, and its lists are compared with the tree."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

import fledge
from lib.cuckoo.cli import cli
from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.common.paths import INPUTS
from lib.cuckoo.core.ledger import Outcome, Run
from lib.cuckoo.core.limits import OPTION_NAMES
from lib.cuckoo.reporting.diff.compare import PARTS
from modules.processing.network import KEY_LOGS
from tests.reputation.loopback import loopback

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(?P<language>\w+)(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)(?P<target>[^)#\s]+)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `file=NAME` after the language says where it belongs."""

    language: str
    words: list[str]
    text: str

    @property
    def file(self) -> str | None:
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)


def blocks(page: Path) -> Iterator[Block]:
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        yield Block(match["language"], match["words"].split(), match["text"])


def follow(page: Path, folder: Path) -> Path:
    """Do what a page says, in order: write its files, run its commands; return where that ended.

    The commands of a block marked `fails` must fail.
    """
    for block in blocks(page):
        if block.file:
            with (folder / block.file).open(
                "a" if "append" in block.words else "w", encoding="utf-8"
            ) as file:
                file.write("\n" + block.text if "append" in block.words else block.text)
        elif block.language == "console":
            for command in re.findall(r"^\$ (.+)$", block.text, re.MULTILINE):
                folder = run(command, folder, fails="fails" in block.words)
    return folder


def run(command: str, folder: Path, *, fails: bool = False) -> Path:
    words = shlex.split(os.path.expandvars(command))
    if words[0] == "cd":
        return folder / words[1]
    if words[0] == "fledge":
        words = [sys.executable, "-m", "fledge", *words[1:]]
    if words[0] == "python":
        words[0] = sys.executable
    environment = os.environ | {"PYTHONPATH": str(ROOT), "FLEDGE_ROOT": ""}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode != 0) is fails, f"{command}\n{done.stdout}\n{done.stderr}"
    return folder


def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    lab = follow(DOCS / "tutorial" / "your-first-module.md", tmp_path)

    run(f"{sys.executable} -m pytest -q -p no:cacheprovider test_mailaddresses.py", lab)
    report = (lab / "storage/analyses/7/reports/report.json").read_text(encoding="utf-8")
    assert (
        '"mailaddresses":["a@mail.example","b@mail.example"' not in report
    )  # the module's source has others
    assert '"mailaddresses":[' in report


def test_the_python_on_the_api_page_and_the_commands_of_the_readme_work(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "storage" / "analyses" / "1", tmp_path / "storage" / "analyses" / "1")
    (tmp_path / "conf").mkdir()
    pages = (DOCS / "reference" / "python-api.md", ROOT / "README.md")
    codes = [block.text for page in pages for block in blocks(page) if block.language == "python"]
    assert len(codes) >= len(pages)
    for code in codes:
        run(f"{sys.executable} -c {shlex.quote(code)}", tmp_path)

    follow(ROOT / "README.md", tmp_path)

    assert (tmp_path / "storage/analyses/1/reports/report.json").is_file()
    assert (tmp_path / "lab" / "conf" / "processing.conf").is_file()


@pytest.mark.slow
def test_the_page_on_memory_images_works_as_written(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGES", str(shared_data / "memory"))
    monkeypatch.setenv("SYMBOLS", str(shared_data / "memory" / "symbols"))

    lab = follow(DOCS / "how-to" / "memory-images-offline.md", tmp_path)

    report = json.loads((lab / "storage/analyses/7/reports/report.json").read_text(encoding="utf-8"))
    memory = report["memory"]
    assert set(memory) == {"image", "pslist", "psaux", "malfind", "findings", "connections", "regions"}
    assert 0 < len(memory["psaux"]["rows"]) < len(memory["pslist"]["rows"])
    assert memory["image"]["packed"] == "xz"


def test_the_memory_page_names_every_finding_and_option() -> None:
    text = (DOCS / "reference" / "memory.md").read_text(encoding="utf-8")
    source = (ROOT / "lib/cuckoo/memory/findings.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r'_finding\(\s*"([^"]+)"', source))

    assert len(kinds) == 8
    assert set(re.findall(r"^\| `([a-z ]+)` \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)) >= kinds
    for option in ("enabled", "timeout", "memory_mb", "rows", "filter"):
        assert f"| `{option}` |" in text


def test_the_readme_shows_what_the_example_prints(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "storage" / "analyses" / "1", tmp_path / "1")
    command = [sys.executable, "-m", "fledge", "process", str(tmp_path / "1"), "--root", str(ROOT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (shown,) = [block.text for block in blocks(ROOT / "README.md") if block.language == "text"]

    printed = {without_measures(line) for line in done.stdout.splitlines()}

    assert {without_measures(line) for line in shown.splitlines()} <= printed | {"…"}


def without_measures(line: str) -> str:
    """Return a line of the summary without what differs from run to run and the width of the terminal."""
    line = re.sub(r"(COMPLETED) +[0-9. ]+MB", r"\1", line)
    return re.sub("─+$", "", line.rstrip())


def test_the_queries_on_calls_find_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = DOCS / "how-to" / "query-calls-with-sql.md"
    (command,) = [
        block.text.strip().removeprefix("$ ") for block in blocks(page) if block.language == "console"
    ]
    run(command.replace(" 1 ", f" {ROOT / 'storage' / 'analyses' / '1'} "), tmp_path)
    monkeypatch.chdir(tmp_path)

    queries = [block.text for block in blocks(page) if block.language == "sql"]

    assert len(queries) == 3
    for query in queries:
        assert duckdb.connect().execute(query).fetchall(), query


def test_the_page_on_sharing_works_as_written(tmp_path: Path) -> None:
    page = DOCS / "how-to" / "share-what-an-analysis-found.md"
    found = {block.language: block.text for block in blocks(page)}
    shutil.copytree(ROOT / "storage" / "analyses" / "1", tmp_path / "storage" / "analyses" / "1")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "reporting.conf").write_text(found["ini"].replace("\n\n", "\nallowlist = list\n\n"))
    (tmp_path / "list").write_text(found["text"] + "\ninvoice-portal.test\n")

    results = fledge.process(tmp_path / "storage" / "analyses" / "1", root=tmp_path, reports=True)
    told = [
        subprocess.check_output([sys.executable, "-c", block.text], cwd=tmp_path, text=True)
        for block in blocks(page)
        if block.language == "python"
    ]

    notes = {run.module: list(run.notes) for run in results.runs if run.module in {"stix", "misp"}}
    assert notes["stix"] == ["left out: 5 indicators on an allow-list"]
    assert told[0].startswith("fledge: Invoice_0417.exe ")
    assert "'malware-analysis'" in told[1]


def test_the_page_on_comparing_runs_works_as_written_and_names_every_section(tmp_path: Path) -> None:
    page = DOCS / "how-to" / "compare-two-runs.md"
    shutil.copytree(ROOT / "storage" / "analyses" / "1", tmp_path / "storage" / "analyses" / "1")
    (tmp_path / "conf").mkdir()

    follow(page, tmp_path)

    assert (tmp_path / "storage/analyses/2/reports/report.json").is_file()
    assert re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE) == list(PARTS)


def test_the_page_on_captures_works_as_written_and_names_every_file_with_secrets(tmp_path: Path) -> None:
    page = DOCS / "how-to" / "read-captures.md"
    shutil.copytree(ROOT / "storage" / "analyses" / "1", tmp_path / "storage" / "analyses" / "1")
    (tmp_path / "conf").mkdir()

    follow(page, tmp_path)

    (code,) = [block.text for block in blocks(page) if block.language == "python"]
    told = subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, text=True)
    assert "GET https://panel.invoice-portal.test/api/tasks?id=7f3a9c 200" in told
    network = fledge.process(tmp_path / "storage/analyses/7", root=tmp_path, only=["network"])["network"]
    assert "203.0.113.25" not in {host["ip"] for host in network["hosts"]}
    assert "cdn.updates.example" not in {each["domain"] for each in network["domains"]}
    files = re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| `.+? \|", page.read_text(), re.MULTILINE)))
    assert tuple(files) == KEY_LOGS


def test_the_page_on_signatures_works_as_written(tmp_path: Path) -> None:
    lab = follow(DOCS / "how-to" / "write-a-signature.md", tmp_path)

    run(f"{sys.executable} -m pytest -q -p no:cacheprovider test_signatures.py", lab)


def test_the_page_on_reputation_services_works_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRUSTOTAL_API_KEY", raising=False)
    page = tmp_path / "page.md"
    text = (DOCS / "how-to" / "reputation-services.md").read_text(encoding="utf-8")
    with loopback(tmp_path / "service") as service:
        for name in ("virustotal", "hashlookup"):
            text = text.replace(f"[{name}]\n", f"[{name}]\nurl = {service.address}/{name}\n")
        page.write_text(text.replace("http://127.0.0.1:8117", service.address), encoding="utf-8")
        service.plan("*", {"text": '{"verdict": "harmless"}'})
        sha256 = hashlib.sha256((ROOT / "conf" / "fledge.conf").read_bytes()).hexdigest()
        report = {"type": "file", "id": sha256, "attributes": {"last_analysis_stats": {"undetected": 70}}}
        service.plan(f"/virustotal/files/{sha256}", {"text": json.dumps({"data": report})})
        service.plan(f"/hashlookup/lookup/sha256/{sha256}", {"status": 404, "text": '{"message": "none"}'})

        lab = follow(page, tmp_path)

        results = json.loads((lab / "storage/analyses/7/reports/report.json").read_bytes())
        assert results["virustotal"]["summary"] == "0/70"
        assert results["hashlookup"]["found"] is False
        assert results["verdicts"]["verdict"] == "harmless"
        assert [path for _, path, _ in service.questions()] == [
            f"/hashlookup/lookup/sha256/{sha256}",
            f"/virustotal/files/{sha256}",
            f"/verdicts/{sha256}",
        ]


@pytest.mark.parametrize("page", ["process-thousands-of-analyses.md", "watch-a-sandbox.md"])
def test_the_pages_on_many_analyses_work_as_written(tmp_path: Path, page: str) -> None:
    lab = run("cd lab", tmp_path)
    run("fledge init lab", tmp_path)
    for name in ("1", "2", "3"):
        folder = lab / "storage" / "analyses" / name
        folder.mkdir()
        (folder / "analysis.log").write_text("a line\n", encoding="utf-8")

    follow(DOCS / "how-to" / page, lab)

    for name in ("1", "2", "3"):
        assert (lab / "storage" / "analyses" / name / "reports" / "report.json").is_file()


def test_the_page_on_reading_reports_prints_what_it_shows(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "storage" / "analyses" / "1", tmp_path / "storage" / "analyses" / "1")
    text = (DOCS / "how-to" / "read-reports.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    assert len(shown) == 4
    for code, expected in shown:
        command = [sys.executable, "-c", code]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "FLEDGE_ROOT": ""}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout == expected


def test_the_signatures_page_names_every_attribute_and_method() -> None:
    text = (DOCS / "reference" / "signatures.md").read_text(encoding="utf-8")

    for name in dir(Signature):
        if not name.startswith("_") and name not in {*INPUTS, "set_path", "analysis_path"}:
            assert f"`{name}" in text, name


@pytest.mark.parametrize(
    "page", sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")]), ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for match in LINK.finditer(page.read_text(encoding="utf-8")):
        assert (page.parent / match["target"]).exists(), match["target"]


def test_the_readme_leads_to_every_page() -> None:
    linked = {match["target"] for match in LINK.finditer((ROOT / "README.md").read_text(encoding="utf-8"))}

    assert {str(page.relative_to(ROOT)) for page in DOCS.rglob("*.md")} - linked == set()


def test_the_reason_for_every_dependency_is_given() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").lower()
    sections = read_sections(ROOT / "setup.cfg")
    lists = [
        sections["options"].options["install_requires"],
        *sections["options.extras_require"].options.values(),
    ]
    names = set(re.findall(r"^[\w-]+(?=>)", "\n".join(map(str, lists)).lower(), re.MULTILINE))

    assert {"click", "pyarrow", "ruff"} <= names
    for name in names:
        assert re.search(rf"^\| [^|]*\b{name}\b", table, re.MULTILINE), name


def test_the_ledger_page_lists_every_outcome_and_field() -> None:
    text = (DOCS / "reference" / "ledger.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)) == set(Outcome)
    for name in Run("m", "f", Outcome.COMPLETED).as_record():
        assert f"`{name}`" in text, name


def test_the_configuration_page_lists_every_limit_and_the_options_of_signatures() -> None:
    text = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")

    assert set(re.findall(r"`(limit_\w+)`", text)) == OPTION_NAMES
    part = text.partition("## Options of `[signatures]`")[2]
    options = read_sections(ROOT / "conf" / "fledge.conf")["signatures"].options
    for name in options.keys() - OPTION_NAMES:
        assert f"| `{name}`" in part, name


def test_the_command_line_page_names_every_command_and_option() -> None:
    text = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")

    assert re.findall(r"^## fledge (\w+)$", text, re.MULTILINE) == list(cli.commands)
    for name, command in cli.commands.items():
        assert f"## fledge {name}" in text
        section = text.partition(f"## fledge {name}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert f"`{max(parameter.opts, key=len)}" in section, (name, parameter.name)


def test_the_modules_page_explains_every_path_and_every_option() -> None:
    text = (DOCS / "reference" / "modules.md").read_text(encoding="utf-8")

    for attribute, name in INPUTS.items():
        assert f"| `{attribute}` | `{name}" in text
    for section in read_sections(ROOT / "conf" / "processing.conf").values():
        assert f"### {section.name}\n" in text
        part = text.partition(f"### {section.name}\n")[2].partition("\n### ")[0]
        for option in section.options.keys() - {"enabled"} - OPTION_NAMES:
            assert f"`{option}`" in part, (section.name, option)


def test_the_reports_page_explains_every_option() -> None:
    text = (DOCS / "reference" / "reports.md").read_text(encoding="utf-8")

    for section in read_sections(ROOT / "conf" / "reporting.conf").values():
        part = text.partition(f"## {section.name}\n")[2].partition("\n## ")[0]
        explained = set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))
        assert explained == section.options.keys() - {"enabled"} - OPTION_NAMES, section.name
