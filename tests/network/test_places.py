import re
from pathlib import Path

import pytest

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.network.places import Places
from tests.network.maxmind import database

COUNTRIES = {"country": {"iso_code": "SE", "names": {"en": "Sweden"}}}
NETWORKS = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example AB"}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    countries, networks = tmp_path / "countries.mmdb", tmp_path / "networks.mmdb"
    countries.write_bytes(database(COUNTRIES))
    networks.write_bytes(database(NETWORKS))
    return Places(str(countries), str(networks))


def test_an_address_has_a_country_and_a_network(places: Places) -> None:
    assert places.locate("192.0.2.1") == {
        "country_name": "Sweden",
        "country_code": "SE",
        "asn": 64500,
        "as_organisation": "Example AB",
    }


@pytest.mark.parametrize("address", ["1.1.1.1", "2001:db8::1"])
def test_of_an_address_that_is_not_in_the_databases_nothing_is_known(places: Places, address: str) -> None:
    assert places.locate(address) == {
        "country_name": "unknown", "country_code": "", "asn": None, "as_organisation": "",
    }  # fmt: skip


def test_without_databases_nothing_is_said() -> None:
    assert Places("", "").locate("192.0.2.1") == {}


def test_a_file_that_is_no_database_is_a_missing_dependency(tmp_path: Path) -> None:
    (tmp_path / "bad.mmdb").write_bytes(b"not a database")

    with pytest.raises(CuckooDependencyError, match=r"bad\.mmdb"):
        Places(str(tmp_path / "bad.mmdb"), "")


@pytest.mark.parametrize("kind", ["GeoLite2-ASN", "DBIP-ASN-Lite (compat=GeoLite2-ASN)", "GeoIP2-ISP"])
def test_a_database_of_networks_is_none_of_countries(tmp_path: Path, kind: str) -> None:
    (tmp_path / "wrong.mmdb").write_bytes(database(NETWORKS, kind))

    with pytest.raises(
        CuckooDependencyError, match=rf"wrong\.mmdb is of the type {re.escape(kind)}, not one of count"
    ):
        Places(str(tmp_path / "wrong.mmdb"), "")
    assert Places("", str(tmp_path / "wrong.mmdb")).locate("192.0.2.1")["asn"] == 64500


@pytest.mark.parametrize("kind", ["GeoLite2-Country", "GeoLite2-City"])
def test_a_database_of_countries_is_none_of_networks(tmp_path: Path, kind: str) -> None:
    (tmp_path / "wrong.mmdb").write_bytes(database(COUNTRIES, kind))

    with pytest.raises(CuckooDependencyError, match=r"wrong\.mmdb is of the type .*, not one of networks"):
        Places("", str(tmp_path / "wrong.mmdb"))
    assert Places(str(tmp_path / "wrong.mmdb"), "").locate("192.0.2.1")["country_code"] == "SE"


def test_a_database_that_is_damaged_is_named_when_an_address_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / "cut.mmdb").write_bytes(database(COUNTRIES)[8:])
    places = Places(str(tmp_path / "cut.mmdb"), "")

    with pytest.raises(CuckooDependencyError, match=r"the database .*cut\.mmdb is damaged"):
        places.locate("192.0.2.1")


@pytest.mark.parametrize(
    "record", ["SE", {"country": "SE"}, {"country": {"names": "Sweden"}}, {"country": ["SE"]}]
)
def test_records_of_another_layout_say_nothing(tmp_path: Path, record: object) -> None:
    (tmp_path / "other.mmdb").write_bytes(database(record))

    found = Places(str(tmp_path / "other.mmdb"), str(tmp_path / "other.mmdb")).locate("192.0.2.1")

    assert found == {"country_name": "unknown", "country_code": "", "asn": None, "as_organisation": ""}
