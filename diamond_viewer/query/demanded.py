"""What a search demands of every trace: values of users, lessons, services, operations and events, each at its place."""

from dataclasses import dataclass

from diamond_viewer.query.filters import MAX_TEXT
from diamond_viewer.query.keys import key_named
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.query.suggestions import written
from diamond_viewer.query.tokens import Sort, Token, tokens_of, value_end

_OPENING = (Sort.OPEN, Sort.SPAN)
_CLOSING = (Sort.CLOSE, Sort.END_SPAN)


@dataclass(frozen=True, slots=True)
class Demanded:
    """``field`` is a question to ``TraceStore.values``; ``begin`` and ``end`` are where the value stands in the search."""

    field: str
    value: str
    begin: int
    end: int

    def replaced(self, search: str, value: str) -> str:
        """
        >>> [one] = demanded_by('status:error name:"GET /a"')
        >>> one.replaced('status:error name:"GET /a"', "GET /ab")
        'status:error name:"GET /ab"'
        """
        return f"{search[: self.begin]}{written(value)}{search[self.end :]}"


def demanded_by(search: str) -> tuple[Demanded, ...]:
    """Those that stand alone: what is one of several ways (OR), excluded, or in parentheses need not be met. Nothing for what
    is no search.

    >>> [(one.field, one.value) for one in demanded_by("lesson:l-1 user.id=u span:{service:a} status:error service!=b name:x*")]
    [('lesson', 'l-1'), ('user', 'u')]
    >>> demanded_by("lesson:l-1 OR user:u"), demanded_by("-lesson:l-1"), demanded_by("(")
    ((), (), ())
    """
    try:
        tokens = tokens_of(search)
    except Mistake:
        return ()
    found, depth = list[Demanded](), 0
    for place, token in enumerate(tokens):
        depth += (token.sort in _OPENING) - (token.sort in _CLOSING)
        if depth == 0 and token.sort is Sort.OR:
            return ()
        is_excluded = place > 0 and tokens[place - 1].sort is Sort.NOT
        if depth == 0 and not is_excluded and (field := _field_of(token)):
            found.append(Demanded(field, token.text, token.value_position, value_end(search, token)))
    return tuple(found)


def _field_of(token: Token) -> str:
    """Empty for what is no plain demand of a value."""
    if token.sort is not Sort.COMPARISON or token.operator not in (":", "=") or token.key_is_quoted:
        return ""
    if not 0 < len(token.text) <= MAX_TEXT or ("*" in token.text and not token.is_quoted):
        return ""
    key = key_named(token.key)
    return key.field if key else ""
