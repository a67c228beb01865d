"""AttributeLine: attributes as a reader sees them; long values are folded or cut and say by how much."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diamond_viewer.telemetry.model import Attributes, AttributeValue
from diamond_viewer.telemetry.semconv import ATTRIBUTE_GROUPS, OTHER_GROUP, group_of
from diamond_viewer.telemetry.shown_values import value_text
from diamond_viewer.web.layouts import laid_out, stack_lines
from diamond_viewer.web.value_links import NOWHERE, Links, ValueLink

MAX_VALUE = 4_000  # characters; a stack trace fits, a page of HTML in an attribute does not
MAX_UNFOLDED = 400
MAX_UNFOLDED_LINES = 8
MAX_SHORT = 80
MAX_SHORT_COUNT = 8
MAX_LINES = 200  # attributes of one span; the SDKs stop at 128
MIN_GROUPED = 6  # fewer attributes need no headings


@dataclass(frozen=True, slots=True)
class AttributeLine:
    """``kind`` is text | number | flag | nothing, a CSS class's ending; ``cut`` says what is missing, if anything.

    ``layout`` is "" | json | sql | url | stack; ``raw`` is the value as it was where it was laid out, to be copied. ``fold``
    is the first line of a long value. ``frames`` are the lines of a stack trace and whether each is the application's own.
    """

    key: str
    value: str
    kind: str
    cut: str = ""
    layout: str = ""
    raw: str = ""
    fold: str = ""
    frames: tuple[tuple[str, bool], ...] = ()
    link: ValueLink = NOWHERE


@dataclass(frozen=True, slots=True)
class AttributeGroup:
    """``heading`` is empty for a few attributes that need none."""

    heading: str
    lines: tuple[AttributeLine, ...]


def attribute_lines(attributes: Attributes, links: Links | None = None) -> tuple[AttributeLine, ...]:
    """Sorted by key: producers order theirs by chance, and readers compare two spans.

    >>> [(line.key, line.value, line.kind) for line in attribute_lines({"b": None, "a": 1.0, "": True})]
    [('(empty key)', 'true', 'flag'), ('a', '1.0', 'number'), ('b', 'null', 'nothing')]
    """
    lines = [_line(key, attributes[key], links) for key in sorted(attributes)[:MAX_LINES]]
    if len(attributes) > MAX_LINES:
        lines.append(AttributeLine("…", f"{len(attributes) - MAX_LINES:,} more, in the JSON", "nothing"))
    return tuple(lines)


def attribute_groups(attributes: Attributes, links: Links | None = None) -> tuple[AttributeGroup, ...]:
    """The same under headings, users and lessons first.

    >>> [group.heading for group in attribute_groups(dict.fromkeys(("a", "b", "c", "http.x", "db.x", "user.id"), 1))]
    ['User and lesson', 'HTTP', 'Database', 'Other']
    """
    lines = attribute_lines(attributes, links)
    if len(lines) < MIN_GROUPED:
        return (AttributeGroup("", lines),) if lines else ()
    found: dict[str, list[AttributeLine]] = {
        name: [] for name in (*(name for name, _ in ATTRIBUTE_GROUPS), OTHER_GROUP)
    }
    for line in lines:
        found[group_of(line.key)].append(line)
    return tuple(AttributeGroup(heading, tuple(of)) for heading, of in found.items() if of)


def short_attributes(attributes: Attributes, without: Iterable[str] = ()) -> str:
    """A few attributes on one line; what has several lines or is long is left to the full list.

    >>> short_attributes({"hasCookie": False, "path": "/api/me", "exception.stacktrace": "a\\nb"})
    'hasCookie=false · path=/api/me'
    """
    said = []
    for key, value in attributes.items():
        text = value_text(value)
        if key not in without and len(text) <= MAX_SHORT and "\n" not in text:
            said.append(f"{key}={text}")
    more = f" · +{len(said) - MAX_SHORT_COUNT}" if len(said) > MAX_SHORT_COUNT else ""
    return " · ".join(said[:MAX_SHORT_COUNT]) + more


def has_long_values(attributes: Attributes) -> bool:
    """True when the short form leaves something out."""
    texts = [value_text(value) for value in attributes.values()]
    return len(texts) > MAX_SHORT_COUNT or any(len(text) > MAX_SHORT or "\n" in text for text in texts)


def _line(key: str, value: AttributeValue, links: Links | None) -> AttributeLine:
    text = value_text(value)
    layout, shown = laid_out(key, text) if isinstance(value, str | Mapping | list | tuple) else ("", text)
    cut = f"{len(text) - MAX_VALUE:,} more characters, in the JSON" if len(text) > MAX_VALUE else ""
    shown = shown[:MAX_VALUE]
    is_long = len(shown) > MAX_UNFOLDED or shown.count("\n") >= MAX_UNFOLDED_LINES
    return AttributeLine(
        key or "(empty key)",
        shown,
        _kind(value),
        cut,
        layout,
        raw=text if layout and shown != text and not cut else "",
        fold=" ".join(shown[:200].split())[:90] + " …" if is_long else "",
        frames=stack_lines(shown) if layout == "stack" else (),
        link=links.of(key, value) if links else NOWHERE,
    )


def _kind(value: AttributeValue) -> str:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return "nothing" if value is None else "text"
