"""Which tests run where only the core of the package is installed: those that import no extra."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from config import load_config

PUBLIC = load_config().public
NEED_EXTRAS = {*PUBLIC["Figures"], *PUBLIC["Training"], *PUBLIC["Data"]} - {
    "CrossValidation", "reproducible"}
FOLDERS = ("d2l_hpo.figures", "d2l_hpo.training", "d2l_hpo.simulation.recorder",
           "d2l_hpo.simulation.task_training", "d2l_hpo.simulation.surrogate")
EXTRAS = {"torch", "torchvision", "d2l", "matplotlib", "IPython", "PIL", "sklearn", "dask",
          "distributed", "ray", "syne_tune", "cells", "nbformat"}


@cache
def needs_extras(path: Path) -> bool:
    """Say whether a file of tests, or a module of this folder that it uses, imports an extra.

    Imports inside of functions do not count; such a test skips itself with `importorskip`.
    """
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = {name for node in nodes for name in imported(node)}
    if any(name.split(".")[0] in EXTRAS or name.startswith(FOLDERS)
           or name.startswith("d2l_hpo:") and name[8:] in NEED_EXTRAS for name in names):
        return True
    used = [Path(__file__).with_name(f"{name}.py") for name in names]
    return any(needs_extras(file) for file in used if file.is_file())


def imported(node: ast.stmt) -> list[str]:
    """Return the modules that a statement imports, and "module:name" for the names from them."""
    if isinstance(node, ast.Import):
        return [item.name for item in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}:{item.name}" for item in node.names)]
    return []
