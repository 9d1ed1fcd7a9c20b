"""Split saved cells into code and methods, and fold methods into the class they belong to."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass

from cells import Cell

Definition = ast.FunctionDef | ast.AsyncFunctionDef
STRING_STARTS = {tokenize.STRING, getattr(tokenize, "FSTRING_START", tokenize.STRING)}


@dataclass(frozen=True)
class Method:
    """A function decorated with `@d2l.add_to_class(C)`, without that decorator."""

    cell: Cell
    line: int
    class_name: str
    name: str
    text: str


@dataclass
class Chunk:
    """Consecutive statements of one saved cell, verbatim."""

    cell: Cell
    line: int
    text: str


def split_cell(cell: Cell) -> tuple[list[Chunk], list[Method]]:
    """Return what a saved cell adds to a module: code without imports, and methods."""
    lines = cell.source.split("\n")
    chunks, methods = [], []
    run_start, previous_end = 1, 0  # lines from 1; line 1 is the `#@save` mark
    for node in cell.tree.body:
        first, last = _first_line(node), block_end(lines, node.end_lineno)
        decorator = add_to_class(node)
        if not decorator and not isinstance(node, ast.Import | ast.ImportFrom):
            previous_end = last
            continue
        if first <= previous_end or _shares_line(cell.tree.body, node):
            raise cell.error("put this statement on a line of its own", first)
        if decorator:
            start = _comment_start(lines, first)
            methods.append(_method(cell, node, decorator, lines, start, last))
        else:
            start, last = first, node.end_lineno
        chunks += _chunk(cell, lines, run_start, start - 1)
        run_start, previous_end = last + 1, last
    return chunks + _chunk(cell, lines, run_start, len(lines)), methods


def add_to_class(node: ast.stmt) -> ast.Call | None:
    """Return the `@d2l.add_to_class(C)` decorator of `node`, if it has one."""
    for decorator in getattr(node, "decorator_list", []):
        if isinstance(decorator, ast.Call):
            function = decorator.func
            name = getattr(function, "attr", getattr(function, "id", None))
            if name == "add_to_class":
                return decorator
    return None


def fold(chunk: Chunk, method: Method) -> None:
    """Add `method` at the end of its class in `chunk`; the class must be defined there."""
    node = find_class(chunk.text, method.class_name)
    if node.body[0].lineno == node.lineno:
        raise chunk.cell.error(f"write the body of class {node.name} on lines of its own, "
                               "since a method is added to it", chunk.line)
    lines = chunk.text.split("\n")
    end = block_end(lines, node.end_lineno)
    folded = indent(method.text, " " * node.body[0].col_offset)
    chunk.text = "\n".join([*lines[:end], "", folded, *lines[end:]])


def find_class(text: str, name: str) -> ast.ClassDef | None:
    """Return the class `name` defined at the top level of `text`, or None."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    return None


def class_members(node: ast.ClassDef) -> set[str]:
    """Return the names that a class body binds."""
    return {name for statement in node.body for name in bound_names(statement)}


def bound_names(node: ast.stmt) -> list[str]:
    """Return the names that a definition or an assignment binds, in order."""
    if isinstance(node, Definition | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return []
    return [name.id for target in targets for name in ast.walk(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]


def indent(text: str, prefix: str) -> str:
    """Indent a function, except inside its multi-line strings (its docstrings are indented)."""
    lines = text.split("\n")
    kept = _lines_inside_strings(text) - _docstring_lines(ast.parse(text))
    return "\n".join(line if number in kept or not line.strip() else prefix + line
                     for number, line in enumerate(lines, 1))


def block_end(lines: list[str], end: int) -> int:
    """Return the last line of a block that ends at `end`, with indented comments after it."""
    number = end
    for line in lines[end:]:
        number += 1
        if line.strip() and not (line[0].isspace() and line.lstrip().startswith("#")):
            break
        if line.strip():
            end = number
    return end


def _method(cell: Cell, node: ast.stmt, decorator: ast.Call, lines: list[str],
            start: int, last: int) -> Method:
    if not (isinstance(node, Definition) and len(decorator.args) == 1
            and isinstance(decorator.args[0], ast.Name) and not decorator.keywords):
        raise cell.error("write `@d2l.add_to_class(C)`, C being the name of a saved class, "
                         "above a function", decorator.lineno)
    dropped = range(decorator.lineno, decorator.end_lineno + 1)
    text = "\n".join(lines[number - 1] for number in range(start, last + 1)
                     if number not in dropped)
    return Method(cell, node.lineno, decorator.args[0].id, node.name, text)


def _chunk(cell: Cell, lines: list[str], first: int, last: int) -> list[Chunk]:
    """Return the lines `first` to `last` as a chunk, or nothing where they hold no text."""
    if first == 1:
        first = 2
    while first <= last and not lines[first - 1].strip():
        first += 1
    text = "\n".join(lines[first - 1 : last]).rstrip()
    return [Chunk(cell, first, text)] if text else []


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _comment_start(lines: list[str], first: int) -> int:
    """Return the first of the comment lines directly above line `first`; never line 1."""
    while first > 2 and lines[first - 2].startswith("#"):
        first -= 1
    return first


def _shares_line(body: list[ast.stmt], node: ast.stmt) -> bool:
    return any(other is not node and other.lineno <= node.end_lineno
               and node.lineno <= other.end_lineno for other in body)


def _lines_inside_strings(text: str) -> set[int]:
    """Return the lines that begin inside a string (Python 3.12 splits f-strings in tokens)."""
    inside, open_strings = set(), []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
        elif token.type in STRING_STARTS:
            open_strings.append(token.start[0])
        elif token.type == getattr(tokenize, "FSTRING_END", None):
            inside.update(range(open_strings.pop() + 1, token.end[0] + 1))
    return inside


def _docstring_lines(tree: ast.Module) -> set[int]:
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, Definition | ast.ClassDef) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            lines.update(range(docstring.lineno + 1, docstring.end_lineno + 1))
    return lines
