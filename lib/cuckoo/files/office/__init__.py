"""Documents of Microsoft Office and their macros."""
