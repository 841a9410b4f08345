"""The findings as a MISP event."""
