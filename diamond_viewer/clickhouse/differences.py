"""What the cluster's tables do not keep, or answers otherwise than files do: shown on the health page, listed in the docs.

Everything else is the same: ``tests/cluster/test_parity.py`` asks both stores every question.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    name: str
    sentence: str


DIFFERENCES = (
    Difference(
        "typed values",
        "Tables with map columns keep every attribute as text: numbers and truth values come as texts, a list as its JSON.",
    ),
    Difference(
        "empty values",
        "An attribute that has no value is an empty text in tables with map columns"
        ", and tables with JSON columns do not keep it.",
    ),
    Difference(
        "dropped counts", "Counts of dropped attributes, events and links are not stored, so nothing is said of them."
    ),
    Difference("flags", "Flags of spans and links, schema URLs and the attributes of a scope are not stored."),
    Difference(
        "equal content",
        "Rows are the same span when ids, names, times, service and status are; attributes are not compared when spans are "
        "counted.",
    ),
    Difference(
        "long traces",
        "A window of time finds the spans of its traces that began up to an hour before or after it (?longest= in --store).",
    ),
    Difference(
        "bounds",
        "Errors, operations, findings, ways and the map are worked out from the newest 200,000 spans that match; the page says "
        "when there are more.",
    ),
    Difference(
        "links",
        "Links to a trace are looked for in the hour before and after it, in a busy table among the nearest 4 million spans.",
    ),
    Difference("times", "A time after the year 2262 does not fit the tables, and is taken as not said."),
    Difference("numbers", "Extremes of histogram metrics that are both 0 are taken as not said."),
    Difference("logs", "Of log records the newest 20,000 that match are listed, and a structured body is its text."),
    Difference(
        "together",
        "What several traces of a person show stands on no row and in no search: an opened trace and a journey say it, without "
        "who else has it.",
    ),
    Difference("departures", "What a TTL has removed is not remembered: a trace that is gone was never seen."),
)
