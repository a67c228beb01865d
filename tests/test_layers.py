"""The house, enforced: who may import whom, who may know which words, and how files look."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "diamond_viewer"
MAX_LINES = 400

PURE = {"telemetry", "query", "trace", "diagnosis", "answers"}
ROOMS = {  # room (a folder or a module of the package): the rooms it may know besides itself
    "telemetry": set[str](),
    "query": {"telemetry"},
    "trace": {"telemetry", "query"},
    "diagnosis": {"telemetry", "query", "trace"},
    "answers": {"telemetry", "query", "trace", "diagnosis"},
    "store": PURE,
    "index": PURE | {"store", "resident"},
    "clickhouse": PURE | {"store"},
    "settings": {"telemetry", "diagnosis", "tokens", "clickhouse"},
    "tokens": set[str](),
    "resident": set[str](),
    "feed": {"telemetry", "store"},
    "serving": set[str](),
    "receive": {"telemetry", "serving"},
    "demo": {"telemetry", "receive"},
    "imports": {"telemetry", "query", "diagnosis", "store", "index", "feed", "receive", "resident"},
    "web": PURE | {"store", "settings", "tokens"},
    "terminal": {"telemetry", "store", "settings"},
    "cli": PURE | {"store", "settings", "index", "feed", "terminal", "clickhouse"},
    "showing": {"settings", "diagnosis", "store", "clickhouse", "index", "imports", "web", "serving", "terminal"},
    "__main__": {"cli"},
}
HTTP = {"flask", "werkzeug", "waitress", "jinja2", "http", "urllib.request", "socket"}
FILES = {"os", "pathlib", "io", "tempfile", "shutil", "glob", "mmap", "sqlite3"}
CLOCK_AND_THREADS = {"time", "threading", "queue", "asyncio", "multiprocessing", "concurrent", "subprocess", "random"}
CLOCK_AND_THREADS |= {"secrets", "signal", "sys", "logging"}
HIDDEN_IMPORTS = re.compile(r"(importlib\.)?import_module|__import__|exec|eval")  # nobody would see them here
CALLS = re.compile(r"open|(datetime\.)?(datetime\.(now|utcnow|today)|date\.today)")
WIRE = re.compile("startTimeUnixNano|stringValue|resourceSpans|parentSpanId")
WIRE_FILES = (f"{PACKAGE}/telemetry/otlp", f"{PACKAGE}/telemetry/protobuf.py")
KEYS = re.compile(r"lesson\.id|lessonId|user\.id|userId|enduser\.id|http\.response\.status_code|http\.status_code")


def room_of(path: str) -> str:
    return path.removesuffix(".py").split("/")[1]


def forbidden_modules(path: str) -> set[str]:
    """Modules that are not ours and that this file may not import, whole trees of them."""
    room = room_of(path)
    forbidden = HTTP | FILES | CLOCK_AND_THREADS if room in PURE else set[str]()
    forbidden |= HTTP | FILES if room == "index" else set()
    forbidden |= HTTP - {"socket"} if room in {"feed", "demo", "store", "settings"} else set()
    return forbidden | (set() if path == f"{PACKAGE}/feed/watch.py" else {"watchdog"})


def broken_rules(path: str, source: str) -> Iterator[str]:
    """Sentences about what a file of the package may not do; ``path`` is relative to the root."""
    tree, room = ast.parse(source), room_of(path)
    if room not in ROOMS:
        yield f"{path}: {room} is no room of the house"
        return
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        where = f"{path}:{getattr(node, 'lineno', 1)}"
        for module in imported(node):
            other = module.removeprefix(f"{PACKAGE}.").split(".")[0]
            if module.startswith(".") or module == PACKAGE:
                yield f"{where} imports {module}: write the room's full name"
            elif module.startswith(f"{PACKAGE}.") and other != room and other not in ROOMS[room]:
                yield f"{where} imports {module}: {room} may not know {other}"
            elif any(f"{module}.".startswith(f"{name}.") for name in forbidden_modules(path)):
                yield f"{where} imports {module}: {room} may not know it"
        if room in PURE | {"index"} and isinstance(node, ast.Call) and CALLS.fullmatch(ast.unparse(node.func)):
            yield f"{where} calls {ast.unparse(node.func)}: {room} may not"
        if isinstance(node, ast.Call) and HIDDEN_IMPORTS.fullmatch(ast.unparse(node.func)):
            yield f"{where} calls {ast.unparse(node.func)}: what a file imports stands at its top"
        word = getattr(node, "value", None) if isinstance(node, ast.Constant) else getattr(node, "id", None)
        word = word.decode("latin-1") if isinstance(word, bytes) else word
        if isinstance(word, str) and id(node) not in docstrings and room != "demo":  # the demo plays a producer
            if WIRE.search(word) and not path.startswith(WIRE_FILES):
                yield f"{where} says {word[:40]!r}: only telemetry/otlp*.py and protobuf.py know the wire's spelling"
            if KEYS.fullmatch(word) and path != f"{PACKAGE}/telemetry/semconv.py":
                yield f"{where} says {word!r}: only telemetry/semconv.py knows the conventions' keys"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        if module == "urllib":  # of which only the parser is allowed everywhere
            return [f"urllib.{alias.name}" for alias in node.names]
        return [module]
    return []


def ours(*patterns: str) -> list[Path]:
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern)) if ".min." not in path.name]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_room_knows_only_what_lies_inwards() -> None:
    files = [path for path in ours(f"{PACKAGE}/**/*.py") if path.name != "__init__.py"]
    assert [rule for path in files for rule in broken_rules(relative(path), path.read_text())] == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("web/pages.py", "from diamond_viewer.feed.tail import Tail", "web may not know feed"),
        ("query/query.py", "import os.path", "query may not know it"),
        ("query/query.py", "from urllib import request", "query may not know it"),
        ("web/api.py", "import_module('diamond_viewer.feed.feed')", "what a file imports stands at its top"),
        ("trace/tree.py", "from datetime import datetime\nnow = datetime.now()", "trace may not"),
        ("trace/tree.py", "import datetime\nnow = datetime.datetime.now()", "trace may not"),
        ("index/memory.py", "open('kept', 'wb')", "index may not"),
        ("helpers/text.py", "import os", "helpers is no room of the house"),
        ("feed/tail.py", "from watchdog.observers import Observer", "feed may not know it"),
        ("index/memory.py", "from .columns import Column", "write the room's full name"),
        ("web/api.py", "key = 'startTimeUnixNano'", "only telemetry/otlp*.py and protobuf.py know the wire's spelling"),
        (
            "web/api.py",
            "key = b'startTimeUnixNano'",
            "only telemetry/otlp*.py and protobuf.py know the wire's spelling",
        ),
        ("index/segment.py", "key = 'lesson.id'", "only telemetry/semconv.py knows the conventions' keys"),
    ],
)
def test_a_broken_rule_is_named(path: str, source: str, complaint: str) -> None:
    assert [rule.split(": ")[-1] for rule in broken_rules(f"{PACKAGE}/{path}", source)] == [complaint]


def test_a_package_is_a_docstring() -> None:
    trees = {relative(path): ast.parse(path.read_text()).body for path in ours(f"{PACKAGE}/**/__init__.py")}
    assert [path for path, body in trees.items() if any(not isinstance(node, ast.Expr) for node in body)] == []


def test_no_file_is_two_nouns_long() -> None:
    files = ours("app.py", f"{PACKAGE}/**/*.py", "tests/**/*.py", "static/*.css", "static/*.js", "templates/*.html")
    lengths = {relative(path): len(path.read_text().splitlines()) for path in files}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}
    assert lengths["app.py"] <= 60


def test_every_file_is_named_after_a_noun() -> None:
    empty = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc|data|info)(_|$)")
    assert [relative(path) for path in ours(f"{PACKAGE}/**/*.py", "tests/**/*.py") if empty.search(path.stem)] == []


def test_templates_escape_everything_and_run_nothing_inline() -> None:
    inline = re.compile(
        r"\|\s*safe\b|autoescape|\sstyle\s*=|\son\w+\s*=|hx-on|<style\b|<script\b(?![^>]*\bsrc\s*=)|javascript:",
        re.IGNORECASE,
    )
    found = [
        (relative(path), match[0]) for path in ours("templates/*.html") for match in inline.finditer(path.read_text())
    ]
    assert found == []
