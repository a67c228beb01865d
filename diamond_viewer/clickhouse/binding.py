"""Bound values: what a reader or a producer wrote goes to the server beside the SQL, never in it."""

from collections.abc import Iterable, Sequence
from typing import Any

MAX_BOUND_IDS = 3_000  # in one parameter: the server takes 128 KiB
MAX_BOUND_NUMBERS = 2_500  # of up to 39 digits
_TYPES = {str: "String", int: "Int64", float: "Float64"}


class Bound:
    """The parameters of one query.

    >>> bound = Bound()
    >>> bound.value("a'b"), bound.value(3), bound.value("a'b"), bound.parameters
    ('{p0:String}', '{p1:Int64}', '{p0:String}', {'p0': "a'b", 'p1': 3})
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}
        self._places: dict[tuple[type, Any], str] = {}

    def value(self, value: str | int | float) -> str:
        if (place := self._places.get((type(value), value))) is None:
            place = self._places[type(value), value] = self._named(value, _TYPES[type(value)])
        return place

    def texts(self, values: Iterable[str]) -> str:
        return self._named(list(values), "Array(String)")

    def numbers(self, values: Iterable[int]) -> str:
        return self._named(list(values), "Array(Int64)")

    def is_among(self, column: str, texts: list[str]) -> str:
        """A condition: the column's text is one of these, however many they are."""
        portions = [texts[at : at + MAX_BOUND_IDS] for at in range(0, len(texts), MAX_BOUND_IDS)]
        return f"({' OR '.join(f'{column} IN {self.texts(portion)}' for portion in portions)})" if portions else "false"

    def is_trace_of(self, number: str, trace_ids: Sequence[str]) -> str:
        """A condition: the number of a trace (``Layout.trace``) is that of one of these.

        >>> Bound().is_trace_of("t", []), Bound().is_trace_of("t", ["00" * 15 + "02"])
        ('false', '(t IN {p0:Array(UInt128)})')
        """
        numbers = [int.from_bytes(bytes.fromhex(trace_id), "little") for trace_id in trace_ids]
        portions = [numbers[at : at + MAX_BOUND_NUMBERS] for at in range(0, len(numbers), MAX_BOUND_NUMBERS)]
        among = [f"{number} IN {self._named(portion, 'Array(UInt128)')}" for portion in portions]
        return f"({' OR '.join(among)})" if among else "false"

    def _named(self, value: Any, kind: str) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"
