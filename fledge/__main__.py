"""`python -m fledge` and the console command."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from lib.cuckoo.cli import main as run  # noqa: PLC0415 - `import fledge` must have bound lib.cuckoo first
    except KeyboardInterrupt:  # Ctrl-C before there is a command line that would say so
        sys.exit(130)

    run()


if __name__ == "__main__":
    main()
