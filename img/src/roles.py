"""Who may see what: training, validation and test data, and five folds of the first two."""

from __future__ import annotations

from .style import Box, Drawing

EXAMPLES = {"training": 6000, "validation": 2000, "test": 2000}  # as in the text
ROLES = {"training": "ask", "validation": "tell", "test": "keep"}
DUTIES = {"training": ("fits", "the parameters,", "in each step"),
          "validation": ("chooses", "configurations,", "in each round"),
          "test": ("reports", "the error,", "once")}
LEFT, WIDTH = 8, 508  # of the bar of all examples
GAP = 4  # between two parts of it
FOLDS, ROW = 5, 24


def draw() -> Drawing:
    """Return the drawing: one bar of data with what each part is for, and its folds below."""
    drawing = Drawing("Who may see what", 520, 344)
    per_example = WIDTH / sum(EXAMPLES.values())
    left = LEFT
    for name, examples in EXAMPLES.items():
        part = Box(left, 8, per_example * examples - GAP, 56)
        drawing.rectangle(part, ROLES[name], radius=6)
        drawing.text((part.center[0], 26), name, "page")
        drawing.text((part.center[0], 46), f"{examples:,}", "page")
        verb, *rest = DUTIES[name]
        drawing.text((part.center[0], 84), verb, ROLES[name], size=16, bold=True)
        drawing.lines((part.center[0], 114), rest, anchor="middle")
        left += part.width + GAP
    drawing.text((LEFT, 164), "5-fold cross-validation", "ink", "start", 16, bold=True)
    seen = per_example * (EXAMPLES["training"] + EXAMPLES["validation"])
    draw_folds(drawing, 186, seen)
    apart = Box(LEFT + seen, 186, per_example * EXAMPLES["test"] - GAP, ROW * FOLDS - 6)
    drawing.rectangle(apart, edge="keep", radius=6)
    drawing.lines(apart.center, ["stays", "apart"], "keep", "middle")
    drawing.text((LEFT, 324), "five trainings; the mean of their errors chooses", "tell",
                 "start")
    return drawing


def draw_folds(drawing: Drawing, top: float, width: float) -> None:
    """Draw one row a training, in each of which another fifth chooses and the others fit."""
    for row in range(FOLDS):
        for fold in range(FOLDS):
            part = Box(LEFT + width * fold / FOLDS, top + ROW * row, width / FOLDS - GAP, ROW - 6)
            if fold == row:
                drawing.rectangle(part, "tell", radius=4)
            else:
                drawing.rectangle(part, edge="ask", radius=4)
