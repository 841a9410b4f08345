"""The story of an analysis, section by section, as parts that a page or a terminal can show."""
