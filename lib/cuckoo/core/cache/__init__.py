"""Answers that are kept, so that nothing is computed twice from the same.

Rules for whoever edits this package:

- nothing stale is ever served: whatever is not known to be unchanged counts as changed
- nothing lies in an analysis folder, whose content malware chose: an entry planted there would forge a report
- failures are not kept, nor is anything that was not watched to its end
- a cache that cannot be read or written costs time, never an analysis
"""
