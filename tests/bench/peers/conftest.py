"""The other sides need packages of an environment of their own."""

collect_ignore = ["chdb_side.py", "duckdb_side.py", "phoenix_side.py"]
