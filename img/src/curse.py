"""The winner's curse: the smallest of many noisy errors is a lucky one."""

from __future__ import annotations

from random import Random
from statistics import NormalDist

from .style import Box, Drawing

CONFIGURATIONS = 60
TRUTH = NormalDist(0.20, 0.01)  # the spread of true errors
NOISE = NormalDist(0, 0.02)  # of what one training shows
FIRST, LAST = 0.13, 0.27  # the errors at the left and the right edge
SCALE = 504 / (LAST - FIRST)  # pixels for an error of one
ABOVE, BELOW = 76, 202  # the heights of the lines of true and of observed errors
TICK, BELL = 26, 92  # the heights of a tick, and of the bell


def errors() -> tuple[list[float], list[float]]:
    """Return the true errors in increasing order, and what one training of each shows."""
    random = Random(8)
    true = [TRUTH.inv_cdf((rank + 0.5) / CONFIGURATIONS) for rank in range(CONFIGURATIONS)]
    return true, [error + NOISE.inv_cdf(random.random()) for error in true]


def across(error: float) -> float:
    """Return where an error lies from left to right."""
    return round(8 + SCALE * (error - FIRST), 2)


def draw() -> Drawing:
    """Return the drawing: true errors above, observed ones below, and the winner in both."""
    drawing = Drawing("The winner's curse", 520, 342)
    true, seen = errors()
    winner = seen.index(min(seen))
    truth, lucky = across(true[winner]), across(seen[winner])
    drawing.text((12, 24), f"true errors of {CONFIGURATIONS} configurations", "ask", "start", 16,
                 bold=True)
    draw_ticks(drawing, true, ABOVE - TICK, ABOVE, "ask")
    draw_ticks(drawing, seen, BELOW, BELOW, "tell")
    drawing.text((truth + 16, 250), "observed errors", "tell", "start", 16, bold=True)
    drawing.text((truth + 16, 270), "one measurement each", "tell", "start")
    top = ABOVE - TICK
    guide = drawing.rectangle(Box(truth - 1, top, 2, BELOW + 72 - top), "ink")
    draw_bell(drawing, true[winner])
    drawing.lines((truth + 92, 140), ["what the winner may", "show on other images"])
    drawing.ring((lucky, BELOW + TICK / 2), "ink", 17)
    drawing.bent_arrow([(lucky, BELOW + 30), (lucky, BELOW + 64), (guide.x, BELOW + 64)], "ink")
    drawing.text((lucky, BELOW + 84), f"{100 * (true[winner] - seen[winner]):.0f} points too good",
                 "ink", "start")
    drawing.line([(8, 302), (512, 302)], "edge")
    for error in (0.15, 0.20, 0.25):
        drawing.line([(across(error), 302), (across(error), 308)], "edge")
        drawing.text((across(error), 320), f"{error:.0%}".replace("%", " %"))
    return drawing


def draw_ticks(drawing: Drawing, values: list[float], top: float, line: float, role: str) -> None:
    """Draw a tick a value from `top` down, and a line that they stand on or hang from."""
    drawing.line([(8, line), (512, line)], "edge")
    for value in values:
        drawing.line([(across(value), top), (across(value), top + TICK)], role)


def draw_bell(drawing: Drawing, center: float) -> None:
    """Draw the density of what one training of a configuration shows, on the lower line."""
    errors = [FIRST + (LAST - FIRST) * step / 84 for step in range(85)]
    heights = [BELL * NOISE.pdf(error - center) / NOISE.pdf(0) for error in errors]
    drawing.line([(across(error), round(BELOW - height, 2))
                  for error, height in zip(errors, heights, strict=True)], "note", 2)
