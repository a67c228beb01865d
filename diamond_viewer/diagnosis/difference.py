"""What differs between the traces of a group and good traces of the same operation.

After HyperDX's event deltas: each property's values as shares of 100 in both groups, the greatest distance is its score.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diamond_viewer.diagnosis.vocabulary import words
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import AttributeValue, Trace

Properties = Mapping[str, frozenset[str]]

LEAST_SEEN = 5  # a property that was seen less often says nothing
UNIQUE_SHARE = 0.9  # of the values: what has more different ones is an id, a time, a measured value
UNIQUE_TRACES = 20  # and is judged only when there are more traces than this
WELL_KNOWN_BONUS = 0.1  # of a percentage point: between equal scores the property that people know comes first

_WELL_KNOWN = ("service.", "http.", "error.type", "exception.type", "db.", "rpc.", "messaging.")
_HIDDEN_ENDINGS = ("Id", "ID", ".id", "_id")


@dataclass(frozen=True, slots=True)
class Share:
    """One value: in how many traces of each group it stands, and its share of all values of its property there."""

    value: str
    selected_count: int
    good_count: int
    selected_percent: float
    good_percent: float

    @property
    def distance(self) -> float:
        """Percentage points; positive when the value is over-represented in the selection."""
        return self.selected_percent - self.good_percent


@dataclass(frozen=True, slots=True)
class Difference:
    """A property whose values differ. ``score`` is 0 to 100 (a little over for well-known ones); ``shares`` are in order of
    distance, the over-represented first.
    """

    name: str
    score: float
    shares: tuple[Share, ...]


def properties_of(trace: Trace) -> Properties:
    """All that a trace says, each property with its different values: attributes of spans, events and resources, span
    statuses, names of events. Users and lessons under one name, whatever the spelling. Long texts are cut to one line.
    """
    found: dict[str, set[str]] = {}
    for span in trace.spans:
        _add(found, span.attributes)
        _add(found, span.resource.attributes)
        for event in span.events:
            found.setdefault("event", set()).add(words(event.name))
            _add(found, event.attributes)
    return {name: frozenset(values) for name, values in found.items()}


def what_differs(
    selected: Sequence[Properties], good: Sequence[Properties], *, property_count: int = 10, value_count: int = 5
) -> tuple[Difference, ...]:
    """The properties that tell a selection from good traces, the most telling first; ties by name.

    Source: HyperDX ``eventDeltas.ts`` . Left out: properties seen fewer than 5 times in all, those
    whose name ends like an id, those of which more than 90 % of the values are unique in the group where that share is
    lower (when there are over 20 traces). ``user.id`` and ``lesson.id`` are exempt from the last two.
    """
    keys = semconv.carried_keys()
    exempt = (keys.user[0], keys.lesson[0])  # one user or one lesson that fails is just what support asks for
    well_known = (*_WELL_KNOWN, *exempt)
    counts = (_counted(selected), _counted(good))
    trace_count = len(selected) + len(good)
    differences = []
    for name in counts[0].keys() | counts[1].keys():
        pair = (counts[0].get(name, Counter()), counts[1].get(name, Counter()))
        seen = sum(pair[0].values()) + sum(pair[1].values())
        if seen < LEAST_SEEN or (name not in exempt and _is_identifying(name, pair, trace_count)):
            continue
        shares = _shares(*pair)
        score = _score(*pair, shares)
        if score <= 0:
            continue
        bonus = WELL_KNOWN_BONUS if name.startswith(well_known) else 0
        differences.append(Difference(name, score + bonus, shares[:value_count]))
    differences.sort(key=lambda difference: (-difference.score, difference.name))
    return tuple(differences[:property_count])


def _counted(group: Iterable[Properties]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for properties in group:
        for name, values in properties.items():
            counts.setdefault(name, Counter()).update(values)
    return counts


def _is_identifying(name: str, pair: tuple[Counter[str], Counter[str]], trace_count: int) -> bool:
    if name.endswith(_HIDDEN_ENDINGS):
        return True
    unique = [len(counts) / sum(counts.values()) for counts in pair if counts]
    return trace_count > UNIQUE_TRACES and min(unique) > UNIQUE_SHARE


def _shares(selected: Counter[str], good: Counter[str]) -> tuple[Share, ...]:
    totals = (sum(selected.values()) or 1, sum(good.values()) or 1)
    shares = [
        Share(value, selected[value], good[value], 100 * selected[value] / totals[0], 100 * good[value] / totals[1])
        for value in selected.keys() | good.keys()
    ]
    return tuple(sorted(shares, key=lambda share: (-share.distance, share.value)))


def _score(selected: Counter[str], good: Counter[str], shares: Sequence[Share]) -> float:
    """The greatest distance. A property that only one group has differs by being there, which its values do not show: no
    score for a single value, else the largest share.
    """
    if not selected or not good:
        return 0 if len(shares) == 1 else max(abs(share.distance) for share in shares)
    return max(abs(share.distance) for share in shares)


def _add(found: dict[str, set[str]], attributes: Mapping[str, AttributeValue]) -> None:
    for key, value in attributes.items():
        text = value if isinstance(value, str) else None
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, int | float):
            text = f"{value:g}" if isinstance(value, float) else str(value)
        if text:
            found.setdefault(_canonical(key), set()).add(words(text))


def _canonical(key: str) -> str:
    """One name for all spellings of the user, and one for all of the lesson."""
    keys = semconv.carried_keys()
    return keys.user[0] if key in keys.user else keys.lesson[0] if key in keys.lesson else key
