"""What the tests of the shipped modules share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.analysis.task import load_task
from lib.cuckoo.common.abstracts import Processing

Ran = tuple[Any, list[str]]


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    folder = tmp_path / "analyses" / "7"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def answer() -> Callable[..., Ran]:
    """Run a module as the engine does; `answer(Class, folder, **options)` gives data and notes."""

    def run(module: type[Processing], folder: Path, **options: object) -> Ran:
        instance = module()
        instance.set_path(folder)
        instance.set_task(load_task(folder).fields)
        instance.set_options(options)
        return instance.run(), instance.notes

    return run
