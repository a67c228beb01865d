"""How long the oldest bytes that are not read yet have been in a file, as far as looks at its size can tell."""

from collections import deque

MIN_GAP_S = 0.01
GAP_SHARE = (
    64  # of the lag: how much too large it may be said to be, so that hours behind need no more than some hundred looks
)


class Lag:
    """Of one file. A reader that is nearly as fast as the writer has unread bytes at every look, and is little behind."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()  # when, and how large the file was: later, and larger

    def look(self, size_bytes: int, offset: int, now_s: float) -> None:
        """Note what a look found. ``now_s`` by a clock that never goes back."""
        if self._looks and size_bytes < self._looks[-1][1]:  # truncated: what was unread is gone
            self._looks.clear()
        if not self._looks or now_s - self._looks[-1][0] > max(MIN_GAP_S, self.at(now_s) / GAP_SHARE):
            if not self._looks or size_bytes > self._looks[-1][1]:
                self._looks.append((now_s, size_bytes))
        else:  # as one look: all that this one found, as old as what the last one found
            self._looks[-1] = (self._looks[-1][0], size_bytes)
        while self._looks and self._looks[0][1] <= offset:
            self._looks.popleft()

    def forget(self) -> None:
        """What is unread now is no lag."""
        self._looks.clear()

    def at(self, now_s: float) -> float:
        """Seconds.

        >>> lag = Lag()
        >>> lag.look(100, 0, now_s=1.0), lag.look(200, 100, now_s=2.0), lag.look(300, 150, now_s=3.0)
        (None, None, None)
        >>> lag.at(3.5)
        1.5
        """
        return now_s - self._looks[0][0] if self._looks else 0.0
