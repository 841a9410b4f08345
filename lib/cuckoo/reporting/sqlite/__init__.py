"""Sections as the tables of an SQLite database."""
