"""The search language in two minutes, for its page; ``docs/search-language.md`` says the same at length."""

from diamond_viewer.web.address import traces_href

RULES: tuple[tuple[str, str], ...] = (
    ("status:error lesson:lesson-011", "Both must hold. = is the same as : and upper and lower case matter."),
    ("name:api.*", "* stands for anything, at any place of a value."),
    ("name~progress", "~ finds the part anywhere in the value, whatever the case."),
    (
        "http.status>=400 duration>1.2s",
        "> >= < <= compare numbers and durations; durations need a unit: ns us ms s m h.",
    ),
    ("lesson:* -user:*", "key:* means that the key is there at all; - or NOT excludes."),
    ("(flag:slow OR flag:error) service!=worker", "OR and parentheses, in capitals; != is the same as -key=value."),
    ('"Unique constraint"', "Words find any text of a trace; quotation marks keep them together."),
    ('name:"GET /login"', "Quotation marks also hold a value with blanks, parentheses or a real *."),
    ("span:{kind:server http.status>=400}", "All of it must hold for one span."),
    ("event:auth.failed hasCookie=false", "Any attribute of a span, an event, the resource or the scope is a key."),
)


def search_href(text: str) -> str:
    """The traces that a search finds.

    >>> search_href("status:error")
    '/trace-viewer.html?q=status%3Aerror'
    """
    return traces_href(q=text)
