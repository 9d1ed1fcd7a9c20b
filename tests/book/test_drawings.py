"""The drawings of img/: as their scripts draw them, readable in both modes and on a phone."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from config import ROOT
from dark_figures import contrast as contrast_of
from dark_figures import parse_color
from matplotlib.ft2font import FT2Font

from img.src import __main__ as command
from img.src.style import MODES, ROLES, Drawing

FILES = sorted((ROOT / "img").glob("*.svg"))
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # DejaVu Sans: no usual font is wider
PHONE = 352  # pixels that a window of 400 leaves to a figure
GAP = 5  # pixels at least between two texts
PADDING = 8  # and between a text and the edges that it stands within


@dataclass(frozen=True)
class Area:
    """A part of a drawing: its four sides, its colour, and the words if it is text."""

    left: float
    top: float
    right: float
    bottom: float
    color: str
    words: str = ""

    def holds(self, other: Area, gap: float = 0) -> bool:
        """Whether `other` lies within this area and keeps the gap from its sides."""
        return (self.left + gap <= other.left and other.right <= self.right - gap
                and self.top + gap <= other.top and other.bottom <= self.bottom - gap)

    def meets(self, other: Area) -> bool:
        """Whether the two have a point in common."""
        return (self.left < other.right and other.left < self.right
                and self.top < other.bottom and other.top < self.bottom)


@cache
def elements(path: Path) -> list[ElementTree.Element]:
    """Return the drawing's elements, from the one at the back to the one in front."""
    return [element for element in ElementTree.parse(path).getroot().iter()
            if kind(element) not in ("svg", "a")]


def kind(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def number(element: ElementTree.Element, name: str) -> float:
    """Return an attribute of an element as a number."""
    return float(element.attrib[name])


def width_of(words: str, size: float, bold: bool) -> float:
    """Return how wide the words are in DejaVu Sans."""
    font = FT2Font(str(FONTS / f"DejaVuSans{'-Bold' if bold else ''}.ttf"))
    font.set_size(size, 72)
    font.set_text(words)
    return font.get_width_height()[0] / 64


def area_of(element: ElementTree.Element) -> Area | None:
    """Return where a rectangle or text lies, None for another element."""
    if kind(element) == "rect":
        x, y = number(element, "x"), number(element, "y")
        return Area(x, y, x + number(element, "width"), y + number(element, "height"),
                    element.attrib["fill"])
    if kind(element) != "text":
        return None
    size = number(element, "font-size")
    width = width_of(element.text, size, element.get("font-weight") == "bold")
    left = number(element, "x") - width * {"start": 0, "middle": 0.5, "end": 1}[
        element.attrib["text-anchor"]]
    y = number(element, "y")  # of the line on which letters stand
    return Area(left, y - 0.76 * size, left + width, y + 0.24 * size, element.attrib["fill"],
                element.text)


def texts_with_backgrounds(path: Path) -> list[tuple[Area, Area]]:
    """Return each text of a drawing with the rectangle that it stands on."""
    behind: list[Area] = []
    pairs = []
    for area in filter(None, map(area_of, elements(path))):
        if area.words:
            pairs.append((area, [other for other in behind if other.meets(area)][-1]))
        else:
            behind.append(area)
    assert pairs, f"{path.name} has no text"
    return pairs


def contrast(color: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2 defines it."""
    return contrast_of(parse_color(color), parse_color(other))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_files_are_as_their_scripts_draw_them() -> None:
    assert {path: path.read_text(encoding="utf-8") for path in FILES} == command.wanted_files()
    assert {path.stem.removesuffix("-dark") for path in FILES} == set(command.drawing_names())
    assert command.main(["--check"]) == 0


@pytest.mark.parametrize("name", command.drawing_names())
def test_drawing_is_the_same_each_time(name: str) -> None:
    draw = importlib.import_module(f"img.src.{name}").draw
    for mode in MODES:
        assert draw().svg(mode) == draw().svg(mode)


def test_command_writes_what_differs_and_names_what_no_script_draws(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "loop.svg"
    monkeypatch.setattr(command, "wanted_files", lambda: {path: "<svg/>"})
    monkeypatch.setattr(command, "SCRIPTS", tmp_path / "src")
    assert command.main(["--check"]) == 1
    assert not path.exists() and "img/loop.svg differs" in capsys.readouterr().err
    assert command.main([]) == 0 and path.read_text(encoding="utf-8") == "<svg/>"
    assert command.main(["--check"]) == 0
    (tmp_path / "gone.svg").touch()
    assert command.main([]) == command.main(["--check"]) == 1
    assert "img/gone.svg: no script draws it" in capsys.readouterr().err


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
class TestDrawing:
    """What holds for each file."""

    def test_is_small_and_asks_for_nothing(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) <= 30_000
        assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
        assert not re.search(r'href(?!="[\w-]+\.html")|url\(|@import|<(?:script|style|image)', text)
        assert re.findall(r'font-family="([^"]*)"', text) == ["sans-serif"]

    def test_text_is_text(self, path: Path) -> None:
        assert {kind(element) for element in elements(path)} <= {
            "title", "rect", "text", "polyline", "polygon", "circle"}
        assert all(area.words.strip() for area, _ in texts_with_backgrounds(path))

    def test_text_stands_out(self, path: Path) -> None:
        for text, background in texts_with_backgrounds(path):
            assert contrast(text.color, background.color) >= 4.5, text

    def test_text_keeps_clear_of_edges_and_of_other_text(self, path: Path) -> None:
        pairs = texts_with_backgrounds(path)
        for number, (text, background) in enumerate(pairs):
            assert background.holds(text, PADDING), text
            for other, _ in pairs[:number]:
                wider = Area(text.left - GAP, text.top, text.right + GAP, text.bottom, "")
                assert not wider.meets(other), f"{text.words} and {other.words}"

    def test_text_can_be_read_on_a_phone(self, path: Path) -> None:
        root = ElementTree.parse(path).getroot()
        scale = min(1, PHONE / number(root, "width"))
        for element in elements(path):
            if kind(element) == "text":
                assert number(element, "font-size") * scale >= 9, element.text

    def test_arrows_end_at_edges(self, path: Path) -> None:
        areas = [area for area in map(area_of, elements(path)) if area and not area.words]
        for head in (element for element in elements(path) if kind(element) == "polygon"):
            x, y = map(float, head.attrib["points"].split()[0].split(","))
            assert any(x in (area.left, area.right) and area.top <= y <= area.bottom
                       or y in (area.top, area.bottom) and area.left <= x <= area.right
                       for area in areas[1:]), head.attrib["points"]


def test_lines_stand_out_from_every_background() -> None:
    for mode in MODES.values():
        for line in ("edge", "note", "ask", "tell", "keep"):
            for background in ("page", "panel", "box"):
                assert contrast(ROLES[line][mode], ROLES[background][mode]) >= 3, (line, background)


def test_words_may_hold_every_character() -> None:
    drawing = Drawing("a < b & $c", 100, 50)
    drawing.text((50, 25), "$x$ < 1 & more")
    root = ElementTree.fromstring(drawing.svg("dark"))
    assert [element.text for element in root if element.text] == ["a < b & $c", "$x$ < 1 & more"]


def test_readme_tells_the_drawing_as_the_section_does() -> None:
    section = ROOT / "chapter_hyperparameter_optimization" / "hyperopt-api.md"
    page = section.read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [alt] = re.findall(r"^```\{figure\} /img/loop\.svg\n(?:.*\n)*?:alt: (.*)$", page, re.MULTILINE)
    assert re.findall(r'src="img/loop\.svg".* alt="([^"]*)"', readme) == [alt]
    assert re.findall(r'dark\)" srcset="([^"]*)"', readme) == ["img/loop-dark.svg"]
