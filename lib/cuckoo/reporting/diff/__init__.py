"""Two runs side by side: what is in only one of them, what changed, and where their processes part."""
