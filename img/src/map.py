"""The map of the chapter: its sections in groups, each with the question that it answers."""

from __future__ import annotations

from .style import Box, Drawing

GROUPS = (  # question, and titles and pages of the sections that answer it; two groups a row
    ("What is searched?", (("The problem", "hyperopt-intro"),
                           ("Tools of a search", "hyperopt-api"))),
    ("Is it true?", (("Fair comparisons", "rs-fair"), ("Claims, tested", "claims"))),
    ("Which one is next?", (("Random search", "rs-intro"), ("Gaussian process", "bo-intro"),
                            ("Models that search", "bo"))),
    ("How long, and where?", (("Many workers", "rs-async"),
                              ("Halving, Hyperband", "hyperband-intro"),
                              ("ASHA", "hyperband-async"))),
    ("What else is wanted?", (("Several objectives", "advanced-objectives"),
                              ("Schedules", "advanced-methods"))),
    ("How is it done at work?", (("Large searches", "advanced-scale"),
                                 ("Other libraries", "libraries"))),
)
WIDTH, BOX, GAP = 248, 40, 8
HEAD = 40  # above the first box of a group
ROWS = (2, 3, 2)  # boxes


def draw() -> Drawing:
    """Return the drawing: three rows of two groups, read from left to right and down."""
    tops = [8]
    for boxes in ROWS:
        tops.append(tops[-1] + HEAD + boxes * (BOX + GAP) + 8 + 12)
    drawing = Drawing("Map of the chapter", 520, tops[-1] - 4)
    for number, (question, sections) in enumerate(GROUPS):
        row, column = divmod(number, 2)
        corner = 8 + column * (WIDTH + 8), tops[row]
        drawing.panel(Box(*corner, WIDTH, tops[row + 1] - tops[row] - 12))
        drawing.text((corner[0] + 14, corner[1] + 22), question, "ask", "start", bold=True)
        for place, (title, page) in enumerate(sections):
            y = corner[1] + HEAD + place * (BOX + GAP)
            drawing.link(Box(corner[0] + 10, y, WIDTH - 20, BOX), title, f"{page}.html")
    return drawing
