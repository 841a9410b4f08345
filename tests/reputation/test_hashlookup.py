import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.reputation.hashlookup import judge
from lib.cuckoo.reputation.service import NoAnswerError, file_subject

SHA256 = "301c9ec7a9aadee4d745e8fd4fa659dafbbcc6b75b9ff491d14cbbdd840814e9"
FILE = file_subject(SHA256)
KNOWN = {
    "FileName": "./bin/ls",
    "FileSize": "126584",
    "SHA-256": SHA256.upper(),
    "MD5": "E7793F15C2FF7E747B4BC7079F5CD4F7",
    "hashlookup:parent-total": 3,
    "hashlookup:trust": 65,
    "ProductCode": {"ProductName": "Ubuntu", "ProductCode": 7},
    "source": "snap",
}


def test_a_known_file() -> None:
    assert judge(FILE, 200, KNOWN) == {
        "found": True,
        "resource": SHA256,
        "trust": 65,
        "name": "./bin/ls",
        "size": "126584",
        "source": "snap",
        "product": "Ubuntu",
        "parents": 3,
        "md5": "e7793f15c2ff7e747b4bc7079f5cd4f7",
        "sha256": SHA256,
    }


def test_old_records_have_no_sha256() -> None:
    record = judge(FILE, 200, {"SHA-1": "AB" * 20, "hashlookup:trust": 50})

    assert (record["found"], record["sha1"], "sha256" in record) == (True, "ab" * 20, False)


def test_a_file_that_is_not_known() -> None:
    answer = {"message": "Non existing SHA-256", "query": SHA256}

    assert judge(FILE, 404, answer) == {"found": False, "resource": SHA256}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, [], "status 404"),
        (400, {"message": "SHA-256 value incorrect, expecting a SHA-256 value in hex format"}, "status 400"),
        (200, KNOWN | {"SHA-256": "00"}, "no record of the file"),
        (200, "<html>", "no record of the file"),
        (200, {"hashlookup:trust": 50}, "no record of the file"),
    ],
)
def test_anything_else_is_no_answer(status: int, body: object, words: str) -> None:
    with pytest.raises(NoAnswerError, match=words):
        judge(FILE, status, body)


JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(KNOWN)), inner),
    max_leaves=8,
)


@given(st.sampled_from([200, 404, 500]), JSON)
def test_any_answer_gives_plain_data_or_the_named_error(status: int, body: object) -> None:
    whole = body | {"SHA-256": SHA256} if isinstance(body, dict) else body
    try:
        record = judge(FILE, status, whole)
    except NoAnswerError:
        return
    json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
