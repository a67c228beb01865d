"""The sender runs in an environment of its own: nothing of it can be imported here."""

collect_ignore = ["send.py"]
