import struct
from collections.abc import Callable
from typing import Any

import pytest

from lib.cuckoo.files.budget import Budget

Facts = dict[str, Any]
Describe = Callable[..., Facts]
Build = Callable[..., bytes]
AT = 0x2000
BELOW = 1 << 31


def image_with(build: Build, resources: bytes) -> bytes:
    return build([(b".text", b"x", 0x60000020), (b".rsrc", resources, 0x40000040)], {2: (AT, len(resources))})


def directory(*entries: tuple[int, int]) -> bytes:
    return struct.pack("<12xHH", 0, len(entries)) + b"".join(struct.pack("<II", *entry) for entry in entries)


def one_resource(kind: int, content: bytes) -> bytes:
    """Type, name 1, language US English, then place and size of the data, then the data."""
    tree = directory((kind, 24 | BELOW)) + directory((1, 48 | BELOW)) + directory((1033, 72))
    return tree + struct.pack("<4I", AT + 88, len(content), 0, 0) + content


def test_a_resource_is_described_with_its_language(build: Build, describe: Describe) -> None:
    pe = describe(image_with(build, one_resource(10, b"%PDF-1.4".ljust(16, b"\0"))))

    (resource,) = pe["resources"]
    assert resource.pop("sha256") is not None
    assert resource.pop("filetype").startswith("PDF document")
    assert resource == {
        "name": "RT_RCDATA",
        "id": "1",
        "offset": "0x00002058",
        "size": "0x00000010",
        "language": "LANG_ENGLISH",
        "sublanguage": "SUBLANG_ENGLISH_US",
        "entropy": 2.5,
        "yara": [],
    }


@pytest.mark.parametrize(
    "tree",
    [
        directory((10, BELOW)),
        directory((10, 24 | BELOW)) + directory((1, BELOW)),
        directory((10, BELOW), (11, BELOW)),
    ],
)
def test_a_tree_that_is_its_own_child_ends(tree: bytes, build: Build, describe: Describe) -> None:
    pe = describe(image_with(build, tree))

    assert pe["resources"] == []
    assert "the resource tree leads back into itself" in pe["anomalies"]


def test_a_tree_of_four_levels_is_an_anomaly(build: Build, describe: Describe) -> None:
    tree = (
        directory((10, 24 | BELOW))
        + directory((1, 48 | BELOW))
        + directory((1033, 72 | BELOW))
        + directory((0, 96))
    )

    assert "the resource tree has more than three levels" in describe(image_with(build, tree))["anomalies"]


def test_a_directory_that_claims_more_than_there_is_is_an_anomaly(build: Build, describe: Describe) -> None:
    pe = describe(image_with(build, struct.pack("<12xHH", 0xFFFF, 0xFFFF) + struct.pack("<II", 1, 0xFFFFFF)))

    assert "the resource tree is cut short" in pe["anomalies"]


def test_resources_are_cut_at_the_option(build: Build, describe: Describe) -> None:
    tree = directory(*((number, 1000) for number in range(40)))
    budget = Budget(entries=10)

    pe = describe(image_with(build, tree.ljust(2000, b"\0")), budget)

    assert len(pe["resources"]) == 10
    assert "there are more than 10 resources" in budget.notes


def test_many_resources_at_one_place_are_measured_once(build: Build, describe: Describe) -> None:
    leaf = 16 + 8 * 3000
    tree = directory(*((number, leaf) for number in range(3000))) + struct.pack("<4I", AT, 20_000, 0, 0)
    budget = Budget()

    pe = describe(image_with(build, tree), budget)

    assert len({resource["sha256"] for resource in pe["resources"]}) == 1
    assert "the file type is given for the first 1000 of 3000 resources" in budget.notes


@pytest.mark.parametrize("text", ["<assembly/>", "<assembly>\u00e9</assembly>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_manifest_is_decoded(text: str, encoding: str, build: Build, describe: Describe) -> None:
    assert describe(image_with(build, one_resource(24, text.encode(encoding))))["manifest"] == text


def test_a_long_manifest_is_cut_at_the_option(build: Build, describe: Describe) -> None:
    budget = Budget(text=10)

    assert describe(image_with(build, one_resource(24, b"<" * 30)), budget)["manifest"] == "<" * 10
    assert budget.notes == ["the manifest has 30 characters, 10 are kept"]


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 200, struct.pack("<HHH", 6, 6, 1) * 50])
def test_damaged_version_information_is_empty_or_short(
    content: bytes, build: Build, describe: Describe
) -> None:
    assert describe(image_with(build, one_resource(16, content)))["versioninfo"] == []


def test_an_icon_group_without_its_images_is_an_anomaly(build: Build, describe: Describe) -> None:
    group = struct.pack("<HHH", 0, 1, 1) + struct.pack("<8sIH", bytes(8), 1000, 7)

    pe = describe(image_with(build, one_resource(14, group)))

    assert pe["icons"] == []
    assert "the image 7 of the icon group 1 is missing or cut short" in pe["anomalies"]
