"""Links from a figure to the traces it counts: the list with the same filters, and a term that demands the rest."""

from dataclasses import replace

from diamond_viewer.query.suggestions import written
from diamond_viewer.telemetry.semconv import BARE_METHODS
from diamond_viewer.telemetry.tallies import OTHERS, ErrorKey, OperationKey, StatementTally
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.facet_panel import with_term

MAX_VALUE = 200  # characters: longer ones are no filter


def list_of(address: Address) -> Address:
    """The traces page with the filters of another page."""
    return Address(replace(address.query, page=1, anchor=None), path=TRACES_PATH)


def error_href(address: Address, key: ErrorKey) -> str:
    """Traces in which the span failed where the group's errors begin; empty for what cannot be asked for."""
    if key.what == OTHERS or not 0 < len(key.cause) <= MAX_VALUE:
        return ""
    there = list_of(address)
    there = replace(there, query=there.query.with_values("status", "error"))
    return _searching(
        _of_operation(there, key.operation, key.service), f"span:{{name:{written(key.cause)} status:error}}"
    )


def operation_href(address: Address, key: OperationKey, more: str = "") -> str:
    """Traces in which the operation ran; ``more`` is demanded of them as well."""
    if key.operation == OTHERS:
        return ""
    there = _of_operation(list_of(address), key.operation, key.service)
    return _searching(there, more) if more else there.href


_KINDS = {"request": "kind:server ", "job": "kind:consumer ", "other": ""}


def took_href(address: Address, key: OperationKey | None, took: str) -> str:
    """Traces in which a call took so long: of one operation, or (None) any span at all; ``took`` are conditions on it."""
    if key is None:
        return _searching(list_of(address), f"span:{{{took}}}")
    return operation_href(address, key, f"span:{{{_KINDS[key.kind]}{took}}}")


def failed_calls_href(address: Address, key: OperationKey) -> str:
    """Traces in which a call itself failed: an error further down that was caught is none of the operation's."""
    if key.kind == "other" and len(key.operation) > MAX_VALUE:
        return operation_href(address, key, "status:error")
    its_own = _KINDS[key.kind] or f"name:{written(key.operation)} "
    return operation_href(address, key, f"span:{{{its_own}status:error}}")


def good_traces(address: Address, operation: str, service: str) -> Address:
    """Those of an operation without any error, in the address's window."""
    query = address.query
    for name in dict.fromkeys(name for name, _ in query.set_filters if name not in ("since", "until")):
        query = query.with_values(name)
    there = Address(replace(query, page=1, anchor=None).with_values("status", "ok"), path=TRACES_PATH)
    return _of_operation(there, operation, service)


def statement_href(address: Address, tally: StatementTally, *, slow: bool = False) -> str:
    """Traces that ran a statement, or in which one of its spans was slow."""
    if tally.statement == OTHERS:
        return ""
    term = f"statement:{written(tally.statement)}"
    return _searching(list_of(address), f"span:{{{term} duration>100ms}}" if slow else term)


def _of_operation(there: Address, operation: str, service: str) -> Address:
    """A request called by its method alone has its route in its name: no span is called that."""
    query = there.query
    method, _, route = operation.partition(" ")
    if service and not query.value("service") and len(service) <= MAX_VALUE:
        query = query.with_values("service", service)
    if len(operation) > MAX_VALUE:
        return replace(there, query=query)
    if method in BARE_METHODS and route:
        either = f"(name:{written(operation)} OR span:{{name:{method} route:{written(route)}}})"
        search = with_term(query.value("q"), either)
        return replace(there, query=query.with_values("q", search) if search else query)
    if operation and not query.value("operation"):
        query = query.with_values("operation", operation)
    return replace(there, query=query)


def _searching(there: Address, term: str) -> str:
    search = with_term(there.query.value("q"), term)
    return replace(there, query=there.query.with_values("q", search)).href if search else ""
