"""``make pictures``: the pictures of README.md, taken of the viewer on ``tests/data/diamond-district``."""
