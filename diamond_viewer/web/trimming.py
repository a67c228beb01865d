"""Trimming: what a browser does not read of our own style sheets and scripts stays here. A sixth less to send.

Lines stay lines, so that an error in a browser still points near its place. No names are changed and no statement is moved:
the files are written so (``tests/web/test_assets.py`` holds them to it) that a comment is a comment wherever it looks like one.
"""

import re

_CSS_COMMENTS = re.compile(r"""("[^"\n]*"|'[^'\n]*')|/\*.*?\*/""", re.DOTALL)
_COMMENT_LINES = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
_INDENTATION = re.compile(r"^[ \t]+|[ \t]+$", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{2,}")


def trimmed_style(text: str) -> str:
    r"""
    >>> trimmed_style('a {\n  content: "/*"; /* why\n  so */\n\n  color: red;\n}\n')
    'a {\ncontent: "/*";\ncolor: red;\n}\n'
    """
    return _tightened(_CSS_COMMENTS.sub(lambda found: found[1] or "", text))


def trimmed_script(text: str) -> str:
    r"""Only comments on lines of their own: what stands behind code may be part of a text.

    >>> trimmed_script('// why\nif (a) {\n  // so\n  b("http://c"); // really\n}\n')
    'if (a) {\nb("http://c"); // really\n}\n'
    """
    return _tightened(_COMMENT_LINES.sub("", text)).lstrip("\n")


def _tightened(text: str) -> str:
    return _EMPTY_LINES.sub("\n", _INDENTATION.sub("", text))
