"""The same bytes and the same three questions for what a user could pick instead: ``python -m tests.bench.peers``.

A: how many spans have status code 2; B: how many traces carry a given lesson; C: the 95th percentile of each operation.
"""
