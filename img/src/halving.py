"""Successive halving: each rung trains fewer trials for longer, at the same cost."""

from __future__ import annotations

from itertools import pairwise

from d2l_hpo import rung_levels

from .style import Box, Drawing

ETA, N = 3, 27
UNIT = 8  # pixels of a trial's width, and of an epoch's height
TOP, FLOOR = 20, 256  # of the panels, and where the columns stand
ROOM, GAP = 68, 18  # the least width of a panel, and what lies between two


def draw() -> Drawing:
    """Return the drawing: four rungs as panels of columns, with what they cost below."""
    drawing = Drawing("One bracket of successive halving", 520, 330)
    rungs = rung_levels(1, N, ETA)
    sizes = [N // ETA**k for k in range(len(rungs))]
    panels, left = [], 8.0
    for n in sizes:
        panels.append(Box(left, TOP, max(UNIT * n + 12, ROOM), FLOOR + 8 - TOP))
        left = panels[-1].x + panels[-1].width + GAP
    for panel, n, epochs, before in zip(panels, sizes, rungs, [0, *rungs], strict=False):
        drawing.rectangle(panel, "panel", radius=8)
        draw_columns(drawing, panel, n, epochs, before)
        drawing.text((panel.center[0], 284), f"{n} × {epochs}", "ink", size=16, bold=True)
        drawing.text((panel.center[0], 308), f"new: {n * (epochs - before)}")
    for panel, following in pairwise(panels):
        drawing.arrow((panel.x + panel.width, FLOOR - 12), (following.x, FLOOR - 12), "ask")

    restart = sum(n * epochs for n, epochs in zip(sizes, rungs, strict=True))
    resume = sum(n * (epochs - before)
                 for n, epochs, before in zip(sizes, rungs, [0, *rungs], strict=False))
    drawing.lines((24, 66), ["A column is a trial,", "its height the epochs."], "ink")
    for row, (role, opacity, words) in enumerate((("ask", 1, "stays"), ("edge", 1, "leaves"),
                                                  ("ask", 0.3, "trained before"))):
        middle = 108 + 20 * row
        drawing.bar(Box(26, middle - 5, 10, 10), role, opacity)
        drawing.text((46, middle), words, anchor="start")
    drawing.lines((24, 190), [f"{restart} epochs without", f"checkpoints, {resume} with"],
                  "ink")
    return drawing


def draw_columns(drawing: Drawing, panel: Box, n: int, epochs: int, before: int) -> None:
    """Draw a rung's trials, the best on the left: what they had before, and what is new."""
    left = panel.center[0] - UNIT * n / 2
    for rank in range(n):
        role = "ask" if rank < max(n // ETA, 1) else "edge"
        x = left + UNIT * rank + 1
        drawing.bar(Box(x, FLOOR - UNIT * before, UNIT - 2, UNIT * before), role, 0.3)
        drawing.bar(Box(x, FLOOR - UNIT * epochs, UNIT - 2, UNIT * (epochs - before)), role)
