"""Images of a machine's memory, read with Volatility 3 as a library."""
