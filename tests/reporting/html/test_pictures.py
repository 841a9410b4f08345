import base64
from pathlib import Path

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.reporting.html.pictures import Gallery, gallery

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"


def shots(folder: Path, most: int = 1000, **files: bytes) -> Gallery | None:
    (folder / "shots").mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / "shots" / name.replace("_dot_", ".")).write_bytes(data)
    return next(gallery(AnalysisFolder(folder), most), None)


def test_pictures_are_told_by_their_first_bytes_not_by_their_name(tmp_path: Path) -> None:
    found = shots(tmp_path, a_dot_jpg=PNG + b"1", b_dot_png=JPEG + b"2", c_dot_png=b"<svg onload=alert(1)>")

    assert found is not None
    assert [(picture.name, picture.source) for picture in found.pictures] == [
        ("a.jpg", "data:image/png;base64," + base64.b64encode(PNG + b"1").decode()),
        ("b.png", "data:image/jpeg;base64," + base64.b64encode(JPEG + b"2").decode()),
    ]
    assert found.left_out == 1


def test_equal_pictures_are_shown_once_and_thumbnails_never(tmp_path: Path) -> None:
    found = shots(tmp_path, a_dot_png=PNG, b_dot_png=PNG, c_small_dot_png=PNG + b"3")

    assert found is not None
    assert [picture.name for picture in found.pictures] == ["a.png"]
    assert found.left_out == 0


def test_pictures_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    found = shots(tmp_path, most=20, a_dot_png=PNG + b"a" * 12, b_dot_png=PNG)

    assert found is not None
    assert [picture.name for picture in found.pictures] == ["a.png"]
    assert found.left_out == 1


def test_a_link_out_of_the_folder_is_no_picture(tmp_path: Path) -> None:
    outside = tmp_path / "secret.png"
    outside.write_bytes(PNG)
    folder = tmp_path / "analysis"
    (folder / "shots").mkdir(parents=True)
    (folder / "shots" / "1.png").symlink_to(outside)

    found = shots(folder)

    assert found is not None
    assert (list(found.pictures), found.left_out) == ([], 1)


def test_without_screenshots_there_is_no_gallery(tmp_path: Path) -> None:
    assert shots(tmp_path) is None
