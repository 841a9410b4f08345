"""The findings as a STIX 2.1 bundle."""
