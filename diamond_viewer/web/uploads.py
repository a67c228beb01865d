"""What a request may bring: little, except where files are imported; and never onto the disk."""

from io import BytesIO
from typing import IO, ClassVar
from weakref import WeakSet

from flask import Request
from waitress.parser import HTTPRequestParser
from waitress.utilities import Error, RequestEntityTooLarge

IMPORT_PATH = "/api/import"
MAX_UPLOAD_BYTES = 65 * 1024**2  # a file of 64 MiB and what a form puts around it
MAX_OTHER_BYTES = 128 * 1024  # what is taken in before the application refuses it, of each of 500 connections
MAX_UPLOADS = 2  # at once, from their first byte to their answer


class _BusyError(Error):  # type: ignore[misc]  # waitress has no types
    code = 503
    reason = "Service Unavailable"


class PageRequest(HTTPRequestParser):  # type: ignore[misc]
    """Refuses what is too large as soon as that is known, before it is in memory."""

    _under_way: ClassVar["WeakSet[PageRequest]"] = WeakSet()
    error: Error | None

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if not self.headers_finished or self.body_rcv is None or self.error is not None:
            return consumed
        if self.path.endswith(IMPORT_PATH):  # below a prefix too; what is no such address is refused later
            if self not in self._under_way and len(self._under_way) >= MAX_UPLOADS:
                self.error, self.completed = _BusyError("Other files are being imported. Try again in a moment."), True
            else:
                self._under_way.add(self)
        elif max(self.content_length, self.body_bytes_received) >= MAX_OTHER_BYTES:
            self.error = RequestEntityTooLarge(f"exceeds max_body of {MAX_OTHER_BYTES}")
            self.completed = True
        return consumed


class InMemoryRequest(Request):
    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Werkzeug would put a larger file into a temporary one: traces are not to lie about on disk."""
        return BytesIO()
