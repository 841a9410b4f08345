"""Readers of what describes an analysis."""
