"""ClickHouseStore: every question of ``TraceStore``, asked of a cluster. What is large is counted there, in SQL; what only
whole traces can tell is worked out on a bench, newest first, within bounds.
"""
