"""Drawings with links: a figure of class `linked` becomes part of its web page."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def embed_drawings(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Replace images of such figures by the SVG itself, so that its links can be followed."""
    if app.builder.format != "html":
        return
    for figure in list(doctree.findall(nodes.figure)):
        if "linked" not in figure["classes"]:
            continue
        for image in list(figure.findall(nodes.image)):
            svg = Path(app.srcdir, image["uri"]).read_text(encoding="utf-8")
            classes = " ".join(image["classes"])
            label = f'role="group" aria-label="{image["alt"]}" class="{classes}"'
            image.replace_self(nodes.raw("", svg.replace("<svg ", f"<svg {label} ", 1),
                                         format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", embed_drawings)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
