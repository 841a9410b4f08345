from pathlib import Path

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.reputation.key import find_key

VARIABLE = "A_SERVICE_KEY"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_the_configured_key_comes_first_then_the_environment_then_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("\n  of-the-file \r\nanother line\n")

    assert find_key("A", "", VARIABLE, str(file)) == "of-the-file"
    monkeypatch.setenv(VARIABLE, " of-the-environment\n")
    assert find_key("A", "", VARIABLE, str(file)) == "of-the-environment"
    assert find_key("A", "configured", VARIABLE, str(file)) == "configured"


def test_without_a_key_the_words_to_mend_it_are_said(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n \n")

    for file in ("", str(tmp_path / "empty")):
        with pytest.raises(CuckooDependencyError, match=r"option key or key_file, or \$A_SERVICE_KEY"):
            find_key("A", "", VARIABLE, file)


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        CuckooDependencyError, match=f"cannot read the key file {tmp_path}/none: No such file"
    ):
        find_key("A", "", VARIABLE, f"{tmp_path}/none")


@pytest.mark.parametrize("key", ["one two", "line\nbreak", "schlüssel", "x" * 513, "nul\0"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(CuckooDependencyError) as caught:
        find_key("A", key, VARIABLE, "")

    assert str(caught.value) == "the key of A holds characters that no key has"
