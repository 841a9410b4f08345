from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files.indicators import KINDS, REACH, WINDOW_BYTES, Finder, indicators, is_domain

GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"


def found(data: bytes | str, limit: int = 100) -> list[tuple[str, str]]:
    raw = data.encode() if isinstance(data, str) else data
    return [(each.kind, each.value) for each in indicators(raw, "sample", limit).found]


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
@pytest.mark.parametrize("before", [b"", b"\0", b"\xff\xfe\xff\xff", b"MZ\x90\0\3"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "http://evil.example.com:8080/a.php?b=c#d",
            [("url", "http://evil.example.com:8080/a.php?b=c#d"), ("domain", "evil.example.com")],
        ),
        ("https://198.51.100.7/x", [("url", "https://198.51.100.7/x"), ("ip", "198.51.100.7")]),
        (
            "ftp://user:pass@example.org/",
            [("url", "ftp://user:pass@example.org/"), ("domain", "example.org")],
        ),
        ("ws://[2001:db8::1]:80/a", [("url", "ws://[2001:db8::1]:80/a")]),
        ("http://%s/gate.php", [("url", "http://%s/gate.php")]),
        (
            "stratum+tcp://pool.example.com:3333",
            [("url", "stratum+tcp://pool.example.com:3333"), ("domain", "pool.example.com")],
        ),
        ("someone.else@example.net", [("email", "someone.else@example.net"), ("domain", "example.net")]),
        ("evil-name.duckdns.org", [("domain", "evil-name.duckdns.org")]),
        ("abcdefghij234567.onion", [("domain", "abcdefghij234567.onion")]),
        ("8.8.8.8", [("ip", "8.8.8.8")]),
        ("C:\\Users\\Public\\a b\\x.dll", [("path", "C:\\Users\\Public\\a b\\x.dll")]),
        ("/tmp/.X11/run.sh", [("path", "/tmp/.X11/run.sh")]),
        ("HKEY_LOCAL_MACHINE\\Software\\A\\Run", [("registry", "HKEY_LOCAL_MACHINE\\Software\\A\\Run")]),
        (
            "Software\\Microsoft\\Windows\\CurrentVersion\\Run",
            [("registry", "Software\\Microsoft\\Windows\\CurrentVersion\\Run")],
        ),
        ("HKCU\\Environment", [("registry", "HKCU\\Environment")]),
        ("D:\\work\\loader\\Release\\loader.pdb", [("pdb", "D:\\work\\loader\\Release\\loader.pdb")]),
        ("loader.pdb", [("pdb", "loader.pdb")]),
        ("Mozilla/5.0 (Windows NT 10.0) Gecko", [("user_agent", "Mozilla/5.0 (Windows NT 10.0) Gecko")]),
        (GENESIS, [("wallet", GENESIS)]),
        (
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            [("wallet", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")],
        ),
        (
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            [("wallet", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")],
        ),
    ],
)
def test_each_kind_is_found_with_its_place(
    text: str, expected: list[tuple[str, str]], before: bytes, encoding: str
) -> None:
    result = indicators(before + text.encode(encoding) + b"\0\0\xff", "sample", 10)

    assert [(each.kind, each.value) for each in result.found] == expected
    step = 1 if encoding == "ascii" else 2
    assert result.found[0].offset == len(before)
    for each in result.found:
        assert each.offset == len(before) + step * text.index(each.value)
        assert (each.origin, each.encoding) == ("sample", "ascii" if step == 1 else "utf-16le")
    assert result.truncated == {}


@pytest.mark.parametrize(
    "text",
    [
        "kernel32.dll user32.dll main.py lib.so index.md System.IO this.name",
        "System.Windows.Forms.Form Foo.Bar.Net console.log(a) window.document.body",
        "std::vector<int>@@QAEXXZ ?Foo@Bar@@QAE.x",
        "Version=4.0.0.0 version 10.0.19041.1 v1.2.3.4 1.2.3.4.5 300.1.1.1 01.2.3.4 1.2.3",
        "http:// ://x.com http://nodots/ http://a.notatld/ foo://example",
        "a:\\ C:\\ aC:\\x @example.com a@b a@b.notatld",
        "HKEY_ HKLM MySoftware\\A Software Mozilla/ Mozilla/x",
        ".pdb /tmp /tmp/ //tmp/x x/tmp/y",
        GENESIS[:-1] + "b " + GENESIS + "x x" + GENESIS,
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
    ],
)
def test_what_only_looks_like_an_indicator_is_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("see http://example.com/a.", "http://example.com/a"),
        ("(http://example.com/a)", "http://example.com/a"),
        ("http://example.com/a(1).html", "http://example.com/a(1).html"),
        ('"http://example.com/a"b', "http://example.com/a"),
        ("xhttp://example.com/a b", "http://example.com/a"),
        ("HTTPS://EXAMPLE.COM/A", "HTTPS://EXAMPLE.COM/A"),
    ],
)
def test_a_url_ends_where_the_text_goes_on(text: str, value: str) -> None:
    assert found(text)[0] == ("url", value)


def test_a_url_in_a_certificate_has_the_length_that_is_declared() -> None:
    url = b"http://crl.example.com/a.crl"

    assert found(b"\x86" + bytes([len(url)]) + url + b"0m\x06")[0] == ("url", url.decode())


def test_a_path_ends_at_its_ending_where_more_follows() -> None:
    assert found("C:\\Windows\\System32\\cmd.exe /c del") == [("path", "C:\\Windows\\System32\\cmd.exe")]
    assert found("C:\\My.app files\\x.txt") == [("path", "C:\\My.app files\\x.txt")]


def test_a_value_counts_once_where_it_is_first() -> None:
    [only] = indicators(b"a 8.8.8.8 ... 8.8.8.8", "sample", 10).found
    assert only.offset == 2


def test_values_beyond_the_limit_are_counted_by_kind() -> None:
    data = b" ".join(b"http://host%d.example.com/ 9.9.9.%d" % (number, number) for number in range(10))

    result = indicators(data, "sample", 4)

    assert [each.kind for each in result.found].count("url") == 4
    assert result.truncated == {"url": 6, "domain": 6, "ip": 6}


def test_a_finder_collects_from_several_pieces_with_their_addresses() -> None:
    finder = Finder("memory", 10)
    finder.search(b"  8.8.8.8", 0x400000)
    finder.search(b"  9.9.9.9 8.8.8.8", 0x10000)

    assert [(each.value, each.offset) for each in finder.result().found] == [
        ("9.9.9.9", 0x10002),
        ("8.8.8.8", 0x1000A),
    ]


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
@pytest.mark.parametrize("shift", [-60, -33, -2, -1, 0, 1, 2])
def test_a_border_between_windows_cuts_nothing(shift: int, encoding: str) -> None:
    text = "http://evil.example.com/path".encode(encoding)
    data = bytes(WINDOW_BYTES + shift) + text + bytes(WINDOW_BYTES) + text

    result = indicators(data, "sample", 10)

    assert [(each.kind, each.value, each.offset) for each in result.found][:1] == [
        ("url", "http://evil.example.com/path", WINDOW_BYTES + shift)
    ]
    assert len(result.found) == 2


def test_records_are_plain() -> None:
    assert indicators(b" 8.8.8.8 ", "sample", 1).as_dicts() == [
        {"kind": "ip", "value": "8.8.8.8", "offset": 1, "origin": "sample", "encoding": "ascii"}
    ]


@pytest.mark.parametrize(
    "unit",
    [
        *(
            b"://",
            b"http://",
            b"http://a.",
            b"a.",
            b"abc.de",
            b"1.",
            b"1.1.1.1",
            b"@",
            b"a@a.",
            b"a@b.com@",
            b":\\a",
        ),
        *(
            b"C:\\a",
            b"/tmp/",
            b"HKLM\\",
            b"oftware\\",
            b"Software\\",
            b".pdb",
            b"Mozilla/5",
            b"0x",
            b"bc1q",
            b"b",
        ),
        *(b"a\0", b"h\0t\0t\0p\0:\0/\0/\0", b"a.com ", b"\0", b"%"),
    ],
)
def test_marks_everywhere_cost_bounded_work(unit: bytes) -> None:
    data = unit * ((1 << 18) // len(unit))

    result = indicators(data, "sample", 100)

    assert len(result.found) <= 100 * len(KINDS)


@given(st.binary(max_size=400), st.integers(0, 3))
def test_any_bytes_give_indicators_that_stand_there(data: bytes, limit: int) -> None:
    for each in indicators(data, "sample", limit).found:
        step = 1 if each.encoding == "ascii" else 2
        assert each.kind in KINDS
        text = data[each.offset :: step][: len(each.value)].decode("latin-1")
        assert text.lower() == each.value.lower()


@given(
    st.lists(
        st.sampled_from(["http://", "example.com", "/", "a@", "8.8.8.8", " ", ":\\", "C", "\0", "x.pdb", "é"])
    )
)
def test_any_mixture_of_marks_gives_indicators_that_stand_there(parts: list[str]) -> None:
    data = "".join(parts).encode("latin-1")

    for each in indicators(data, "sample", 50).found:
        text = data[each.offset : each.offset + len(each.value)].decode("latin-1")
        assert text.lower() == each.value.lower()
        assert len(each.value) <= 2 * REACH


@pytest.mark.parametrize(
    ("name", "bare", "expected"),
    [
        ("example.com", True, True),
        ("main.py", False, True),
        ("main.py", True, False),
        ("example.notatld", False, False),
        ("-a.com", False, False),
        ("a..com", False, False),
        ("xn--e1afmkfd.xn--p1ai", True, True),
        ("com", False, False),
        ("a" * 64 + ".com", False, False),
        (".".join(["a" * 60] * 5) + ".com", False, False),
        ("_dmarc.example.com", False, True),
    ],
)
def test_domains_have_valid_labels_and_a_real_top_level(name: str, bare: bool, expected: bool) -> None:
    assert is_domain(name, bare=bare) is expected


def test_the_indicators_of_real_files(shared_data: Path) -> None:
    binaries = shared_data / "binaries"

    assert found((binaries / "pypi-distlib" / "t64.exe").read_bytes()) == [
        ("path", "/usr/bin/env"),
        ("pdb", "C:\\Users\\Vinay\\Projects\\simple_launcher\\dist\\t64.pdb"),
    ]
    conpty = found((binaries / "pypi-pywinpty" / "conpty.dll").read_bytes())
    assert ("url", "http://www.microsoft.com/pkiops/Docs/Repository.htm") in conpty
    assert ("pdb", "C:\\__w\\1\\s\\bin\\x64\\Release\\conpty.pdb") in conpty
    win32ui = found((binaries / "pypi-pywin32" / "win32ui.pyd").read_bytes())
    assert ("url", "https://github.com/mhammond/pywin32") in win32ui
    assert {kind for kind, _ in win32ui} == {"path", "pdb", "url", "domain"}


def test_wide_text_ends_where_the_bytes_between_are_no_zeros() -> None:
    url = "http://example.com/abc".encode("utf-16-le")

    assert found(url + b"d\1e\1f\1") == [("url", "http://example.com/abc"), ("domain", "example.com")]
    assert found(b"a\1b\1C\1" + url)[0] == ("url", "http://example.com/abc")
    assert found("\u0168\u0174://example.com/abc".encode("utf-16-le")) == []
