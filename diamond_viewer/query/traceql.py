"""TraceQL -> the search language, as far as both can say the same. What has no equal is refused with a sentence.

Source: Grafana Tempo, "TraceQL". Understood: span selectors ``{ ... }``, ``&&`` and ``||`` inside and between them,
parentheses, intrinsics, attributes of any scope, all comparisons; of regular expressions alternatives and ``.*``. Not:
structural operators, pipelines, arithmetic.
"""

import re
from dataclasses import dataclass

from diamond_viewer.query.keys import KINDS
from diamond_viewer.query.mistake import Mistake, shown
from diamond_viewer.query.wording import compared, duration, go_duration, on_one_span, quoted

MAX_CHARACTERS = 4_096
MAX_DEPTH = 16

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)
  | (?P<number>-?\d+(?:\.\d+)?(?:[a-zµμ]+(?:\d+(?:\.\d+)?[a-zµμ]+)*)?)
  | (?P<operator>&&|\|\||=~|!~|!=|>=|<=|>>|<<|[=<>!])
  | (?P<sign>[{}()|,~+*/^%-])
  | (?P<word>\.?[A-Za-z_](?:[\w./@$:-]|(?<=\.)"(?:[^"\\]|\\.)*")*|\."(?:[^"\\]|\\.)*")
)""",
    re.VERBOSE | re.ASCII,
)
_STRUCTURAL = (">>", "<<", ">", "<", "~", "!")
_TRACE_LEVEL = {
    "traceDuration": "trace.duration",
    "trace:duration": "trace.duration",
    "rootName": "trace.name",
    "trace:rootName": "trace.name",
    "trace:id": "trace",
}
_INTRINSICS = {
    "name": "name",
    "span:name": "name",
    "duration": "duration",
    "span:duration": "duration",
    "status": "status",
    "span:status": "status",
    "kind": "kind",
    "span:kind": "kind",
    "event:name": "event",
    "instrumentation:name": "scope.name",
    "instrumentation:version": "scope.version",
    **_TRACE_LEVEL,
}
_UNKNOWN_INTRINSICS = frozenset(
    (
        *("statusMessage", "span:statusMessage", "rootServiceName", "trace:rootService", "parent", "childCount"),
        *("span:id", "span:parentID", "event:timeSinceStart", "link:spanID", "link:traceID"),
        *("nestedSetLeft", "nestedSetRight", "nestedSetParent"),
    )
)
_SCOPES = {"span": "", "resource": "resource.", "event": "event.", "instrumentation": "scope."}
_COMPARISONS = frozenset(("=", "!=", ">", ">=", "<", "<=", "=~", "!~"))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class _Said:
    """What stands for a part of an expression. ``of_trace`` are conditions of the whole trace, which all must hold."""

    of_span: str = ""
    of_trace: tuple[str, ...] = ()


def translated(text: str) -> str:
    """The same in the search language; empty when everything matches. Raises ``Mistake``, which knows its place.

    >>> translated('{ resource.service.name = "web" && (status = error || duration > 1.5s) }')
    'span:{service.name="web" (status:error OR duration>1.5s)}'
    >>> translated('{ name =~ "GET|POST" } || { .user.id != nil }')
    'span:{(name="GET" OR name="POST")} OR span:{user.id:*}'
    >>> translated("{}"), translated("")
    ('', '')
    >>> translated("{ status = error } >> { kind = server }")
    Traceback (most recent call last):
    ...
    diamond_viewer.query.mistake.Mistake: At character 20: `>>` asks how spans stand to one another ...
    """
    if len(text) > MAX_CHARACTERS:
        raise Mistake(MAX_CHARACTERS, f"A query has at most {MAX_CHARACTERS:,} characters.")
    tokens = _tokens(text)
    if not tokens:
        return ""
    reader = _Reader(tokens, len(text))
    said = reader.spansets()
    reader.end()
    return said


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise Mistake(place, f"{shown(text[place : place + 10])} is nothing that TraceQL knows.")
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return found


class _Reader:
    """Recursive descent; recursion is bounded by ``MAX_DEPTH``."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens, self._end_position = tokens, end
        self._at = self._depth = 0

    def end(self) -> None:
        token = self._peek()
        if token is None:
            return
        if token.text == "|":
            raise Mistake(
                token.position, "Pipelines (count, avg, select, rate ...) have no equal here: leave out what follows |."
            )
        if token.text in _STRUCTURAL:
            raise Mistake(
                token.position,
                f"{shown(token.text)} asks how spans stand to one another, which is not offered: use && instead.",
            )
        raise Mistake(token.position, f"{shown(token.text)} is not expected here.")

    # -- selectors

    def spansets(self) -> str:
        alternatives = [self._all_spansets()]
        while self._take("||"):
            alternatives.append(self._all_spansets())
        if "" in alternatives:
            return ""
        return alternatives[0] if len(alternatives) == 1 else " OR ".join(alternatives)

    def _all_spansets(self) -> str:
        parts = [self._spanset()]
        while self._take("&&"):
            parts.append(self._spanset())
        return " ".join(part for part in parts if part)

    def _spanset(self) -> str:
        if self._take("("):
            self._deeper()
            inner = self.spansets()
            self._expect(")")
            self._depth -= 1
            return f"({inner})" if " " in inner else inner
        self._expect("{")
        if self._take("}"):
            return ""
        said = self._any()
        self._expect("}")
        return " ".join(part for part in (*said.of_trace, on_one_span([said.of_span] if said.of_span else [])) if part)

    # -- inside a selector

    def _any(self) -> _Said:
        first = self._peek()
        alternatives = [self._all()]
        while self._take("||"):
            alternatives.append(self._all())
        if len(alternatives) == 1:
            return alternatives[0]
        if any(said.of_trace for said in alternatives):
            if all(len(said.of_trace) == 1 and not said.of_span for said in alternatives):
                return _Said(of_trace=(f"({' OR '.join(said.of_trace[0] for said in alternatives)})",))
            place = first.position if first else 0
            raise Mistake(
                place, "A condition of the whole trace beside || needs braces of its own: { ... } || { ... }."
            )
        if any(not said.of_span for said in alternatives):
            return _Said()
        return _Said(f"({' OR '.join(said.of_span for said in alternatives)})")

    def _all(self) -> _Said:
        parts = [self._single()]
        while self._take("&&"):
            parts.append(self._single())
        of_trace = tuple(one for said in parts for one in said.of_trace)
        return _Said(" ".join(said.of_span for said in parts if said.of_span), of_trace)

    def _single(self) -> _Said:
        token = self._next("a condition")
        if token.text == "!":
            self._deeper()
            said = self._single()
            self._depth -= 1
            if said.of_trace or not said.of_span:
                raise Mistake(token.position, "`!` stands before conditions of a span only.")
            return _Said(f"-({said.of_span})")
        if token.text == "(":
            self._deeper()
            said = self._any()
            self._expect(")")
            self._depth -= 1
            return said
        if token.kind == "word" and token.text in ("true", "false"):
            if token.text == "true":
                return _Said()
            raise Mistake(token.position, "`false` matches nothing.")
        if token.kind != "word":
            raise Mistake(
                token.position, f"{shown(token.text)} is no field: write for example .http.status_code = 500."
            )
        return self._comparison(token)

    def _comparison(self, field: _Token) -> _Said:
        token = self._peek()
        if token is None or token.text not in _COMPARISONS:
            if field.text.startswith(".") or field.text.partition(".")[0] in _SCOPES:
                return _Said(
                    _attribute(field, "=", _Token("word", "true", field.position))
                )  # { .cold } is { .cold = true }
            place = token.position if token else self._end_position
            raise Mistake(place, f"A comparison is missing behind {shown(field.text)}.")
        self._at += 1
        value = self._next("a value")
        if value.kind == "operator" or value.kind == "sign":
            raise Mistake(value.position, f"{shown(value.text)} is no value.")
        following = self._peek()
        if following is not None and following.kind == "sign" and following.text in "+-*/^%":
            raise Mistake(following.position, "Arithmetic is not offered.")
        if field.text in _TRACE_LEVEL:
            return _Said(of_trace=(_intrinsic(field, token.text, value),))
        if field.text in _INTRINSICS:
            return _Said(_intrinsic(field, token.text, value))
        return _Said(_attribute(field, token.text, value))

    # -- tokens

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, wanted: str) -> _Token:
        token = self._peek()
        if token is None:
            raise Mistake(self._end_position, f"The query ends where {wanted} is expected.")
        self._at += 1
        return token

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token is None or token.text != text or token.kind == "text":
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        token = self._peek()
        if not self._take(text):
            found = shown(token.text) if token else "the end"
            raise Mistake(
                token.position if token else self._end_position, f"{shown(text)} is expected here, not {found}."
            )

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            token = self._tokens[self._at - 1]
            raise Mistake(token.position, f"Parentheses nest at most {MAX_DEPTH} deep.")


def _intrinsic(field: _Token, operator: str, value: _Token) -> str:
    key = _INTRINSICS[field.text]
    if value.text == "nil" and value.kind == "word":
        if operator not in ("=", "!="):
            raise Mistake(value.position, "nil is compared with = or !=.")
        if key != "event":
            raise Mistake(value.position, f"{shown(field.text)} is never nil.")
        return "event:*" if operator == "!=" else "-event:*"
    if key in ("duration", "trace.duration"):
        return _duration(key, field, operator, value)
    if key == "status":
        return _status(operator, value)
    if key == "kind":
        if operator not in ("=", "!=") or value.text not in KINDS:
            raise Mistake(value.position, f"kind is compared by = or != with one of {', '.join(KINDS)}.")
        return f"{'-' if operator == '!=' else ''}kind:{value.text}"
    if operator in (">", ">=", "<", "<="):
        raise Mistake(field.position, f"{shown(field.text)} is a text, which {operator} does not compare.")
    word = _text(value)
    if key in ("scope.name", "scope.version"):
        return _alternatives(quoted(key), operator, value, word)
    if key == "trace" and operator in ("=", "!="):
        return f"{'-' if operator == '!=' else ''}trace:{word}"
    return _alternatives(key, operator, value, word)


def _duration(key: str, field: _Token, operator: str, value: _Token) -> str:
    duration_ns = go_duration(value.text) if value.kind == "number" else None
    if duration_ns is None or operator in ("=~", "!~"):
        raise Mistake(value.position, f"{shown(field.text)} is compared with a duration such as 100ms or 1.5s.")
    return f"{key}{operator}{duration(duration_ns)}"


def _status(operator: str, value: _Token) -> str:
    if operator not in ("=", "!=") or value.text not in ("error", "ok", "unset"):
        raise Mistake(value.position, "status is compared by = or != with error.")
    if value.text != "error":
        raise Mistake(value.position, "Only status error is told apart here: write status = error or status != error.")
    return "status:error" if operator == "=" else "-status:error"


def _attribute(field: _Token, operator: str, value: _Token) -> str:
    key = _attribute_key(field)
    is_nil = value.kind == "word" and value.text == "nil"
    present = compared_any(key)
    if is_nil:
        if operator not in ("=", "!="):
            raise Mistake(value.position, "nil is compared with = or !=.")
        return present if operator == "!=" else f"-{present}"
    if operator in (">", ">=", "<", "<="):
        if value.kind != "number" or not re.fullmatch(r"-?\d+(\.\d+)?", value.text):
            raise Mistake(value.position, f"{shown(value.text)} is not a number, which {operator} compares.")
        return compared(key, operator, value.text)
    word = _text(value)
    if operator == "=":
        return compared(key, "=", word)
    if operator == "!=":  # of spans that have the attribute
        return f"({present} -{compared(key, '=', word)})"
    said = _alternatives(_key_as_written(key), "=~", value, word)
    return said if operator == "=~" else f"({present} -{said})"


def compared_any(key: str) -> str:
    return f"{_key_as_written(key)}:*"


def _key_as_written(key: str) -> str:
    """As ``compared`` would write it."""
    return compared(key, "=", "x").rpartition("=")[0]


def _attribute_key(field: _Token) -> str:
    text = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda match: re.sub(r"\\(.)", r"\1", match[1]), field.text)
    if text.startswith("."):
        return text[1:]
    scope, _, rest = text.partition(".")
    if scope in _SCOPES and rest:
        # a service is a service wherever its name is asked for: it has a column
        return rest if rest == "service.name" else _SCOPES[scope] + rest
    if field.text in _UNKNOWN_INTRINSICS or scope in ("parent", "link", "trace"):
        raise Mistake(field.position, f"{shown(field.text)} has no equal here.")
    raise Mistake(field.position, f"{shown(field.text)} is no field: an attribute is written .{field.text[:60]}.")


def _text(value: _Token) -> str:
    if value.kind != "text":
        return value.text
    if value.text.startswith("`"):
        return value.text[1:-1]
    return re.sub(r"\\(.)", r"\1", value.text[1:-1])


def _alternatives(key: str, operator: str, value: _Token, word: str) -> str:
    """``key`` as it is to be written. A regular expression holds for the whole value, as in Tempo."""
    excluded = "-" if operator in ("!=", "!~") else ""
    if operator in ("=", "!="):
        return f"{excluded}{key}={quoted(word)}"
    said = [f"{key}{_pattern(part, value)}" for part in word.split("|")]
    return f"{excluded}{said[0]}" if len(said) == 1 else f"{excluded}({' OR '.join(said)})"


def _pattern(expression: str, value: _Token) -> str:
    """What stands behind the key for one alternative: a text, or one with wildcards."""
    bare = expression.removeprefix("^").removesuffix("$")
    parts = [_literal(part, value) for part in bare.split(".*")]
    if len(parts) == 1:
        return f"={quoted(parts[0])}"
    if not any(parts):
        return ":*"
    with_wildcards = "*".join(parts)
    if re.search(r'[\s(){}"*]', "".join(parts)) or with_wildcards[:1] in "=~<>":
        raise Mistake(value.position, f"{shown(expression)}: blanks and brackets beside .* have no equal here.")
    return f":{with_wildcards}"


def _literal(text: str, value: _Token) -> str:
    """A text in which every sign of a regular expression is escaped; a dot is taken for a dot."""
    plain = re.sub(r"\\([^\w\s])", "", text)
    if re.search(r"[\\^$*+?()\[\]{}|]", plain):
        raise Mistake(value.position, "Of regular expressions only alternatives (a|b) and .* are understood.")
    return re.sub(r"\\([^\w\s])", r"\1", text)
