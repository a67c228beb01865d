"""Which attribute keys mean what: old and new spellings of the semantic conventions, and the platform's own.

The only file that knows these keys. Sources: the OpenTelemetry semantic conventions (HTTP before and after 1.23, database
before and after 1.27), Next.js's ``next.*`` attributes, and the platform's handbook for users, lessons and events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from diamond_viewer.telemetry.attribute_values import host_of, number_of, path_of, text_of
from diamond_viewer.telemetry.carried_keys import CarriedKeys
from diamond_viewer.telemetry.figures import EVENT_KEYS, FIGURE_KEYS, RESUME_TIME_KEY, figure_of, figures_of
from diamond_viewer.telemetry.model import Attributes, AttributeValue
from diamond_viewer.telemetry.statements import without_values

PLATFORM_KEYS = CarriedKeys(
    user=("user.id", "userId", "user_id", "enduser.id"),
    lesson=("lesson.id", "lessonId", "lesson_id"),
    hints=(b"user", b"lesson", b"\\u"),  # fewer than its keys: this is asked of every event
)
HTTP_STATUS_KEYS = ("http.response.status_code", "http.status_code")
ROUTE_KEYS = ("http.route", "next.route")
PATH_KEYS = ("url.path", "http.target", "url.full", "http.url")
METHOD_KEYS = ("http.request.method", "http.method")
DATABASE_KEYS = ("db.system.name", "db.system")
STATEMENT_KEYS = ("db.query.text", "db.statement")
QUEUE_KEYS = ("messaging.destination.name", "messaging.destination", "bullmq.queue.name")
ADDRESS_KEYS = ("server.address", "net.peer.name", "peer.service", "net.peer.ip")
PORT_KEYS = ("server.port", "net.peer.port")
URL_KEYS = ("url.full", "http.url")
SERVICE_KEY = "service.name"
UNKNOWN_SERVICE = "unknown_service"
BARE_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"))

AUTH_FAILURE_EVENTS = frozenset(("auth.failed", "auth.credentials.missing"))
COOKIE_EVENTS = frozenset(("auth.failed", "middleware.redirect"))
COOKIE_KEY = "hasCookie"
BUFFERING_EVENT = "video.buffering"
MISMATCH_EVENT = "video.resume_position_mismatch"
EXCEPTION_EVENT = "exception"

FRAMEWORK_KEY = "next.span_type"
TELLING_FRAMEWORK_SPANS = frozenset(("BaseServer.handleRequest", "Middleware.execute", "AppRender.fetch"))
_FRAMEWORK_KEY_BYTES = FRAMEWORK_KEY.encode()
_TELLING_FRAMEWORK_BYTES = tuple(f'"{kind}"'.encode() for kind in TELLING_FRAMEWORK_SPANS)
HOST_KEYS = ("host.id", "host.name", "host.ip")

SPAN_FACT_KEYS = frozenset((*ROUTE_KEYS, *PATH_KEYS, *HTTP_STATUS_KEYS, *DATABASE_KEYS, *STATEMENT_KEYS))
SPAN_FACT_KEYS |= {*ADDRESS_KEYS, *PORT_KEYS, *QUEUE_KEYS, RESUME_TIME_KEY}
EVENT_FACT_KEYS = frozenset((COOKIE_KEY, "exception.type", "exception.message", "deltaSeconds", "expected", "actual"))
EVENT_FACT_KEYS |= EVENT_KEYS

_TELLING_EVENTS = frozenset((*COOKIE_EVENTS, MISMATCH_EVENT, EXCEPTION_EVENT, *FIGURE_KEYS))

MAX_MESSAGE_LENGTH = 2_000  # characters of an error's message that are looked at
MAX_KEPT_STATEMENT = 1_000  # characters of a statement whose shape is kept
MAX_ID_LENGTH = 512  # characters of a user or lesson id that are kept; a longer one is no id but a mistake


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """What the index wants to know of a span's attributes. Empty strings and 0 mean "not said".

    ``statement`` is the database system, a line feed, and the statement without its values (``telemetry.statements``);
    ``peer`` as in ``peer_of``; ``resume_ms`` is how long a player took to resume.
    """

    users: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()
    route: str = ""
    path: str = ""
    http_status: int = 0
    is_database: bool = False
    statement: str = ""
    peer: str = ""
    resume_ms: float | None = None


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What the index wants to know of an event's attributes; ``detail`` is a few words for a badge, ``message`` what an
    exception without a type says; ``amount`` and ``position_s`` as in ``telemetry.figures``."""

    users: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()
    detail: str = ""
    message: str = ""
    amount: float | None = None
    position_s: float | None = None


NO_SPAN_FACTS = SpanFacts()
NO_EVENT_FACTS = EventFacts()


class _InForce:
    """What names users and lessons in this process, and what has to be decoded because of it."""

    def __init__(self, keys: CarriedKeys) -> None:
        self.keys = keys
        self.of_spans, self.of_events = SPAN_FACT_KEYS | keys.all, EVENT_FACT_KEYS | keys.all


_in_force = _InForce(PLATFORM_KEYS)


def carried_keys() -> CarriedKeys:
    return _in_force.keys


def carry(keys: CarriedKeys) -> None:
    """From now on these name users and lessons. To be said before anything is decoded: what is indexed stays as it is."""
    global _in_force
    _in_force = _InForce(keys)


def span_fact_keys() -> frozenset[str]:
    """Everything that ``span_facts`` reads."""
    return _in_force.of_spans


def event_fact_keys() -> frozenset[str]:
    """Everything that ``event_facts`` reads."""
    return _in_force.of_events


def span_facts(attributes: Attributes) -> SpanFacts:
    """Reads users, lessons, route, path, HTTP status and what was asked of which database: from ``span_fact_keys``.

    >>> span_facts({"userId": "usr_1", "http.target": "/a?b=1", "http.status_code": 401})
    SpanFacts(users=('usr_1',), lessons=(), route='', path='/a', http_status=401, is_database=False, statement='', peer='',
    resume_ms=None)
    """
    if not attributes:
        return NO_SPAN_FACTS
    is_database = any(attributes.get(key) is not None for key in DATABASE_KEYS)
    text = statement(attributes) if is_database else ""
    return SpanFacts(
        users=_ids(attributes, _in_force.keys.user),
        lessons=_ids(attributes, _in_force.keys.lesson),
        route=_first_text(attributes, ROUTE_KEYS),
        path=path_of(_first_text(attributes, PATH_KEYS)),
        http_status=_http_status(attributes),
        is_database=is_database,
        statement=f"{database_system(attributes)}\n{_shape_of(text)}" if text else "",
        peer=peer_of(attributes),
        resume_ms=figure_of(attributes, RESUME_TIME_KEY),
    )


def _shape_of(statement: str) -> str:
    # the same few statements come with ever other attributes beside them
    return _kept_shape_of(statement) if len(statement) <= MAX_KEPT_STATEMENT else without_values(statement)


_kept_shape_of = lru_cache(maxsize=2_048)(without_values)


def peer_of(attributes: Attributes) -> str:
    """What a span calls if it is a call: ``database``, ``queue`` or ``host``, its name and its address, with tabs between.

    >>> peer_of({"db.system": "postgresql", "server.address": "db1", "server.port": 5432})
    'database\\tpostgresql\\tdb1:5432'
    >>> peer_of({"bullmq.queue.name": "mail"}), peer_of({"url.full": "https://a.test/b?c"}), peer_of({})
    ('queue\\tmail\\t', 'host\\ta.test\\t', '')
    """
    host, port = _first_text(attributes, ADDRESS_KEYS), _first_text(attributes, PORT_KEYS)
    address = f"{host}:{port}" if host and port else host
    if system := _first_text(attributes, DATABASE_KEYS):
        kind, name = "database", system
    elif queue := _first_text(attributes, QUEUE_KEYS):
        kind, name, address = "queue", queue, ""
    elif name := address or host_of(_first_text(attributes, URL_KEYS)):
        kind, address = "host", ""
    else:
        return ""
    return "\t".join((kind, *(text.replace("\t", " ")[:MAX_ID_LENGTH] for text in (name, address))))


def event_facts(name: str, attributes: Attributes) -> EventFacts:
    """Reads users, lessons and the words that a row shows for this event: from ``event_fact_keys``.

    >>> event_facts("auth.failed", {"hasCookie": False}).detail
    'no cookie'
    >>> event_facts("video.resume_position_mismatch", {"expected": 240, "actual": 0.0}).detail
    '240 s'
    """
    detail, message = _event_detail(name, attributes), ""
    if name == EXCEPTION_EVENT and not detail:
        message = text_of(attributes.get("exception.message"))[:MAX_MESSAGE_LENGTH]
    figures = figures_of(name, attributes)
    return EventFacts(
        _ids(attributes, _in_force.keys.user), _ids(attributes, _in_force.keys.lesson), detail, message, *figures
    )


def event_may_tell(name: str, attributes: bytes) -> bool:
    """Whether it is worth decoding an event's attributes (raw JSON) for ``event_facts``: most events tell nothing there.

    >>> event_may_tell("tick", b'[{"key":"i"}]'), event_may_tell("tick", b'[{"key":"userId"}]')
    (False, True)
    """
    return name in _TELLING_EVENTS or any(hint in attributes for hint in _in_force.keys.hints)


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a server's or a client's span says of its HTTP call. Empty strings and 0 mean "not said"."""

    method: str
    target: str
    route: str
    status: int


def request_facts(attributes: Attributes) -> RequestFacts:
    """
    >>> request_facts({"http.method": "GET", "http.target": "/a?b=1", "http.response.status_code": "404"})
    RequestFacts(method='GET', target='/a?b=1', route='', status=404)
    """
    return RequestFacts(
        _first_text(attributes, METHOD_KEYS),
        http_target(attributes),
        _first_text(attributes, ROUTE_KEYS),
        _http_status(attributes),
    )


def users_of(attributes: Attributes) -> tuple[str, ...]:
    return _ids(attributes, _in_force.keys.user)


def lessons_of(attributes: Attributes) -> tuple[str, ...]:
    return _ids(attributes, _in_force.keys.lesson)


def http_target(attributes: Attributes) -> str:
    """The address that was asked for, with its query, as far as it was said.

    >>> http_target({"http.target": "/a?b=1"}), http_target({"url.path": "/a", "url.query": "b=1"}), http_target({})
    ('/a?b=1', '/a?b=1', '')
    """
    target, query = _first_text(attributes, PATH_KEYS), text_of(attributes.get("url.query"))
    return f"{target}?{query}" if query and "?" not in target else target


def database_system(attributes: Attributes) -> str:
    """
    >>> database_system({"db.system": "redis"}), database_system({"db.system.name": "postgresql"}), database_system({})
    ('redis', 'postgresql', '')
    """
    return _first_text(attributes, DATABASE_KEYS)


def statement(attributes: Attributes) -> str:
    """The text of a database statement, "" for a database span that only connects or waits."""
    return _first_text(attributes, STATEMENT_KEYS)


def queue_name(attributes: Attributes) -> str:
    return _first_text(attributes, QUEUE_KEYS)


def is_object_store(attributes: Attributes) -> bool:
    """A call to S3, or the signing of an address in it."""
    return attributes.get("rpc.service") == "S3" or "aws.s3.bucket" in attributes


def is_framework(attributes: Attributes) -> bool:
    """A span that Next.js makes of itself: routing, rendering, loading of modules."""
    return FRAMEWORK_KEY in attributes


def is_plumbing(attributes: Attributes) -> bool:
    """A span that tells how Next.js works inside, not what the request did: requests it takes, middleware and fetches stay.

    >>> [is_plumbing({"next.span_type": kind}) for kind in ("RouteModule.prepare", "BaseServer.handleRequest", "")]
    [True, False, False]
    """
    return bool(kind := attributes.get(FRAMEWORK_KEY)) and kind not in TELLING_FRAMEWORK_SPANS


def is_plumbing_json(attributes: bytes) -> bool:
    """The same of attributes as raw JSON, without decoding them."""
    if _FRAMEWORK_KEY_BYTES not in attributes:
        return False
    for kind in _TELLING_FRAMEWORK_BYTES:  # noqa: SIM110  (a generator takes twice as long, and this looks at every span)
        if kind in attributes:
            return False
    return True


ATTRIBUTE_GROUPS = (  # heading, and the first parts of the keys below it
    ("User and lesson", ("user", "lesson", "enduser", "course", "session")),
    ("HTTP", ("http", "url", "user_agent", "client", "server", "network", "net")),
    ("Database", ("db",)),
    ("Queue", ("messaging", "bullmq", "job")),
    ("Video", ("video", "progress")),
    ("Remote call", ("rpc", "aws")),
    ("Error", ("error", "exception")),
    ("Next.js", ("next",)),
)
OTHER_GROUP = "Other"
_GROUP_OF = {part: heading for heading, parts in ATTRIBUTE_GROUPS for part in parts}


def group_of(key: str) -> str:
    """Under which heading a reader looks for an attribute.

    >>> [group_of(key) for key in ("http.route", "userId", "db.system", "tick", "lesson_id")]
    ['HTTP', 'User and lesson', 'Database', 'Other', 'User and lesson']
    """
    if key in _in_force.keys.all:
        return "User and lesson"
    return _GROUP_OF.get(key.partition(".")[0], OTHER_GROUP)


def request_url(attributes: Attributes) -> str:
    """The address of a recorded HTTP request with its host, "" when that is not known.

    >>> request_url({"http.scheme": "http", "http.host": "localhost:3000", "http.target": "/a?b=1"})
    'http://localhost:3000/a?b=1'
    >>> request_url({"url.full": "https://a.test/b"}), request_url({"http.target": "/a"})
    ('https://a.test/b', '')
    """
    target = http_target(attributes)
    full = _first_text(attributes, ("url.full", "http.url"))
    if full.startswith(("http://", "https://")):
        return full
    host = _first_text(attributes, ("http.host", "server.address", "net.host.name"))
    port = _first_text(attributes, ("server.port", "net.host.port"))
    if not host or not target.startswith("/"):
        return ""
    scheme = _first_text(attributes, ("url.scheme", "http.scheme")) or "http"
    return f"{scheme}://{host}{f':{port}' if port and ':' not in host else ''}{target}"


def clock_of(resource_attributes: Attributes) -> str:
    """Whose clock a span was timed by, as far as the resource tells: host, else service and instance; spans of one clock
    never differ by skew.

    >>> clock_of({"host.id": "a", "service.name": "web"}), clock_of({"service.name": "web"})
    ('a', 'web')
    """
    host = _first_text(resource_attributes, HOST_KEYS)
    return host or " ".join(
        text for key in (SERVICE_KEY, "service.instance.id") if (text := text_of(resource_attributes.get(key)))
    )


def service_name(resource_attributes: Attributes) -> str:
    """``service.name``, or ``unknown_service`` when it is missing, empty or no text.

    >>> service_name({"service.name": ""}), service_name({"service.name": 7})
    ('unknown_service', '7')
    """
    return text_of(resource_attributes.get(SERVICE_KEY)) or UNKNOWN_SERVICE


def _event_detail(name: str, attributes: Attributes) -> str:
    if name in COOKIE_EVENTS:
        has_cookie = attributes.get(COOKIE_KEY)
        return "" if has_cookie is None else "cookie rejected" if has_cookie in (True, "true") else "no cookie"
    if name == EXCEPTION_EVENT:
        return text_of(attributes.get("exception.type"))[:120]
    if name == MISMATCH_EVENT:
        delta = number_of(attributes.get("deltaSeconds"))
        if delta is None:
            expected, actual = number_of(attributes.get("expected")), number_of(attributes.get("actual"))
            delta = actual - expected if expected is not None and actual is not None else None
        return "" if delta is None else f"{abs(delta):g} s"
    return ""


def _ids(attributes: Attributes, keys: tuple[str, ...]) -> tuple[str, ...]:
    found = [text_of(attributes[key])[:MAX_ID_LENGTH] for key in keys if key in attributes]
    return tuple(dict.fromkeys(filter(None, found))) if found else ()


def _first_text(attributes: Attributes, keys: tuple[str, ...]) -> str:
    for key in keys:  # a generator would take twice as long, ten times for each new blob of attributes
        if key in attributes and (text := text_of(attributes[key])):
            return text
    return ""


def _http_status(attributes: Mapping[str, AttributeValue]) -> int:
    for key in HTTP_STATUS_KEYS:
        number = number_of(attributes.get(key))
        if number is not None and 100 <= number <= 999:
            return int(number)
    return 0
