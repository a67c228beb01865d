"""Attributes that mean the same under an old and a new name: what one asks for under one is found under all."""

from diamond_viewer.telemetry.semconv import DATABASE_KEYS, HTTP_STATUS_KEYS, ROUTE_KEYS, carried_keys

SYNONYMS = (  # one meaning each, today's spelling first
    ROUTE_KEYS,
    HTTP_STATUS_KEYS,
    ("http.request.method", "http.method"),
    ("http.request.body.size", "http.request_content_length"),
    ("http.response.body.size", "http.response_content_length"),
    ("url.full", "http.url"),
    ("url.scheme", "http.scheme"),
    ("user_agent.original", "http.user_agent"),
    ("client.address", "http.client_ip"),
    ("server.address", "net.peer.name", "net.host.name"),
    ("server.port", "net.peer.port", "net.host.port"),
    ("network.peer.address", "net.sock.peer.addr", "net.peer.ip"),
    ("network.peer.port", "net.sock.peer.port"),
    ("network.protocol.version", "http.flavor"),
    DATABASE_KEYS,
    ("db.query.text", "db.statement"),
    ("db.operation.name", "db.operation"),
    ("db.namespace", "db.name"),
    ("db.collection.name", "db.sql.table"),
    ("messaging.destination.name", "messaging.destination"),
    ("messaging.operation.type", "messaging.operation"),
    ("deployment.environment.name", "deployment.environment"),
    ("code.function.name", "code.function"),
    ("code.file.path", "code.filepath"),
    ("code.line.number", "code.lineno"),
)


def spellings(key: str) -> tuple[str, ...]:
    """Every spelling of an attribute key, the given one first.

    >>> spellings("db.statement"), spellings("hasCookie")
    (('db.statement', 'db.query.text'), ('hasCookie',))
    """
    keys = carried_keys()
    group = next((group for group in (keys.user, keys.lesson, *SYNONYMS) if key in group), ())
    return (key, *(other for other in group if other != key))
