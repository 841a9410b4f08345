# cython: language_level=3, boundscheck=False, wraparound=False
"""How often each byte occurs, in native code; `measure.py` does without where this is not compiled."""

from libc.stdint cimport uint64_t
from libc.string cimport memset


def byte_counts(const unsigned char[::1] data not None):
    """Return a list of 256 numbers."""
    # four tables, because the same byte twice in a row would wait for its own counter
    cdef uint64_t counts[4][256]
    cdef Py_ssize_t at = 0, size = data.shape[0], whole = size - size % 4
    memset(counts, 0, sizeof(counts))
    with nogil:
        while at < whole:
            counts[0][data[at]] += 1
            counts[1][data[at + 1]] += 1
            counts[2][data[at + 2]] += 1
            counts[3][data[at + 3]] += 1
            at += 4
        while at < size:
            counts[0][data[at]] += 1
            at += 1
    return [counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i] for i in range(256)]
