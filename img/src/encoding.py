"""How a model sees an integer and a choice: the middle of a bin, and corners equally far apart."""

from __future__ import annotations

import math

from .style import Box, Drawing, Point

BINS = 3
ASKED = 0.40, 0.60
SIDE, STEP = 104, 78  # of the triangle; from one choice on the line to the next


def draw() -> Drawing:
    """Return the drawing: on the left an integer, on the right a choice."""
    drawing = Drawing("How a model sees integers and choices", 520, 300)
    draw_integer(drawing, Box(12, 122, 228, 48))
    draw_choice(drawing, 280)
    return drawing


def draw_integer(drawing: Drawing, axis: Box) -> None:
    """Draw two points of the unit cube that are moved to the middle of their bin."""
    drawing.text((axis.x, 18), "an integer", "ink", "start", 16, bold=True)
    drawing.text((axis.x, 42), "asked: two points", "ask", "start")
    width = axis.width / BINS
    bins = [Box(axis.x + width * k, axis.y, width, axis.height) for k in range(BINS)]
    for k, place in enumerate(bins):
        drawing.rectangle(place, "panel" if k != 1 else "box", edge="edge")
        drawing.text(place.center, f"{k + 1} layer{'s' if k else ''}", "ink")
    for u in ASKED:
        middle = bins[int(u * BINS)].center[0]
        start = axis.at(u, 1)[0], 86
        drawing.text((start[0], 66), f"{u:.2f}", "ask")
        drawing.arrow(start, (middle + 60 * (u - 0.5), axis.y), "ask")
        drawing.dots([start], "ask", 4)
    snapped = (int(ASKED[0] * BINS) + 0.5) / BINS
    drawing.line([axis.at(0, -0.5), axis.at(1, -0.5)], "edge")
    drawing.text((axis.x, 216), "0", anchor="start")
    drawing.text((axis.x + axis.width, 216), "1", anchor="end")
    drawing.dots([axis.at(snapped, -0.5)], "keep", 5)
    drawing.text((axis.at(snapped, 0)[0], 216), f"{snapped:.2f}", "keep")
    drawing.text((axis.x, 254), "told: one point, the", "keep", "start")
    drawing.text((axis.x, 272), "middle of the bin", "keep", "start")


def draw_choice(drawing: Drawing, left: float) -> None:
    """Draw three choices on a line, where they have neighbours, and as corners of a triangle."""
    names = "relu", "tanh", "sigmoid"
    drawing.text((left, 18), "a choice", "ink", "start", 16, bold=True)
    drawing.text((left, 42), "on a line: tanh in between", anchor="start")
    line = [(left + 24 + STEP * k, 96) for k in range(3)]
    drawing.line([line[0], line[-1]], "edge", 2)
    drawing.dots(line, "tell", 5)
    for (x, y), name in zip(line, names, strict=True):
        drawing.text((x, y - 20), name, "ink")
    corners = triangle((left + 102, 272))
    drawing.text((left, 136), "one-hot: all equally far", "keep", "start")
    drawing.line([*corners, corners[0]], "edge", 2)
    drawing.dots(corners, "keep", 5)
    drawing.text((corners[0][0] - 10, 272), names[0], "ink", "end")
    drawing.text((corners[1][0] + 12, corners[1][1]), names[1], "ink", "start")
    drawing.text((corners[2][0] + 10, 272), names[2], "ink", "start")


def triangle(base: Point) -> list[Point]:
    """Return an equilateral triangle, its lower side's middle at `base`: left, top, right."""
    x, y = base
    return [(x - SIDE / 2, y), (x, round(y - SIDE * math.sqrt(3) / 2, 2)), (x + SIDE / 2, y)]
