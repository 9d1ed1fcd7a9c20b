"""The nested problem: training solves an inner problem in each round of the outer one."""

from __future__ import annotations

from .style import Box, Drawing

RETURN = 456  # where the way back to the next round runs up
LOOP = 400  # where the way back to the next step does


def draw() -> Drawing:
    """Return the drawing: rounds of the outer problem, steps of the inner one within each."""
    drawing = Drawing("The nested problem", 520, 500)
    choose, step, measure = (Box(176, top, 184, 62) for top in (62, 220, 390))
    training, validation = (Box(26, box.y, 112, 62) for box in (step, measure))
    drawing.panel(Box(8, 8, 504, 484))
    drawing.text((26, 36), "outer problem: which configuration?", "ink", "start", 16, bold=True)
    inner = drawing.rectangle(Box(16, 168, 416, 152), "page", "edge", 14)
    drawing.text((26, 194), "inner problem: which parameters?", "ink", "start", 16, bold=True)
    drawing.box(choose, "choose x", "from the space")
    drawing.box(step, "change w", "to lower the loss L")
    drawing.box(measure, "measure", "the error of w(x)")
    drawing.box(training, "training\ndata")
    drawing.box(validation, "validation\ndata")

    drawing.arrow(choose.bottom(), (268, inner.y), "ask")
    drawing.text((282, 146), "configuration x", "ask", "start")
    drawing.arrow((268, inner.y + inner.height), measure.top())
    drawing.text((282, 352), "parameters w(x)", anchor="start")
    drawing.arrow(training.right(), step.left())
    drawing.arrow(validation.right(), measure.left())
    drawing.bent_arrow([step.right(-18), (LOOP, 269), (LOOP, 233), step.right(18)])
    drawing.text((268, 302), "thousands of steps, one gradient each")
    drawing.bent_arrow([measure.right(), (RETURN, 421), (RETURN, 93), choose.right()], "tell")
    drawing.text((444, 73), "error, with noise", "tell")
    drawing.text((268, 472), "few rounds, one whole training each")
    return drawing
