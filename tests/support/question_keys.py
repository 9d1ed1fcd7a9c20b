"""The keys of questions, computed: with mathematics, the package, and results of a section."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from nbformat import NotebookNode
from questions import NUMBER, Option, Question
from scipy import stats

import d2l_hpo

LIBRARIES = {"math": math, "np": np, "pd": pd, "stats": stats}
RECORD = "application/papermill.record/text/plain"


def names_of(expression: str, glued: Callable[[str], float | str] | None = None) -> dict[str, Any]:
    """Return what the names of an expression stand for, where they are known here."""
    names = {node.id for node in ast.walk(ast.parse(expression, mode="eval"))
             if isinstance(node, ast.Name)}
    found = {name: LIBRARIES[name] for name in names & LIBRARIES.keys()}
    found |= {name: getattr(d2l_hpo, name) for name in names & {*d2l_hpo.__all__}}
    return found | ({"glued": glued} if glued else {})


def wrong_keys(question: Question, names: Mapping[str, Any]) -> list[str]:
    """Evaluate `value` and `check` with these names; return what disagrees with the options."""
    found = []
    if question.value:
        value = float(evaluate(question.value, names))
        found += [f"{question.label}: {item.letter} says {said(item):g}, the value is {value:g}"
                  for item in question.options if matches(item, value) != item.right]
    if question.check and evaluate(question.check, names) not in (True,):  # NumPy's, too
        found.append(f"{question.label}: {question.check} is not True")
    return found


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """Return the value of a Python expression with these names and the built-in ones."""
    return eval(compile(expression, "<question>", "eval"), dict(names))


def said(option: Option) -> float:
    """Return the first number of an option; there is one where there is a value."""
    return float(re.findall(NUMBER, option.text)[0].replace(",", ""))


def matches(option: Option, value: float) -> bool:
    """Whether an option's number is `value`, rounded to the digits that are written."""
    places = len(re.findall(NUMBER, option.text)[0].partition(".")[2])
    return abs(said(option) - value) <= 0.5 * 10.0 ** -places + 1e-9


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
