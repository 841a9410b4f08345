from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files.families import collect_families, families_of


@pytest.mark.parametrize(
    ("meta", "families"),
    [
        ({"family": "Emotet"}, ["Emotet"]),
        ({"malware": "KONNI", "family": "Konni"}, ["Konni"]),
        ({"cape_type": "QakBot Payload"}, ["QakBot"]),
        ({"cape_type": "Dridex v4 Loader (32-bit)"}, ["Dridex v4"]),
        ({"cape_type": "Injection"}, []),
        ({"malware": "MALWARE", "family": "generic"}, []),
        ({"family": 5, "malware": True}, ["5"]),
        ({"family": "x" * 65}, []),
        ({}, []),
    ],
)
def test_a_family_is_what_the_meta_data_names(meta: dict[str, Any], families: list[str]) -> None:
    assert families_of(meta) == families


def match(**meta: Any) -> list[dict[str, Any]]:
    return [{"name": "Rule", "meta": meta}]


def test_families_come_from_every_record_with_where_they_were_found() -> None:
    results = {
        "target": {"category": "file", "file": {"sha256": "aa", "yara": match(family="One")}},
        "dropped": [{"sha256": "bb", "yara": match(malware="ONE")}, {"sha256": "cc", "yara": []}],
        "CAPE": {
            "payloads": [{"sha256": "dd", "cape_yara": match(cape_type="Two Payload"), "yara": match()}]
        },
        "procmemory": [{"file": "memory/1.dmp", "yara": match(family="One")}],
        "behavior": {"yara": match(family="Not a file")},
    }

    assert collect_families(results) == [
        {"family": "One", "details": [{"Yara": "aa"}, {"Yara": "bb"}, {"Yara": "memory/1.dmp"}]},
        {"family": "Two", "details": [{"Yara": "dd"}]},
    ]


def test_what_others_added_stays_first_and_unchanged() -> None:
    before = [{"family": "qakbot", "details": [{"VirusTotal": "aa"}]}]
    results = {"detections": before, "target": {"file": {"sha256": "aa", "yara": match(family="QakBot")}}}

    assert collect_families(results) == [
        {"family": "qakbot", "details": [{"VirusTotal": "aa"}, {"Yara": "aa"}]}
    ]
    assert before == [{"family": "qakbot", "details": [{"VirusTotal": "aa"}]}]


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["yara", "meta", "family", "file", "x"]), inner)
        ),
    )
)
def test_sections_of_any_shape_are_no_fault(section: Any) -> None:
    assert isinstance(collect_families({"target": section, "detections": section}), list)
