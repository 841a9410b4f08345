"""`File`, what modules and signatures of the field use to describe one file."""

import os
from functools import cached_property

from lib.cuckoo.common.digests import Digests, digest
from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.filetype import describe
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.shapes import FileRecord
from lib.cuckoo.common.text import readable_name


class File:
    """One file of an analysis, read when first asked and only once.

    Whatever reads raises `CuckooProcessingError`, with the path, for what is absent, no regular file or a
    link out of the analysis. `folder` says which analysis; without it `AnalysisFolder.around` guesses.
    Without `fuzzy` no time is spent on ssdeep and tlsh.
    """

    def __init__(
        self, path: str | os.PathLike[str], folder: AnalysisFolder | None = None, *, fuzzy: bool = True
    ) -> None:
        self.file_path = os.fspath(path)
        self._fuzzy = fuzzy
        self._folder = folder or AnalysisFolder.around(path)
        self._location = os.path.abspath(path) if folder is None else self.file_path

    def valid(self) -> bool:
        """Tell whether the file can be opened and is not empty."""
        try:
            return self.get_size() > 0
        except CuckooProcessingError:
            return False

    def get_name(self) -> str:
        """Return the last part of the path."""
        return readable_name(os.path.basename(self.file_path))

    def get_size(self) -> int:
        """Return the size in bytes, without reading the data."""
        with self._folder.open(self._location) as stream:
            return os.fstat(stream.fileno()).st_size

    def get_crc32(self) -> str:
        """Return the CRC-32 as eight upper-case hexadecimal digits."""
        return self._digests.crc32

    def get_md5(self) -> str:
        """Return the MD5 digest in hexadecimal."""
        return self._digests.md5

    def get_sha1(self) -> str:
        """Return the SHA-1 digest in hexadecimal."""
        return self._digests.sha1

    def get_sha256(self) -> str:
        """Return the SHA-256 digest in hexadecimal."""
        return self._digests.sha256

    def get_sha512(self) -> str:
        """Return the SHA-512 digest in hexadecimal."""
        return self._digests.sha512

    def get_ssdeep(self) -> str | None:
        """Return the ssdeep hash; None without the extra `fuzzy` and for files above 2 MiB."""
        return self._digests.ssdeep

    def get_tlsh(self) -> str | None:
        """Return the TLSH hash; None without the extra `fuzzy`, above 64 MiB and for data it cannot hash."""
        return self._digests.tlsh

    def get_type(self) -> str:
        """Describe the file as libmagic does: "PE32 executable (GUI) Intel 80386, for MS Windows"."""
        return self._type

    def get_content_type(self) -> str:
        """Return the MIME type."""
        with self._folder.open(self._location) as stream:
            return describe(stream.fileno(), mime=True)

    def get_all(self) -> FileRecord:
        """Return the record of one file, as it stands in reports.

        `guest_paths` and `yara` are empty lists here; whoever knows more fills them.
        """
        digests = self._digests
        return {
            "name": self.get_name(),
            "path": readable_name(self.file_path),
            "guest_paths": [],
            "size": digests.size,
            "crc32": digests.crc32,
            "md5": digests.md5,
            "sha1": digests.sha1,
            "sha256": digests.sha256,
            "sha512": digests.sha512,
            "ssdeep": digests.ssdeep,
            "tlsh": digests.tlsh,
            "type": self.get_type(),
            "yara": [],
        }

    @cached_property
    def _digests(self) -> Digests:
        with self._folder.open(self._location) as stream:
            try:
                return digest(stream, fuzzy=self._fuzzy)
            except OSError as error:
                raise CuckooProcessingError(
                    f"cannot read {readable_name(self.file_path)}: {error.strerror}"
                ) from error

    @cached_property
    def _type(self) -> str:
        with self._folder.open(self._location) as stream:
            return describe(stream.fileno())
