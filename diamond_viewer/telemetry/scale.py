"""Logarithmic scales: durations lie between microseconds and hours."""


def log_edges(low: int, high: int, count: int) -> tuple[int, ...]:
    """``count + 1`` ascending whole numbers from ``low`` (at least 1) to above ``high``, each so many times the one before.

    >>> log_edges(1, 999, 3), log_edges(5, 5, 3), log_edges(0, 0, 2)
    ((1, 10, 100, 1000), (5, 6, 7, 8), (1, 2, 3))
    """
    low = max(1, low)
    last = max(high + 1, low + count)
    edges = [round(low * (last / low) ** (step / count)) for step in range(count + 1)]
    edges[0] = low
    for step in range(1, count + 1):
        edges[step] = max(edges[step], edges[step - 1] + 1)
    edges[count] = max(last, edges[count])
    return tuple(edges)
