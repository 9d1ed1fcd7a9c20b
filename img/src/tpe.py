"""TPE: the best trials and the others, a density of each, and their ratio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from d2l_hpo.searchers.tpe import ParzenEstimator, TPESearcher

from .style import Box, Drawing, Point

TRIALS, CANDIDATES = 20, 8
GRID = np.linspace(0, 1, 121)
LEFT, WIDTH, NOTES = 12, 330, 358  # of the plots; where the words on the right begin


def invent_trials(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return positions on one side of the unit cube and their errors, the best trial first."""
    u = (np.arange(TRIALS) + 0.5) * 0.618 % 1
    errors = 0.2 + 1.3 * np.abs(u - 0.68) ** 1.5 + 0.06 * rng.standard_normal(TRIALS)
    order = np.argsort(errors)
    return u[order], errors[order]


def draw() -> Drawing:
    """Return the drawing: trials cut in two, two densities, and their ratio."""
    u, errors = invent_trials(np.random.default_rng(39))
    n = int(np.ceil(TPESearcher.good_part * TRIALS))
    good, others = (ParzenEstimator(part[:, np.newaxis], [0]) for part in (u[:n], u[n:]))
    candidates = np.sort(good.sample(CANDIDATES, np.random.default_rng(51)), axis=0)

    def ratio(points: np.ndarray) -> np.ndarray:
        return np.exp(good.log_density(points) - others.log_density(points))

    drawing = Drawing("TPE: a ratio of densities", 520, 424)
    trials, densities, ratios = (Box(LEFT, top, WIDTH, height)
                                 for top, height in ((16, 112), (156, 92), (276, 92)))
    heights = errors / errors.max()
    drawing.dots([trials.at(*point) for point in zip(u[n:], heights[n:], strict=True)], "note", 4)
    drawing.dots([trials.at(*point) for point in zip(u[:n], heights[:n], strict=True)], "ask", 5)
    cut = (heights[n - 1] + heights[n]) / 2
    drawing.dashes([trials.at(0, cut), trials.at(1, cut)], "tell")
    for box in (trials, densities, ratios):
        drawing.line([box.at(0, 0), box.at(1, 0)], "edge")
    columns = GRID[:, np.newaxis]
    l_values, g_values = (np.exp(part.log_density(columns)) for part in (good, others))
    drawing.line(curve(densities, g_values / l_values.max()), "note", 2.5)
    drawing.line(curve(densities, l_values / l_values.max()), "ask", 2.5)
    top = ratio(columns).max()
    drawing.line(curve(ratios, ratio(columns) / top), "keep", 2.5)
    scores = ratio(candidates) / top
    points = [ratios.at(*point) for point in zip(candidates[:, 0], scores, strict=True)]
    chosen = points[int(scores.argmax())]
    drawing.dots(points, "ask", 4)
    drawing.dashes([chosen, (chosen[0], 384)], "ask")
    drawing.text((chosen[0], 400), "next trial", "ask", bold=True)
    drawing.text((LEFT, 400), "hyperparameter", anchor="start")
    drawing.text((LEFT + WIDTH, 24), "error: lower is better", anchor="end")

    write(drawing, 72, "sort and cut", "ink", ["below the line:", f"the best {n} of {TRIALS}"])
    write(drawing, 202, "two densities", "ink", [])
    drawing.text((NOTES, 204), "l: of the good", "ask", "start")
    drawing.text((NOTES, 222), "g: of the others", "note", "start")
    write(drawing, 322, "their ratio l / g", "keep", [f"at {CANDIDATES} candidates",
                                                      "drawn from l"])
    return drawing


def curve(box: Box, heights: Sequence[float]) -> list[Point]:
    """Return heights over the grid as points of a box."""
    return [box.at(*point) for point in zip(GRID, heights, strict=True)]


def write(drawing: Drawing, height: float, title: str, role: str, notes: list[str]) -> None:
    """Write a title and lines below it to the right of a plot."""
    drawing.text((NOTES, height - 20), title, role, "start", bold=True)
    drawing.lines((NOTES, height + 11), notes)
