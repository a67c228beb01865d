"""Links from a value to the traces that have it, or to those that have not."""

from dataclasses import dataclass, replace
from typing import Protocol

from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.telemetry.model import AttributeValue
from diamond_viewer.telemetry.semconv import SERVICE_KEY, carried_keys
from diamond_viewer.web.address import Address
from diamond_viewer.web.journey_address import PATHS, journey_href

MAX_VALUE = 200  # characters: longer ones are no filter


@dataclass(frozen=True, slots=True)
class ValueLink:
    """``only`` and ``without`` are empty when the value cannot be asked for, ``journey`` when it is no user and no lesson."""

    only: str = ""
    without: str = ""
    journey: str = ""


NOWHERE = ValueLink()


class Links(Protocol):
    """From the values of attributes to somewhere."""

    def of(self, key: str, value: AttributeValue) -> ValueLink: ...


def journey_of(key: str, value: AttributeValue) -> str:
    """The journey of the user or the lesson that an attribute names, "" when it names none."""
    parameter = _parameter(key)
    return journey_href(parameter, str(value)) if parameter in PATHS and value not in (None, "") else ""


@dataclass(frozen=True, slots=True)
class ValueLinks:
    """Keeps the filters of the list that the trace was opened from."""

    address: Address

    def of(self, key: str, value: AttributeValue) -> ValueLink:
        """Of an attribute, wherever in a trace it stands."""
        literal = _literal(value)
        if not key or not literal:
            return NOWHERE
        parameter = _parameter(key)
        only = self.address.filtered(parameter, str(value)) if parameter and isinstance(value, str) else ""
        name = f'"{_escaped(key)}"'
        return replace(self._searches(f"{name}:{literal}", only), journey=journey_of(key, value))

    def named(self, parameter: str, value: str) -> ValueLink:
        """Of a service, an operation or an event."""
        if not value or len(value) > MAX_VALUE:
            return NOWHERE
        return self._searches(f'{parameter}:"{_escaped(value)}"', self.address.filtered(parameter, value))

    def _searches(self, term: str, only: str) -> ValueLink:
        before = next(iter(self.address.query.values("q")), "")
        before = f"({before})" if " OR " in before else before
        links = []
        for searched in (term, f"-{term}"):
            text = f"{before} {searched}".strip()
            try:
                parse(text)
            except Mistake:
                return NOWHERE
            links.append(self.address.filtered("q", text))
        return ValueLink(only or links[0], links[1])


def _literal(value: AttributeValue) -> str:
    """A value as the search language writes it, "" for what it cannot ask for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if abs(value) < 1e15 else ""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_VALUE:
        return ""
    return f'"{_escaped(value)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _parameter(key: str) -> str:
    """The filter that asks for this attribute; empty when there is none of its own."""
    keys = carried_keys()
    return "user" if key in keys.user else "lesson" if key in keys.lesson else "service" if key == SERVICE_KEY else ""
