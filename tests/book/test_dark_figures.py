"""Figures on dark pages: paper and ink change places, colours that stand for numbers stay."""

from __future__ import annotations

import colorsys
import io
import re
import xml.etree.ElementTree as ElementTree

import dark_figures as dark
import numpy as np
import pytest
from matplotlib import pyplot as plt

from d2l_hpo import use_style
from d2l_hpo.figures.plots import COLORS, GREY


def drawn(*draw) -> str:
    """Return an SVG of axes side by side, each drawn by one function."""
    with plt.rc_context():
        use_style()
        fig, axes = plt.subplots(1, len(draw), squeeze=False)
        for ax, function in zip(axes[0], draw, strict=True):
            function(ax)
        with io.StringIO() as file:
            fig.savefig(file, format="svg")
            plt.close(fig)
            return file.getvalue()


def colors(svg: str) -> set[str]:
    """Return the colours that a picture names."""
    return {*re.findall(r"#[0-9a-f]{6}", svg.lower())}


def test_contrast_is_that_of_the_standard() -> None:
    assert dark.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert dark.contrast(dark.parse_color("#777777"), (255,) * 3) == pytest.approx(4.48, abs=0.01)


def test_paper_and_ink_change_places() -> None:
    assert dark.darken_page("#ffffff") == "#121212"
    assert dark.darken_page("#000000") == "#e8e8e8"


@pytest.mark.parametrize("color", [*COLORS.values(), GREY, "#0072B2", "#444444"])
def test_what_can_be_read_on_white_can_be_read_on_dark(color: str) -> None:
    found = dark.parse_color(dark.darken_page(color))
    assert dark.contrast(found, (dark.PAPER,) * 3) >= dark.CONTRAST


@pytest.mark.parametrize("color", [*COLORS.values(), GREY, "#56b4e9", "#444444"])
def test_words_on_a_light_page_can_be_read(color: str) -> None:
    found = dark.parse_color(dark.darken_words(color))
    assert dark.contrast(found, dark.WHITE) >= dark.CONTRAST
    if dark.contrast(dark.parse_color(color), dark.WHITE) >= dark.CONTRAST:
        assert found == dark.parse_color(color)


def test_on_a_light_page_only_words_are_darkened() -> None:
    def draw(ax):
        ax.plot([0, 1], color="#56b4e9")
        ax.text(0.5, 0.5, "words", color="#56b4e9")
        ax.text(0.2, 0.2, "on a bar", color="white")

    light = dark.light_figure(drawn(draw))
    assert "stroke: #56b4e9" in light and "fill: #56b4e9" not in light
    assert "fill: #ffffff" in light and dark.darken_words("#56b4e9") in light


@pytest.mark.parametrize("color", [color for color in COLORS.values() if color != "#000000"])
def test_methods_keep_their_hue(color: str) -> None:
    before, after = (colorsys.rgb_to_hls(*(part / 255 for part in dark.parse_color(text)))[0]
                     for text in (color, dark.darken_page(color)))
    assert min(abs(before - after), 1 - abs(before - after)) < 0.02


def fill_of(svg: str, words: str) -> str:
    """Return the colour in which a picture writes something: of itself, or of what holds it."""
    root = ElementTree.fromstring(svg)
    holders = {child: parent for parent in root.iter() for child in parent}
    [element] = [each for each in root.iter() if (each.text or "").strip() == words]
    while element is not None:
        if found := re.search(r"fill: (#\w+)", element.get("style", "")):
            return found[1]
        if element.get("fill"):
            return element.get("fill")
        element = holders.get(element)
    return "#000000"


def test_what_has_no_colour_becomes_light() -> None:
    svg = drawn(lambda ax: ax.set(xlabel="epochs", title="a title"))
    assert fill_of(svg, "epochs") == fill_of(svg, "a title") == "#000000"
    svg = dark.dark_figure(svg)
    assert fill_of(svg, "epochs") == fill_of(svg, "a title") == "#e8e8e8"
    assert "#ffffff" not in svg and "#000000" not in svg


def test_colours_of_a_map_and_what_lies_on_it_stay() -> None:
    def heat(ax):
        ax.pcolormesh(np.arange(16).reshape(4, 4))
        ax.text(2, 2, "inside", color="black")
        ax.text(1, 1, r"$\mu$")
        ax.plot([1], [1], "o", color="#5E3C99")
        ax.set(title="outside")
        ax.text(0, 4.2, r"$\lambda$")

    before = drawn(heat)
    after = dark.dark_figure(before)
    mesh = colors(before[before.index('id="QuadMesh_1"'):].split("</g>")[0])
    assert len(mesh) > 10 and mesh <= colors(after) and "#5e3c99" in colors(after)
    assert fill_of(after, "inside") == fill_of(after, "μ") == "#000000"
    assert fill_of(after, "outside") == fill_of(after, "λ") == "#e8e8e8"


def test_colours_of_points_stay_only_where_they_are_numbers() -> None:
    def numbered(ax):
        ax.scatter(range(12), range(12), c=range(12), cmap="Purples")

    def one_color(ax):
        ax.scatter(range(12), range(12), color="#5E3C99")

    before = drawn(numbered)
    fills = {*re.findall(r"fill: (#[0-9a-f]{6})",
                         before[before.index("PathCollection"):].split("matplotlib.axis")[0])}
    assert len(fills) > 8 and fills <= colors(dark.dark_figure(before))
    assert "#5e3c99" not in colors(dark.dark_figure(drawn(one_color)))


def test_fonts_have_a_substitute_of_the_same_width() -> None:
    svg = dark.name_fonts(drawn(lambda ax: ax.set(xlabel=r"$\eta$ and words", title="words")))
    families = {*re.findall(r"font-family: ([^;\"]*)", svg)}
    assert families == {dark.FONTS}
