"""The words of `common.text`, under the name that the console uses, and those that several of its parts say."""

from lib.cuckoo.common.text import count_text, size_text, visible

__all__ = ["NOTHING_TO_READ", "count_text", "size_text", "visible"]

NOTHING_TO_READ = "nothing to read: there is none of the files that sandboxes leave"
