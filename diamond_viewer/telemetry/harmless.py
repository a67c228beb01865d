"""Text of others, fit for a terminal: on one line, without what moves the cursor or turns the direction of writing."""

import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """
    >>> harmless("a\\nb\\x1b[31m\\u202ec")
    'a\ufffdb\ufffd[31m\ufffdc'
    """
    return _CONTROL.sub("\ufffd", text)
