"""Readers of the files of an analysis: the sample, what it dropped, the logs."""
