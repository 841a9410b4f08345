"""Declares the compiled parts, which are optional; everything else is in setup.cfg."""

from setuptools import Extension, setup

COMPILED = {
    "lib.cuckoo.behavior._scan": "lib/cuckoo/behavior/_scan.pyx",
    "lib.cuckoo.files._bytecount": "lib/cuckoo/files/_bytecount.pyx",
    "lib.cuckoo.network._walk": "lib/cuckoo/network/_walk.pyx",
}

try:
    from Cython.Build import cythonize
except ImportError:
    extensions = []
else:
    # a multiplication and an addition made one would round a time stamp as Python does not
    arguments = ["-ffp-contract=off"]
    extensions = cythonize(
        [Extension(name, [path], extra_compile_args=arguments) for name, path in COMPILED.items()]
    )
for extension in extensions:
    extension.optional = True  # cythonize drops it when it is given to Extension

setup(ext_modules=extensions)
