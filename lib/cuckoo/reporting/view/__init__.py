"""A saved report as objects: one view of the reports of all families of sandboxes, whatever stands in them."""
