"""Answers as JSON: the field names that others rely on, the same from the API, in exports and on the command line."""
