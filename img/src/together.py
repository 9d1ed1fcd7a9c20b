"""A rung at once: configurations of one shape are one program, which gives an error a trial."""

from __future__ import annotations

from .style import Box, Drawing

SIZES = (16, 64, 16, 16, 64, 16)  # of the batches of the rung's trials
ROLES = {16: "ask", 64: "note"}
SHEETS = 10  # pixels from one stacked network to the next


def draw() -> Drawing:
    """Return the drawing: trials on the left, the programs that they become on the right."""
    drawing = Drawing("A rung at once", 520, 400)
    panel = drawing.panel(Box(8, 8, 160, 384))
    drawing.text((panel.center[0], 32), "a rung", "ink", size=16, bold=True)
    trials = [Box(24, 56 + 56 * number, 128, 44) for number in range(len(SIZES))]
    for number, (box, size) in enumerate(zip(trials, SIZES, strict=True)):
        drawing.rectangle(box, edge=ROLES[size], radius=8)
        drawing.text(box.center, f"{number}: batch {size}", "ink")
    for size, top in ((16, 60), (64, 262)):
        count = SIZES.count(size)
        sheets = [Box(230 + SHEETS * i, top - SHEETS * i, 140, 92) for i in reversed(range(count))]
        for sheet in sheets:
            front = drawing.rectangle(sheet, edge=ROLES[size], radius=8)
        drawing.text((front.center[0], front.center[1] - 20), "one program", "ink", size=16,
                     bold=True)
        drawing.text((front.center[0], front.center[1] + 4), f"{count} networks")
        drawing.text((front.center[0], front.center[1] + 24), f"weights ({count}, ...)")
        for box, other in zip(trials, SIZES, strict=True):
            if other == size:
                height = (box.center[1] - 220) / 6
                drawing.arrow(box.right(), front.left(-height), ROLES[size])
        errors = drawing.rectangle(Box(436, front.center[1] - 26, 76, 52), edge="tell", radius=8)
        drawing.arrow((sheets[0].right()[0], front.center[1]), errors.left(), "tell")
        drawing.lines(errors.center, ["an error", "for each"], "tell", "middle")
    return drawing
