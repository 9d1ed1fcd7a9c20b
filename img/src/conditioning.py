"""What one error says about another: a joint normal density, cut where the first was observed."""

from __future__ import annotations

import math

from .style import Box, Drawing, Point

SEEN = -1.2  # the standardised error y1
LIMIT = 2.6  # of both errors, in standard deviations
PEAK = 0.8  # the density at the right edge of a bell's box
STEPS = [i / 60 for i in range(61)]


def correlation(distance: float) -> float:
    """Return the Matern-5/2 kernel, of variance 1, at so many length scales."""
    s = math.sqrt(5) * distance
    return (1 + s + s * s / 3) * math.exp(-s)


def place(box: Box, first: float, second: float) -> Point:
    """Return where a pair of errors lies in a box."""
    return box.at((first + LIMIT) / (2 * LIMIT), (second + LIMIT) / (2 * LIMIT))


def ellipse(box: Box, rho: float, radius: float) -> list[Point]:
    """Return the pairs of equal density, `radius` standard deviations from the middle."""
    turns = [2 * math.pi * step for step in STEPS]
    return [place(box, radius * math.cos(turn), radius * (
        rho * math.cos(turn) + math.sqrt(1 - rho**2) * math.sin(turn))) for turn in turns]


def bell(box: Box, mean: float, deviation: float) -> list[Point]:
    """Return a normal density, lying on its side."""
    values = [LIMIT * (2 * step - 1) for step in STEPS]
    density = [math.exp(-((value - mean) / deviation)**2 / 2) / (
        deviation * math.sqrt(2 * math.pi)) for value in values]
    return [box.at(height / PEAK, (value + LIMIT) / (2 * LIMIT))
            for value, height in zip(values, density, strict=True)]


def draw() -> Drawing:
    """Return the drawing: on the left a point near the trial, on the right one far from it."""
    drawing = Drawing("What one error says about another", 520, 316)
    draw_pair(drawing, 12, 0.5, "x is near x₁", "half a length scale apart")
    draw_pair(drawing, 272, 2.0, "x is far from x₁", "two length scales apart")
    drawing.line([(90, 296), (118, 296)], "edge", 2)
    drawing.text((126, 296), "belief before", anchor="start")
    drawing.line([(272, 296), (300, 296)], "ask", 2.5)
    drawing.text((308, 296), "belief given y₁", anchor="start")
    return drawing


def draw_pair(drawing: Drawing, left: float, distance: float, title: str, note: str) -> None:
    """Draw the joint density of y1 and y, the cut at y1, and beside it the belief about y."""
    rho = correlation(distance)
    plane, side = Box(left, 82, 156, 156), Box(left + 164, 82, 72, 156)
    drawing.text((left, 18), title, "ink", "start", 16, bold=True)
    drawing.text((left, 40), note, anchor="start")
    drawing.text((left, 68), "error at x", anchor="start")
    drawing.rectangle(plane, "panel")
    for radius in (2, 1):
        drawing.area(ellipse(plane, rho, radius), "edge", 0.25)
        drawing.line(ellipse(plane, rho, radius), "edge")
    mean, deviation = rho * SEEN, math.sqrt(1 - rho**2)
    drawing.line([place(plane, SEEN, -LIMIT), place(plane, SEEN, LIMIT)], "tell", 2)
    drawing.text((place(plane, SEEN, 0)[0], 256), "y₁", "tell")
    drawing.text((left + 156, 256), "error at x₁", anchor="end")
    drawing.line([side.at(0, 0), side.at(0, 1)], "edge")
    drawing.line(bell(side, 0, 1), "edge", 2)
    drawing.area(bell(side, mean, deviation), "ask", 0.2)
    drawing.line(bell(side, mean, deviation), "ask", 2.5)
    height = place(plane, SEEN, mean)[1]
    peak = side.at(1 / (deviation * math.sqrt(2 * math.pi) * PEAK), 0)[0]
    drawing.dashes([place(plane, SEEN, mean), (peak, height)], "ask")
    drawing.dots([place(plane, SEEN, mean)], "tell", 4)
