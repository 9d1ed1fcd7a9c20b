"""Pages that ask no other host for anything: bundled MathJax, and downloads of the notebooks."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MATHJAX_PACKAGE = "sphinx-mathjax-offline"
DOWNLOADS = "_downloads"


def mathjax_source() -> Path:
    """Return the folder of the installed MathJax files."""
    spec = importlib.util.find_spec(MATHJAX_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f"{MATHJAX_PACKAGE} is not installed: run `python -m pip install {MATHJAX_PACKAGE}`"
        )
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax's one script and its fonts into the built pages."""
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_source(), Path(app.outdir) / "_static" / "mathjax"
    fonts = Path("output", "chtml", "fonts")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "tex-chtml-full.js", target)
    shutil.copytree(source / fonts, target / fonts, dirs_exist_ok=True)


def notebook_of(app: Sphinx, pagename: str) -> Path | None:
    """Return the notebook without outputs that belongs to a page, if there is one."""
    notebook = Path(app.config.notebooks_path) / f"{pagename}.ipynb"
    return notebook if notebook.is_file() else None


def copy_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Copy the notebooks that the pages offer for download."""
    if exception is not None or app.builder.format != "html":
        return
    for pagename in app.env.found_docs:
        notebook = notebook_of(app, pagename)
        if notebook is not None:
            target = Path(app.outdir) / DOWNLOADS / notebook.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(notebook, target)


def add_download_button(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Offer the page's notebook in the header."""
    if notebook_of(app, pagename) is None:
        return
    context["header_buttons"].append(
        {
            "type": "link",
            "url": f"{context['pathto'](DOWNLOADS, 1)}/{pagename}.ipynb",
            "text": "",
            "icon": "fas fa-download",
            "tooltip": "Download this section as a Jupyter notebook",
            "label": "download-notebook-button",
        }
    )


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("notebooks_path", "", "html")
    app.connect("html-page-context", add_download_button, priority=502)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
