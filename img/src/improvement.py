"""Expected improvement: how likely each error is, times what it would gain, is an area."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .style import Box, Drawing, Point

MEAN, DEVIATION, BEST = 0.31, 0.085, 0.27  # of the model at x; the best error so far
LOW, HIGH = 0.03, 0.59
ERRORS = sorted([BEST, *(LOW + (HIGH - LOW) * i / 120 for i in range(121))])


def density(error: float) -> float:
    """Return how likely an error is: a normal density."""
    z = (error - MEAN) / DEVIATION
    return math.exp(-z * z / 2) / (DEVIATION * math.sqrt(2 * math.pi))


def gain(error: float) -> float:
    """Return how far an error improves on the best."""
    return max(BEST - error, 0)


def weighted_gain(error: float) -> float:
    """Return the integrand of the expected improvement."""
    return density(error) * gain(error)


def draw() -> Drawing:
    """Return the drawing: a density, a gain, and their product, over the same errors."""
    drawing = Drawing("Expected improvement", 520, 392)
    boxes = [Box(12, top, 330, height) for top, height in ((40, 100), (176, 60), (272, 72))]
    likely, gained, product = boxes
    below = [x for x in ERRORS if x <= BEST]

    def curve(box: Box, function: Callable[[float], float], top: float,
              errors: Sequence[float] = ERRORS) -> list[Point]:
        return [box.at((x - LOW) / (HIGH - LOW), function(x) / top) for x in errors]

    for box, function, top, role in ((likely, density, 4.9, "note"), (gained, gain, BEST, "tell"),
                                     (product, weighted_gain, 0.18, "ask")):
        if role != "tell":
            under = curve(box, function, top, below)
            drawing.area([box.at(0, 0), *under, (under[-1][0], box.at(0, 0)[1])], role)
        drawing.line([box.at(0, 0), box.at(1, 0)], "edge")
        drawing.line(curve(box, function, top), role, 2.5)
    x = likely.at((BEST - LOW) / (HIGH - LOW), 0)[0]
    drawing.dashes([(x, 30), (x, 344)], "tell")
    drawing.text((x, 18), "best so far, y⋆", "tell")
    drawing.text((12, 366), "smaller error", anchor="start")
    drawing.text((342, 366), "larger error", anchor="end")
    for box, title, note, role in zip(
            boxes, ("how likely?", "what is gained?", "likely × gained"),
            (["the model's belief;", "shaded: some gain"], ["y⋆ minus the error,", "or nothing"],
             ["the area is the", "expected gain (EI)"]), ("note", "tell", "ask"), strict=True):
        drawing.text((356, box.center[1] - 24), title, role, "start", bold=True)
        drawing.lines((356, box.center[1] + 10), note, "note")
    return drawing
