from pathlib import Path

import pytest

from lib.cuckoo.files.output import OutputFolder


def test_what_is_saved_lies_in_the_folder(tmp_path: Path) -> None:
    assert OutputFolder(str(tmp_path), "static", 100).save("icon-1.ico", b"content") == "static/icon-1.ico"

    assert (tmp_path / "static" / "icon-1.ico").read_bytes() == b"content"
    assert [path.name for path in (tmp_path / "static").iterdir()] == ["icon-1.ico"]


def test_a_file_of_that_name_is_replaced(tmp_path: Path) -> None:
    output = OutputFolder(str(tmp_path), "static", 100)

    output.save("a", b"old and longer")
    output.save("a", b"new")

    assert (tmp_path / "static" / "a").read_bytes() == b"new"


@pytest.mark.parametrize(("maximum", "path"), [(7, "static/b"), (6, None)])
def test_the_space_is_shared_and_what_does_not_fit_is_counted(
    tmp_path: Path, maximum: int, path: str | None
) -> None:
    output = OutputFolder(str(tmp_path), "static", maximum)

    assert output.save("a", b"four") == "static/a"
    assert output.save("b", b"big") == path
    assert len(list(output.notes())) == (path is None)


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "static").symlink_to(elsewhere)

    output = OutputFolder(str(tmp_path), "static", 100)

    assert output.save("a", b"x") is None
    [note] = output.notes()
    assert note.endswith("static/a: Not a directory")
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_the_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"untouched")
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a").symlink_to(target)

    OutputFolder(str(tmp_path), "static", 100).save("a", b"x")

    assert target.read_bytes() == b"untouched"
    assert (tmp_path / "static" / "a").read_bytes() == b"x"


@pytest.mark.parametrize("place", ["file", "missing"])
def test_a_folder_that_cannot_be_made_costs_the_copies_only(tmp_path: Path, place: str) -> None:
    if place == "file":
        (tmp_path / "static").write_bytes(b"")
    folder = tmp_path if place == "file" else tmp_path / "none"

    output = OutputFolder(str(folder), "static", 100)

    assert [output.save(name, b"x") for name in "ab"] == [None, None]
    [note] = output.notes()
    assert note.startswith(f"objects were not saved: cannot write {folder}/static/a: ")


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "a\0", "a" * 201, "ä"])
def test_a_name_from_a_sample_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name for a file"):
        OutputFolder(str(tmp_path), "static", 100).save(name, b"x")
