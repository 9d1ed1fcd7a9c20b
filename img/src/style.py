"""One look for every drawing of the book: boxes, arrows and labels in colours that have roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from string import Template

TITLE, TEXT = 16, 14  # font sizes; a drawing 520 wide shows them at 11 and 10 on a phone
LINE = 20  # from one line of text to the next
HEAD = 9  # an arrow's head: its length, and its width
ROLES = {  # light and dark: the pages' own colours, and three hues that no method of the book has
    "page": ("#ffffff", "#121212"),
    "panel": ("#f3f5f7", "#1e232b"),  # behind boxes that belong together
    "box": ("#ffffff", "#2a313c"),
    "edge": ("#7a8798", "#7f8b9a"),
    "ink": ("#222832", "#e3e8ee"),  # names
    "note": ("#48566b", "#b4bdc8"),  # what they mean
    "ask": ("#1f5fae", "#8fbcf5"),  # configurations and trials, on their way to training
    "tell": ("#a8440c", "#f4a76c"),  # errors, on their way back
    "keep": ("#0f6b52", "#6fd1ab"),  # what is written down, and drawn
}
MODES = {"light": 0, "dark": 1}
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle, and the points of its edges where arrows begin and end."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> Point:
        """Return the point in the middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def moved(self, right: float, down: float) -> Box:
        """Return a box of the same size elsewhere."""
        return Box(self.x + right, self.y + down, self.width, self.height)

    def left(self, up: float = 0) -> Point:
        """Return the left edge's middle, moved up."""
        return self.x, self.center[1] - up

    def right(self, up: float = 0) -> Point:
        """Return the right edge's middle, moved up."""
        return self.x + self.width, self.center[1] - up

    def top(self, right: float = 0) -> Point:
        """Return the upper edge's middle, moved to the right."""
        return self.center[0] + right, self.y

    def bottom(self, right: float = 0) -> Point:
        """Return the lower edge's middle, moved to the right."""
        return self.center[0] + right, self.y + self.height

    def at(self, right: float, up: float) -> Point:
        """Return the point so many widths and heights from the lower left corner, rounded."""
        return (round(float(self.x + right * self.width), 2),
                round(float(self.y + (1 - up) * self.height), 2))


class Drawing:
    """Parts that lie on each other in the order in which they are added, y downwards."""

    def __init__(self, title: str, width: float, height: float) -> None:
        self.title, self.width, self.height = title, width, height
        self._parts: list[str] = []
        self.rectangle(Box(0, 0, width, height), fill="page")

    def rectangle(self, box: Box, fill: str = "box", edge: str = "none",
                  radius: float = 0) -> Box:
        """Fill `box`; without an edge it is a background."""
        line = "" if edge == "none" else f' stroke="${edge}" stroke-width="1.5"'
        corner = f' rx="{radius:g}"' if radius else ""
        self._parts.append(f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
                           f'height="{box.height:g}"{corner} fill="${fill}"{line}/>')
        return box

    def panel(self, box: Box) -> Box:
        """Draw the background of boxes that belong together."""
        return self.rectangle(box, "panel", radius=14)

    def box(self, box: Box, title: str, note: str = "", drop: float = 0) -> Box:
        """Draw a box with a title and a note in its middle, or lower; a newline breaks the title.

        A picture fits above what is dropped.
        """
        self.rectangle(box, edge="edge", radius=8)
        lines = [(line, "ink", TITLE) for line in title.split("\n")]
        lines += [(note, "note", TEXT)] if note else []
        x, y = box.center[0], box.center[1] + drop - LINE * (len(lines) - 1) / 2
        for number, (words, role, size) in enumerate(lines):
            self.text((x, y + LINE * number), words, role, size=size, bold=role == "ink")
        return box

    def link(self, box: Box, title: str, page: str) -> Box:
        """Draw a box with a title that leads to a page, where the drawing is part of a page."""
        self._parts.append(f'<a href="{page}">')
        self.box(box, title)
        self._parts.append("</a>")
        return box

    def text(self, at: Point, words: str, role: str = "note", anchor: str = "middle",
             size: float = TEXT, bold: bool = False) -> None:
        """Write `words`, their middle at the height of `at`; `anchor`: start, middle or end."""
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(
            f'<text x="{at[0]:g}" y="{at[1] + 0.36 * size:g}" text-anchor="{anchor}" '
            f'font-size="{size:g}"{weight} fill="${role}">{_literal(words)}</text>')

    def lines(self, at: Point, words: Sequence[str], role: str = "note",
              anchor: str = "start") -> None:
        """Write lines of text, the middle of all of them at the height of `at`."""
        for number, line in enumerate(words):
            down = (LINE - 2) * (number - (len(words) - 1) / 2)
            self.text((at[0], at[1] + down), line, role, anchor)

    def arrow(self, start: Point, end: Point, role: str = "note") -> None:
        """Draw an arrow whose head's tip is at `end`."""
        length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
        along = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        neck = end[0] - HEAD * along[0], end[1] - HEAD * along[1]
        across = -along[1] * HEAD / 2, along[0] * HEAD / 2
        self.line([start, neck], role, 2)
        head = [end, (neck[0] + across[0], neck[1] + across[1]),
                (neck[0] - across[0], neck[1] - across[1])]
        self._parts.append(f'<polygon points="{_points(head)}" fill="${role}"/>')

    def line(self, points: Sequence[Point], role: str = "note", width: float = 1.5) -> None:
        """Draw a line through `points`."""
        self._parts.append(f'<polyline points="{_points(points)}" fill="none" stroke="${role}" '
                           f'stroke-width="{width:g}" stroke-linejoin="round"/>')

    def dots(self, points: Sequence[Point], role: str = "note", radius: float = 2.5) -> None:
        """Draw a dot at each of `points`."""
        self._parts += [f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="${role}"/>'
                        for x, y in points]

    def area(self, points: Sequence[Point], role: str, opacity: float = 0.3) -> None:
        """Fill what a closed line through `points` surrounds; what lies behind shines through."""
        self._parts.append(f'<polyline points="{_points(points)}" fill="${role}" '
                           f'fill-opacity="{opacity:g}"/>')

    def dashes(self, points: Sequence[Point], role: str = "note", width: float = 1.5) -> None:
        """Draw a dashed line through `points`."""
        self._parts.append(f'<polyline points="{_points(points)}" fill="none" stroke="${role}" '
                           f'stroke-width="{width:g}" stroke-dasharray="4 3"/>')

    def cross(self, at: Point, role: str = "note", size: float = 5) -> None:
        """Draw a cross: what is struck out or over."""
        for sign in (-1, 1):
            self.line([(at[0] - size, at[1] - sign * size), (at[0] + size, at[1] + sign * size)],
                      role, 2)

    def bar(self, box: Box, role: str, opacity: float = 1) -> None:
        """Fill a bar; unlike a rectangle it is no background of text."""
        self.area([box.at(*corner) for corner in ((0, 0), (0, 1), (1, 1), (1, 0))], role, opacity)

    def svg(self, mode: str) -> str:
        """Return the drawing as SVG, in the colours of `mode`: light or dark."""
        size = f"{self.width:g}", f"{self.height:g}"
        parts = "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
            f'viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif">',
            f"<title>{_literal(self.title)}</title>", *self._parts, "</svg>", ""])
        return Template(parts).substitute({role: colors[MODES[mode]]
                                           for role, colors in ROLES.items()})

    def bent_arrow(self, points: Sequence[Point], role: str = "note") -> None:
        """Draw an arrow through `points`; its head's tip is at the last one."""
        (x, y), (end_x, end_y) = points[-2:]
        corner = x + (end_x - x) / 20, y + (end_y - y) / 20
        self.line([*points[:-1], corner], role, 2)
        self.arrow((x, y), (end_x, end_y), role)

    def ring(self, at: Point, role: str = "note", radius: float = 8) -> None:
        """Draw a ring around `at`."""
        self._parts.append(f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="{radius:g}" fill="none" '
                           f'stroke="${role}" stroke-width="2"/>')


def _literal(words: str) -> str:
    return escape(words, quote=False).replace("$", "$$")


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
