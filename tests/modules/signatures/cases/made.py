"""Small results written by hand, from which the cases are made."""

from typing import Any

from lib.cuckoo.core.signatures.trial import call

__all__ = ["call", "log", "network", "pe", "process", "strings", "summary", "target"]

OTHER, OWN = "0x000001a0", "0xffffffff"
"""Handles of another process and of the caller itself."""
SAMPLE = "C:\\Users\\user\\AppData\\Local\\Temp\\sample.exe"


def process(pid: int, name: str, *calls: dict[str, Any], path: str = "", **members: Any) -> dict[str, Any]:
    calls_of_it = {"process_id": pid, "process_name": name, "calls": list(calls)}
    return {**calls_of_it, "module_path": path or f"C:\\Windows\\System32\\{name}", **members}


def log(*calls: dict[str, Any], name: str = "sample.exe") -> dict[str, Any]:
    """Results with one process, and with the local security authority beside it."""
    return {"behavior": {"processes": [process(1000, name, *calls, path=SAMPLE), process(500, "lsass.exe")]}}


def summary(**lists: list[str]) -> dict[str, Any]:
    return {"behavior": {"summary": lists}}


def network(**members: Any) -> dict[str, Any]:
    return {"network": members}


def flow(dst: str, dport: int, sport: int = 50000) -> dict[str, Any]:
    return {"src": "192.168.1.2", "sport": sport, "dst": dst, "dport": dport, "offset": 24, "time": 0.0}


def dns(name: str, *answers: str) -> dict[str, Any]:
    return {"request": name, "type": "A", "answers": [{"type": "A", "data": answer} for answer in answers]}


def http(host: str, path: str = "/") -> dict[str, Any]:
    return {"host": host, "uri": f"http://{host}{path}", "path": path, "method": "GET", "port": 80}


def pe(**members: Any) -> dict[str, Any]:
    return {"static": {"pe": members}}


def section(
    name: str, entropy: str = "6.20", size: str = "0x00004000", raw: str = "0x60000020"
) -> dict[str, str]:
    return {
        "name": name,
        "entropy": entropy,
        "size_of_data": size,
        "characteristics_raw": raw,
        "characteristics": "",
    }


def imports(*names: str) -> list[dict[str, Any]]:
    return [{"dll": "a.dll", "imports": [{"name": name, "address": "0x0"} for name in names]}]


def target(kind: str, *found: str, name: str = "sample") -> dict[str, Any]:
    """A sample of a libmagic type with these strings in it."""
    return {"target": {"category": "file", "file": {"name": name, "type": kind}}, "strings": list(found)}


def macro(code: str) -> dict[str, Any]:
    """A document that holds a macro of this code."""
    return {"static": {"office": {"macros": [{"code": code}]}}}


def strings(*found: str) -> dict[str, Any]:
    return {"strings": list(found)}
