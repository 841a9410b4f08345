"""The contract: all that the author of a module, a signature or a report imports. Standard library only."""
