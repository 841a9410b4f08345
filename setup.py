"""Declares the compiled log scanner, which is optional; everything else is in setup.cfg."""

from setuptools import Extension, setup

try:
    from Cython.Build import cythonize
except ImportError:
    extensions = []
else:
    extensions = cythonize([Extension("lib.cuckoo.behavior._scan", ["lib/cuckoo/behavior/_scan.pyx"])])
for extension in extensions:
    extension.optional = True  # cythonize drops it when it is given to Extension

setup(ext_modules=extensions)
