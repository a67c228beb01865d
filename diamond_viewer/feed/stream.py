"""Lines that come through a pipe: read as they come, plain or compressed, and gone once they are read."""

import os

from diamond_viewer.feed.compressed import Sniffer, UnpackError
from diamond_viewer.feed.ingest import Ingest, Ledger
from diamond_viewer.feed.tail import CHUNK_BYTES
from diamond_viewer.telemetry.lines import LineSplitter, trimmed
from diamond_viewer.telemetry.otlp_documents import DocumentGatherer


class Stream:
    """``descriptor`` belongs to the caller. ``failure`` is a sentence once what comes cannot be read any more."""

    def __init__(self, descriptor: int, ingest: Ingest, max_line_bytes: int) -> None:
        self.ledger = Ledger()
        self.failure = ""
        self.bytes_read = 0
        self._descriptor = descriptor
        self._ingest = ingest
        self._max_line_bytes = max_line_bytes
        self._sniffer = Sniffer(max_line_bytes)
        self._splitter = LineSplitter(max_line_bytes)
        self._gatherer = DocumentGatherer(max_line_bytes)
        self._is_over = False

    def read(self) -> bool:
        """Take what is there, at most 1 MiB, and wait for something when nothing is. False at the end."""
        if self._is_over:
            return False
        raw = os.read(self._descriptor, CHUNK_BYTES)
        self.bytes_read += len(raw)
        try:
            for piece in self._sniffer.feed(raw):
                for offset, line in self._splitter.feed(piece):
                    self._take(offset, line)
                for offset in self._splitter.take_oversize():
                    self._ingest.refuse_oversize(self.ledger, offset, self._max_line_bytes)
        except UnpackError as error:
            self.failure = f"Standard input: {error}"
            raw = b""
        if not raw:
            self._end()
        return not self._is_over

    def _end(self) -> None:
        """A last line needs no line feed, nor does the document that it closes."""
        self._is_over = True
        if self._sniffer.is_inside and not self.failure:
            self.failure = "Standard input ends in the middle of its compressed data: what came before was read."
        offset, rest = self._splitter.take_rest()
        if line := trimmed(rest).strip():
            self._take(offset, line)
        for offset, line in self._gatherer.give_up():
            self._ingest.take(self.ledger, offset, line)

    def _take(self, offset: int, line: bytes) -> None:
        for begin, document in self._gatherer.feed(offset, line):
            self._ingest.take(self.ledger, begin, document)
