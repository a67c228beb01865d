"""Who calls whom: services, databases, queues and hosts outside, and the calls between them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """``kind`` is service | database | queue | host; ``address`` tells databases of one sort apart and may be empty."""

    kind: str
    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """All calls from one node to another. Durations are ns, percentiles by nearest rank. ``source`` None: from outside."""

    source: Node | None
    target: Node
    count: int
    error_count: int
    p50_ns: int
    p95_ns: int


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """``calls`` by count, most first. ``trace_count`` traces were looked at, between the two times; the last two are as in
    ``reach.Reach``."""

    calls: tuple[Call, ...] = ()
    trace_count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    is_complete: bool = True
    scanned_to_ns: int = 0


def node_of_peer(peer: str) -> Node:
    """What ``semconv.peer_of`` wrote.

    >>> node_of_peer("database\\tredis\\t10.0.0.7:6379"), node_of_peer("queue\\tmail\\t")
    (Node(kind='database', name='redis', address='10.0.0.7:6379'), Node(kind='queue', name='mail', address=''))
    """
    kind, name, address = (*peer.split("\t"), "", "")[:3]
    return Node(kind, name, address)


def without_nameless(pairs: Iterable[tuple[Node | None, Node]]) -> dict[Node, Node]:
    """A database whose address one library does not say is the only one of its sort that anybody calls with an address.

    >>> nameless, one = Node("database", "postgresql"), Node("database", "postgresql", "db1")
    >>> without_nameless([(None, nameless), (None, one)]) == {nameless: one}
    True
    """
    known: dict[str, set[Node]] = defaultdict(set)
    for _, target in pairs:
        if target.kind == "database":
            known[target.name].add(target)
    found = {}
    for nodes in known.values():
        nameless = {node for node in nodes if not node.address}
        if len(nodes) == 2 and len(nameless) == 1:
            found[nameless.pop()] = next(node for node in nodes if node.address)
    return found
