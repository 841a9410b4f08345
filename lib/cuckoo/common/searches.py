"""The searches of `Signature`: in the summary, in the calls, in the network section.

The parameter names `regex` and `all` are the contract's.
"""
# ruff: noqa: A002 - `all` is the contract's name

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lib.cuckoo.common.calls import Call, calls_of, named_arguments
from lib.cuckoo.common.matching import Found, find
from lib.cuckoo.common.view import ResultsView


class SummarySearches:
    """Each method searches one list of `results["behavior"]["summary"]`.

    Equality and `re.match` ignore case; nothing found gives None, `all` with `regex` the set of hits.
    """

    results: ResultsView

    def _find_in_summary(self, name: str, pattern: str, regex: bool, every: bool) -> Found:
        return find(pattern, self.results["behavior"]["summary"][name], regex=regex, every=every)

    def check_file(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the files that were touched in any way."""
        return self._find_in_summary("files", pattern, regex, all)

    def check_read_file(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the files that were opened for reading."""
        return self._find_in_summary("read_files", pattern, regex, all)

    def check_write_file(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the files that were opened for writing."""
        return self._find_in_summary("write_files", pattern, regex, all)

    def check_delete_file(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the files that were deleted."""
        return self._find_in_summary("delete_files", pattern, regex, all)

    def check_key(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the registry keys and values that were touched in any way."""
        return self._find_in_summary("keys", pattern, regex, all)

    def check_read_key(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the registry values that were read."""
        return self._find_in_summary("read_keys", pattern, regex, all)

    def check_write_key(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the registry values that were set and the keys that were created."""
        return self._find_in_summary("write_keys", pattern, regex, all)

    def check_delete_key(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the registry keys and values that were deleted."""
        return self._find_in_summary("delete_keys", pattern, regex, all)

    def check_mutex(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the names of mutexes."""
        return self._find_in_summary("mutexes", pattern, regex, all)

    def check_started_service(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the names of services that were started."""
        return self._find_in_summary("started_services", pattern, regex, all)

    def check_created_service(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the names of services that were created."""
        return self._find_in_summary("created_services", pattern, regex, all)

    def check_executed_command(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the command lines of processes that were started."""
        return self._find_in_summary("executed_commands", pattern, regex, all)


class CallSearches:
    """Searches over all calls of all processes; `all` with `regex` gives the set of hits."""

    results: ResultsView
    _last_named: tuple[Mapping[str, Any] | None, dict[str, Mapping[str, Any]]] = (None, {})
    """The call that was asked about last, by whichever signature, and its arguments by name."""

    @staticmethod
    def _named(call: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """Return the arguments of a call by name, and keep them: the next signature asks about the same call."""
        named = named_arguments(call)
        CallSearches._last_named = (call, named)
        return named

    def get_argument(self, call: Mapping[str, Any], name: str) -> Any:
        """Return an argument as the report shows it, None when the call has no such argument."""
        last, named = CallSearches._last_named
        if last is not call:
            named = CallSearches._named(call)
        argument = named.get(name)
        return None if argument is None else argument.get("value")

    def get_raw_argument(self, call: Mapping[str, Any], name: str) -> Any:
        """Return an argument as the monitor logged it, None when the call has none of this name.

        Calls that were read from a report carry no raw values: there the text is given, as a number where it
        reads as one (`0x…` or decimal digits).
        """
        last, named = CallSearches._last_named
        argument = (named if last is call else CallSearches._named(call)).get(name)
        if argument is None:
            return None
        if "raw_value" in argument:
            return argument["raw_value"]
        return _number_or_text(argument.get("value"))

    def check_api(
        self, pattern: str, process: str | None = None, regex: bool = False, all: bool = False
    ) -> Found:
        """Search the names of the APIs called, in `process` (a name, ignoring case) or in all.

        Equality respects case; `re.match` ignores it.
        """
        api = None if regex else pattern
        names = (call.get("api") for each in self._processes(process) for call in calls_of(each, api))
        return find(pattern, names, regex=regex, every=all, ignorecase=regex)

    def check_argument(
        self,
        pattern: str,
        name: str | None = None,
        api: str | None = None,
        category: str | None = None,
        process: str | None = None,
        regex: bool = False,
        all: bool = False,
        ignorecase: bool = False,
    ) -> Found:
        """Search the values of arguments called `name`, in the calls of `api`, `category` and `process`.

        None as a filter passes all. Case counts unless `ignorecase`.
        """
        calls = (call for each in self._processes(process) for call in calls_of(each, api, category))
        values = (value for call in calls for value in _values(call, name))
        return find(pattern, values, regex=regex, every=all, ignorecase=ignorecase)

    def check_argument_call(
        self,
        call: Call,
        pattern: str,
        name: str | None = None,
        api: str | None = None,
        category: str | None = None,
        regex: bool = False,
        all: bool = False,
        ignorecase: bool = False,
    ) -> Found:
        """Search the values of one call's arguments; None when the call is of another `api`, `category`."""
        if (api and call.get("api") != api) or (category and call.get("category") != category):
            return None
        return find(pattern, _values(call, name), regex=regex, every=all, ignorecase=ignorecase)

    def _processes(self, name: str | None) -> Iterator[Mapping[str, Any]]:
        for process in self.results["behavior"]["processes"]:
            if not name or str(process.get("process_name", "")).lower() == name.lower():
                yield process


class NetworkSearches:
    """Searches of `results["network"]`; equality and `re.match` ignore case."""

    results: ResultsView

    def check_ip(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the addresses of `hosts`."""
        return find(pattern, _members(self.results["network"]["hosts"], "ip"), regex=regex, every=all)

    def check_domain(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the names of `domains`."""
        return find(pattern, _members(self.results["network"]["domains"], "domain"), regex=regex, every=all)

    def check_url(self, pattern: str, regex: bool = False, all: bool = False) -> Found:
        """Search the addresses of `http` requests."""
        return find(pattern, _members(self.results["network"]["http"], "uri"), regex=regex, every=all)


def _values(call: Mapping[str, Any], name: str | None) -> Iterator[object]:
    for argument in call.get("arguments") or ():
        if not name or argument["name"] == name:
            yield argument.get("value")


def _members(records: Iterable[Any], name: str) -> Iterator[object]:
    """Yield one member of each record; in old reports a record is the bare value."""
    for record in records:
        yield record.get(name) if isinstance(record, Mapping) else record


def _number_or_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return int(value, 16) if value.startswith("0x") else int(value) if value.isdecimal() else value
    except ValueError:
        return value
