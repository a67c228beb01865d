"""Boxes in layers from left to right, callers before what they call, and curves between them that pass no box.

Sugiyama's method in its simplest form (Sugiyama, Tagawa, Toda: "Methods for Visual Understanding of Hierarchical System
Structures", 1981): circles are broken, nodes take the layer behind their furthest caller, long edges get a place of their own
in every layer they cross, and each layer is ordered by the middle of its neighbours a few times. All places are px.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

BOX_WIDTH, BOX_HEIGHT = 190, 40
LAYER_GAP, ROW_GAP, PASS_HEIGHT = 156, 18, 16
PASS_GAP = 2  # between two curves that pass side by side; a label still fits
MARGIN = 12
SWEEPS = 8
LABEL_HEIGHT = 14

N = TypeVar("N", bound=Hashable)
_Place = tuple[str, object]  # ("node", node) or ("pass", (edge number, layer))


@dataclass(frozen=True, slots=True)
class Box(Generic[N]):
    node: N
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Curve(Generic[N]):
    """``path`` is SVG's; the label's middle stands at ``label_x``, ``label_y``."""

    source: N
    target: N
    path: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Layout(Generic[N]):
    boxes: tuple[Box[N], ...]
    curves: tuple[Curve[N], ...]
    width: float
    height: float


def layers_of(nodes: Sequence[N], edges: Sequence[tuple[N, N]]) -> Mapping[N, int]:
    """One more than the furthest caller's; edges that close a circle do not count. Callers without callers stand at 0.

    >>> layers_of("abc", [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a")])
    {'a': 0, 'b': 1, 'c': 2}
    """
    forward = _without_circles(nodes, edges)
    waiting = dict.fromkeys(nodes, 0)
    for targets in forward.values():
        for target in targets:
            waiting[target] += 1
    layers = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not waiting[node]]
    for node in ready:  # grows while it is walked
        for target in forward[node]:
            layers[target] = max(layers[target], layers[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return layers


def _without_circles(nodes: Sequence[N], edges: Sequence[tuple[N, N]]) -> Mapping[N, list[N]]:
    """A depth-first walk, with a stack: an edge back to where the walk has come from is left out."""
    targets: dict[N, list[N]] = {node: [] for node in nodes}
    called = {target for source, target in edges if source != target}
    for source, target in edges:
        if source != target:
            targets[source].append(target)
    kept: dict[N, list[N]] = {node: [] for node in nodes}
    state: dict[N, int] = dict.fromkeys(nodes, 0)  # 0 not seen, 1 on the way, 2 done
    for start in sorted(nodes, key=lambda node: node in called):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(targets[start]))]
        while stack:
            node, rest = stack[-1]
            for target in rest:
                if state[target] == 1:
                    continue
                kept[node].append(target)
                if not state[target]:
                    state[target] = 1
                    stack.append((target, iter(targets[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return kept


def laid_out(nodes: Sequence[N], edges: Sequence[tuple[N, N]]) -> Layout[N]:
    """Every edge's ends are among the nodes."""
    layers = layers_of(nodes, edges)
    columns: dict[int, list[_Place]] = defaultdict(list)
    for node in nodes:
        columns[layers[node]].append(("node", node))
    routes = [_route(number, edge, layers, columns) for number, edge in enumerate(edges)]
    _order(columns, routes)
    places, height = _placed(columns)
    boxes = tuple(Box(node, MARGIN + layers[node] * (BOX_WIDTH + LAYER_GAP), places["node", node]) for node in nodes)
    curves = [_curve(edge, route, layers, places) for edge, route in zip(edges, routes, strict=True)]
    width = 2 * MARGIN + BOX_WIDTH + max(layers.values(), default=0) * (BOX_WIDTH + LAYER_GAP)
    return Layout(boxes, _labels_apart(curves), width + 40, height)


def _route(
    number: int, edge: tuple[N, N], layers: Mapping[N, int], columns: dict[int, list[_Place]]
) -> list[tuple[int, _Place]]:
    """The places an edge passes, with their layers, in ascending order of layers."""
    low, high = sorted(edge, key=lambda node: layers[node])
    route: list[tuple[int, _Place]] = [(layers[low], ("node", low))]
    for layer in range(layers[low] + 1, layers[high]):
        columns[layer].append(("pass", (number, layer)))
        route.append((layer, ("pass", (number, layer))))
    return [*route, (layers[high], ("node", high))]


def _order(columns: dict[int, list[_Place]], routes: Sequence[Sequence[tuple[int, _Place]]]) -> None:
    neighbours: dict[_Place, list[tuple[int, _Place]]] = defaultdict(list)
    for route in routes:
        for (layer, one), (other_layer, two) in pairwise(route):
            neighbours[one].append((other_layer, two))
            neighbours[two].append((layer, one))
    for sweep in range(SWEEPS):
        rank = {place: (at + 0.5) / len(column) for column in columns.values() for at, place in enumerate(column)}
        for layer in sorted(columns, reverse=bool(sweep % 2)):
            fixed = layer + 1 if sweep % 2 else layer - 1
            middles = {}
            for place in columns[layer]:
                held = [rank[other] for other_layer, other in neighbours[place] if other_layer == fixed]
                middles[place] = sum(held) / len(held) if held else rank[place]
            columns[layer].sort(key=middles.__getitem__)
            for at, place in enumerate(columns[layer]):
                rank[place] = (at + 0.5) / len(columns[layer])


def _placed(columns: Mapping[int, list[_Place]]) -> tuple[dict[_Place, float], float]:
    """The upper edge of each box, the middle of each passing edge; columns are centred."""
    sizes = {layer: sum(_height(column, at) for at in range(len(column))) for layer, column in columns.items()}
    height = max(sizes.values(), default=0)
    places: dict[_Place, float] = {}
    for layer, column in columns.items():
        y = MARGIN + (height - sizes[layer]) / 2 + ROW_GAP / 2
        for at, place in enumerate(column):
            places[place] = y if place[0] == "node" else y + PASS_HEIGHT / 2
            y += _height(column, at)
    return places, height + 2 * MARGIN


def _height(column: Sequence[_Place], at: int) -> int:
    """Of one place, with the gap below it."""
    if column[at][0] == "node":
        return BOX_HEIGHT + ROW_GAP
    return PASS_HEIGHT + (PASS_GAP if at + 1 < len(column) and column[at + 1][0] == "pass" else ROW_GAP)


def _curve(
    edge: tuple[N, N],
    route: Sequence[tuple[int, _Place]],
    layers: Mapping[N, int],
    places: Mapping[_Place, float],
) -> Curve[N]:
    source, target = edge

    def left(layer: int) -> float:
        return MARGIN + layer * (BOX_WIDTH + LAYER_GAP)

    def middle(place: _Place) -> float:
        return places[place] + (BOX_HEIGHT / 2 if place[0] == "node" else 0)

    if source == target:  # a loop upon the box
        x, y = left(layers[source]) + BOX_WIDTH - 40, places["node", source]
        path = f"M{x:.1f} {y:.1f}C{x:.1f} {y - 19:.1f} {x + 24:.1f} {y - 19:.1f} {x + 24:.1f} {y:.1f}"
        return Curve(source, target, path, x, y)
    if layers[source] == layers[target]:  # a neighbour in a circle: around the right side
        x, top, bottom = left(layers[source]) + BOX_WIDTH, middle(("node", source)), middle(("node", target))
        path = f"M{x:.1f} {top:.1f}C{x + 34:.1f} {top:.1f} {x + 34:.1f} {bottom:.1f} {x:.1f} {bottom:.1f}"
        return Curve(source, target, path, x + 62, (top + bottom) / 2)
    points: list[tuple[float, float]] = []
    for at, (layer, place) in enumerate(route):
        y = middle(place)
        if at:
            points.append((left(layer), y))
        if at < len(route) - 1:
            points.append((left(layer) + BOX_WIDTH, y))
    is_backward = layers[source] > layers[target]
    if is_backward:
        points.reverse()
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for at, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
        bend = (x2 - x1) / 2
        path += (
            f"L{x2:.1f} {y2:.1f}" if at % 2 else f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        )
    (x1, y1), (x2, y2) = points[-2:]
    return Curve(source, target, path, (x1 + x2) / 2, (y1 + y2) / 2)


def _labels_apart(curves: Sequence[Curve[N]]) -> tuple[Curve[N], ...]:
    """Labels of one gap do not cover each other: from the top, each at least a line below the one before."""
    moved: dict[int, float] = {}
    gaps: dict[float, list[int]] = defaultdict(list)
    for number, curve in enumerate(curves):
        gaps[round(curve.label_x)].append(number)
    for numbers in gaps.values():
        numbers.sort(key=lambda number: curves[number].label_y)
        last = -float(LABEL_HEIGHT)
        for number in numbers:
            last = moved[number] = max(curves[number].label_y, last + LABEL_HEIGHT)
    return tuple(
        Curve(curve.source, curve.target, curve.path, curve.label_x, moved[number])
        for number, curve in enumerate(curves)
    )
