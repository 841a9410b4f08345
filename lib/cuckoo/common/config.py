"""`Config`, the way dropped-in files read configuration."""

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.common.options import Options
from lib.cuckoo.common.root import find_root


class Config:
    """The sections of conf/<name>.conf of the working root, else of the configuration that ships with fledge."""

    def __init__(self, file_name: str = "fledge") -> None:
        self._name = file_name
        self._sections = read_sections(find_root().configuration(file_name))

    def get(self, section: str) -> Options:
        """Return the options of a section.

        Raises:
            CuckooOperationalError: there is no such section.
        """
        try:
            return self._sections[section].options
        except KeyError:
            raise CuckooOperationalError(f"conf/{self._name}.conf has no section [{section}]") from None

    def __getattr__(self, section: str) -> Options:
        if section.startswith("_"):
            raise AttributeError(section)
        try:
            return self.get(section)
        except CuckooOperationalError as error:
            raise AttributeError(str(error)) from error
