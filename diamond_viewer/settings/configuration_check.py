"""``--check-config``: everything that is wrong with a configuration file, and in which line."""

import re
import sys
import tomllib
from pathlib import Path

from diamond_viewer.settings.configuration import (
    TABLES,
    UNCONFIGURED,
    read_configuration,
    read_table,
    secret_attributes,
)
from diamond_viewer.settings.values import SettingsError


def checked(path: str) -> list[str]:
    """A sentence for each table that cannot be used, with the line it is about; empty when all is well.

    The first mistake of each table: what follows in it may be a consequence. Then, what one table forbids another.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        try:
            read_configuration(path, path)  # it knows the words
        except SettingsError as error:
            return [str(error)]
        return []
    problems, read = [], {}
    for name, table in tables.items():
        try:
            read[name] = read_table(name, table)
        except ValueError as error:
            problems.append(f"{path}:{_line_of(text, name, str(error))}: {error}")
    attributes, redaction = (read.get(name, getattr(UNCONFIGURED, name)) for name in ("attributes", "redaction"))
    for key, sentence in secret_attributes(attributes, redaction):
        problems.append(f"{path}:{_line_of(text, 'attributes', key)}: {sentence}")
    return problems


def report(path: str) -> int:
    """Says it; the exit code: 0 all is well, 2 something is wrong."""
    problems = checked(path)
    if problems:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return 2
    with_tables = [name for name in tomllib.loads(Path(path).read_text(encoding="utf-8")) if name in TABLES]
    said = ", ".join(f"[{name}]" for name in with_tables) or "nothing, so every default holds"
    sys.stdout.write(f"{path} can be used. It sets {said}.\n")
    return 0


def _line_of(text: str, table: str, sentence: str) -> int:
    """Where the key that the sentence names is set in the table, else where the table begins; 1-based.

    >>> _line_of("[page]\\n\\ntitle = 1", "page", "title is 1."), _line_of("[page]\\nx = 1", "page", "page has no 'x'.")
    (3, 2)
    >>> _line_of("links.lesson = 1", "links", "lesson is 1."), _line_of("# links\\n[links]", "links", "something else")
    (1, 2)
    """
    lines, began, inside = text.splitlines(), 0, False
    words = set(re.findall(r"[\w-]+", sentence))
    for number, line in enumerate(lines, 1):
        if head := re.match(r"\s*\[+\s*\"?([\w-]+)", line):
            inside = head[1] == table
            began = began or (number if inside else 0)
        elif key := re.match(r"\s*\"?([\w-]+)\"?(?:\s*\.\s*\"?([\w-]+))?[^=]*=", line):
            name = key[1] if inside else key[2] if key[1] == table else ""
            if name in words and name:
                return number
            began = began or (number if key[1] == table and not inside else 0)
    return began or 1
