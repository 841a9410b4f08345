"""What kind of file something is, by its content and never by its name.

Magic numbers decide where a format has one; libmagic's words decide about mail, scripts and the rest of text. A kind
names the format, not whether the file is sound: a PE that ends in its header is still a PE.
"""

import re

from lib.cuckoo.files.budget import Data
from lib.cuckoo.files.language import is_script

HEAD_BYTES = 64 << 10
"""What is looked at, at the beginning and at the end."""
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_MSI_CLASSES = tuple(bytes.fromhex(f"{first}0c0000000000c000000000000046") for first in ("8410", "8610"))
"""Installer packages and their patches."""
_FIRST_BYTES = (
    (b"\x7fELF", "elf"),
    (b"{\\rt", "rtf"),
    (b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F", "lnk"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"MSCF", "cab"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"ITSF", "chm"),
    (b"\xca\xfe\xd0\x0d", "java"),
)
_MACHO = {
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbf",
}
_MAXIMUM_ARCHITECTURES = 40
"""A fat Mach-O and a Java class begin alike; where one counts architectures the other has a version of 45 or more."""
_SCRIPT_WORDS = ("script", "batch", "powershell", "javascript", "vbscript")
_MAIL_WORDS = ("smtp mail", "rfc 822 mail", "news or mail", "mime entity", "internet mail")
_MAIL_HEADER = re.compile(rb"(?im)^(?:received|from|to|subject|mime-version|message-id|return-path):[ \t]")


def kind_of(data: Data, described: str) -> str:
    """Name the kind of `data`, of which libmagic says `described`.

    Returns:
        "pe", "dos", "elf", "macho", "java", "ole", "msi", "msg", "ooxml", "odf", "rtf", "pdf", "lnk", "eml", "html",
        "xml", "script", "zip", "apk", "jar", "7z", "rar", "cab", "gzip", "bzip2", "xz", "tar", "iso", "chm", else
        "text" or "data".
    """
    head = data[:HEAD_BYTES]
    for start, kind in _FIRST_BYTES:
        if head.startswith(start):
            return kind
    for check in (_executable, _container, _document):
        kind = check(data, head)
        if kind:
            return kind
    return _by_words(head, described.lower())


def _executable(data: Data, head: bytes) -> str:
    if head[:2] in {b"MZ", b"ZM"}:
        at = int.from_bytes(head[60:64], "little")
        return "pe" if data[at : at + 4] == b"PE\0\0" else "dos"
    if head[:4] in _MACHO:
        return "macho"
    if head[:4] == b"\xca\xfe\xba\xbe" and len(head) >= 8:
        return "macho" if int.from_bytes(head[4:8], "big") < _MAXIMUM_ARCHITECTURES else "java"
    return ""


def _container(data: Data, head: bytes) -> str:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_kind(data, head)
    if head.startswith(_OLE):
        return _ole_kind(data, head)
    if head[257:262] == b"ustar":
        return "tar"
    if data[32769:32774] == b"CD001":
        return "iso"
    return ""


def _zip_kind(data: Data, head: bytes) -> str:
    """Tell by the names of members, which stand at the beginning and once more in the directory at the end."""
    names = head + data[max(0, len(data) - HEAD_BYTES) :]
    if b"[Content_Types].xml" in names:
        return "ooxml"
    if b"mimetypeapplication/vnd.oasis" in head[:256]:
        return "odf"
    if b"AndroidManifest.xml" in names:
        return "apk"
    return "jar" if b"META-INF/MANIFEST.MF" in names else "zip"


def _ole_kind(data: Data, head: bytes) -> str:
    """Tell by the class of the root, in the first directory entry, or by the names of streams that mails have."""
    sector = 1 << min(int.from_bytes(head[30:32], "little"), 16)
    root = (int.from_bytes(head[48:52], "little") + 1) * sector
    if data[root + 80 : root + 96] in _MSI_CLASSES:
        return "msi"
    names = data[root : root + HEAD_BYTES]
    return "msg" if "__properties_version1.0".encode("utf-16-le") in names else "ole"


def _document(_: Data, head: bytes) -> str:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    return ""


def _by_words(head: bytes, described: str) -> str:
    if head.startswith(b"#!") or any(word in described for word in _SCRIPT_WORDS):
        return "script"
    if any(word in described for word in _MAIL_WORDS) or _looks_like_mail(head):
        return "eml"
    kind = next((kind for kind in ("html", "xml", "text") if kind in described), "data")
    # libmagic knows no JavaScript, VBScript and PowerShell
    return "script" if kind == "text" and is_script(head) else kind


def _looks_like_mail(head: bytes) -> bool:
    """Tell whether three of the well-known header fields stand before the first empty line."""
    fields = head[:8192].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return len(_MAIL_HEADER.findall(fields)) >= 3
