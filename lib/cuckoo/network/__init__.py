"""Readers of network captures and of the conversations in them. Pure: bytes in, plain records out."""
