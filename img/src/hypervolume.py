"""What a front is worth: its hypervolume, and how much room each of its points has."""

from __future__ import annotations

import numpy as np

from d2l_hpo import crowding_distances

from .style import Box, Drawing

SIZE = 228
REFERENCE = np.array([0.92, 0.92])
FRONT = np.array([[0.10, 0.80], [0.24, 0.56], [0.46, 0.40], [0.58, 0.20], [0.80, 0.12]])
CHOSEN = 2  # the point whose share and whose room are shown


def draw() -> Drawing:
    """Return the drawing: on the left the dominated area, on the right two gaps."""
    drawing = Drawing("Hypervolume and crowding distance", 520, 320)
    volume, crowding = (Box(left, 58, SIZE, SIZE) for left in (12, 280))
    for box, title in ((volume, "hypervolume"), (crowding, "crowding distance")):
        drawing.text((box.x, 18), title, "ink", "start", 16, bold=True)
        drawing.text((box.x, 44), "error", anchor="start")
        drawing.text((box.x + SIZE, 302), "latency", anchor="end")
        drawing.rectangle(box, "panel")
    draw_volume(drawing, volume)
    draw_gaps(drawing, crowding)
    for box in (volume, crowding):
        for number, point in enumerate(FRONT):
            drawing.dots([box.at(*point)], "tell" if number == CHOSEN else "ask", 6)
    return drawing


def draw_volume(drawing: Drawing, box: Box) -> None:
    """Draw what the front dominates below the reference point, and what one point adds to it."""
    ends = np.append(FRONT[1:, 0], REFERENCE[0])
    steps = [box.at(x, y) for (left, y), right in zip(FRONT, ends, strict=True)
             for x in (left, right)]
    drawing.area([box.at(FRONT[0, 0], REFERENCE[1]), *steps, box.at(*REFERENCE)], "ask", 0.25)
    (left, bottom), right, top = FRONT[CHOSEN], FRONT[CHOSEN + 1, 0], FRONT[CHOSEN - 1, 1]
    drawing.area([box.at(left, bottom), box.at(left, top), box.at(right, top),
                  box.at(right, bottom)], "tell", 0.6)
    drawing.cross(box.at(*REFERENCE), "ink")
    drawing.text(box.at(0.86, 0.85), "reference point r", "ink", "end")
    drawing.text(box.at(0.58, 0.70), "the area", "ink", "start")
    drawing.lines(box.at(0.06, 0.18), ["share of the", "middle point"], "tell")


def draw_gaps(drawing: Drawing, box: Box) -> None:
    """Draw the two gaps between the neighbours of a point, as parts of the front's range."""
    before, after = FRONT[CHOSEN - 1], FRONT[CHOSEN + 1]
    spans = np.ptp(FRONT, axis=0)
    across, along = np.abs(after - before) / spans
    assert np.isclose(across + along, crowding_distances(FRONT)[CHOSEN])
    corners = [box.at(*corner) for corner in ((before[0], before[1]), (after[0], before[1]),
                                              (after[0], after[1]), (before[0], after[1]))]
    drawing.dashes([*corners, corners[0]], "edge")
    drawing.line([corners[0], corners[1]], "tell", 3)
    drawing.line([corners[1], corners[2]], "tell", 3)
    drawing.text(box.at((before[0] + after[0]) / 2, before[1] + 0.07), f"{across:.2f}", "tell")
    drawing.text(box.at(after[0] + 0.04, (before[1] + after[1]) / 2), f"{along:.2f}", "tell",
                 "start")
    drawing.text(box.at(0.94, 0.82), f"{across:.2f} + {along:.2f} = {across + along:.2f}", "ink",
                 "end")
