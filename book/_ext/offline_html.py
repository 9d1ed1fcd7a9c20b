"""Pages that ask no other host for anything: bundled MathJax, and downloads of the notebooks."""

import importlib.util
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset

MATHJAX = "sphinx-mathjax-offline"
FONTS = "output/chtml/fonts"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax's one script and its fonts, a tenth of the package, into the built pages."""
    if exception is None and app.builder.format == "html":
        source = Path(importlib.util.find_spec(MATHJAX).origin).parent / "static" / "mathjax"
        target = Path(app.outdir) / "_static" / "mathjax"
        copy_asset(source / "tex-chtml-full.js", target)
        copy_asset(source / FONTS, target / FONTS)


def add_download_button(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any],
                        doctree: nodes.document | None) -> None:
    """Offer the page's notebook, which `html_extra_path` copies, in the header."""
    notebook = f"{pagename}.ipynb"
    if any(Path(folder, notebook).is_file() for folder in app.config.html_extra_path):
        context["header_buttons"].append({
            "type": "link",
            "url": context["pathto"](notebook, 1),
            "text": "",
            "icon": "fas fa-download",
            "tooltip": "Download this section as a Jupyter notebook",
            "label": "download-notebook-button",
        })


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_download_button, priority=502)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
