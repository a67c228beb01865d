"""The service map by plain loops over whole traces."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from diamond_viewer.telemetry.model import Span as SpanValue
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.service_map import Call, Node, ServiceMap

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5


def said(span: SpanValue, *keys: str) -> str:
    return next((str(span.attributes[key]) for key in keys if span.attributes.get(key) not in (None, "")), "")


def peer(span: SpanValue) -> Node | None:
    host = said(span, "server.address", "net.peer.name", "peer.service", "net.peer.ip")
    port = said(span, "server.port", "net.peer.port")
    address = f"{host}:{port}" if host and port else host
    if system := said(span, "db.system.name", "db.system"):
        return Node("database", system, address)
    if queue := said(span, "messaging.destination.name", "messaging.destination", "bullmq.queue.name"):
        return Node("queue", queue)
    url = said(span, "url.full", "http.url")
    name = address or (url.split("/")[2] if "//" in url else "")
    return Node("host", name) if name else None


def calls_in(spans: Sequence[SpanValue]) -> Iterable[tuple[Node | None, Node, SpanValue]]:
    by_id = {span.span_id: span for span in spans}
    answered, wrapping = set(), set()
    for span in spans:
        parent = by_id.get(span.parent_id)
        if parent is None or parent is span:
            continue
        if parent.service != span.service or (span.kind == SERVER and parent.kind == CLIENT):
            answered.add(parent.span_id)
        mine, above = peer(span), peer(parent)
        if mine and above and mine.kind == above.kind == "database" and mine.name == above.name:
            wrapping.add(parent.span_id)
    for span in spans:
        parent, node, me = by_id.get(span.parent_id), peer(span), Node("service", span.service)
        is_consumed = span.kind == CONSUMER and node is not None and node.kind == "queue"
        called = parent is not None and (
            parent.service != span.service or (span.kind == SERVER and parent.kind == CLIENT)
        )
        if is_consumed:
            yield node, me, span
        elif called and parent is not None:
            yield Node("service", parent.service), me, span
        elif (span.kind == SERVER and parent is None) or span.kind == CONSUMER:
            yield None, me, span
        if node is None:
            continue
        if node.kind == "database":
            if span.span_id not in wrapping:
                yield me, node, span
        elif node.kind == "queue":
            if span.kind == PRODUCER or (span.kind == CLIENT and span.span_id not in answered):
                yield me, node, span
        elif span.kind == CLIENT and span.span_id not in answered:
            yield me, node, span


def linked_in(spans: Sequence[SpanValue], services: Mapping[tuple[str, str], str]) -> Iterable[tuple[str, SpanValue]]:
    """Spans without a parent and without a queue, each with the other services that they go on from."""
    for span in spans:
        node = peer(span)
        by_queue = span.kind == CONSUMER and node is not None and node.kind == "queue"
        sources = {
            services.get((link.trace_id, link.span_id), "") for link in span.links if link.trace_id != span.trace_id
        }
        for service in sorted(sources - {"", span.service}) if not span.parent_id and not by_queue else ():
            yield service, span


def plain_map(
    rows: Sequence[TraceSummary],
    traces: Sequence[Sequence[SpanValue]],
    every: Mapping[str, Mapping[str, SpanValue]],
) -> ServiceMap:
    """``every`` span that is held, by trace id: links may lead out of the traces that match."""
    services = {(span.trace_id, span.span_id): span.service for held in every.values() for span in held.values()}
    found: dict[tuple[Node | None, Node], list[SpanValue]] = defaultdict(list)
    for spans in traces:
        linked = list(linked_in(spans, services))
        for source, target, span in calls_in(spans):
            if source is not None or span not in [linking for _, linking in linked]:
                found[source, target].append(span)
        for service, span in linked:
            found[Node("service", service), Node("service", span.service)].append(span)
    databases = {target for _, target in found if target.kind == "database"}
    calls: dict[tuple[Node | None, Node], list[SpanValue]] = defaultdict(list)
    for (source, target), spans in found.items():
        same = [node for node in databases if node.name == target.name]
        addressed = [node for node in same if node.address]
        is_nameless = target.kind == "database" and not target.address and len(same) == 2 and len(addressed) == 1
        calls[source, addressed[0] if is_nameless else target] += spans
    made = []
    for (source, target), spans in calls.items():
        durations = sorted(max(0, span.end_ns - span.start_ns) for span in spans)
        p50, p95 = (durations[-(-percent * len(durations) // 100) - 1] for percent in (50, 95))
        made.append(Call(source, target, len(spans), sum(span.status_code == 2 for span in spans), p50, p95))
    made.sort(key=lambda call: (-call.count, call.source or Node("", ""), call.target))
    starts = [row.start_ns for row in rows]
    return ServiceMap(tuple(made), len(rows), min(starts, default=0), max(starts, default=0))
