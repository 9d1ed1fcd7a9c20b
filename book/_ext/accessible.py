"""What the theme leaves undone for screen readers, and what axe-core therefore objects to."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

REPLACED = {
    # roles that ARIA 1.3 drops, and a list whose children are no items
    ' role="doc-biblioentry"': "",
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    # the emblem above the table of contents lies in no landmark
    '<div id="pst-primary-sidebar" class="':
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Contents" class="',
    # an arrow without words
    '<summary><span class="toctree-toggle"':
        '<summary aria-label="Show what is below"><span class="toctree-toggle"',
    # on a phone a wide figure scrolls, which a keyboard has to reach
    '<div class="drawing wide docutils container">':
        '<div class="drawing wide docutils container" tabindex="0">',
}


def mend_pages(app: Sphinx, exception: Exception | None) -> None:
    """Replace the theme's HTML in all pages; a page that was mended before stays as it is."""
    if exception is not None or app.builder.name != "html":
        return
    for page in Path(app.outdir).glob("*.html"):
        html = page.read_text(encoding="utf-8")
        mended = html
        for wrong, right in REPLACED.items():
            mended = mended.replace(wrong, right)
        if mended != html:
            page.write_text(mended, encoding="utf-8", newline="\n")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
