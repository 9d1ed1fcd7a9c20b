"""What the book asks of its sources: drawings beside the pages, alt texts, the sections' order."""

import re
from html import unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

DRAWINGS = "../img/"
ANIMATION_ALT = re.compile(r'<div class="animation".*?<img [^>]*alt="([^"]*)"', re.DOTALL)
MADE = {"guide", "api"}  # pages of the start page's table of contents that are no sections
logger = logging.getLogger(__name__)


class DrawingPaths(SphinxTransform):
    """Turn `../img/x.svg`, right in the chapter's folder, into Sphinx's `/img/x.svg`."""

    default_priority = 200

    def apply(self, **kwargs: Any) -> None:
        for image in self.document.findall(nodes.image):
            if image["uri"].startswith(DRAWINGS):
                image["uri"] = "/img/" + image["uri"].removeprefix(DRAWINGS)


class DarkDrawings(SphinxTransform):
    """Show `/img/x-dark.svg` in place of `/img/x.svg` on a dark web page, where there is one.

    The pair has a container, since the theme hides a caption that stands beside a hidden image.
    """

    default_priority = 210

    def apply(self, **kwargs: Any) -> None:
        for light in list(self.document.findall(nodes.image)):
            path = Path(light["uri"])
            uri = str(path.with_name(f"{path.stem}-dark{path.suffix}"))
            if not uri.startswith("/img/") or not Path(self.env.relfn2path(uri)[1]).is_file():
                continue
            dark = light.deepcopy()
            dark["uri"], dark["ids"], dark["names"] = uri, [], []
            dark["classes"].append("only-dark")
            pair = nodes.container("", classes=["drawing"])
            light.replace_self(pair)
            light["classes"].append("only-light")
            pair += [light, addnodes.only("", dark, expr="html")]


def name_animations(app: Sphinx, doctree: nodes.document) -> None:
    """Give an animation's still image, for the PDF, the alt text of its player in HTML."""
    for bundle in doctree.findall(nodes.container):
        if bundle.get("nb_element") == "mime_bundle":
            html = "".join(raw.astext() for raw in bundle.findall(nodes.raw))
            if alt := ANIMATION_ALT.search(html):
                for image in bundle.findall(nodes.image):
                    image["alt"] = unescape(alt[1])


def require_alt_texts(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of each image that says nothing to a reader who cannot see it."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt"):
            logger.warning(
                "an image has no alt text: add `:alt:` to the figure, or "
                "`mystnb: {image: {alt: ...}}` to the code cell",
                location=image,
            )


def require_section_order(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn if the tables of contents list other sections than config.ini, or in another order."""
    root = app.config.root_doc
    listed = [page for page in [root, *env.toctree_includes.get(root, [])] if page not in MADE]
    expected = app.config.section_order
    if listed != expected:
        logger.warning(
            "%s.md lists the sections %s, config.ini %s: make them agree",
            root, ", ".join(listed), ", ".join(expected), location=root,
        )


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("section_order", [], "env")
    app.add_transform(DrawingPaths)
    app.add_transform(DarkDrawings)
    app.connect("doctree-read", name_animations, priority=400)
    app.connect("doctree-read", require_alt_texts)
    app.connect("env-check-consistency", require_section_order)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
