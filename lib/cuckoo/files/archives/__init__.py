"""Listings of archives, read without extracting them."""
