"""What a page consists of, for tests: its elements in order, and what makes it invalid."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None"
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self) -> Iterator["Element"]:
        """This element and everything in it, in order."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))

    def words(self) -> str:
        """All its text, with single blanks."""
        return " ".join(" ".join(element.text for element in self.all()).split())

    def is_inside(self, tag: str) -> bool:
        above = self.parent
        while above is not None and above.tag != tag:
            above = above.parent
        return above is not None


class Outline(HTMLParser):
    """Parses strictly: ``problems`` names every element that is not closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("#document", {}, None)
        self.problems: list[str] = []
        self._open = self.root
        self.feed(html)
        self.close()
        if self._open is not self.root:
            self.problems.append(f"<{self._open.tag}> is never closed")
        ids = Counter(self.ids())
        self.problems += [f"id {name!r} is there {count} times" for name, count in ids.items() if count > 1]

    def ids(self) -> list[str]:
        return [element.attributes["id"] for element in self.root.all() if "id" in element.attributes]

    def find(self, **attributes: str) -> list[Element]:
        """Elements with exactly these attributes; ``class_`` means one of its classes."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [element for element in self.root.all() if all(_has(element, *pair) for pair in wanted.items())]

    def one(self, **attributes: str) -> Element:
        found = self.find(**attributes)
        assert len(found) == 1, f"{len(found)} elements with {attributes}"
        return found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = Counter(name for name, _ in attrs)
        self.problems += [f"<{tag}> has {name} twice" for name, count in names.items() if count > 1]
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.children.append(element)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open.tag != tag or self._open.parent is None:
            self.problems.append(f"</{tag}> closes <{self._open.tag}>")
        else:
            self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        self._open.text += data


def _has(element: Element, name: str, value: str) -> bool:
    found = element.attributes.get(name)
    return found is not None and (value in found.split() if name == "class" else value == found)
