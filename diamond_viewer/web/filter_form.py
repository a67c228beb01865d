"""FilterForm: a field for each row of the filter table, how it looks when set, and how to take it off again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from diamond_viewer.query.filters import FILTER_BY_PARAMETER, Filter
from diamond_viewer.query.query import DEFAULT_LIMIT, Query
from diamond_viewer.query.sorting import DEFAULT_ORDER
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import FLAG_NAMES
from diamond_viewer.telemetry.rules import JOURNEY_RULE_NAMES
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.journey_address import PATHS, journey_href
from diamond_viewer.web.list_columns import LIST_COLUMNS
from diamond_viewer.web.search_box import SearchBox, search_box
from diamond_viewer.web.window import WindowField, window_field

DIFFERENCES_PATH = "/differences"
PAGE_SIZES = (20, 50, 100, 200, 500, 1000)
MAX_SERVICES = 100
FIRST_SUGGESTIONS = 20  # in the page itself; typing asks for better ones
MORE_SUGGESTIONS = 50

SUGGESTED = ("lesson", "user", "event", "operation")  # a text field with suggestions from the store
CHOSEN_FROM_STORE = ("service",)  # few enough for a list
ONLY_WHEN_SET = ("max_ms", "finding")
_UNITS = {"min_ms": "ms", "max_ms": "ms"}
ORDER = ("lesson", "user", "status", "service", "event", "operation", "flag", "finding", "min_ms", "max_ms", "q")


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
    journey_href: str = ""  # of a user or lesson that is set


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column of the list that the reader can add, or take away when it ``is_set``."""

    label: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class FilterForm:
    """``page_sizes`` and ``columns`` are empty where there is no list of traces."""

    fields: tuple[FormField, ...]
    window: WindowField
    page_sizes: tuple[Option, ...]
    action: str
    page_size_is_set: bool
    hidden: tuple[tuple[str, str], ...]  # what the form keeps beside its fields
    caption: str
    columns: tuple[ColumnChoice, ...]
    clear_href: str
    is_set: bool
    search: SearchBox
    differences_href: str = ""  # what differs between these and other traces; empty where nothing is set


def filter_form(address: Address, store: TraceStore, now_ns: int, typed: str = "") -> FilterForm:
    """``typed`` is what the search box holds when that is no search."""
    query, is_list = address.query, address.path == TRACES_PATH
    rows = [FILTER_BY_PARAMETER[name] for name in ORDER if name in FILTER_BY_PARAMETER]
    fields = [field for row in rows for field in _fields(row, address, store)]
    sorted_by = () if query.sort == DEFAULT_ORDER else (("sort", query.sort),)
    cleared = replace(address, query=Query(limit=query.limit, sort=query.sort))
    return FilterForm(
        fields=tuple(fields),
        window=window_field(address, now_ns),
        page_sizes=tuple(Option(str(size), f"{size} traces", size == query.limit) for size in _sizes(query.limit))
        if is_list
        else (),
        action=address.path,
        page_size_is_set=query.limit != DEFAULT_LIMIT,
        hidden=(*sorted_by, *address.own_args),
        caption=caption(query),
        columns=_columns(address) if is_list else (),
        clear_href=cleared.href,
        is_set=bool(query.set_filters),
        search=search_box(query.value("q") or typed),
        differences_href=_differences_href(query) if is_list and query.set_filters else "",
    )


def suggestions(store: TraceStore, parameter: str, text: str) -> tuple[Option, ...]:
    """Values that contain the text, most frequent first, each with the number of its traces."""
    found = store.values(parameter, text.strip(), MORE_SUGGESTIONS if text.strip() else FIRST_SUGGESTIONS)
    return tuple(Option(value, _traces(count)) for value, count in found)


def caption(query: Query) -> str:
    """What the list shows, in words.

    >>> caption(Query((("user", "usr_0007"), ("status", "error"))))
    'Traces where user is usr_0007 and status is error'
    >>> caption(Query((("flag", "slow"), ("since", "15m")))), caption(Query((("until", "2h"),))), caption(Query())
    ('Traces since 15m where the flag slow is set', 'Traces until 2h', 'All traces')
    """
    window, others = list[str](), list[str]()
    for name, value in query.set_filters:
        sentence = FILTER_BY_PARAMETER[name].sentence.format(value)
        (window if name in ("since", "until") else others).append(sentence)
    if not window and not others:
        return "All traces"
    where = f"where {' and '.join(others)}" if others else ""
    return " ".join(filter(None, ("Traces", *window, where)))


def _differences_href(query: Query) -> str:
    return f"{DIFFERENCES_PATH}?{Query(query.set_filters).to_args()}"


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
            journey_href=journey_href(row.parameter, value) if value and row.parameter in PATHS else "",
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
        labels = {choice: _choice_words(row.parameter, choice) for choice in row.choices}
    else:
        return "text", lambda value: ()

    def options(value: str) -> tuple[Option, ...]:
        known = labels if not value or value in labels else {**labels, value: value}
        return tuple(Option(choice, label, choice == value) for choice, label in known.items())

    return "choice", options


def _choice_words(parameter: str, choice: str) -> str:
    """Of a flag and a finding that have the same name, which is which.

    >>> _choice_words("flag", "duplicate-calls"), _choice_words("finding", "duplicate-calls"), _choice_words("flag", "slow-db")
    ('duplicate calls in one trace', 'duplicate calls, also of several traces', 'slow db')
    """
    words = choice.replace("-", " ")
    if choice not in FLAG_NAMES or choice not in JOURNEY_RULE_NAMES:
        return words
    return f"{words} in one trace" if parameter == "flag" else f"{words}, also of several traces"


def _columns(address: Address) -> tuple[ColumnChoice, ...]:
    known = {column.name: column.label for column in LIST_COLUMNS}
    attributes = {name: name for name in address.columns if name not in known}
    return tuple(
        ColumnChoice(label, address.with_column(name), name in address.columns)
        for name, label in {**known, **attributes}.items()
    )


def _sizes(limit: int) -> tuple[int, ...]:
    return tuple(sorted({*PAGE_SIZES, limit}))


def _traces(count: int) -> str:
    return f"{count:,} trace{'' if count == 1 else 's'}"
