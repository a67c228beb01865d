"""Where documents begin and end when it is not with their lines.

Pretty-printed OTLP/JSON and arrays with an element a line: the collector never writes these, but people do, with ``jq .`` or
by hand. And a whole line behind a fragment, as a disk that was full for a moment leaves it.
"""

from diamond_viewer.telemetry.lines import DEFAULT_MAX_LINE_BYTES

_PIECE_BYTES = 1024 * 1024  # looked at in one go: nobody else may run meanwhile
_DOCUMENT_STARTS = (b'{"resourceSpans":', b'{"resourceMetrics":', b'{"resourceLogs":')
_BETWEEN_DOCUMENTS = b'}{"resource'
_ORDINARY_LINES = (b'{"resource', b'{"scope')


def behind_fragment(line: bytes) -> bytes:
    """From the last place inside the line where a document may begin; empty when there is none.

    Within a text of JSON the quotes would be escaped, so what looks like a beginning is one.

    >>> behind_fragment(b'{"resourceSpa{"resourceSpans":[]}'), behind_fragment(b'{"resourceSpans":[')
    (b'{"resourceSpans":[]}', b'')
    """
    begin = max(line.rfind(start) for start in _DOCUMENT_STARTS)
    return line[begin:] if begin > 0 else b""


def holds_several(line: bytes) -> bool:
    """Whether a second document seems to begin on the line."""
    return _BETWEEN_DOCUMENTS in line


def documents_in(offset: int, line: bytes) -> list[tuple[int, bytes]]:
    """A line with several documents as one line each, with their offsets, so that each is recognised wherever it comes again.

    >>> documents_in(5, b'{"resourceSpans":[]}{"resourceLogs":[]}')
    [(5, b'{"resourceSpans":[]}'), (25, b'{"resourceLogs":[]}')]
    """
    documents = []
    begin = 0
    while (end := line.find(_BETWEEN_DOCUMENTS, begin)) >= 0:
        documents.append((offset + begin, line[begin : end + 1]))
        begin = end + 1
    return [*documents, (offset + begin, line[begin:] if begin else line)]


class DocumentGatherer:
    """Gathers lines from an opening bracket to the one that closes it.

    Strings of JSON never span lines, so counting brackets outside strings, line by line, finds the end exactly. An array
    is given out element by element: its size does not matter.

    >>> gatherer = DocumentGatherer()
    >>> [gatherer.feed(offset, line) for offset, line in ((0, b'{'), (2, b' "a": "}"'), (12, b'}'), (14, b'{"b":1}'))]
    [[], [], [(0, b'{\\n "a": "}"\\n}')], [(14, b'{"b":1}')]]
    """

    def __init__(self, max_document_bytes: int = DEFAULT_MAX_LINE_BYTES) -> None:
        self.max_document_bytes = max_document_bytes
        self._lines: list[bytes] = []
        self._offset = 0
        self._size_bytes = 0
        self._depth = 0  # of brackets that are open
        self._base = 0  # the depth at which a document is whole: 1 in an array, else 0
        self._in_document = False

    @property
    def pending(self) -> bool:
        """Whether a document is open, so that what comes next belongs to it."""
        return self._in_document

    def feed(self, offset: int, line: bytes) -> list[tuple[int, bytes]]:
        """The lines and documents that are whole now, as ``(offset, bytes)``."""
        if not self._in_document:
            opening = line.strip()
            is_opening_only = opening in (b"{", b"[") or (opening.startswith(b"[") and _depth_change(line) > 0)
            if not is_opening_only:
                return [(offset, line)]
            self._in_document = True
            self._base = 1 if opening.startswith(b"[") else 0
            if self._base:
                self._depth = 1
                line = line.lstrip().removeprefix(b"[")
        elif self._depth > self._base and line.startswith(_ORDINARY_LINES):
            # whoever wrote the document stopped in its middle, and ordinary lines follow
            return [*self.give_up(), (offset, line)]
        return self._gather(offset, line)

    def closes_with(self, rest: bytes) -> bool:
        """Whether ``rest``, a last line without its line feed, would end the open document."""
        return self._in_document and self._depth + _depth_change(rest) <= 0

    def give_up(self) -> list[tuple[int, bytes]]:
        """What was gathered, as it is; nothing is gathered any more."""
        gathered = [(self._offset, b"\n".join(self._lines))] if self._lines else []
        self._start(in_document=False)
        self._depth = self._base = 0
        return gathered

    def _gather(self, offset: int, line: bytes) -> list[tuple[int, bytes]]:
        if not self._lines:
            self._offset = offset
        if line.strip():
            self._lines.append(line)
        self._size_bytes += len(line)
        self._depth += _depth_change(line)
        if self._depth <= self._base or self._size_bytes > self.max_document_bytes:
            is_over = self._depth <= 0 or self._size_bytes > self.max_document_bytes
            document = b"\n".join(self._lines).strip(b" \t\r\n,")
            if self._base and self._depth <= 0:
                document = document.removesuffix(b"]").rstrip(b" \t\r\n,")
            gathered = [(self._offset, document)] if document else []
            self._start(in_document=not is_over)
            if is_over:
                self._depth = self._base = 0
            return gathered
        return []

    def _start(self, *, in_document: bool) -> None:
        self._lines = []
        self._size_bytes = 0
        self._in_document = in_document


def _depth_change(line: bytes) -> int:
    r"""How many more brackets open than close, outside texts.

    >>> _depth_change(b'{"a": ["]]"'), _depth_change(b'}]'), _depth_change(b'{}'), _depth_change(rb'["\\", "\"]"')
    (2, -2, 0, 1)
    """
    change, begin, in_text = 0, 0, False
    while begin < len(line):
        end = begin + _PIECE_BYTES
        while line[end - 1 : end] == b"\\":
            end += 1  # what it escapes belongs to it
        parts = line[begin:end].replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        bare = b"".join(parts[in_text::2])  # every other part is a text
        change += bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
        in_text ^= len(parts) % 2 == 0
        begin = end
    return change
