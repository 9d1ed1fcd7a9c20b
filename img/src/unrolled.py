"""Training as a chain of steps, and what the two modes of differentiation keep of it."""

from __future__ import annotations

from itertools import pairwise

from .style import Box, Drawing

STEPS = "₀₁₂₃"
WIDTH, HEIGHT, GAP = 76, 46, 30


def draw() -> Drawing:
    """Return the drawing: training alone, forward mode and reverse mode, below each other."""
    drawing = Drawing("Derivatives of a training", 520, 382)
    training, forward, reverse = (chain(top) for top in (58, 188, 318))
    draw_chain(drawing, training, "training", "keeps only the present weights", last_only=True)
    draw_chain(drawing, forward, "forward mode", "carries ∂w along, once for each hyperparameter",
               last_only=True, carried=True)
    draw_chain(drawing, reverse, "reverse mode", "keeps all weights, then goes back and sums up ∂F")
    for before, after in pairwise(reverse):
        drawing.arrow(after.left(-9), before.right(-9), "tell")
    return drawing


def chain(top: float) -> list[Box]:
    """Return boxes side by side: the weights after each step, and the loss."""
    return [Box(10 + (WIDTH + GAP) * i, top, WIDTH, HEIGHT) for i in range(len(STEPS) + 1)]


def draw_chain(drawing: Drawing, boxes: list[Box], title: str, note: str,
               last_only: bool = False, carried: bool = False) -> None:
    """Draw the steps; what is kept until the loss is known has the colour of what is kept."""
    drawing.text((boxes[0].x, boxes[0].y - 40), title, "ink", "start", 16, bold=True)
    drawing.text((boxes[0].x, boxes[0].y - 18), note, anchor="start")
    for box, step in zip(boxes, STEPS, strict=False):
        kept = not last_only or step == STEPS[-1]
        role = "keep" if kept else "note"
        drawing.rectangle(box, "box" if kept else "panel", "keep" if kept else "edge", 8)
        drawing.text(box.center, f"w{step}, ∂w{step}" if carried else f"w{step}", role,
                     bold=kept)
    drawing.rectangle(boxes[-1], edge="edge", radius=8)
    drawing.text(boxes[-1].center, "F, ∂F" if carried else "F", "ink", bold=True)
    for before, after in pairwise(boxes):
        up = 0 if last_only else 9
        drawing.arrow(before.right(up), after.left(up), "ask")
