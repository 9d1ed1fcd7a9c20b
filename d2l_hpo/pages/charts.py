"""Pictures as inline SVG, of 340 units' width: that of a phone, where a unit is a pixel.

A picture is wider on a larger window; its lines and letters stay as they are. Dots are points of a
path with round ends, so that a trial takes about ten characters; `data-rows` names the list of
trials that the points of a path stand for, in their order.
"""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from d2l_hpo.pages.axes import LARGEST, LEAST, Axis, NumberAxis, Ticks
from d2l_hpo.pages.markup import escape, shorten, tag

WIDTH = 340
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 21, 36
LETTER = 6.2
"""About how wide a letter is."""
NOWHERE = "M-99-99h0"
"""The point of a trial that has no place in a picture."""


def short(value: float) -> str:
    """Write a coordinate with one decimal, in as few characters as possible."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def point(x: float, y: float) -> str:
    """Return a dot of a path, to a whole pixel."""
    return f"M{x:.0f} {y:.0f}h0"


def line(points: Iterable[tuple[float, float]], is_coarse: bool = False) -> str:
    """Return a line of a path; a coarse one bends at whole pixels."""
    return "M" + "L".join(f"{x:.0f} {y:.0f}" if is_coarse else f"{short(x)} {short(y)}"
                          for x, y in points)


def steps(points: Sequence[tuple[float, float]], end: float) -> str:
    """Return a step curve: horizontal from each point to below or above the next, and to `end`."""
    path = f"M{short(points[0][0])} {short(points[0][1])}"
    for x, y in points[1:]:
        path += f"H{short(x)}V{short(y)}"
    return f"{path}H{short(end)}"


def cross(x: float, y: float, size: float = 3) -> str:
    """Return a cross of a path, as one piece."""
    side = f"{2 * size:g}"
    return f"M{short(x - size)} {short(y - size)}l{side} {side}m0-{side}l-{side} {side}"


@dataclass
class Chart:
    """A picture that grows: axes first, then marks; `markup` is the whole of it."""

    label: str
    """What it shows, with its numbers, for those who do not see it."""
    height: float = 220
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM
    parts: list[str] = field(default_factory=list)

    def x(self, place: float) -> float:
        """Return where a place in [0, 1] is, from the left."""
        return self.left + place * (WIDTH - self.left - self.right)

    def y(self, place: float) -> float:
        """Return where a place in [0, 1] is, from below."""
        return self.height - self.bottom - place * (self.height - self.top - self.bottom)

    def x_axis(self, axis: Axis, title: str) -> None:
        """Draw ticks, their words and the title below; words that have no room are left out."""
        ticks = self.fitting(axis.ticks())
        low, high = self.y(0), self.y(1)
        self.grid(f"M{short(self.x(place))} {short(low)}V{short(high)}" for place, _ in ticks)
        for place, word in ticks:
            anchor = "end" if place > 0.93 else "middle"
            at = min(self.x(place) + 6, WIDTH - 2) if anchor == "end" else self.x(place)
            self.text(at, low + 14, word, "tick", anchor)
        self.text(self.x(0.5), self.height - 6, shorten(title, 44), "title", "middle",
                  full=title)

    def fitting(self, ticks: Ticks) -> Ticks:
        """Return ticks whose words have room beside each other, shortened where they are many."""
        room = (WIDTH - self.left - self.right) / max(len(ticks), 1)
        longest = max(int(room / LETTER) - 1, 3)
        fitting, end = [], -1e9
        for place, word in ticks:
            word = shorten(word, longest) if len(ticks) > 1 else shorten(word, 30)
            half = len(word) * LETTER / 2
            if self.x(place) - half > end + 4:
                fitting.append((place, word))
                end = self.x(place) + half
        return fitting

    def y_axis(self, axis: Axis, title: str) -> None:
        """Draw ticks and their words on the left; the title stands above."""
        right = WIDTH - self.right
        ticks = axis.ticks()
        self.grid(f"M{short(self.left)} {short(self.y(place))}H{right}" for place, _ in ticks)
        end, longest = 1e9, 7 if isinstance(axis, NumberAxis) else 6  # digits are narrow
        for place, word in ticks:
            if self.y(place) < end - 11:
                self.text(self.left - 5, self.y(place) + 3.5, shorten(word, longest), "tick", "end",
                          full=word)
                end = self.y(place)
        self.text(4, 10, shorten(title, 50), "title", "start", full=title)

    def grid(self, lines: Iterable[str]) -> None:
        """Draw pale lines."""
        self.path("".join(lines), "grid")

    def path(self, d: str, class_: str, rows: str | None = None) -> None:
        """Draw a path; nothing where it is empty."""
        if d:
            self.parts.append(tag("path", d=d, class_=class_, data_rows=rows))

    def text(self, x: float, y: float, words: str, class_: str, anchor: str = "start",
             full: str | None = None) -> None:
        """Write words; where they were shortened, the full ones are shown on demand."""
        title = tag("title", escape(full)) if full is not None and full != words else ""
        self.parts.append(tag("text", escape(words), title, x=short(x), y=short(y), class_=class_,
                              text_anchor=None if anchor == "start" else anchor))

    def markup(self, caption: str = "", class_: str = "chart", marks: str = "") -> str:
        """Return the picture with a caption, which is markup."""
        size = f"0 0 {WIDTH} {short(self.height)}"
        svg = tag("svg", *self.parts, viewBox=size, role="img", aria_label=self.label,
                  class_=marks or None)
        return tag("figure", svg, tag("figcaption", caption) if caption else "", class_=class_)


def clipped(axis: Axis, value: float) -> float:
    """Return an error's place on its axis, at an end where it lies beyond."""
    place = axis.place(value)
    if place is None:  # only a logarithmic axis has no place for a number
        return 0.0
    return min(max(place, 0.0), 1.0)


def padded(axis: NumberAxis, part: float = 0.04) -> NumberAxis:
    """Return a longer axis, so that no dot lies on the frame."""
    if axis.low == axis.high:
        return axis
    if axis.is_log:
        factor = axis.high**part / axis.low**part  # their ratio may be too large for a float
        return NumberAxis(max(axis.low / factor, LEAST), min(axis.high * factor, LARGEST), True)
    margin = (axis.high / 2 - axis.low / 2) * (2 * part)
    return NumberAxis(max(axis.low - margin, -LARGEST), min(axis.high + margin, LARGEST), False,
                      axis.is_integer)
