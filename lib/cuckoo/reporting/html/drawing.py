"""The geometry of the drawings: numbers in, numbers and SVG path data out."""

import math

from lib.cuckoo.reporting.story.network import Link, Map

_ROW = 44
_LEFT, _RIGHT = 270, 690


def arc(share: float, radius: float) -> str:
    """Return the dash pattern that draws `share` of a circle."""
    whole = 2 * math.pi * radius
    return f"{whole * min(1.0, max(0.0, share)):.1f} {whole:.1f}"


def map_height(found: Map) -> int:
    """Return the height of the map."""
    return _ROW * max(len(found.processes), len(found.hosts))


def process_y(found: Map, place: int) -> float:
    """Return the middle of a process's box."""
    return _spread(place, len(found.processes), map_height(found))


def host_y(found: Map, place: int) -> float:
    """Return the middle of a host's box."""
    return _spread(place, len(found.hosts), map_height(found))


def _spread(place: int, count: int, height: float) -> float:
    return round(height * (place + 0.5) / count, 1)


def curve(found: Map, link: Link) -> str:
    """Return the path from a process to a host."""
    begin, end = process_y(found, link.process), host_y(found, link.host)
    middle = (_LEFT + _RIGHT) / 2
    return f"M{_LEFT} {begin}C{middle} {begin} {middle} {end} {_RIGHT} {end}"


def ticks(seconds: float) -> list[tuple[float, str]]:
    """Return up to eight places of a scale of round numbers, from 0 to 1, with their labels."""
    if seconds <= 0:
        return [(0.0, "0 s")]
    step = next(
        step * 10.0**power
        for power in range(-3, 12)
        for step in (1, 2, 5)
        if seconds / (step * 10.0**power) <= 7
    )
    return [(place * step / seconds, f"{place * step:g} s") for place in range(int(seconds / step) + 1)]
