"""One INSERT into a table of the exporter's: rows as JSON, and none that stands there already.

The server reads the rows with ``input()`` and leaves out those whose key it finds in the table in the same moments of time.
So an import that broke off may be repeated, and one beside a collector that writes the same spans adds nothing twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diamond_viewer.clickhouse.written_rows import TIMES

NS_PER_S = 1_000_000_000
MOMENTS_S = (
    10,
    60,
    600,
    3_600,
    86_400,
    30 * 86_400,
)  # how wide moments are, at the finest of which there are few enough
MAX_MOMENTS = 2_000

_SETTINGS = {
    "max_partitions_per_insert_block": 0,  # a file may reach over a hundred days
    "insert_distributed_sync": 1,  # an answer means that the rows are in the shards' tables
    "input_format_defaults_for_omitted_fields": 1,
}
_JSON_SETTINGS = {"enable_json_type": 1, "type_json_skip_duplicated_paths": 1}  # a.b, and a with b inside, in one span


def quoted(text: str) -> str:
    """A text of SQL.

    >>> quoted("it's")
    "'it\\\\'s'"
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def named(name: str) -> str:
    """A name of SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


@dataclass(frozen=True, slots=True)
class Place:
    """A table to be written to: of one server, or of all shards of a cluster."""

    database: str
    table: str
    cluster: str = ""

    @classmethod
    def parse(cls, name: str, database: str, cluster: str = "") -> "Place":
        """``name`` may name its database itself.

        >>> Place.parse("spans", "otel"), Place.parse("other.spans", "otel", "two")
        (Place(database='otel', table='spans', cluster=''), Place(database='other', table='spans', cluster='two'))
        """
        before, dot, table = name.partition(".")  # as ``Address.split``
        return cls(before, table, cluster) if dot else cls(database, name, cluster)

    @property
    def read(self) -> str:
        name = f"{named(self.database)}.{named(self.table)}"
        return f"cluster({quoted(self.cluster)}, {name})" if self.cluster else name

    @property
    def written(self) -> str:
        if not self.cluster:
            return self.read
        return f"FUNCTION cluster({quoted(self.cluster)}, {named(self.database)}.{named(self.table)}, rand())"


@dataclass(frozen=True, slots=True)
class Insertion:
    """``columns`` are those of the table that may be written, by name; ``key`` are columns that tell one row from another,
    ``time`` the one among the columns that says when."""

    place: Place
    columns: Mapping[str, str]
    key: tuple[str, ...]
    time: str

    def statement(self, given: Iterable[str], times_ns: Iterable[int]) -> str:
        """For rows that have the columns ``given`` between them, at these times; a JSON object a row is to follow."""
        names = [name for name in self.columns if name in set(given)]
        settings = _SETTINGS | (
            _JSON_SETTINGS if any(kind.startswith("JSON") for kind in self.columns.values()) else {}
        )
        structure = ", ".join(f"{named(name)} {self._given_type(name)}" for name in names)
        return (
            f"INSERT INTO {self.place.written} ({', '.join(map(named, names))}) "
            f"SETTINGS {', '.join(f'{name} = {value}' for name, value in settings.items())} "
            f"SELECT {', '.join(map(_written, names))} FROM input({quoted(structure)}) "
            f"WHERE ({', '.join(map(self._given_key, self.key))}) GLOBAL NOT IN "
            f"(SELECT {', '.join(map(self._held_key, self.key))} FROM {self.place.read} WHERE {self._when(times_ns)}) "
            "FORMAT JSONEachRow"
        )

    def _given_type(self, name: str) -> str:
        if name not in TIMES:
            return self.columns[name]
        return "Array(Int64)" if "." in name else "Int64"

    def _given_key(self, name: str) -> str:
        if name in TIMES:
            return named(name) if self._is_exact(name) else f"intDiv({named(name)}, {NS_PER_S})"
        return self._compared(name)

    def _held_key(self, name: str) -> str:
        if name in TIMES:
            return self._number(name)
        return self._compared(name)

    def _compared(self, name: str) -> str:
        kind = self.columns[name]
        if kind.startswith("JSON"):
            return f"toString({named(name)})"
        return f"cityHash64({named(name)})" if kind.startswith("Map") else named(name)

    def _is_exact(self, name: str) -> bool:
        return self.columns[name].startswith("DateTime64")

    def _number(self, name: str) -> str:
        if self._is_exact(name):
            return f"toUnixTimestamp64Nano(CAST({named(name)} AS DateTime64(9)))"
        return f"toInt64(toUnixTimestamp({named(name)}))"

    def _when(self, times_ns: Iterable[int]) -> str:
        times = sorted(set(times_ns))
        for width_s in MOMENTS_S:
            moments = sorted({time_ns // (width_s * NS_PER_S) for time_ns in times})
            if len(moments) <= MAX_MOMENTS:
                break
        unit = NS_PER_S if self._is_exact(self.time) else 1
        return (
            f"{named(self.time)} >= {self._bound(times[0])} AND {named(self.time)} <= {self._bound(times[-1])} "
            f"AND intDiv({self._number(self.time)}, {width_s * unit}) IN ({', '.join(map(str, moments))})"
        )

    def _bound(self, time_ns: int) -> str:
        """For a comparison that the table's key may use."""
        if self._is_exact(self.time):
            return f"fromUnixTimestamp64Nano(toInt64({time_ns}))"
        return f"toDateTime({time_ns // NS_PER_S})"


def _written(name: str) -> str:
    if name not in TIMES:
        return named(name)
    if "." in name:
        return f"arrayMap(ns -> fromUnixTimestamp64Nano(ns), {named(name)})"
    return f"fromUnixTimestamp64Nano({named(name)})"
