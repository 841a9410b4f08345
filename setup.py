"""Declares the compiled log scanner, which is optional; everything else is in setup.cfg."""

from setuptools import Extension, setup

SCANNER = "lib/cuckoo/behavior/_scan.pyx"

try:
    from Cython.Build import cythonize
except ImportError:
    extensions = []
else:
    extensions = cythonize([Extension("lib.cuckoo.behavior._scan", [SCANNER], optional=True)])

setup(ext_modules=extensions)
