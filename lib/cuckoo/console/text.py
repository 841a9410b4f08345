"""The words of `common.text`, under the name that the console uses."""

from lib.cuckoo.common.text import count_text, size_text, visible

__all__ = ["count_text", "size_text", "visible"]
