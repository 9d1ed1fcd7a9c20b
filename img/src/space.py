"""A configuration space: one axis a hyperparameter, two of them under a condition."""

from __future__ import annotations

from math import log

from .style import Box, Drawing

CONFIG = {"layers": 2, "units_1": 432, "units_2": 26, "activation": "relu", "dropout": 0.30}
LEFT, WIDTH = 226, 270  # of an axis
ROW = 62


def draw() -> Drawing:
    """Return the drawing: the axes from top to bottom, and a configuration as dots on them."""
    drawing = Drawing("A configuration space", 520, 8 + 6 * ROW)
    names = ["units_1", "layers", "units_2", "units_3", "activation", "dropout"]
    heights = {name: 36 + ROW * row for row, name in enumerate(names)}
    for name, note in (("units_1", "integer, log scale"), ("layers", "integer"),
                       ("activation", "category"), ("dropout", "float, linear scale")):
        draw_label(drawing, 12, heights[name], name, note)
    draw_units(drawing, heights["units_1"], CONFIG["units_1"])
    draw_choices(drawing, heights["layers"], [1, 2, 3], CONFIG["layers"])
    drawing.line([(22, heights["layers"] + 26), (22, heights["units_3"])], "edge")
    for layer in (2, 3):
        name = f"units_{layer}"
        drawing.line([(22, heights[name]), (38, heights[name])], "edge")
        draw_label(drawing, 44, heights[name], name, f"if layers ≥ {layer}")
        if layer <= CONFIG["layers"]:
            draw_units(drawing, heights[name], CONFIG[name])
        else:
            drawing.text((LEFT + WIDTH / 2, heights[name]), f"absent: layers is {CONFIG['layers']}")
    draw_choices(drawing, heights["activation"], ["relu", "tanh"], CONFIG["activation"])
    draw_axis(drawing, heights["dropout"], {f"{tick / 10:g}": tick / 7 for tick in range(8)},
              CONFIG["dropout"] / 0.7)
    return drawing


def draw_label(drawing: Drawing, left: float, height: float, name: str, note: str) -> None:
    """Write a hyperparameter's name, and below what it is."""
    drawing.text((left, height - 9), name, "ink", "start", 16, bold=True)
    drawing.text((left, height + 11), note, anchor="start")


def draw_choices(drawing: Drawing, height: float, choices: list, chosen: object) -> None:
    """Draw a cell a value, the chosen one filled."""
    width = (WIDTH + 6) / len(choices)
    for number, choice in enumerate(choices):
        cell = Box(LEFT + width * number, height - 17, width - 6, 34)
        drawing.rectangle(cell, "ask" if choice == chosen else "box", "edge", 6)
        drawing.text(cell.center, str(choice), "page" if choice == chosen else "note")


def draw_units(drawing: Drawing, height: float, units: int) -> None:
    """Draw an axis from 16 to 512, equally far from each power of two to the next."""
    powers = [16, 32, 64, 128, 256, 512]
    draw_axis(drawing, height, {str(power): log(power / 16, 32) for power in powers},
              log(units / 16, 32))


def draw_axis(drawing: Drawing, height: float, ticks: dict[str, float], value: float) -> None:
    """Draw an axis with named ticks at parts of its length, and a dot at `value`."""
    drawing.line([(LEFT, height - 8), (LEFT + WIDTH, height - 8)], "edge")
    for name, part in ticks.items():
        x = round(LEFT + WIDTH * part, 2)
        drawing.line([(x, height - 8), (x, height - 2)], "edge")
        drawing.text((x, height + 10), name)
    drawing.dots([(round(LEFT + WIDTH * value, 2), height - 8)], "ask", 6)
