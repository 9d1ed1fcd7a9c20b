"""The loop of a search: space, searcher, scheduler, workers, records, figures."""

from __future__ import annotations

from .style import Box, Drawing

ROWS = 92, 252, 412  # the heights of the boxes' middles
LANE = 94  # from the middle of a box to the arrows that go down, and to those that go up
UPPER, LOWER = 172, 332  # the heights of the words beside these arrows
ICON = -22  # from the middle of a box up to the picture above its title


def draw() -> Drawing:
    """Return the drawing: on the right what the tuner repeats, on the left what goes in and out."""
    drawing = Drawing("The loop of a search", 520, 476)
    searcher, scheduler, workers = (Box(266, row - 36, 228, 72) for row in ROWS)
    space, figures, records = (Box(8, row - 56, 172, 112) for row in ROWS)
    drawing.panel(Box(248, 8, 264, 460))
    drawing.text((380, 32), "the tuner repeats this loop")
    drawing.box(searcher, "searcher", "proposes configurations")
    drawing.box(scheduler, "scheduler", "turns them into trials")
    for shift in (8, 4):
        drawing.rectangle(workers.moved(shift, shift), edge="edge", radius=8)
    drawing.box(workers, "workers", "train and report errors")
    drawing.box(space, "configuration\nspace", drop=24)
    drawing.box(figures, "figures", "drawn from records", drop=24)
    drawing.box(records, "records", "one row a report", drop=24)

    drawing.arrow(space.right(), searcher.left())
    drawing.arrow(searcher.bottom(-LANE), scheduler.top(-LANE), "ask")
    drawing.arrow(scheduler.bottom(-LANE), workers.top(-LANE), "ask")
    drawing.lines((298, UPPER), ["configuration"], "ask")
    drawing.lines((298, LOWER), ["trial:", "configuration,", "how many epochs"], "ask")
    drawing.arrow(workers.top(LANE), scheduler.bottom(LANE), "tell")
    drawing.arrow(scheduler.top(LANE), searcher.bottom(LANE), "tell")
    drawing.lines((464, UPPER), ["error"], "tell", "end")
    drawing.lines((464, LOWER), ["error"], "tell", "end")
    drawing.arrow(workers.left(), records.right(), "keep")
    drawing.text((214, ROWS[2] - 14), "report", "keep")
    drawing.arrow(records.top(), figures.bottom(), "keep")

    draw_configuration(drawing, *space.moved(0, ICON).center)
    draw_curve(drawing, *figures.moved(0, ICON).center)
    draw_table(drawing, *records.moved(0, ICON).center)
    return drawing


def draw_configuration(drawing: Drawing, x: float, y: float) -> None:
    """Draw three hyperparameters as lines, and on each the value that a configuration has."""
    for down, right in ((-12, 13), (0, -15), (12, 2)):
        drawing.line([(x - 32, y + down), (x + 32, y + down)], "edge")
        drawing.dots([(x + right, y + down)], "ask", 4)


def draw_curve(drawing: Drawing, x: float, y: float) -> None:
    """Draw axes, and the best error so far, which falls in steps."""
    drawing.line([(x - 31, y - 16), (x - 31, y + 15), (x + 31, y + 15)], "edge")
    drawing.line([(x - 26, y - 14), (x - 16, y - 14), (x - 16, y - 4), (x - 4, y - 4),
                  (x - 4, y + 3), (x + 13, y + 3), (x + 13, y + 8), (x + 31, y + 8)], "keep", 2)


def draw_table(drawing: Drawing, x: float, y: float) -> None:
    """Draw three rows of three cells."""
    for offset in (-3, -1, 1, 3):
        drawing.line([(x - 30, y + 5 * offset), (x + 30, y + 5 * offset)], "keep")
        drawing.line([(x + 10 * offset, y - 15), (x + 10 * offset, y + 15)], "keep")
