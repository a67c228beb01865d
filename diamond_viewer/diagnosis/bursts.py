"""Several of the same in a short time: the shape of redirect loops, stalls and double calls."""

from collections.abc import Sequence

from diamond_viewer.diagnosis.vocabulary import limit_ns


def bursts(times_ns: Sequence[int], count: float, window_ms: float) -> list[range]:
    """Places of all runs in which any ``count`` neighbours (2 at least) lie within the window; ``times_ns`` ascend.

    >>> second = 1_000_000_000
    >>> bursts([0, 20 * second, 22 * second, 24 * second, 26 * second, 90 * second], 3, 10_000)
    [range(1, 5)]
    >>> bursts([0, 10 * second], 2, 10_000), bursts([0, 10 * second + 1], 2, 10_000)
    ([range(0, 2)], [])
    """
    needed, window_ns = max(2, round(count)), limit_ns(window_ms)
    found: list[range] = []
    for last in range(needed - 1, len(times_ns)):
        first = last - needed + 1
        if times_ns[last] - times_ns[first] <= window_ns:
            if found and first < found[-1].stop:
                found[-1] = range(found[-1].start, last + 1)
            else:
                found.append(range(first, last + 1))
    return found


def runs(times_ns: Sequence[int], window_ms: float) -> list[range]:
    """Places of all runs of two and more in which each lies within the window of the one before.

    >>> second = 1_000_000_000
    >>> runs([0, second, 2 * second, 9 * second, 20 * second, 20 * second], 1000)
    [range(0, 3), range(4, 6)]
    """
    found = []
    begin = 0
    for place in range(1, len(times_ns) + 1):
        if place == len(times_ns) or times_ns[place] - times_ns[place - 1] > limit_ns(window_ms):
            if place - begin > 1:
                found.append(range(begin, place))
            begin = place
    return found
