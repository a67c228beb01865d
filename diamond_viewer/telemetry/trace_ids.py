"""A trace id as people paste it: hex, or what a header, a log line or another tool made of it."""

import re
from base64 import b64decode

NO_TRACE = "0" * 32

_UUID = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_SHAPES = (
    re.compile(r"(?:0x)?([0-9a-f]{32})"),
    # W3C Trace Context: version, trace, parent, flags; a later version may go on behind a dash
    re.compile(r"(?:traceparent\s*[:=]\s*)?(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-\S{0,200})?"),
    re.compile(r"([0-9a-f]{32})-[0-9a-f]{16}(?:-[01d](?:-[0-9a-f]{16})?)?"),  # Zipkin's b3
    _UUID,
    re.compile(r"(?:root=)?1-([0-9a-f]{8}-[0-9a-f]{24})"),  # AWS X-Ray
    re.compile(r"([0-9a-f]{32}):[0-9a-f]{1,16}:[0-9a-f]{1,16}:[0-9a-f]{1,2}"),  # uber-trace-id
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{22}(==)?")  # of 16 bytes, as protobuf's JSON has them
_MAX = 400  # characters
_CUT_OFF = re.compile(r"[0-9a-fA-F]{8,31}")
_SHORT = re.compile(r"[0-9a-fA-F]{1,32}")


def trace_id_of(text: str) -> str:
    """32 lower-case hex digits, or an empty string for what is no trace id.

    >>> one = "0af7651916cd43dd8448eb211c80319c"
    >>> ways = (one.upper(), f"00-{one}-b7ad6b7169203331-01", f" traceparent: 00-{one.upper()}-B7AD6B7169203331-00",
    ...     f"{one}-b7ad6b7169203331-1", "0af76519-16cd-43dd-8448-eb211c80319c", "1-0af76519-16cd43dd8448eb211c80319c",
    ...     "CvdlGRbNQ92ESOshHIAxnA==", f"0x{one}", f"{one}:b7ad6b7169203331:0:1", f'"{one}"')
    >>> {trace_id_of(way) for way in ways} == {one}
    True
    >>> [trace_id_of(text) for text in ("../etc", "0af7651916cd43dd", f"ff-{one}-b7ad6b7169203331-01", "0" * 32, "a" * 5_000)]
    ['', '', '', '', '']
    """
    text = text[:_MAX].strip().strip("\"'")
    lower = text.lower()
    for shape in _SHAPES:
        if match := shape.fullmatch(lower):
            found = match[1].replace("-", "")
            return found if found != NO_TRACE else ""
    return _from_base64(text)


def padded_trace_id(text: str) -> str:
    """Likewise, for programs whose ids may lack leading zeros, as those of Jaeger and Tempo may.

    >>> padded_trace_id("AF7651916CD43DD"), padded_trace_id("0x0af7651916cd43dd8448eb211c80319c"), padded_trace_id("x")
    ('00000000000000000af7651916cd43dd', '0af7651916cd43dd8448eb211c80319c', '')
    """
    return trace_id_of(text) or (text.lower().rjust(32, "0") if _SHORT.fullmatch(text) else "")


def trace_id_start_of(text: str) -> str:
    """8 to 31 hex digits in lower case: what is left of an id that was cut off; an empty string for anything else.

    >>> [trace_id_start_of(text) for text in (" 0AF76519", "0af7651", "0af7651916cd43dd8448eb211c80319c", "0af7651x", "0" * 9)]
    ['0af76519', '', '', '', '000000000']
    """
    text = text.strip()
    return text.lower() if _CUT_OFF.fullmatch(text) else ""


def several_traces(digits: str, count: int, is_all: bool = True) -> str:
    """What is said when ``count`` traces begin like that; without ``is_all`` it is more than ``count - 1``.

    >>> several_traces("0af76519", 3), several_traces("0af76519", 21, is_all=False)
    ('3 traces begin with 0af76519. Give more digits.', 'More than 20 traces begin with 0af76519. Give more digits.')
    """
    return f"{count if is_all else f'More than {count - 1}'} traces begin with {digits}. Give more digits."


def trace_id_among_words(text: str) -> str:
    """Likewise, but empty for what may as well be the id of something else: a UUID, or letters that base64 has too.

    >>> trace_id_among_words("0af76519-16cd-43dd-8448-eb211c80319c"), trace_id_among_words("CvdlGRbNQ92ESOshHIAxnA==")
    ('', '0af7651916cd43dd8448eb211c80319c')
    """
    is_certain = not _UUID.fullmatch(text.strip().lower()) and (
        text.strip().endswith("==") or not _BASE64.fullmatch(text)
    )
    return trace_id_of(text) if is_certain else ""


def _from_base64(text: str) -> str:
    """Words of 22 letters are words: without its two signs of equality a text must hold what words do not."""
    if not _BASE64.fullmatch(text) or not (
        text.endswith("==") or (re.search(r"[0-9]", text) and re.search("[+/_-]", text))
    ):
        return ""
    found = b64decode(text.removesuffix("==") + "==", altchars=b"-_" if re.search("[_-]", text) else b"+/").hex()
    return found if len(found) == 32 and found != NO_TRACE else ""
