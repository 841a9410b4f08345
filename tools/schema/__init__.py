"""The published shape of reports, made from the typed records in the code: a JSON Schema and a page."""
