import hashlib
from pathlib import Path

import pytest

from lib.cuckoo.network.bodies import Bodies

PDF = b"%PDF-1.4\n1 0 obj\n"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_body_is_written_under_its_hash_and_described(tmp_path: Path) -> None:
    record = Bodies(tmp_path / "network", 10, 1000).save(PDF, "http_response")

    path = tmp_path / "network" / digest(PDF)
    assert path.read_bytes() == PDF
    assert record == {
        "sha256": digest(PDF),
        "size": len(PDF),
        "type": "PDF document, version 1.4",
        "path": str(path),
        "source": "http_response",
    }


def test_an_empty_body_is_described_and_makes_no_file(tmp_path: Path) -> None:
    record = Bodies(tmp_path / "network", 10, 1000).save(b"", "http_request")

    assert (record["size"], record["type"], record["path"]) == (0, "empty", None)
    assert not (tmp_path / "network").exists()


def test_the_same_body_is_written_and_counted_once(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path / "network", 1, len(PDF))

    assert [bodies.save(PDF, kind)["source"] for kind in ("a", "b")] == ["a", "b"]
    assert len(list((tmp_path / "network").iterdir())) == 1
    assert bodies.skipped == 0


@pytest.mark.parametrize(
    ("maximum", "maximum_bytes", "written"), [(2, 100, 2), (10, 6, 2), (0, 100, 0), (10, 0, 0)]
)
def test_what_is_written_is_bounded_and_the_rest_described(
    tmp_path: Path, maximum: int, maximum_bytes: int, written: int
) -> None:
    bodies = Bodies(tmp_path / "network", maximum, maximum_bytes)

    records = [bodies.save(data, "x") for data in (b"one", b"two", b"six")]

    assert [record["path"] is not None for record in records] == [True] * written + [False] * (3 - written)
    assert bodies.skipped == 3 - written
    assert all(record["sha256"] for record in records)


def test_a_body_that_was_saved_before_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "network"
    folder.mkdir()
    (folder / digest(PDF)).write_bytes(b"from before")

    Bodies(folder, 10, 1000).save(PDF, "x")

    assert (folder / digest(PDF)).read_bytes() == b"from before"


def test_nothing_is_written_through_links(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "network").symlink_to(tmp_path / "elsewhere")

    through_folder = Bodies(tmp_path / "network", 10, 1000)
    record = through_folder.save(PDF, "x")
    assert (record["sha256"], record["path"]) == (digest(PDF), None)
    [note] = through_folder.notes()
    assert note.endswith("Not a directory")

    folder = tmp_path / "other"
    folder.mkdir()
    (folder / digest(PDF)).symlink_to(tmp_path / "victim")
    assert Bodies(folder, 10, 1000).save(PDF, "x")["path"] == str(folder / digest(PDF))
    assert not (folder / digest(PDF)).is_symlink()
    assert (folder / digest(PDF)).read_bytes() == PDF

    assert not (tmp_path / "victim").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_is_a_file_costs_the_copies_only(tmp_path: Path) -> None:
    (tmp_path / "network").write_bytes(b"garbage")
    bodies = Bodies(tmp_path / "network", 10, len(PDF))

    assert [bodies.save(data, "x")["path"] for data in (PDF, b"other")] == [None, None]
    [note] = bodies.notes()
    assert note.startswith("bodies were not saved: cannot write")
    assert note.endswith("Not a directory")
    assert (tmp_path / "network").read_bytes() == b"garbage"


def test_what_is_beyond_the_bounds_is_noted(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path / "network", 0, 0)

    bodies.save(PDF, "x")

    assert list(bodies.notes()) == ["1 bodies were not saved: the options allow no more"]
