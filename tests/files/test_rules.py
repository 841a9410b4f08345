import json
from pathlib import Path

import pytest

from lib.cuckoo.common.root import SHIPPED
from lib.cuckoo.files.rules import load_rules
from lib.cuckoo.files.scanner import Scanner

GOOD = 'rule Good { strings: $a = "needle" condition: $a }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules" / "binaries"
    path.mkdir(parents=True)
    return path


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(*folders: Path, data: bytes = b"a needle", cache: Path | None = None) -> list[str]:
    scanner = Scanner("binaries", load_rules(folders, cache))
    return [match["name"] for match in scanner.scan(data)]


def test_rules_are_found_at_any_depth_and_under_both_endings(folder: Path) -> None:
    write(folder, "a.yar", GOOD)
    write(folder, "deep/er/b.YARA", GOOD.replace("Good", "Deep"))
    write(folder, "notes.txt", "no rule")

    assert names(folder) == ["Good", "Deep"]


def test_a_broken_file_is_named_with_its_line_and_the_others_work(folder: Path) -> None:
    write(folder, "a.yar", GOOD)
    write(folder, "b/broken.yar", "rule Broken\n{\n  condition: missing\n}")

    rules = load_rules([folder], None)

    assert rules.problems == [f'left out rules: {folder}/b/broken.yar(3): undefined identifier "missing"']
    assert names(folder) == ["Good"]


def test_only_broken_files_leave_no_rules(folder: Path) -> None:
    write(folder, "broken.yar", "rule")

    rules = load_rules([folder], None)

    assert rules.compiled is None
    assert len(rules.problems) == 1


@pytest.mark.parametrize("folders", [[], ["empty"]])
def test_no_rules_are_no_fault(folders: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    rules = load_rules([tmp_path / name for name in folders], tmp_path / "cache")

    assert (rules.compiled, rules.problems) == (None, [])


def test_rules_of_one_name_live_in_two_files(folder: Path) -> None:
    write(folder, "a.yar", GOOD)
    write(folder, "b.yar", GOOD.replace("needle", "other"))

    assert names(folder, data=b"needle and other") == ["Good", "Good"]


def test_a_later_folder_replaces_a_file(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    write(folder, "a.yar", GOOD)
    write(own, "a.yar", GOOD.replace("Good", "Own"))

    assert names(folder, own) == ["Own"]


def test_includes_reach_files_of_the_folder(folder: Path) -> None:
    write(folder, "index.yar", 'include "./parts/one.inc"\nrule Uses { condition: Good }')
    write(folder, "parts/one.inc", 'include "two.inc"')
    write(folder, "parts/two.inc", GOOD)

    assert names(folder) == ["Good", "Uses"]


@pytest.mark.parametrize("place", ["../outside.yar", "{}/outside.yar", "link.inc", "/etc/passwd"])
def test_includes_never_leave_the_folder(place: str, folder: Path) -> None:
    outside = folder.parent / "outside.yar"
    outside.write_text(GOOD)
    (folder / "link.inc").symlink_to(outside)
    write(folder, "index.yar", f'include "{place.format(folder.parent)}"')
    write(folder, "good.yar", GOOD)

    rules = load_rules([folder], None)

    assert any("index.yar(1)" in problem for problem in rules.problems)
    assert names(folder) == ["Good"]


def test_a_file_that_includes_itself_is_a_problem(folder: Path) -> None:
    write(folder, "loop.yar", 'include "loop.yar"')
    write(folder, "good.yar", GOOD)

    assert names(folder) == ["Good"]
    assert "loop.yar(1)" in load_rules([folder], None).problems[0]


def test_a_rule_file_that_is_a_link_out_is_not_read(folder: Path) -> None:
    (folder.parent / "outside.yar").write_text(GOOD)
    (folder / "link.yar").symlink_to(folder.parent / "outside.yar")

    rules = load_rules([folder], None)

    assert rules.compiled is None
    assert f"it leads out of {folder}" in rules.problems[0]


def cached(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.yarc"))


def test_compiled_rules_and_their_problems_come_from_the_cache(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    write(folder, "a.yar", GOOD)
    write(folder, "b.yar", "rule")
    before = load_rules([folder], cache)
    [file] = cached(cache)
    stamp = file.stat().st_mtime_ns

    after = load_rules([folder], cache)

    assert after.problems == before.problems != []
    assert names(folder, cache=cache) == ["Good"]
    assert [path.stat().st_mtime_ns for path in cached(cache)] == [stamp]


def test_a_changed_rule_is_compiled_anew(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    write(folder, "index.yar", 'include "part.inc"')
    write(folder, "part.inc", GOOD)
    assert names(folder, cache=cache) == ["Good"]

    write(folder, "part.inc", GOOD.replace("Good", "Changed"))

    assert names(folder, cache=cache) == ["Changed"]
    assert len(cached(cache)) == 2


def planted(folder: Path, cache: Path) -> Path:
    """Put compiled rules that name another rule in the place where the cache keeps those of the folder."""
    write(folder, "a.yar", GOOD.replace("Good", "Evil"))
    load_rules([folder], cache)
    [evil] = cached(cache)
    content = evil.read_bytes()
    evil.unlink()
    write(folder, "a.yar", GOOD)
    load_rules([folder], cache)
    [place] = cached(cache)
    place.write_bytes(content)
    return place


def test_the_planted_file_of_these_tests_would_be_loaded(folder: Path, tmp_path: Path) -> None:
    planted(folder, tmp_path / "cache")

    assert names(folder, cache=tmp_path / "cache") == ["Evil"]


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_cached_file_that_others_may_write_is_not_loaded(mode: int, folder: Path, tmp_path: Path) -> None:
    planted(folder, tmp_path / "cache").chmod(mode)

    assert names(folder, cache=tmp_path / "cache") == ["Good"]


def test_a_cache_that_others_may_write_is_not_used(folder: Path, tmp_path: Path) -> None:
    planted(folder, tmp_path / "cache")
    (tmp_path / "cache").chmod(0o777)

    assert names(folder, cache=tmp_path / "cache") == ["Good"]


def test_a_cached_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    place = planted(folder, tmp_path / "cache")
    place.rename(tmp_path / "evil")
    place.symlink_to(tmp_path / "evil")

    assert names(folder, cache=tmp_path / "cache") == ["Good"]


@pytest.mark.parametrize("size", [0, 10, 60, -1])
def test_a_damaged_cached_file_is_replaced(size: int, folder: Path, tmp_path: Path) -> None:
    write(folder, "a.yar", GOOD)
    load_rules([folder], tmp_path / "cache")
    [file] = cached(tmp_path / "cache")
    whole = file.read_bytes()
    file.write_bytes(whole[:size])

    assert names(folder, cache=tmp_path / "cache") == ["Good"]
    assert len(file.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_made_is_no_fault(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    write(folder, "a.yar", GOOD)

    assert names(folder, cache=tmp_path / "file" / "cache") == ["Good"]


def test_the_cache_is_readable_by_its_owner_only(folder: Path, tmp_path: Path) -> None:
    write(folder, "a.yar", GOOD)
    load_rules([folder], tmp_path / "cache")

    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "cache").glob(".*"))


def test_a_public_collection_loads_whole_and_finds_what_others_found(
    shared_data: Path, tmp_path: Path
) -> None:
    expected = json.loads((shared_data / "yara" / "expected-matches.json").read_text())["matches"]
    rules = load_rules([shared_data / "yara"], tmp_path / "cache")
    scanner = Scanner("binaries", rules)

    assert rules.problems == []
    assert rules.compiled is not None
    assert len(list(rules.compiled)) == 1204
    for name, matches in expected.items():
        with (shared_data / name).open("rb") as stream:
            found = scanner.scan_file(stream, Path(name).name)
        assert {match["name"] for match in found} == set(matches), name


@pytest.mark.parametrize("group", ["binaries", "memory", "urls"])
def test_every_shipped_rule_compiles_and_says_what_it_is_about(group: str) -> None:
    rules = load_rules([SHIPPED / "data" / "yara" / group], None)

    assert rules.problems == []
    assert rules.compiled is not None
    for rule in rules.compiled:
        assert rule.meta["author"] == "fledge"
        assert rule.meta["description"]
        assert rule.meta["severity"] in {0, 1, 2, 3}
