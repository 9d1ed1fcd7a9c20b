"""From a recording to searches without training: a surrogate, and a clock that jumps."""

from __future__ import annotations

from itertools import pairwise
from math import pi, sin

import numpy as np

from .style import Box, Drawing, Point

PICTURE = Box(8, 8, 288, 128)
STEP = 168  # from one picture to the next
CURVES = {0.12: 2, 0.16: 5, 0.19: 1, 0.22: 12, 0.27: 3, 0.34: 7, 0.42: 17, 0.5: 4, 0.9: 1}
"""What the drawn curves fall to, and the epoch at which they are halfway."""
CONFIGURATIONS = np.array([0.04, 0.18, 0.29, 0.48, 0.61, 0.83, 0.96])  # recorded, on one axis
ERRORS = np.array([0.84, 0.72, 0.46, 0.31, 0.35, 0.67, 0.9])
ASKED = 0.39  # a configuration that was not recorded
LENGTH = 0.15  # of the surrogate's kernel
SECONDS = (40, 15, 28)  # of three trials


def draw() -> Drawing:
    """Return the drawing: recorded curves, predictions between them, and the virtual clock."""
    drawing = Drawing("Replaying a recording", 520, 2 * STEP + 144)
    recording, surrogate, clock = (PICTURE.moved(0, row * STEP) for row in range(3))
    for box in (recording, surrogate, clock):
        drawing.rectangle(box, "panel", radius=10)
    draw_curves(drawing, recording)
    draw_surrogate(drawing, surrogate)
    draw_clock(drawing, clock)
    drawing.arrow(recording.bottom(), surrogate.top(), "keep")
    drawing.text((166, recording.y + 148), "fit", "keep", "start")
    drawing.arrow(surrogate.bottom(), clock.top(), "tell")
    drawing.text((166, surrogate.y + 148), "error and seconds of x", "tell", "start")
    draw_words(drawing, recording, "recording", ["real training, once:", "errors and seconds",
                                                 "of each epoch"], "real", "keep")
    draw_words(drawing, surrogate, "surrogate", ["a regression: any", "configuration x gets",
                                                 "an error"], "predicted", "tell")
    draw_words(drawing, clock, "virtual clock", ["jumps by the seconds", "of each trial;",
                                                 "nobody waits"], "simulated", "ask")
    return drawing


def draw_words(drawing: Drawing, box: Box, title: str, lines: list[str], kind: str,
               role: str) -> None:
    """Write beside a picture what it shows, and in its colour how real that is."""
    left = box.x + box.width + 20
    drawing.text((left, box.y + 18), title, "ink", "start", 16, bold=True)
    drawing.lines((left, box.y + 60), lines)
    drawing.text((left, box.y + 108), kind, role, "start", 16, bold=True)


def inside(box: Box, part: float, error: float) -> Point:
    """Return the point of a picture at a part of its width and at an error's height."""
    return round(box.x + 12 + part * (box.width - 24), 2), round(box.y + 118 - 112 * error, 2)


def draw_curves(drawing: Drawing, box: Box) -> None:
    """Draw errors that fall from 0.9, some early, some late, and one never."""
    for floor, halfway in CURVES.items():
        errors = [floor + (0.9 - floor) / (1 + (epoch / halfway) ** 2) for epoch in range(1, 28)]
        drawing.line([inside(box, number / 26, error) for number, error in enumerate(errors)],
                     "keep")


def draw_surrogate(drawing: Drawing, box: Box) -> None:
    """Draw recorded errors, the mean of a Gaussian process given them, and what it predicts."""
    def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.exp(-((first[:, None] - second) / LENGTH) ** 2 / 2)

    noisy = kernel(CONFIGURATIONS, CONFIGURATIONS) + 1e-3 * np.eye(len(ERRORS))
    weights = np.linalg.solve(noisy, ERRORS - 0.5)
    at = np.linspace(0, 1, 61)
    mean = 0.5 + kernel(at, CONFIGURATIONS) @ weights
    drawing.line([inside(box, part, error) for part, error in zip(at, mean, strict=True)],
                 "tell", 2)
    drawing.dots([inside(box, part, error)
                  for part, error in zip(CONFIGURATIONS, ERRORS, strict=True)], "keep", 4)
    asked = inside(box, ASKED, 0.5 + (kernel(np.array([ASKED]), CONFIGURATIONS) @ weights)[0])
    drawing.line([(asked[0], box.y + 96), (asked[0], asked[1] + 5)], "ask")
    drawing.ring(asked, "tell", 5)
    drawing.text((asked[0], box.y + 105), "x", "ask")


def draw_clock(drawing: Drawing, box: Box) -> None:
    """Draw a time axis, and a jump from where each trial begins to where it ends."""
    axis = drawing.rectangle(Box(box.x + 12, box.y + 92, box.width - 24, 2), "edge")
    times = [sum(SECONDS[:number]) for number in range(len(SECONDS) + 1)]
    places = [axis.x + 16 + 2.8 * time for time in times]
    for left, right in pairwise(places):
        arch = [(left + (right - left) * step / 16,
                 axis.y - 0.7 * (right - left) * sin(pi * step / 16)) for step in range(17)]
        drawing.bent_arrow([(round(x, 2), round(y, 2)) for x, y in arch], "ask")
    for time, place in zip(times, places, strict=True):
        drawing.text((place, axis.y + 18), f"{time} s" if time else "0")
