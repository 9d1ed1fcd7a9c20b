"""Fantasies: three imagined results of a pending trial, and where the next trial goes then."""

from __future__ import annotations

import numpy as np

from d2l_hpo.searchers.acquisition import log_improvement
from d2l_hpo.searchers.gaussian_process import GaussianProcess

from .style import Box, Drawing, Point

TRIED = np.array([[0.02], [0.30], [0.50], [0.90]])
ERRORS = np.array([1.0, -0.3, -0.2, 0.5])  # standardised
THETA = np.log([0.2, 1.0, 1e-3])  # length scale, variance, noise
GRID = np.linspace(0, 1, 101)[:, np.newaxis]
LOW, HIGH, SEED = -2.3, 2.2, 3


def improvement(model: GaussianProcess) -> np.ndarray:
    """Return the expected improvement over the grid, averaged over fantasies."""
    best = (model.signal @ model.weights).min(axis=0)
    return np.exp(log_improvement(model, GRID, best))


def draw() -> Drawing:
    """Return the drawing: on the left the pending trial is ignored, on the right imagined."""
    drawing = Drawing("Fantasies at a pending trial", 520, 356)
    ignoring = GaussianProcess(TRIED, ERRORS, THETA)
    gains = improvement(ignoring)
    pending = GRID[[gains.argmax()]]
    imagining = ignoring.fantasise(pending, 3, np.random.default_rng(SEED))
    for left, model, title in ((12, ignoring, "pending trial ignored"),
                               (270, imagining, "three fantasies")):
        upper, lower = Box(left, 56, 238, 160), Box(left, 244, 238, 64)
        drawing.text((left, 18), title, "ink", "start", 16, bold=True)
        drawing.rectangle(upper, "panel")
        draw_model(drawing, upper, model)
        where = place(upper, pending[0, 0], LOW)[0]
        drawing.dashes([(where, upper.y), (where, upper.y + upper.height)], "ask")
        drawing.text((where, 44), "pending", "ask")
        drawing.text((left + 238, 262), "EI", "ask", "end")
        values = improvement(model)
        curve = [lower.at(u, value / gains.max())
                 for u, value in zip(GRID[:, 0], values, strict=True)]
        drawing.area([lower.at(0, 0), *curve, lower.at(1, 0)], "ask", 0.2)
        drawing.line([lower.at(0, 0), lower.at(1, 0)], "edge")
        drawing.line(curve, "ask", 2.5)
        peak = lower.at(GRID[values.argmax(), 0], values.max() / gains.max())
        drawing.line([peak, (peak[0], 318)], "ink", 2)
        drawing.text((peak[0], 334), "next", "ink", bold=True)
    return drawing


def place(box: Box, u: float, error: float) -> Point:
    """Return where an error at a position lies in a box."""
    return box.at(u, (error - LOW) / (HIGH - LOW))


def draw_model(drawing: Drawing, box: Box, model: GaussianProcess) -> None:
    """Draw the mean of each fantasy, two standard deviations around their middle, and trials."""
    mean, deviation = model.predict(GRID)
    means = mean.reshape(len(GRID), -1)
    for column in means.T:
        sides = [[place(box, u, value) for u, value in zip(GRID[:, 0], column + sign * deviation,
                                                           strict=True)] for sign in (-2, 2)]
        drawing.area([*sides[0], *sides[1][::-1]], "edge", 0.4 / means.shape[1])
    for column in means.T:
        drawing.line([place(box, u, value) for u, value in zip(GRID[:, 0], column, strict=True)],
                     "note", 2)
    targets = model.targets.reshape(len(model.points), -1)
    for (u,), values in zip(model.points, targets, strict=True):
        imagined = values.max() > values.min()
        drawing.dots([place(box, u, value) for value in values], "tell" if imagined else "ink", 4)
