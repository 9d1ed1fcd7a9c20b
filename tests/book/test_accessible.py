"""The theme's HTML is mended once, and only where it is wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import accessible


def test_pages_are_mended_once(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>text</p>".join(accessible.REPLACED), encoding="utf-8")
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), outdir=tmp_path)
    accessible.mend_pages(app, None)
    once = page.read_text(encoding="utf-8")
    assert once == "<p>text</p>".join(accessible.REPLACED.values())
    accessible.mend_pages(app, None)
    assert page.read_text(encoding="utf-8") == once
