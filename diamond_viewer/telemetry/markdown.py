"""Text of telemetry inside Markdown: nothing in it becomes a link, an image, a heading or a second line where it is pasted."""

_SIGNS = frozenset("\\`*_[]<>!#|~")


def escaped(text: str) -> str:
    """One line in which nothing is markup.

    >>> escaped("a_b [x](y)\\n<b>|"), escaped("https://x.y")
    ('a\\\\_b \\\\[x\\\\](y) \\\\<b\\\\>\\\\|', 'https\\\\://x.y')
    """
    line = "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in " ".join(text.split()))
    return line.replace("://", "\\://")  # or a bare address becomes a link in many a tracker


def code(text: str) -> str:
    """An id or a name between marks that it cannot end.

    >>> code("usr_1"), code("a`|b"), code("")
    ('`usr_1`', 'a\\\\`\\\\|b', '')
    """
    line = " ".join(text.split())
    return escaped(line) if not line or "`" in line or "|" in line else f"`{line}`"
