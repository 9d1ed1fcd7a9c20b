"""Hyperband: brackets that start at different rungs, side by side as staircases."""

from __future__ import annotations

from d2l_hpo import hyperband_brackets, rung_levels

from .style import Box, Drawing

ETA, LONGEST = 3, 27
WIDTH, HEIGHT = 7, 7.5  # pixels of a trial, and of an epoch
LEFT, FLOOR, GAP = 112, 228, 18
ROWS = 256, 282, 306


def reached(n: int, rungs: list[int]) -> list[int]:
    """Return the epochs that each of a bracket's n trials is trained, the best first."""
    return [max(epochs for k, epochs in enumerate(rungs) if rank < max(n // ETA**k, 1) or k == 0)
            for rank in range(n)]


def draw() -> Drawing:
    """Return the drawing: a staircase of columns for each bracket, and its two costs below."""
    drawing = Drawing("The brackets of Hyperband", 520, 326)
    rungs = rung_levels(1, LONGEST, ETA)
    for epochs in rungs:
        height = FLOOR - HEIGHT * epochs
        drawing.line([(LEFT - 6, height), (510, height)], "edge", 0.75)
        drawing.text((LEFT - 14, height), str(epochs), anchor="end")
    drawing.text((12, FLOOR - HEIGHT * LONGEST / 2), "epochs", "ink", "start")
    drawing.text((12, ROWS[0]), "trials", "ink", "start", bold=True)
    drawing.text((12, ROWS[1]), "sum, resumed", anchor="start")
    drawing.text((12, ROWS[2]), "sum, restarted", anchor="start")
    left = LEFT
    for n, own in hyperband_brackets(rungs, ETA):
        for rank, epochs in enumerate(reached(n, own)):
            drawing.bar(Box(left + WIDTH * rank + 0.75, FLOOR - HEIGHT * epochs,
                            WIDTH - 1.5, HEIGHT * epochs), "ask")
        middle = left + WIDTH * n / 2
        left += WIDTH * n + GAP
        sizes = [n // ETA**k for k in range(len(own))]
        restart = sum(size * epochs for size, epochs in zip(sizes, own, strict=True))
        drawing.text((middle, ROWS[0]), str(n), "ink", bold=True)
        drawing.text((middle, ROWS[1]), str(sum(reached(n, own))))
        drawing.text((middle, ROWS[2]), str(restart))
    return drawing
