"""Nine trials by grid and by random search, where one of two hyperparameters matters."""

from __future__ import annotations

from itertools import product
from math import exp
from random import Random

from .style import Box, Drawing, Point

SIDE = 204  # of a square of trials
LEFTS = 12, 276  # of the two squares
TOP = 142  # of both
DEPTH = 78  # of the valley, in pixels
GRID = [(number + 0.5) / 3 for number in range(3)]


def matters(x: float) -> float:
    """Return how far the error falls along the hyperparameter that matters, at most 1."""
    return exp(-((x - 0.7) / 0.11) ** 2 / 2)


def hardly_matters(y: float) -> float:
    """Return how far the error falls along the other one, at most 0.12."""
    return 0.12 * exp(-((y - 0.4) / 0.2) ** 2 / 2)


def draw() -> Drawing:
    """Return the drawing: both layouts, with the errors along each side."""
    drawing = Drawing("Grid and random search", 520, 386)
    random = Random(146)
    layouts = {"grid search": list(product(GRID, GRID)),
               "random search": [(random.random(), random.random()) for _ in range(9)]}
    for left, (name, points) in zip(LEFTS, layouts.items(), strict=True):
        square = drawing.rectangle(Box(left, TOP, SIDE, SIDE), "panel", radius=6)
        drawing.text((square.center[0], 20), name, "ink", size=16, bold=True)
        drawing.text((left, 42), "error", "tell", "start")
        draw_trials(drawing, square, points)
        values = len({x for x, _ in points})
        drawing.text((square.center[0], TOP + SIDE + 20), f"{values} values of what matters")
    return drawing


def draw_trials(drawing: Drawing, square: Box, points: list[Point]) -> None:
    """Draw the trials, the errors over both sides, and a ring around the best trial."""
    steps = [step / 60 for step in range(61)]
    drawing.line([above(square, x) for x in steps], "tell", 2)
    drawing.line([beside(square, y) for y in steps], "tell", 2)
    best = max(points, key=lambda point: matters(point[0]) + hardly_matters(point[1]))
    for point in points:
        at = place(square, point)
        drawing.line([at, above(square, point[0])], "edge", 1)
        drawing.dots([at], "ask", 5)
        drawing.dots([above(square, point[0]), beside(square, point[1])], "tell", 4)
    drawing.ring(place(square, best), "ink", 9)
    drawing.ring(above(square, best[0]), "ink", 8)


def place(square: Box, point: Point) -> Point:
    """Return where a point of the unit square lies."""
    inner = SIDE - 16
    return (round(square.x + 8 + inner * point[0], 2),
            round(square.y + 8 + inner * (1 - point[1]), 2))


def above(square: Box, x: float) -> Point:
    """Return a point of the curve above the square; its height is the error."""
    return place(square, (x, 0))[0], round(TOP - 10 - DEPTH * (1 - matters(x)), 2)


def beside(square: Box, y: float) -> Point:
    """Return a point of the curve beside the square, on the same scale to the right."""
    return (round(square.x + SIDE + 10 + DEPTH * (0.12 - hardly_matters(y)), 2),
            place(square, (0, y))[1])
