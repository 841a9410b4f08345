"""Writing results down: streamed JSON and files that appear whole or not at all."""
