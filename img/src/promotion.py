"""ASHA's two variants: the same reports to one that pauses trials, and to one that stops them."""

from __future__ import annotations

from d2l_hpo.schedulers import Rung
from d2l_hpo import Trial

from .style import Box, Drawing, Point

ETA = 3
ERRORS = 0.40, 0.45, 0.70, 0.60, 0.50, 0.80, 0.30  # in the order of their arrival
ROW, COLUMN = 30, 24  # from one trial to the next, and from one report to the next


def promotions() -> dict[int, int]:
    """Return for each promoted trial after which report it was; a worker asks after each."""
    rung, found = Rung(), {}
    for number, error in enumerate(ERRORS):
        rung.add(error, Trial(number, {}, 1))
        if trial := rung.promote(ETA):
            found[trial.trial_id] = number
    return found


def survivors() -> set[int]:
    """Return the trials that are not stopped."""
    rung, found = Rung(), set()
    for number, error in enumerate(ERRORS):
        rung.add(error, Trial(number, {}, 1))
        if rung.survives(error, ETA):
            found.add(number)
    return found


def draw() -> Drawing:
    """Return the drawing: a row a trial; on the left trials pause, on the right they stop."""
    drawing = Drawing("Promotion and stopping", 520, 342)
    left, right = (Box(x, 56, 196, ROW * len(ERRORS) + 14) for x in (112, 316))
    for panel, title, note in ((left, "promotion", "pauses, may go on later"),
                               (right, "stopping", "goes on at once or never")):
        drawing.rectangle(panel, "panel", radius=8)
        drawing.text((panel.x, 18), title, "ink", "start", 16, bold=True)
        drawing.text((panel.x, 40), note, anchor="start")
    drawing.text((12, 40), "trial, error", anchor="start")
    for number, error in enumerate(ERRORS):
        height = place(left, number, 0)[1]
        drawing.text((28, height), str(number + 1), "ink", bold=True)
        drawing.text((60, height), f"{error:.2f}", "tell", "start")
    promoted, alive = promotions(), survivors()
    for number in range(len(ERRORS)):
        report = place(left, number, number)
        begin = promoted.get(number)
        if begin is None:
            drawing.dashes([report, (left.x + left.width, report[1])], "edge")
        else:
            start = place(left, number, begin)
            if begin > number:
                drawing.dashes([report, start], "edge")
                drawing.line([place(left, begin, begin), start], "edge", 1)
            drawing.arrow(start, (left.x + left.width, start[1]), "ask")
        drawing.dots([report], "tell", 5)
        report = place(right, number, number)
        if number in alive:
            drawing.arrow(report, (right.x + right.width, report[1]), "ask")
            drawing.dots([report], "tell", 5)
        else:
            drawing.cross(report, "tell")
    draw_key(drawing, 318)
    return drawing


def place(panel: Box, trial: int, report: int) -> Point:
    """Return where a trial's row and a report's column meet."""
    return panel.x + 18 + COLUMN * report, panel.y + 22 + ROW * trial


def draw_key(drawing: Drawing, height: float) -> None:
    """Say what the marks mean."""
    drawing.dots([(24, height)], "tell", 5)
    drawing.text((36, height), "reports", anchor="start")
    drawing.dashes([(120, height), (150, height)], "edge")
    drawing.text((158, height), "paused", anchor="start")
    drawing.line([(244, height), (274, height)], "ask", 2)
    drawing.text((282, height), "goes on", anchor="start")
    drawing.cross((376, height), "tell")
    drawing.text((390, height), "stopped for ever", anchor="start")
