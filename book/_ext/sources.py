"""What the book asks of its sources: drawings beside the pages, alt texts, the sections' order."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

DRAWINGS = "../img/"
logger = logging.getLogger(__name__)


class DrawingPaths(SphinxTransform):
    """Turn `../img/x.svg`, right in the chapter's folder, into Sphinx's `/img/x.svg`."""

    default_priority = 200

    def apply(self, **kwargs: Any) -> None:
        for image in self.document.findall(nodes.image):
            if image["uri"].startswith(DRAWINGS):
                image["uri"] = "/img/" + image["uri"].removeprefix(DRAWINGS)


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
    listed = [root, *env.toctree_includes.get(root, [])]
    expected = app.config.section_order
    if listed != expected:
        logger.warning(
            "%s.md lists the sections %s, config.ini %s: make them agree",
            root, ", ".join(listed), ", ".join(expected), location=root,
        )


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("section_order", [], "env")
    app.add_transform(DrawingPaths)
    app.connect("doctree-read", require_alt_texts)
    app.connect("env-check-consistency", require_section_order)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
