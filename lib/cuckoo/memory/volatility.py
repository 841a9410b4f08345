"""The border to Volatility 3: everything that is known here about its interfaces stands in this file.

Volatility keeps its settings in module attributes. They are set for this process when a session opens; the engine runs
a memory module in a process of its own.
"""

import fcntl
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.cuckoo.common.exceptions import CuckooDependencyError
from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.common.inputs import depends_on
from lib.cuckoo.memory.cells import plain, type_name
from lib.cuckoo.memory.kernel import Kernel
from lib.cuckoo.memory.regions import Region
from lib.cuckoo.memory.settings import PluginSettings

_PROBES = {"linux": "PsList", "mac": "PsList", "windows": "PsList"}
"""For each system the class whose needs, a kernel with layers and symbols, are what all its plugins need.

Linux and mac come first: their layers are built only where a banner with known symbols is found, so asking costs one
search. The windows one goes through all pages for a table that points at itself.
"""
Progress = Callable[[str], None]


class UnknownPluginError(Exception):
    """The installed Volatility has no such plugin."""


class UnsatisfiedError(Exception):
    """The plugin needs something that neither the image nor the configuration gives."""


@dataclass(frozen=True)
class Places:
    """Where Volatility reads symbols and writes its cache."""

    symbols: Path
    cache: Path
    download: bool = False
    """True lets it fetch symbols from the internet."""


class Session:
    """An image with its layers and symbols, on which plugins run."""

    def __init__(self, context: Any, system: str, version: str) -> None:
        self.context = context
        self.system = system
        self.version = version

    @property
    def symbols(self) -> str:
        """The file of the kernel's symbols, without its folder."""
        location = str(self.context.config.get(_path("symbol_table_name.isf_url"), ""))
        return location.rpartition("/")[2]

    @property
    def layers(self) -> list[str]:
        """Classes of the layers, from the file upwards, for example FileLayer, LimeLayer, Intel32e."""
        return [type(layer).__name__ for layer in self.context.layers.values()]

    def run(self, settings: PluginSettings, send: Callable[[Any], None], options: Mapping[str, Any]) -> None:
        """Run a plugin and send its columns, its rows, and how many more rows there are.

        Sends `["columns", [{name, type}]]`, then `["row", {…}]` for each, with its `depth` in the tree, and
        `["beyond", number]` if there are more rows than wanted.

        Raises:
            UnknownPluginError: there is no such plugin.
            UnsatisfiedError: it needs more than there is.
            Exception: whatever the plugin raises.
        """
        cls = plugin_class(settings.name, self.version)
        grid = self._built(cls, options).run()
        names = [column.name for column in grid.columns]
        columns = [{"name": column.name, "type": type_name(column.type)} for column in grid.columns]
        send(["columns", columns])
        writer = _Rows(settings, names, send)
        grid.populate(writer.visit, None)
        if writer.beyond:
            send(["beyond", writer.beyond])

    def read(self, region: Region, maximum: int) -> bytes:
        """Return the first bytes of a region; pages that are not there read as zeros, b"" if none can be read.

        Works after a plugin has built the layer of the process, which it names after the pid.
        """
        ending = f"_Process{region.pid}"
        layers = [layer for name, layer in self.context.layers.items() if name.endswith(ending)]
        if not layers:
            return b""
        data: bytes = layers[0].read(region.start, min(region.end - region.start, maximum), True)
        return data

    def _built(self, cls: Any, options: Mapping[str, Any]) -> Any:
        from volatility3.framework import automagic  # noqa: PLC0415 - heavy, optional

        base = f"plugins.{cls.__name__}"
        config = self.context.config
        config.splice(f"{base}.kernel", config.branch(_path("")[:-1]))
        config[f"{base}.kernel"] = "kernel"
        for name, value in options.items():
            config[f"{base}.{name}"] = value
        if cls.unsatisfied(self.context, base):
            chosen = automagic.choose_automagic(automagic.available(self.context), cls)
            automagic.run(chosen, self.context, cls, "plugins")
        missing = cls.unsatisfied(self.context, base)
        if missing:
            raise UnsatisfiedError(", ".join(path.removeprefix(f"{base}.") for path in missing))
        plugin = cls(self.context, base, None)
        plugin.set_open_method(_discarding())
        return plugin


class _Rows:
    """Turns the nodes of a grid into rows and sends those that are wanted."""

    def __init__(self, settings: PluginSettings, names: list[str], send: Callable[[Any], None]) -> None:
        self.beyond = 0
        self._settings, self._names, self._send = settings, names, send
        self._left = settings.rows
        self._cell = settings.cell

    def visit(self, node: Any, accumulator: None) -> None:
        row = {name: plain(value, self._cell) for name, value in zip(self._names, node.values, strict=True)}
        if not all(condition.keeps(row) for condition in self._settings.filters):
            return accumulator
        if self._left:
            self._left -= 1
            self._send(["row", row | {"depth": max(0, node.path_depth - 1)}])
        else:
            self.beyond += 1
        return accumulator


@contextmanager
def library(places: Places) -> Iterator[str]:
    """Set Volatility up for this process and yield its version.

    jsonschema is kept away from it: checking a symbol file of 35 MB takes minutes, and symbol files are the
    user's own.

    Raises:
        CuckooDependencyError: it is not installed.
    """
    describe_bytes(
        b""
    )  # Volatility imports python-magic too, which loads the wrong libmagic if it comes first
    home = os.environ.get("XDG_CACHE_HOME")
    checker = sys.modules.get("jsonschema")
    os.environ["XDG_CACHE_HOME"] = str(places.cache.parent)  # it makes a folder there when imported
    sys.modules["jsonschema"] = None  # type: ignore[assignment]  # makes its import fail
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says of its own parts is for its authors
            yield _configured(places)
    finally:
        os.environ.pop("XDG_CACHE_HOME")
        if home is not None:
            os.environ["XDG_CACHE_HOME"] = home
        del sys.modules["jsonschema"]
        if checker is not None:
            sys.modules["jsonschema"] = checker


def _configured(places: Places) -> str:
    try:
        from volatility3 import framework, plugins, symbols  # noqa: PLC0415 - heavy, optional
        from volatility3.framework import constants  # noqa: PLC0415 - heavy, optional
    except ImportError as error:
        raise CuckooDependencyError(
            f"memory images need Volatility 3 ({error}): pip install 'fledge[memory]'"
        ) from error
    depends_on(places.symbols)  # also when it is not there yet
    own = [path for path in constants.SYMBOL_BASEPATHS if Path(path).is_dir() and "volatility3" in path]
    constants.CACHE_PATH = str(places.cache)
    constants.OFFLINE = not places.download
    constants.REMOTE_ISF_URL = None
    constants.SYMBOL_BASEPATHS[:] = list(dict.fromkeys([str(places.symbols), *own]))
    symbols.__path__ = constants.SYMBOL_BASEPATHS
    framework.import_files(plugins, True)
    return str(constants.PACKAGE_VERSION)


def open_session(
    location: str, places: Places, version: str, progress: Progress
) -> tuple[Session | None, list[str]]:
    """Find out the operating system of an image and build its layers and symbols; None if no system fits.

    Processes that share a cache take turns.

    Returns:
        The session, and what went wrong on the way, in Volatility's words.
    """
    problems: list[str] = []
    with (places.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for system in _PROBES:
            progress(f"looking for {system}")
            context = _context_of(system, location, progress, problems)
            if context is not None:
                return Session(context, system, version), problems
    return None, problems


def _context_of(system: str, location: str, progress: Progress, problems: list[str]) -> Any:
    from volatility3.framework import automagic, contexts  # noqa: PLC0415 - heavy, optional
    from volatility3.framework.automagic import stacker  # noqa: PLC0415 - heavy, optional

    context = contexts.Context()
    probe = plugin_class(f"{system}.pslist", "")
    context.config["automagic.LayerStacker.single_location"] = location
    available = automagic.available(context)
    context.config["automagic.LayerStacker.stackers"] = stacker.choose_os_stackers(probe)
    chosen = automagic.choose_automagic(available, probe)
    errors = automagic.run(
        chosen, context, probe, "plugins", lambda percent, text: progress(f"{percent:.0f}% {text}")
    )
    problems.extend("".join(error.format_exception_only()).strip() for error in errors)
    return None if probe.unsatisfied(context, "plugins.PsList") else context


def has_symbols(kernel: Kernel, places: Places) -> bool:
    """Tell whether the symbols of a kernel are there; works after `open_session` looked for them."""
    from volatility3.framework import constants  # noqa: PLC0415 - heavy, optional
    from volatility3.framework.automagic import symbol_cache  # noqa: PLC0415 - heavy, optional

    cache = symbol_cache.SqliteCache(str(places.cache / constants.IDENTIFIERS_FILENAME))
    known = cache.get_identifier_dictionary(operating_system=kernel.system)
    wanted = kernel.identity.replace("/", "|").replace("-", "|") if kernel.system == "windows" else None
    names = {bytes(name).decode("latin-1").rstrip("\n\0") for name in known if name}
    return (wanted or kernel.identity) in names


def _path(rest: str) -> str:
    return f"plugins.PsList.kernel.{rest}"


def plugin_class(name: str, version: str) -> Any:
    """Return the class of a plugin: of "windows.malfind", or, as newer versions have it, "windows.malware.malfind".

    Raises:
        UnknownPluginError: there is none, or what it needs itself is not installed.
    """
    from volatility3.framework import interfaces  # noqa: PLC0415 - heavy, optional

    system, _, rest = name.partition(".")
    for module_name in (f"{system}.malware.{rest}", name):
        full = f"volatility3.plugins.{module_name}"
        try:
            module = importlib.import_module(full)
        except ImportError:
            continue
        for cls in vars(module).values():
            if (
                inspect.isclass(cls)
                and issubclass(cls, interfaces.plugins.PluginInterface)
                and cls.__module__ == full
            ):
                return cls
    raise UnknownPluginError(f"Volatility {version} has no plugin {name} that could be loaded")


def _discarding() -> Any:
    """Return a class of files that keep nothing: what is dumped is read and bounded by `Session.read`."""
    from volatility3.framework import interfaces  # noqa: PLC0415 - heavy, optional

    class Discarded(interfaces.plugins.FileHandlerInterface):  # type: ignore[misc]  # Volatility is not typed
        def close(self) -> None:
            """Forget it."""

        def write(self, data: Any) -> int:
            """Count the data as written."""
            return len(data)

        def writable(self) -> bool:
            """Take data."""
            return True

    return Discarded
