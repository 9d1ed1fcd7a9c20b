"""Which cells of a section depend on live training, found by following names through the code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from config import load_config
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

TRAINING = {"HPOTrainer", "StepTrainer", "train_model", "train_lenet", "train_perceptron",
            "train_resnet18", "hpo_objective_lenet", "hpo_objective_resnet18",
            "hpo_objective_softmax_classification", "ray_trainable"}
"""Names whose use trains a network; what is computed from them depends on processor and seed."""

OUTCOMES = re.compile(
    r"\d+(?:\.\d+)? ?(?:%|points)|\b(?:better|worse|best|worst|lower|lowest|higher|highest|larger|"
    r"largest|smaller|smallest|faster|fastest|slower|slowest|longer|shorter|earlier|later|falls?|"
    r"rises?|grows?|shrinks?|stays?|collapses?|diverges?|wins?|loses?|beats?|reaches|overtakes?|"
    r"crosse?s?|most|few|fewer|none|never|always|soon|nearly|hardly|mostly|both end|no longer)\b",
    re.IGNORECASE)
"""Words and numbers by which a caption would tell how a run came out."""


def chapter_sections() -> list[Path]:
    """Return the sections of the book that have code."""
    return [path for path in load_config().section_paths()
            if "{code-cell}" in path.read_text(encoding="utf-8")]


@dataclass
class Check:
    """A call of `holds`: its statement, whether it has a margin, whether it is about training."""

    statement: str
    margin: bool
    live: bool


@dataclass
class LiveCell:
    """A code cell: its tags, the caption and alt text of its figure, what it checks."""

    number: int
    tags: list[str]
    figure: str
    live: bool = False
    asserts: int = 0
    checks: list[Check] = field(default_factory=list)


class Section:
    """The code cells of a section, in order; `live` marks those that use what training gave."""

    def __init__(self, notebook: NotebookNode) -> None:
        self.live_names = set(TRAINING)
        self.cells = []
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, 1):
            figure = cell.metadata.get("mystnb", {})
            text = " ".join([str(figure.get("figure", {}).get("caption", "")),
                             str(figure.get("image", {}).get("alt", ""))]).strip()
            self.cells.append(self._read(
                LiveCell(number, cell.metadata.get("tags", []), text), cell.source))

    def _read(self, cell: LiveCell, source: str) -> LiveCell:
        tree = ast.parse(TransformerManager().transform_cell(source))
        cell.asserts = sum(isinstance(node, ast.Assert) for node in ast.walk(tree))
        saved = source.startswith("#@save")
        for statement in tree.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                continue
            if not saved or isinstance(statement, ast.FunctionDef):
                self._follow(statement, cell)
        return cell

    def _follow(self, statement: ast.stmt, cell: LiveCell) -> None:
        """Mark the cell, and the names that the statement binds, if it uses a live name."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "holds":
                margin = len(node.args) > 2 or any(word.arg == "margin" for word in node.keywords)
                cell.checks.append(Check(ast.unparse(node.args[1]), margin,
                                         self._is_live(node.args[0])))
        for part in [statement, *_inner(statement)] * 2:  # twice: a loop's end reaches its start
            if self._is_live(part):
                cell.live |= not isinstance(part, (ast.FunctionDef, ast.ClassDef))
                self.live_names |= _bound(part)
            else:
                self.live_names -= _bound(part) - _changed(part) - TRAINING

    def _is_live(self, node: ast.AST) -> bool:
        if isinstance(node, ast.For):
            node = node.iter
        elif isinstance(node, (ast.While, ast.If)):
            node = node.test
        elif isinstance(node, ast.With):
            return any(self._is_live(item.context_expr) for item in node.items)
        elif isinstance(node, ast.Try):
            return False
        return not self.live_names.isdisjoint(_free(node))


def _inner(statement: ast.stmt) -> list[ast.stmt]:
    """Return the statements within a loop, a branch or a `with`."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return []
    return [node for node in ast.walk(statement)
            if isinstance(node, ast.stmt) and node is not statement]


def _free(node: ast.AST) -> set[str]:
    """Return the names that are read and not bound within: parameters, locals, comprehensions."""
    own: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.Lambda)):
            own |= {argument.arg for argument in ast.walk(inner.args)
                    if isinstance(argument, ast.arg)}
        if isinstance(inner, ast.FunctionDef):
            own |= {name.id for name in ast.walk(inner)
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
        if isinstance(inner, ast.comprehension):
            own |= {name.id for name in ast.walk(inner.target) if isinstance(name, ast.Name)}
    return {name.id for name in ast.walk(node)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)} - own


def _bound(statement: ast.AST) -> set[str]:
    """Return the names that a statement binds, or whose object it changes."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, ast.For):
        statement = statement.target
    elif isinstance(statement, ast.With):
        statement = ast.Tuple([item.optional_vars for item in statement.items
                               if item.optional_vars], ast.Store())
    elif isinstance(statement, (ast.While, ast.If, ast.Try)):
        return set()  # the statements within say
    names = {node.id for node in ast.walk(statement)
             if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return (names | _changed(statement)) - {"plt", "ax", "axes", "fig", "np", "pd"}


def _changed(statement: ast.AST) -> set[str]:
    """Return the names whose objects change: b[s] = ..., t.x = ..., t.run()."""
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            names |= {inner.id for inner in ast.walk(node.value) if isinstance(inner, ast.Name)}
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        target = statement.value.func
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            names.add(target.value.id)
    return names
