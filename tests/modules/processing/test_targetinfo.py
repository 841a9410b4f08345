import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[..., tuple[Any, list[str]]]
Failure = Callable[..., str]

SHA256 = {
    "cape-AcceptEx.exe": "5c186e41a0856e578b68a6ed068bb0ffe3d9c177a51502b3eacebdf51981bbd9",
    "cape-dummydllwithentrypoint.dll": "c1308bc146a8b151cdc2356d38ff688335dc403e4f5e7c94deb307f550503e6a",
    "cape-etw-dns-app.exe": "9393a56f957a93bc2af2aafc73421aaa1c372c7d9decf92a2734d1b4a8253fb2",
    "cape-ipv6_network.exe": "dda198eb9dfaf03e9fd39c3bd844a7e76647645f624dbe7fd7bb92c546af95e1",
}
"""The samples of the exported analyses, by the hashes under which their source publishes them."""


def write_task(folder: Path, **task: object) -> None:
    (folder / "task.json").write_text(json.dumps(task))


@pytest.mark.parametrize("name", SHA256)
def test_the_sample_of_a_real_analysis_is_described(name: str, shared_data: Path, answer: Answer) -> None:
    target, _ = answer("targetinfo", shared_data / "analyses" / name)

    assert target["category"] == "file"
    assert target["file"]["name"] == name.removeprefix("cape-")
    assert target["file"]["sha256"] == SHA256[name]
    assert target["file"]["type"].startswith("PE32")


def test_the_file_has_the_name_it_was_submitted_with(analysis: Path, answer: Answer) -> None:
    write_task(analysis, category="file", target="/home/analyst/in/invoice.exe")
    (analysis / "binary").write_bytes(b"MZ")

    target, _ = answer("targetinfo", analysis)

    assert target["file"]["name"] == "invoice.exe"
    assert target["file"]["path"] == str(analysis / "binary")
    assert target["file"]["size"] == 2


def test_a_sample_in_the_store_of_binaries_is_followed(analysis: Path, answer: Answer) -> None:
    store = analysis.parent.parent / "binaries"
    store.mkdir()
    (store / "aa").write_bytes(b"stored")
    (analysis / "binary").symlink_to(store / "aa")

    target, _ = answer("targetinfo", analysis)

    assert target["file"]["size"] == 6


def test_a_url_is_the_target_itself(analysis: Path, answer: Answer) -> None:
    write_task(analysis, category="url", target="http://example.com/x?y=1")

    assert answer("targetinfo", analysis)[0] == {
        "category": "url",
        "url": "http://example.com/x?y=1",
        "yara": [],
    }


def test_an_empty_sample_is_described(analysis: Path, answer: Answer) -> None:
    (analysis / "binary").write_bytes(b"")

    target, _ = answer("targetinfo", analysis)

    assert (target["file"]["size"], target["file"]["type"]) == (0, "empty")


def test_an_analysis_of_nothing_known_has_only_a_category(analysis: Path, answer: Answer) -> None:
    assert answer("targetinfo", analysis)[0] == {"category": "unknown"}


def test_a_missing_sample_is_reported_with_its_path(analysis: Path, failure: Failure) -> None:
    write_task(analysis, category="file", target="a.exe")

    assert f"cannot read {analysis / 'binary'}: No such file" in failure("targetinfo", analysis)


def test_a_sample_that_is_no_file_is_refused(analysis: Path, failure: Failure) -> None:
    (analysis / "binary").mkdir()
    assert "it is a directory" in failure("targetinfo", analysis)
    (analysis / "binary").rmdir()
    os.mkfifo(analysis / "binary")
    assert "it is a FIFO" in failure("targetinfo", analysis)


def test_a_sample_that_leads_out_of_the_analysis_is_refused(analysis: Path, failure: Failure) -> None:
    (analysis / "binary").symlink_to("/etc/shadow")

    assert "it leads to /etc/shadow, outside the analysis" in failure("targetinfo", analysis)


def test_the_sample_is_scanned_under_its_name(
    analysis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    rules = tmp_path / "root" / "data" / "yara" / "binaries"
    rules.mkdir(parents=True)
    (rules / "name.yar").write_text(
        'rule Named { strings: $a = "MZ" condition: $a and filename == "invoice.exe" }'
    )
    (rules / "broken.yar").write_text("rule")
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path / "root"))
    write_task(analysis, category="file", target="/home/analyst/in/invoice.exe")
    (analysis / "binary").write_bytes(b"  MZ")

    target, notes = answer("targetinfo", analysis)

    assert target["file"]["yara"] == [{"name": "Named", "meta": {}, "strings": ["MZ"], "addresses": {"a": 2}}]
    assert len(notes) == 1
    assert "broken.yar" in notes[0]


def test_a_url_is_scanned_as_text(analysis: Path, answer: Answer) -> None:
    write_task(analysis, category="url", target="http://198.51.100.7/a.exe")

    target, _ = answer("targetinfo", analysis)

    assert [match["name"] for match in target["yara"]] == ["URL_executable_from_address"]
