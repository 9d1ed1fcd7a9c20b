"""Dominance: whom a configuration beats in every objective, and who is on the front."""

from __future__ import annotations

import numpy as np

from d2l_hpo.measures.pareto import dominance, pareto_front

from .style import Box, Drawing

SIZE = 228
ONE = np.array([0.47, 0.45])  # latency and error
MANY = np.array([[0.10, 0.84], [0.22, 0.52], [0.47, 0.45], [0.62, 0.22], [0.90, 0.10],
                 [0.34, 0.86], [0.52, 0.64], [0.72, 0.74], [0.90, 0.46], [0.79, 0.31]])


def draw() -> Drawing:
    """Return the drawing: the quadrants of one configuration, and the front of several."""
    drawing = Drawing("Dominance", 520, 320)
    one, many = (Box(left, 58, SIZE, SIZE) for left in (12, 280))
    for box, title in ((one, "one configuration"), (many, "the Pareto front")):
        drawing.text((box.x, 18), title, "ink", "start", 16, bold=True)
        drawing.rectangle(box, "panel")
        drawing.text((box.x, 44), "error", anchor="start")
        drawing.text((box.x + SIZE, 302), "latency", anchor="end")
    x, y = one.at(*ONE)
    drawing.bar(Box(x, one.y, one.x + SIZE - x, y - one.y), "ask", 0.25)
    drawing.bar(Box(one.x, y, x - one.x, one.y + SIZE - y), "tell", 0.25)
    drawing.line([(x, one.y), (x, one.y + SIZE)], "edge")
    drawing.line([(one.x, y), (one.x + SIZE, y)], "edge")
    drawing.dots([(x, y)], "ink", 6)
    for right, up, words, role in ((0.735, 0.73, ["worse in", "both:", "dominated"], "ink"),
                                   (0.235, 0.225, ["better in", "both:", "dominates"], "ink"),
                                   (0.235, 0.73, ["neither"], "note"),
                                   (0.735, 0.225, ["neither"], "note")):
        drawing.lines(one.at(right, up), words, role, "middle")
    front = pareto_front(MANY)
    ordered = MANY[front[np.argsort(MANY[front, 0])]]
    steps = [many.at(ordered[0, 0], 1)]
    for before, (right, up) in zip([None, *ordered[:-1]], ordered, strict=True):
        if before is not None:
            steps.append(many.at(right, before[1]))
        steps.append(many.at(right, up))
    steps.append(many.at(1, ordered[-1, 1]))
    drawing.line(steps, "ask", 2)
    beaten = dominance(MANY).any(axis=0)
    drawing.dots([many.at(*point) for point in MANY[beaten]], "edge", 5)
    drawing.dots([many.at(*point) for point in ordered], "ask", 6)
    drawing.lines(many.at(0.08, 0.16), ["no trial lies", "below or left"], "note")
    return drawing
