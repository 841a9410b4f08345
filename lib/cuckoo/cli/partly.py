"""Options of `fledge process` that say which part of the work is to be done, and which was done before."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

_OPTIONS = [
    click.option(
        "--only",
        metavar="MODULE",
        multiple=True,
        help="Run this module and no other of its stage; may be given several times, or names with commas.",
    ),
    click.option(
        "--skip",
        metavar="MODULE",
        multiple=True,
        help="Do not run this module; may be given several times, or names with commas.",
    ),
    click.option(
        "--signatures-only",
        is_flag=True,
        help="Run the signatures again; of the modules only those whose answers are not in the cache.",
    ),
    click.option(
        "--reports-only",
        is_flag=True,
        help="Write the reports again; run only what is not in the cache.",
    ),
    click.option(
        "--no-cache", is_flag=True, help="Compute everything, and keep no answers for the next time."
    ),
]


@dataclass(frozen=True)
class Part:
    """The part of the work that is asked for, as fields of `Settings`."""

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    again: frozenset[str] = frozenset()
    cache: bool = True


def part_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of this file; they arrive as one argument, `part`."""

    @functools.wraps(command)
    def gathered(
        *,
        only: Sequence[str],
        skip: Sequence[str],
        signatures_only: bool,
        reports_only: bool,
        no_cache: bool,
        **others: Any,
    ) -> None:
        again = {"signatures": signatures_only, "reporting": reports_only}
        stages = frozenset(stage for stage, wanted in again.items() if wanted)
        if no_cache and stages:
            option = "--signatures-only" if signatures_only else "--reports-only"
            raise click.UsageError(f"{option} takes sections from the cache, which --no-cache leaves alone")
        command(part=Part(_names(only), _names(skip), stages, cache=not no_cache), **others)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


def _names(given: Sequence[str]) -> list[str]:
    return [name.strip() for each in given for name in each.split(",") if name.strip()]
