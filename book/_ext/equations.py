"""Equations that a docstring names, as `eq_matern`: in the reference, links with their numbers."""

import re
from typing import Any

from sphinx.application import Sphinx

LABEL = re.compile(r"`(eq_\w+)`")


def link_equations(app: Sphinx, what: str, name: str, described: Any, options: Any,
                   lines: list[str]) -> None:
    """Turn the labels in a docstring into references; Sphinx warns of one that nothing has."""
    lines[:] = [LABEL.sub(r":eq:`\1`", line) for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", link_equations)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
