"""The sequence of calls: what searcher, scheduler, tuner and objective say to each other."""

from __future__ import annotations

from .style import Box, Drawing

LANES = {"searcher": (57, 98), "scheduler": (239, 108), "tuner": (350, 74), "objective": (457, 110)}
CALLS = [("tuner", "scheduler", "suggest()", "ask"),
         ("scheduler", "searcher", "sample_configuration()", "ask"),
         ("searcher", "scheduler", "configuration", "ask"),
         ("scheduler", "tuner", "trial", "ask"),
         ("tuner", "objective", "objective(...)", "ask"),
         ("objective", "tuner", "error", "tell"),
         ("tuner", "scheduler", "update(...)", "tell"),
         ("scheduler", "searcher", "update(...)", "tell")]
BEFORE = 5  # calls before training; it takes as long as one more
HEIGHTS = [number + 1 + (number >= BEFORE) for number in range(len(CALLS))]  # in rows
TRIALS = {60: 29, 358: 8, 446: 8}  # where a trial begins, and how high its rows are
TOP, BOTTOM = 44, 534


def draw() -> Drawing:
    """Return the drawing: the calls of one trial with their names, and of two more without."""
    drawing = Drawing("The sequence of calls", 520, BOTTOM)
    for name, (x, width) in LANES.items():
        drawing.box(Box(x - width / 2, 8, width, TOP - 8), name)
    for number, (top, row) in enumerate(TRIALS.items()):
        drawing.panel(Box(8, top, 504, row * (HEIGHTS[-1] + 1)))
        drawing.text((148, top + row * 6 - 2), f"trial {number}", "ink", bold=True, size=16)
    lanes = {name: drawing.rectangle(Box(x - 2, TOP, 4, BOTTOM - TOP), "edge")
             for name, (x, _) in LANES.items()}
    for top, row in TRIALS.items():
        draw_calls(drawing, lanes, top, row)
    return drawing


def draw_calls(drawing: Drawing, lanes: dict[str, Box], top: float, row: float) -> None:
    """Draw a trial's calls from `top` down, with their names where rows are high enough."""
    lane = lanes["objective"]
    training = Box(lane.x - 4, top + row * BEFORE - 3, 12, 2 * row + 6)
    lanes = {**lanes, "objective": drawing.rectangle(training, "note", radius=3)}
    named = row > 20
    for (caller, called, words, role), rows in zip(CALLS, HEIGHTS, strict=True):
        height, start, end = top + row * rows, lanes[caller], lanes[called]
        ends = (start.right(), end.left()) if start.x < end.x else (start.left(), end.right())
        drawing.arrow((ends[0][0], height), (ends[1][0], height), role)
        if named:
            drawing.text(((start.center[0] + end.center[0]) / 2, height - 11), words, role)
    if named:
        drawing.text((training.right()[0] + 6, training.center[1]), "train", anchor="start")
        drawing.text((lanes["tuner"].right()[0] + 8, top + row * 8 - 12), "record", "keep", "start")
