"""Declares the compiled parts, which are optional; everything else is in setup.cfg."""

from setuptools import Extension, setup

COMPILED = {
    "lib.cuckoo.files._bytecount": "lib/cuckoo/files/_bytecount.pyx",
}

try:
    from Cython.Build import cythonize
except ImportError:
    extensions = []
else:
    extensions = cythonize([Extension(name, [path], optional=True) for name, path in COMPILED.items()])

setup(ext_modules=extensions)
