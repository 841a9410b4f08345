"""Programs of this repository's developers; nothing here is installed."""
