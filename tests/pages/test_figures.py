"""The words of the figures that cells have drawn, in both modes: pale ones cannot be read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import dark_figures as dark
import pytest
from built_book import HTML, require_built

PAGES = {"light": "#ffffff", "dark": "#121212"}
FILL = re.compile(r"fill: (#[0-9a-f]{6})")


def words(svg: str) -> Iterator[tuple[str, str]]:
    """Yield the words that lie on the page, each with its colour."""
    root = ET.fromstring(svg)
    inherited = root.get("fill", "#000000")
    for element in dark.on_page(root):
        if text := "".join(element.itertext()).strip() if element.tag.endswith("}text") else "":
            found = FILL.search(element.get("style", ""))
            yield text, found[1] if found else element.get("fill", inherited)


def pale(svg: str, page: str) -> list[str]:
    """Return the words whose contrast to the page is below what WCAG asks of text.

    Words in the page's own colour lie on a shape: a box or a bar.
    """
    return [f"{text} ({color})" for text, color in words(svg)
            if color != page
            and dark.contrast(dark.parse_color(color), dark.parse_color(page)) < dark.CONTRAST]


def test_pale_words_are_found() -> None:
    svg = ('<svg xmlns="http://www.w3.org/2000/svg"><g id="text_1"><text style="fill: #aaaaaa">'
           'pale</text></g><g id="text_2"><text>black</text></g></svg>')
    assert pale(svg, "#ffffff") == ["pale (#aaaaaa)"]
    assert pale(svg, "#121212") == ["black (#000000)"]


@pytest.mark.parametrize("mode", PAGES)
def test_words_of_figures_can_be_read(mode: str) -> None:
    require_built(HTML / "index.html", "make html")
    files = sorted((HTML / "_images").glob(f"*-{mode}.svg"))
    found = {path.name: list(words(path.read_text(encoding="utf-8"))) for path in files}
    assert sum(map(len, found.values())) > 1000
    assert {path.name: names for path in files
            if (names := pale(path.read_text(encoding="utf-8"), PAGES[mode]))} == {}
