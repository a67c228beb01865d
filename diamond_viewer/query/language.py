"""The search language: text -> term. ``docs/search-language.md`` teaches it; the grammar is

any        = all { "OR" all }
all        = single { ["AND"] single }
single     = { "NOT" | "-" } ( "(" any ")" | "span:{" any "}" | key operator value | word | '"' words '"' )
"""

from functools import lru_cache

from diamond_viewer.query.comparisons import comparison_term
from diamond_viewer.query.keys import key_named
from diamond_viewer.query.mistake import Mistake, shown
from diamond_viewer.query.patterns import Contains, fold
from diamond_viewer.query.terms import AllOf, AnyOf, HasText, Not, OnOneSpan, Term, TraceIs
from diamond_viewer.query.tokens import Sort, Token, tokens_of
from diamond_viewer.telemetry.trace_ids import trace_id_among_words

MAX_CHARACTERS = 4_096
MAX_CONDITIONS = 64
MAX_DEPTH = 20


@lru_cache(maxsize=256)
def parse(text: str) -> Term:
    """The term of a search. Raises ``Mistake``, which knows its place; never anything else, in linear time.

    >>> parse("status:error OR duration>1s")
    AnyOf(terms=(HasFlag(flag=<Flag.ERROR: 1>, wanted=True),
        TraceCounts(figure=<Figure.DURATION: 'duration'>, test=Compared(operator='>', number=1000000000))))
    >>> parse("lesso:lesson-011")
    Traceback (most recent call last):
    ...
    diamond_viewer.query.mistake.Mistake: At character 1: Unknown key `lesso`, did you mean `lesson`? ...
    """
    if len(text) > MAX_CHARACTERS:
        raise Mistake(MAX_CHARACTERS, f"A search has at most {MAX_CHARACTERS:,} characters.")
    if trace_id := trace_id_among_words(
        text
    ):  # pasted from a header or another tool, perhaps with signs that mean something here
        return TraceIs(trace_id)
    tokens = tokens_of(text)
    if not tokens:
        raise Mistake(0, "Nothing is searched for.")
    return _Parser(tokens, len(text)).parse()


class _Parser:
    """Recursive descent; recursion is bounded by ``MAX_DEPTH``."""

    def __init__(self, tokens: list[Token], end: int) -> None:
        self._tokens = tokens
        self._end = end  # the position behind everything
        self._at = 0
        self._depth = 0
        self._conditions = 0
        self._is_inside_span = False

    def parse(self) -> Term:
        term = self._any()
        if token := self._peek():
            raise Mistake(token.position, f"{shown(token.text)} closes nothing.")
        return term

    def _any(self) -> Term:
        terms = [self._all()]
        while self._take(Sort.OR):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def _all(self) -> Term:
        terms = [self._single()]
        while (token := self._peek()) and token.sort not in (Sort.OR, Sort.CLOSE, Sort.END_SPAN):
            self._take(Sort.AND)
            terms.append(self._single())
        return terms[0] if len(terms) == 1 else AllOf(tuple(terms))

    def _single(self) -> Term:
        is_excluded = False
        while self._take(Sort.NOT):
            is_excluded = not is_excluded
        term = self._operand()
        return Not(term) if is_excluded else term

    def _operand(self) -> Term:
        token = self._peek()
        if token is None or token.sort in (Sort.AND, Sort.OR, Sort.CLOSE, Sort.END_SPAN):
            raise self._nothing_here(token)
        self._at += 1
        if token.sort is Sort.OPEN:
            return self._inside(token, Sort.CLOSE)
        if token.sort is Sort.SPAN:
            if self._is_inside_span:
                raise Mistake(token.position, "span:{ ... } cannot stand inside another: both speak of one span.")
            self._is_inside_span = True
            term = OnOneSpan(self._inside(token, Sort.END_SPAN))
            self._is_inside_span = False
            return term
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise Mistake(token.position, f"A search has at most {MAX_CONDITIONS} conditions.")
        if token.sort is Sort.COMPARISON:
            return comparison_term(token, self._is_inside_span)
        return self._words(token)

    def _inside(self, opening: Token, closing: Sort) -> Term:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Mistake(opening.position, f"Parentheses nest at most {MAX_DEPTH} deep.")
        term = self._any()
        if not self._take(closing):
            found = self._peek()
            if found is None:
                raise Mistake(opening.position, f"{shown(opening.text)} is never closed.")
            raise Mistake(found.position, f"{shown(closing.value)} is expected here, not {shown(found.text)}.")
        self._depth -= 1
        return term

    def _words(self, token: Token) -> Term:
        text = token.text
        if not token.is_quoted:
            if (trace_id := trace_id_among_words(text)) and not self._is_inside_span:
                return TraceIs(trace_id)
            key = key_named(text)
            if key and key.choices == ("true", "false"):
                truth = Token(Sort.COMPARISON, token.position, "true", False, token.position, text, False, ":")
                return comparison_term(truth, self._is_inside_span)
            text = text.strip("*")
            if "*" in text:
                at = token.position + token.text.index("*", 1)
                raise Mistake(
                    at, "A wildcard stands in the value of a key, as in name:api.*; words are found anywhere anyway."
                )
        if not text.strip():
            raise Mistake(
                token.position, f"{shown(token.text)} is in every text. Write words, or key:* for any value of a key."
            )
        condition = HasText(Contains(fold(text)))
        return condition if self._is_inside_span else OnOneSpan(condition)

    def _nothing_here(self, token: Token | None) -> Mistake:
        before = self._tokens[self._at - 1] if self._at else None
        if token and token.sort in (Sort.AND, Sort.OR) and (before is None or before.sort in (Sort.OPEN, Sort.SPAN)):
            return Mistake(token.position, f"{shown(token.text)} has nothing before it.")
        if before is None:
            assert token
            return Mistake(token.position, f"{shown(token.text)} closes nothing.")
        if before.sort in (Sort.OPEN, Sort.SPAN) and token:
            return Mistake(token.position, f"Nothing stands between {shown(before.text)} and {shown(token.text)}.")
        if before.sort in (Sort.OPEN, Sort.SPAN):
            return Mistake(before.position, f"{shown(before.text)} is never closed.")
        place = token.position if token else self._end
        return Mistake(place, f"Something to search for is missing behind {shown(before.text)}.")

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, sort: Sort) -> bool:
        token = self._peek()
        if token is None or token.sort is not sort:
            return False
        self._at += 1
        return True
