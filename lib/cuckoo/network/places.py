"""Where an address is and who runs it, from local MaxMind databases (GeoLite2 or those of the same layout)."""

from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.inputs import depends_on
from lib.cuckoo.network.conversation import Record


class Places:
    """Looks addresses up; without databases nothing is known of any.

    Raises:
        CuckooDependencyError: the library is missing, or a database cannot be read.
    """

    def __init__(self, countries: str, networks: str) -> None:
        self._countries = _open(countries, "countries", ("ASN", "ISP"))
        self._networks = _open(networks, "networks", ("Country", "City"))

    def locate(self, address: str) -> Record:
        """Return `country_name`, `country_code`, `asn` and `as_organisation`, as far as they are known.

        Raises:
            CuckooDependencyError: a database is damaged.
        """
        found: Record = {}
        if self._countries is not None:
            country = _inside(_look_up(self._countries, address), "country")
            found["country_name"] = _inside(country, "names").get("en", "unknown")
            found["country_code"] = country.get("iso_code", "")
        if self._networks is not None:
            network = _look_up(self._networks, address)
            found["asn"] = network.get("autonomous_system_number")
            found["as_organisation"] = network.get("autonomous_system_organization", "")
        return found


class _Database:
    """A database that is open; `path` is for messages."""

    def __init__(self, path: str, reader: Any, damaged: type[Exception]) -> None:
        # maxminddb has no types that say what its records hold
        self.path = path
        self._reader = reader
        self._damaged = damaged

    def get(self, address: str) -> object:
        """Return the record of an address, None where there is none."""
        try:
            return self._reader.get(address)
        except self._damaged as error:
            raise CuckooDependencyError(f"the database {self.path} is damaged: {error}") from error


def _look_up(database: _Database, address: str) -> Record:
    """Return what a database says of an address: nothing where it is IPv6 and the database is not."""
    try:
        record = database.get(address)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _inside(record: Record, name: str) -> Record:
    inner = record.get(name)
    return inner if isinstance(inner, dict) else {}


def _open(path: str, content: str, others: tuple[str, ...]) -> _Database | None:
    """Open a database of some content, unless the name of its type tells that it is one of others."""
    if not path:
        return None
    try:
        import maxminddb  # noqa: PLC0415 - an extra, needed only when a database is configured
    except ImportError as error:
        raise CuckooDependencyError(f"databases of addresses need maxminddb: {error}") from error
    depends_on(path)  # its reader may be native code
    try:
        reader = maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise CuckooDependencyError(f"cannot read the database {path}: {error}") from error
    kind = reader.metadata().database_type
    if any(other in kind for other in others):
        raise CuckooDependencyError(f"the database {path} is of the type {kind}, not one of {content}")
    return _Database(path, reader, maxminddb.InvalidDatabaseError)
