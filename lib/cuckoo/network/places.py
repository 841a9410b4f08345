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
        self._countries = _open(countries)
        self._networks = _open(networks)

    def locate(self, address: str) -> Record:
        """Return `country_name`, `country_code`, `asn` and `as_organisation`, as far as they are known."""
        found: Record = {}
        if self._countries is not None:
            country = _look_up(self._countries, address).get("country", {})
            found["country_name"] = country.get("names", {}).get("en", "unknown")
            found["country_code"] = country.get("iso_code", "")
        if self._networks is not None:
            network = _look_up(self._networks, address)
            found["asn"] = network.get("autonomous_system_number")
            found["as_organisation"] = network.get("autonomous_system_organization", "")
        return found


def _look_up(database: Any, address: str) -> Record:
    """Return what a database says of an address: nothing where it is IPv6 and the database is not."""
    try:
        return database.get(address) or {}
    except ValueError:
        return {}


def _open(path: str) -> Any:  # maxminddb has no types that say what its records hold
    if not path:
        return None
    try:
        import maxminddb  # noqa: PLC0415 - an extra, needed only when a database is configured
    except ImportError as error:
        raise CuckooDependencyError(f"databases of addresses need maxminddb: {error}") from error
    depends_on(path)  # its reader may be native code
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise CuckooDependencyError(f"cannot read the database {path}: {error}") from error
