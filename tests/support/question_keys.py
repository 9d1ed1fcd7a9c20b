"""Names that the keys of questions may use: mathematics, the package, and results of a section."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from nbformat import NotebookNode
from questions import Question, names_in
from scipy import stats

import d2l_hpo

LIBRARIES = {"math": math, "np": np, "pd": pd, "stats": stats}
RECORD = "application/papermill.record/text/plain"


def names_of(expression: str, glued: Callable[[str], float | str] | None = None) -> dict[str, Any]:
    """Return what the names of an expression stand for, where they are known here."""
    names = names_in(expression)
    found = {name: LIBRARIES[name] for name in names & LIBRARIES.keys()}
    found |= {name: getattr(d2l_hpo, name) for name in names & {*d2l_hpo.__all__}}
    return found | ({"glued": glued} if glued else {})


def glued_names(question: Question) -> set[str]:
    """Return the results of its section that a question's keys use."""
    return {node.args[0].value for expression in (question.value, question.check) if expression
            for node in ast.walk(ast.parse(expression, mode="eval"))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id == "glued"}


def results_of(notebook: NotebookNode) -> Mapping[str, float | str]:
    """Return what an executed notebook has stored with `glue`, as numbers where they are some."""
    stored = {output.metadata["scrapbook"]["name"]: output.data[RECORD]
              for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
              if output.output_type == "display_data" and RECORD in output.data}
    return {name: number(value) for name, value in stored.items()}


def number(value: str) -> float | str:
    """Return a number where the text is one, with or without a sign of per cent."""
    try:
        return float(value.removesuffix("%").replace(",", ""))
    except ValueError:
        return value
