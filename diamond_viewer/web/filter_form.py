"""FilterForm: a field for each row of the filter table, how it looks when set, and how to take it off again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from diamond_viewer.query.filters import FILTER_BY_PARAMETER, Filter
from diamond_viewer.query.query import DEFAULT_LIMIT, Query
from diamond_viewer.query.sorting import DEFAULT_ORDER
from diamond_viewer.store import TraceStore
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.search_box import SearchBox, search_box

PAGE_SIZES = (20, 50, 100, 200, 500, 1000)
WINDOWS = (("15m", "last 15 min"), ("1h", "last hour"), ("6h", "last 6 h"), ("24h", "last 24 h"), ("", "all time"))
MAX_SERVICES = 100
FIRST_SUGGESTIONS = 20  # in the page itself; typing asks for better ones
MORE_SUGGESTIONS = 50

SUGGESTED = ("lesson", "user", "event", "operation")  # a text field with suggestions from the store
CHOSEN_FROM_STORE = ("service",)  # few enough for a list
ONLY_WHEN_SET = ("max_ms",)
_UNITS = {"min_ms": "ms", "max_ms": "ms"}
ORDER = ("lesson", "user", "status", "service", "event", "operation", "flag", "min_ms", "max_ms", "q")


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """``control`` is text | choice; ``clear_href`` is empty while the filter is not set; ``field_id`` is unique."""

    field_id: str
    parameter: str
    label: str
    control: str
    value: str
    placeholder: str
    sentence: str
    options: tuple[Option, ...] = ()
    clear_href: str = ""
    is_suggested: bool = False


@dataclass(frozen=True, slots=True)
class WindowField:
    """The time window: links for the usual ones, two texts for any other."""

    words: str
    links: tuple[tuple[str, str, bool], ...]  # href, label, is it the one that is set
    since: str
    until: str
    is_set: bool
    clear_href: str


@dataclass(frozen=True, slots=True)
class FilterForm:
    """``page_sizes`` is empty where there is no list of traces; ``more`` are the page's own parameters."""

    fields: tuple[FormField, ...]
    window: WindowField
    page_sizes: tuple[Option, ...]
    action: str
    more: tuple[tuple[str, str], ...]
    page_size_is_set: bool
    trace_id: str
    sort: str
    caption: str
    clear_href: str
    is_set: bool
    search: SearchBox


def filter_form(address: Address, store: TraceStore, typed: str = "") -> FilterForm:
    """``typed`` is what the search box holds when that is no search."""
    query = address.query
    rows = [FILTER_BY_PARAMETER[name] for name in ORDER if name in FILTER_BY_PARAMETER]
    fields = [field for row in rows for field in _fields(row, address, store)]
    cleared = replace(address, query=Query(limit=query.limit, sort=query.sort))
    return FilterForm(
        fields=tuple(fields),
        window=_window(address),
        page_sizes=tuple(Option(str(size), f"{size} traces", size == query.limit) for size in _sizes(query.limit))
        if address.path == TRACES_PATH
        else (),
        action=address.path,
        more=address.more,
        page_size_is_set=query.limit != DEFAULT_LIMIT,
        trace_id=address.trace_id,
        sort="" if query.sort == DEFAULT_ORDER else query.sort,
        caption=caption(query),
        clear_href=cleared.href,
        is_set=bool(query.set_filters),
        search=search_box(query.value("q") or typed),
    )


def suggestions(store: TraceStore, parameter: str, text: str) -> tuple[Option, ...]:
    """Values that contain the text, most frequent first, each with the number of its traces."""
    found = store.values(parameter, text.strip(), MORE_SUGGESTIONS if text.strip() else FIRST_SUGGESTIONS)
    return tuple(Option(value, _traces(count)) for value, count in found)


def caption(query: Query) -> str:
    """What the list shows, in words.

    >>> caption(Query((("user", "usr_0007"), ("status", "error"))))
    'Traces where user is usr_0007 and status is error'
    """
    sentences = [FILTER_BY_PARAMETER[name].sentence.format(value) for name, value in query.set_filters]
    return f"Traces where {' and '.join(sentences)}" if sentences else "All traces"


def window_words(since: str, until: str) -> str:
    """A window that is none of the usual ones, short enough for its field.

    >>> window_words("3d", ""), window_words("2026-11-22T14:30:00.5Z", "2026-11-22T14:40:00Z"), window_words("", "2h")
    ('last 3d', '14:30:00–14:40:00', 'until 2h ago')
    """
    start, end = _clock_words(since), _clock_words(until)
    if start and end and "T" in since:
        return f"{start}–{end}"
    if start:
        return f"since {start}" if "T" in since else f"last {start}"
    return f"until {end}" if "T" in until else f"until {end} ago"


def _clock_words(time: str) -> str:
    """The time of day of an RFC 3339 time; a relative time as it is."""
    return time.partition("T")[2][:8] or time


def _fields(row: Filter, address: Address, store: TraceStore) -> list[FormField]:
    """One field, or one for each value of a filter that is set several times."""
    values = address.query.values(row.parameter)
    if row.parameter in ONLY_WHEN_SET and not values:
        return []
    control, options = _control(row, store)
    shown = values or ("",)
    return [
        FormField(
            field_id=f"filter-{row.parameter}" + (f"-{place}" if place else ""),
            parameter=row.parameter,
            label=row.label,
            control=control,
            value=value,
            placeholder=row.example if row.parameter == "q" else _UNITS.get(row.parameter, "any"),
            sentence=row.sentence.format(value or "…"),
            options=options(value),
            clear_href=address.without(row.parameter, value) if value else "",
            is_suggested=row.parameter in SUGGESTED,
        )
        for place, value in enumerate(shown)
    ]


def _control(row: Filter, store: TraceStore) -> tuple[str, Callable[[str], tuple[Option, ...]]]:
    labels: Mapping[str, str]
    if row.parameter in SUGGESTED:
        found = suggestions(store, row.parameter, "")
        return "text", lambda value: found
    if row.parameter in CHOSEN_FROM_STORE:
        labels = {value: f"{value} ({count:,})" for value, count in store.values(row.parameter, "", MAX_SERVICES)}
    elif row.choices:
        labels = {choice: choice.replace("-", " ") for choice in row.choices}
    else:
        return "text", lambda value: ()

    def options(value: str) -> tuple[Option, ...]:
        known = labels if not value or value in labels else {**labels, value: value}
        return tuple(Option(choice, label, choice == value) for choice, label in known.items())

    return "choice", options


def _window(address: Address) -> WindowField:
    since, until = address.query.value("since"), address.query.value("until")
    usual = next((label for value, label in WINDOWS if value == since and not until), "")
    return WindowField(
        words=usual or window_words(since, until),
        links=tuple((address.between(value, ""), label, label == usual) for value, label in WINDOWS),
        since=since,
        until=until,
        is_set=bool(since or until),
        clear_href=address.between("", ""),
    )


def _sizes(limit: int) -> tuple[int, ...]:
    return tuple(sorted({*PAGE_SIZES, limit}))


def _traces(count: int) -> str:
    return f"{count:,} trace{'' if count == 1 else 's'}"
