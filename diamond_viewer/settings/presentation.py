"""How the pages look to one's own people: the tables ``[page]``, ``[facets]`` and ``[links]`` of a configuration file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit

from diamond_viewer.telemetry.model import Facets

DEFAULT_TITLE = "Diamond Viewer"
MAX_TITLE = 60  # characters: more would push the tabs out of the header
MAX_LABEL = 40
MAX_URL = 2_000
MAX_LINKS = 5  # of one kind
PLACE = "{id}"
FACET_NAMES = tuple(field.name.replace("_", "-") for field in fields(Facets))
LINKED = ("user", "lesson", "trace")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Group = TypeVar("Group", bound=_Named)


@dataclass(frozen=True, slots=True)
class Link:
    """``url`` is http or https and holds ``{id}`` behind its host."""

    label: str
    url: str

    def to(self, identifier: str) -> str:
        """
        >>> Link("Lesson", "https://learn.example/lessons/{id}").to("a/b?c")
        'https://learn.example/lessons/a%2Fb%3Fc'
        """
        return self.url.replace(PLACE, quote(identifier, safe=""))


@dataclass(frozen=True, slots=True)
class Links:
    """Where users, lessons and traces are to be found elsewhere."""

    user: tuple[Link, ...] = ()
    lesson: tuple[Link, ...] = ()
    trace: tuple[Link, ...] = ()

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "Links":
        """A URL, a table of ``label`` and ``url``, or a list of these. Raises ``ValueError``, as all readers of tables.

        >>> Links.from_table({"lesson": "https://learn.example/lessons/{id}"}).lesson
        (Link(label='learn.example', url='https://learn.example/lessons/{id}'),)
        >>> Links.from_table({"lesson": "javascript:alert({id})"})
        Traceback (most recent call last):
        ValueError: lesson is 'javascript:alert({id})'. Write an address of http or https ...
        """
        for name in table:
            if name not in LINKED:
                raise ValueError(f"links has no {name!r}. There are: {', '.join(LINKED)}.")
        return cls(**{name: _links(name, value) for name, value in table.items()})


@dataclass(frozen=True, slots=True)
class PageWords:
    """``title`` stands in the header and in every tab."""

    title: str = DEFAULT_TITLE

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "PageWords":
        """
        >>> PageWords.from_table({"title": " "})
        Traceback (most recent call last):
        ValueError: title is ' '. It must be a text of 1 to 60 characters.
        """
        for name in table:
            if name != "title":
                raise ValueError(f"page has no {name!r}. There is: title.")
        return cls(_text("title", table.get("title", DEFAULT_TITLE), MAX_TITLE))


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """``shown`` are names of facets in their order."""

    shown: tuple[str, ...] = FACET_NAMES

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "FacetChoice":
        """
        >>> FacetChoice.from_table({"shown": ["user", "tenant"]})
        Traceback (most recent call last):
        ValueError: shown holds 'tenant', which is no facet. There are: service, operation, ...
        """
        for name in table:
            if name != "shown":
                raise ValueError(f"facets has no {name!r}. There is: shown.")
        shown = table.get("shown", list(FACET_NAMES))
        if not isinstance(shown, list) or not all(isinstance(name, str) for name in shown):
            raise ValueError("shown must be a list of facets, for example shown = ['service', 'user'].")
        if wrong := next((name for name in shown if name not in FACET_NAMES), None):
            raise ValueError(f"shown holds {wrong!r}, which is no facet. There are: {', '.join(FACET_NAMES)}.")
        return cls(tuple(dict.fromkeys(shown)))

    def of(self, groups: Iterable[Group]) -> list[Group]:
        """Those of the groups that are shown, in their order; by default as they come."""
        if self.shown == FACET_NAMES:
            return list(groups)
        by_name = {group.name: group for group in groups}
        return [by_name[name] for name in self.shown if name in by_name]


def _links(name: str, value: object) -> tuple[Link, ...]:
    links: Sequence[object] = value if isinstance(value, list) else [value]
    if len(links) > MAX_LINKS:
        raise ValueError(f"{name} has {len(links)} links. There may be {MAX_LINKS}.")
    return tuple(_link(name, link) for link in links)


def _link(name: str, value: object) -> Link:
    table = value if isinstance(value, dict) else {"url": value}
    if unknown := sorted(table.keys() - {"url", "label"}):
        raise ValueError(f"{name} has {unknown[0]!r}. A link has url and label.")
    url = table.get("url")
    wanted = f"Write an address of http or https with {PLACE} behind its host, for example https://learn.example/{name}s/{PLACE}."
    if not isinstance(url, str) or len(url) > MAX_URL:
        raise ValueError(f"{name} is {str(url)[:80]!r}. {wanted}")
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        is_plain = False
    if not is_plain or PLACE not in url or PLACE in parts.netloc:
        raise ValueError(f"{name} is {url[:80]!r}. {wanted}")
    return Link(_text(f"{name}.label", table.get("label", parts.hostname), MAX_LABEL), url)


def _text(name: str, value: object, most: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        raise ValueError(f"{name} is {str(value)[:80]!r}. It must be a text of 1 to {most} characters.")
    return value.strip()
