"""The command line: a file for each command. The only place that prints or exits.

Exit status: 0 all well, 1 some module failed or two runs differ, 2 could not run, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence

import click

from lib.cuckoo import __version__
from lib.cuckoo.cli.cache import cache
from lib.cuckoo.cli.calls import calls
from lib.cuckoo.cli.diff import diff
from lib.cuckoo.cli.explain import explain
from lib.cuckoo.cli.init import init
from lib.cuckoo.cli.lint import lint
from lib.cuckoo.cli.modules import modules
from lib.cuckoo.cli.process import process
from lib.cuckoo.cli.show import show
from lib.cuckoo.cli.terminal import COULD_NOT_RUN, INTERRUPTED, complain
from lib.cuckoo.cli.watch import watch
from lib.cuckoo.common.exceptions import CuckooCriticalError, CuckooOperationalError

_COMMANDS = (process, watch, show, diff, calls, explain, modules, lint, init, cache)
"""In the order in which people meet them: process, read, look closer, extend, keep house."""


class _Commands(click.Group):
    """Commands in the order in which they were given, which click would sort by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        return list(self.commands)


@click.group(
    cls=_Commands,
    commands=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="fledge")
def cli() -> None:
    """Turn the raw results of a malware sandbox into results people and programs can use.

    `fledge COMMAND --help` explains a command.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    try:
        cli.main(arguments, prog_name="fledge", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except click.ClickException as error:
        error.show()
        sys.exit(COULD_NOT_RUN)
    except (CuckooCriticalError, CuckooOperationalError) as error:
        complain(error)
        sys.exit(COULD_NOT_RUN)
