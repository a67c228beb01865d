"""The table of orders a list of traces can have: one row each, read by the query, the store, the page, the API and the docs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """``name`` is the value of ``sort``; the largest come first, ties newest first, then by trace id."""

    name: str
    label: str
    sentence: str


ORDERS: tuple[Order, ...] = (
    Order("start", "Start", "newest start first"),
    Order("duration", "Duration", "longest first"),
    Order("spans", "Spans", "most spans first"),
    Order("errors", "Errors", "most failed spans first"),
)
ORDER_BY_NAME = {order.name: order for order in ORDERS}
DEFAULT_ORDER = ORDERS[0].name
