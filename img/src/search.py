"""A running search: learning curves of recorded trials, most of them stopped early."""

from __future__ import annotations

import math

import numpy as np

from d2l_hpo import LeNetBenchmark, RecordedSearcher, SuccessiveHalvingScheduler, simulate

from .style import Drawing, Point

RUNGS = 1, 3, 9, 27
LEFT, RIGHT, TOP, BOTTOM = 64, 496, 46, 262
GUESSING = 0.9  # the error before the first step: one in ten classes is right
ERRORS = 0.1, 0.2, 0.4, 0.8  # the ticks of the vertical axis


def draw() -> Drawing:
    """Return the drawing: error over epochs, both logarithmic, one curve a trial."""
    drawing = Drawing("A running search", 520, 330)
    records = search()
    drawing.text((LEFT - 52, 20), "validation error", anchor="start")
    for error in ERRORS:
        y = position(1, error)[1]
        drawing.line([(LEFT, round(y, 2)), (RIGHT, round(y, 2))], "panel")
        drawing.text((LEFT - 10, y), f"{error:.0%}".replace("%", " %"), anchor="end")
    for rung in RUNGS:
        x = position(rung, 0.1)[0]
        drawing.line([(x, TOP - 8), (x, BOTTOM)], "edge")
        count = int((records["max_epochs"] == rung).sum())
        drawing.text((x, BOTTOM + 18), f"{rung} epoch{'s' * (rung > 1)}", "ink",
                     "end" if rung == RUNGS[-1] else "middle")
        drawing.text((x, BOTTOM + 40), f"{count} trial{'s' * (count > 1)}", "ask",
                     "end" if rung == RUNGS[-1] else "middle")
    best = records.sort_values("max_epochs").iloc[-1]["trial_id"]
    benchmark = LeNetBenchmark()
    for trial_id, rows in records.groupby("trial_id"):
        last = rows.sort_values("max_epochs").iloc[-1]
        errors = benchmark.curve(last["config"])[0][:last["max_epochs"]]
        role, width = ("keep", 3.0) if trial_id == best else ("edge", 1.2)
        points = [position(epoch, error) for epoch, error in enumerate([GUESSING, *errors])]
        drawing.line(points, role, width)
        drawing.dots(points[-1:], role, 4 if trial_id == best else 3)
    return drawing


def search():
    """Return the records of a bracket of 27 recorded trials."""
    benchmark = LeNetBenchmark()
    scheduler = SuccessiveHalvingScheduler(RecordedSearcher(benchmark, seed=2), 3, 1, 27, rounds=1)
    return simulate(scheduler, benchmark)


def position(epoch: float, error: float) -> Point:
    """Return where a point of a learning curve lies."""
    low, high = np.log([ERRORS[0], 0.92])
    right = LEFT + (RIGHT - LEFT) * math.log1p(epoch) / math.log1p(RUNGS[-1])
    down = BOTTOM - 8 - (BOTTOM - TOP - 8) * (math.log(error) - low) / (high - low)
    return round(right, 2), round(float(down), 2)
