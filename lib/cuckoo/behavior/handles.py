"""Names behind handles, followed from the call that opens one to the call that closes it.

Classic logs give handles where the successor gives names. A handle is known by its number; processes reuse them.
"""

from collections import OrderedDict

MOST_OPEN = 65_536
_ROOTS = {
    0x80000000: "HKEY_CLASSES_ROOT",
    0x80000001: "HKEY_CURRENT_USER",
    0x80000002: "HKEY_LOCAL_MACHINE",
    0x80000003: "HKEY_USERS",
    0x80000004: "HKEY_PERFORMANCE_DATA",
    0x80000005: "HKEY_CURRENT_CONFIG",
    0x80000006: "HKEY_DYN_DATA",
}
_KERNEL_ROOTS = (("\\REGISTRY\\MACHINE", "HKEY_LOCAL_MACHINE"), ("\\REGISTRY\\USER", "HKEY_USERS"))
_SIGN_EXTENSION = 0xFFFFFFFF00000000


def number(text: str | None) -> int | None:
    """Return the number that an argument's text shows, None when it shows none."""
    if not text or not "0" <= text[0] <= "9":
        return None
    try:
        return int(text, 0)
    except ValueError:
        return None


class Names:
    """Names of one sort of object by open handle; the oldest is forgotten when a process never closes any."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, str] = OrderedDict()

    def opened(self, handle: str | None, name: str | None) -> None:
        """Remember what a handle stands for."""
        key = number(handle)
        if key and name:
            self._open[key] = name
            self._open.move_to_end(key)
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)

    def closed(self, handle: str | None) -> None:
        """Forget a handle."""
        key = number(handle)
        if key is not None:
            self._open.pop(key, None)

    def of(self, handle: str | None) -> str | None:
        """Return what a handle stands for."""
        key = number(handle)
        return None if key is None else self._open.get(key)


class KeyNames(Names):
    """Registry keys by handle; the predefined handles have names without being opened."""

    def of(self, handle: str | None) -> str | None:
        """Return the full name of a key."""
        key = number(handle)
        if key is None:
            return handle or None
        short = key & 0xFFFFFFFF if key & _SIGN_EXTENSION == _SIGN_EXTENSION else key
        return _ROOTS.get(short) or self._open.get(key)

    def below(self, handle: str | None, name: str | None) -> str | None:
        """Return the full name of a key or value under an open key; without a name, that of the key.

        A handle nobody saw being opened stands for itself.
        """
        if name and name.startswith("\\"):
            return full_key(name)
        parent = self.of(handle) or handle
        if not name:
            return parent
        return f"{parent}\\{name}" if parent else name


def full_key(name: str) -> str:
    """Return a key's name with the words of the Windows API for the kernel's roots."""
    for kernel, root in _KERNEL_ROOTS:
        if name[: len(kernel)].upper() == kernel and name[len(kernel) : len(kernel) + 1] in {"", "\\"}:
            return root + name[len(kernel) :]
    return name


class Handles:
    """Everything that one process has open."""

    def __init__(self) -> None:
        self.files = Names()
        self.keys = KeyNames()
        self.services = Names()
        self.libraries = Names()
