"""Figures of cells for light and for dark pages: the same picture, with other greys.

In dark mode an image that is merely inverted also turns around what a colour says: "the darker, the
later" becomes wrong. So a second picture is written. Paper and ink change places, lines and words
that would be too dark are lightened, and colours that stand for numbers stay what they are. In
light mode only words change: those in a method's colour are darkened until they can be read.
"""

import colorsys
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

SVG = "http://www.w3.org/2000/svg"
PAPER, INK = 0x12, 0xE8  # of a dark page
CONTRAST = 4.5  # of words and lines to the page, as WCAG asks of text
FONTS = "'DejaVu Sans', Verdana, sans-serif"  # Verdana is as wide, where DejaVu is not installed
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
PLACE = re.compile(r"(?:rotate\(\S+ |translate\()(-?[\d.]+) (-?[\d.]+)\)")
WIDE = 450  # points; wider than this are panels side by side
PIXELS = 96 / 72  # of a web page in a point
MAPS = ("QuadMesh", "QuadContourSet", "image")  # ids of what shows numbers as colours
POINTS = "PathCollection"
WHITE = (255, 255, 255)
MANY = 8  # colours of points, from which on they stand for numbers
Color = tuple[int, int, int]


def luminance(color: Color) -> float:
    """Return the relative luminance that WCAG defines, between 0 and 1."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in (value / 255 for value in color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours that WCAG defines, between 1 and 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def parse_color(text: str) -> Color:
    """Return the parts of `#rrggbb`."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def legible(color: Color, page: Color, step: float) -> Color:
    """Return a colour whose lightness is changed in steps until it can be read on the page."""
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in color))
    while contrast(color, page) < CONTRAST:
        light += step
        red, green, blue = (round(255 * part) for part
                            in colorsys.hls_to_rgb(hue, min(max(light, 0), 1), saturation))
        color = red, green, blue
    return color


def darken_page(text: str) -> str:
    """Return the colour that `#rrggbb` has on a dark page."""
    color = parse_color(text)
    if len({*color}) == 1:  # a grey, white and black included
        value = round(INK + (PAPER - INK) * color[0] / 255)
        color = value, value, value
    else:
        color = legible(color, (PAPER,) * 3, 0.02)
    return "#{:02x}{:02x}{:02x}".format(*color)


def darken_words(text: str) -> str:
    """Return the colour that words in `#rrggbb` have on a light page; white ones lie on a shape."""
    color = parse_color(text)
    if color != WHITE:
        color = legible(color, WHITE, -0.02)
    return "#{:02x}{:02x}{:02x}".format(*color)


def name_of(element: ET.Element) -> str:
    """Return an element's id or, of an image, its tag."""
    return element.get("id", "") or element.tag.removeprefix(f"{{{SVG}}}")


def is_map(element: ET.Element) -> bool:
    """Say whether the colours within this element stand for numbers."""
    name = name_of(element)
    if not name.startswith(POINTS):
        return name.startswith(MAPS)
    fills = re.findall(r"fill: (#[0-9a-f]{6})", ET.tostring(element, "unicode"))
    return len({*fills}) > MANY


def on_page(element: ET.Element) -> Iterator[ET.Element]:
    """Yield the elements that lie on the page or on bare axes, but not what lies on a map.

    What has no colour is black: that is made explicit where it stays so.
    """
    covered = name_of(element).startswith("axes_") and any(
        name_of(part).startswith(MAPS) for part in element.iter())
    yield element
    for child in element:
        name = name_of(child)
        if covered:
            if name.startswith(("matplotlib.axis", "patch_")) or (
                    name.startswith("text_") and is_outside(child, element)):
                yield from child.iter()
            else:
                child.set("fill", "#000000")
        elif not is_map(child):
            yield from on_page(child)
        else:
            child.set("fill", "#000000")


def is_outside(text: ET.Element, axes: ET.Element) -> bool:
    """Say whether words stand beside their axes, as a title does."""
    background = axes.find(f"{{{SVG}}}g[@id]/{{{SVG}}}path")
    # a text has its place itself, the pieces of a formula in what holds them
    places = [found.groups() for part in text.iter()
              if (found := PLACE.search(part.get("transform", "")))]
    if background is None or not places:
        return True
    numbers = [float(part) for part in re.findall(r"-?[\d.]+", background.get("d", ""))]
    x, y = map(float, places[0])
    return not (min(numbers[::2]) <= x <= max(numbers[::2])
                and min(numbers[1::2]) <= y <= max(numbers[1::2]))


def parse_figure(svg: str) -> ET.Element:
    """Return the elements of a figure, whose names stay as short as they are when it is written."""
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return ET.fromstring(svg)


def recolor(element: ET.Element, change: Callable[[str], str]) -> None:
    """Change the colours that an element names."""
    for name in ("style", "fill", "stroke"):
        if value := element.get(name):
            element.set(name, COLOR.sub(lambda found: change(found[0]), value))


def dark_figure(svg: str) -> str:
    """Return a figure, drawn by Matplotlib for a white page, as it is on a dark one."""
    root = parse_figure(svg)
    for element in on_page(root):
        recolor(element, darken_page)
    root.set("fill", darken_page("#000000"))
    return ET.tostring(root, "unicode")


def light_figure(svg: str) -> str:
    """Return a figure, drawn by Matplotlib for a white page, with words that can be read there."""
    root = parse_figure(svg)
    for element in on_page(root):
        if element.tag == f"{{{SVG}}}text":
            recolor(element, darken_words)
    return ET.tostring(root, "unicode")


def name_fonts(svg: str) -> str:
    """Let words be as wide on a machine that lacks the font they were set in."""
    return svg.replace("font-family: 'DejaVu Sans'", f"font-family: {FONTS}").replace(
        f"{FONTS}, 'Verdana', sans-serif", FONTS)


class DarkFigures(SphinxPostTransform):
    """Put a pair of images, one for each mode, in place of each SVG that a cell has drawn."""

    formats = ("html",)
    default_priority = 50  # after myst-nb has chosen among a cell's outputs

    def run(self, **kwargs: Any) -> None:
        folder = Path(self.app.doctreedir, "figures")
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir, image["uri"])
            if path.suffix != ".svg" or "jupyter_execute" not in path.parts:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            svg = name_fonts(path.read_text(encoding="utf-8"))
            size = SIZE.search(svg)
            is_wide = size is not None and float(size[1]) > WIDE
            pair = nodes.container("", classes=["drawing", "wide"] if is_wide else ["drawing"])
            for mode, content in (("light", light_figure(svg)), ("dark", dark_figure(svg))):
                written = folder / f"{path.stem}-{mode}.svg"
                written.write_text(content, encoding="utf-8", newline="\n")
                shown = image.deepcopy()
                shown["classes"].append(f"only-{mode}")
                shown["uri"], shown["loading"] = str(written), "lazy"
                if size and "width" not in shown:  # keeps the place free until the image is loaded
                    shown["width"], shown["height"] = (str(round(float(part) * PIXELS))
                                                       for part in size.groups())
                shown["candidates"] = {"*": str(written)}
                self.env.images.add_file(self.env.docname, str(written))
                pair += shown
            image.replace_self(pair)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(DarkFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
