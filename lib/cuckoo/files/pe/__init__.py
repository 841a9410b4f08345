"""Portable Executables: the programs and libraries of Windows."""
