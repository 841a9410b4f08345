"""The story as one page that opens from disk, loads nothing and runs nothing that it was not made with."""
