"""The screenshots of the story: the desktop, the error of the "invoice", the ransom note."""

from collections.abc import Callable

from tools.example import story
from tools.example.pictures import Picture

_WALL, _WHITE, _BLACK, _BAR, _TITLE, _GREY, _PAPER, _RED = range(8)
_PALETTE = (
    (0, 78, 122),
    (255, 255, 255),
    (20, 20, 20),
    (16, 32, 48),
    (0, 103, 192),
    (205, 208, 212),
    (247, 236, 190),
    (176, 32, 32),
)
_ICONS = ("Files", "Trash", "Invoice")


def screenshots() -> list[bytes]:
    """PNG files in order of time."""
    scenes: tuple[tuple[str, Callable[[Picture], None]], ...] = (
        ("09:14", _empty),
        ("09:14", _error),
        ("09:15", _note),
    )
    return [_screenshot(clock, scene) for clock, scene in scenes]


def _screenshot(clock: str, scene: Callable[[Picture], None]) -> bytes:
    picture = _desktop(clock)
    scene(picture)
    return picture.png()


def _desktop(clock: str) -> Picture:
    picture = Picture(800, 600, _PALETTE, _WALL)
    picture.rectangle(0, 568, 800, 32, _BAR)
    picture.rectangle(8, 574, 20, 20, _TITLE)
    picture.text(728, 577, clock, _WHITE)
    for index, label in enumerate(_ICONS):
        top = 24 + index * 88
        picture.rectangle(34, top, 40, 44, _PAPER if label == "Invoice" else _GREY)
        picture.text(54 - len(label) * 6, top + 52, label, _WHITE)
    return picture


def _window(picture: Picture, left: int, top: int, width: int, height: int, title: str) -> None:
    picture.rectangle(left - 2, top - 2, width + 4, height + 4, _BAR)
    picture.rectangle(left, top, width, 28, _TITLE)
    picture.text(left + 10, top + 7, title, _WHITE)
    picture.text(left + width - 22, top + 7, "x", _WHITE)
    picture.rectangle(left, top + 28, width, height - 28, _WHITE)


def _empty(picture: Picture) -> None:
    """Nothing has happened yet."""


def _error(picture: Picture) -> None:
    _window(picture, 200, 210, 440, 150, "Invoice Viewer")
    picture.rectangle(222, 262, 34, 34, _RED)
    picture.text(232, 268, "!", _WHITE, 3)
    picture.text(272, 262, "Invoice 0417", _BLACK)
    picture.text(272, 282, "could not be opened.", _BLACK)
    picture.rectangle(534, 322, 86, 26, _GREY)
    picture.text(566, 328, "OK", _BLACK)


def _note(picture: Picture) -> None:
    name = story.NOTE_PATHS[0].rpartition("\\")[2]
    _window(picture, 120, 90, 660, 340, f"{name} - Notepad")
    for index, line in enumerate(story.note_file().decode().splitlines()):
        picture.text(136, 134 + index * 26, line, _RED if index == 0 else _BLACK)
