"""`python -m fledge` and the console command."""


def main() -> None:
    """Run the command line."""
    from lib.cuckoo.cli import main as run  # noqa: PLC0415 - `import fledge` must have bound lib.cuckoo first

    run()


if __name__ == "__main__":
    main()
