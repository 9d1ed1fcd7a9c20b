"""Trial, job, attempt: a trial of three jobs on two workers, one of which is lost meanwhile."""

from __future__ import annotations

from .style import Box, Drawing

LEFT, UNIT = 86, 43  # where time begins, and the width of one unit of it
ROWS = {"trial": 32, "jobs": 90, "worker 1": 176, "worker 2": 234, "reports": 308}
HEIGHT, GAP = 50, 8  # of bars, and between two of them
JOBS = [(0, 2.4, "to epoch 3"), (2.4, 7.4, "to epoch 6"), (7.4, 9.9, "to epoch 9")]
ATTEMPTS = [("worker 1", 0, 2.4, 1), ("worker 1", 4.8, 7.4, 2), ("worker 2", 7.4, 9.9, 1)]
LOST = ("worker 2", 2.4, 4.8)
OTHERS = [("worker 2", 0, 2.4), ("worker 1", 2.4, 4.8), ("worker 2", 5.5, 7.4),
          ("worker 1", 7.4, 9.9)]


def draw() -> Drawing:
    """Return the drawing: the trial, its jobs, and the attempts at them, over time."""
    drawing = Drawing("Trial, job, attempt", 520, 340)
    for name in ("trial", "jobs", "reports"):
        drawing.text((8, ROWS[name]), name, "ink", "start", 16, bold=True)
    drawing.text((8, 134), "attempts", "ink", "start", 16, bold=True)
    for name in ("worker 1", "worker 2"):
        drawing.text((8, ROWS[name]), name, anchor="start")
    trial = bar(drawing, "trial", 0, 9.9, "ask")
    drawing.text(trial.center, "one configuration", "page")
    reports = bar(drawing, "reports", 0, 10, "panel")
    drawing.text(reports.center, "one error a job", "tell")
    for worker, begin, end in OTHERS:
        drawing.text(bar(drawing, worker, begin, end, "panel").center, "other")
    for begin, end, words in JOBS:
        drawing.text(bar(drawing, "jobs", begin, end, "box", "ask").center, words, "ask")
        x = round(LEFT + UNIT * end - GAP / 2, 2)
        drawing.arrow((x, ROWS["jobs"] - HEIGHT / 2), (x, reports.y), "tell")
    for worker, begin, end, number in ATTEMPTS:
        drawing.text(bar(drawing, worker, begin, end, "box", "ask").center, f"attempt {number}",
                     "ask")
    draw_lost(drawing)
    return drawing


def bar(drawing: Drawing, row: str, begin: float, end: float, fill: str, edge: str = "none") -> Box:
    """Draw and return the bar of a row from one time to another."""
    return drawing.rectangle(Box(round(LEFT + UNIT * begin, 2), ROWS[row] - HEIGHT / 2,
                                 round(UNIT * (end - begin) - GAP, 2), HEIGHT), fill, edge, 6)


def draw_lost(drawing: Drawing) -> None:
    """Draw the attempt that came to no end, struck out."""
    lost = bar(drawing, *LOST, "page", "note")
    x, y = lost.center
    drawing.text((x, y - 8), "attempt 1")
    drawing.line([(x - 36, y - 8), (x + 36, y - 8)], "note", 2)
    drawing.text((x, y + 8), "lost", "ink", bold=True)
