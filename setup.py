"""Compiled parts; everything else is in setup.cfg. Without a compiler the package works in plain Python, slower."""

from setuptools import Extension, setup

COMPILED = {
    "lib.cuckoo.behavior._scan": "lib/cuckoo/behavior/_scan.pyx",
    "lib.cuckoo.files._bytecount": "lib/cuckoo/files/_bytecount.pyx",
}

try:
    from Cython.Build import cythonize
except ImportError:
    extensions = []
else:
    extensions = cythonize([Extension(name, [path], optional=True) for name, path in COMPILED.items()])

setup(ext_modules=extensions)
