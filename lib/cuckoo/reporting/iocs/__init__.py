"""Indicators of compromise: values of all sections that people block and search for, each told once."""
