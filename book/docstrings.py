"""What users need beyond a cell's docstring: arguments, errors, an example, from reference/*.md.

A heading `## name` begins what is appended to the docstring of a saved function or class. So the
text stays short, and `help(name)` and the reference pages say all.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

from config import BookError
from files import read_source

HEADING = re.compile(r"^## (\w+)$", re.MULTILINE)


class Addition(NamedTuple):
    """What is appended to a docstring, and where it stands, for messages."""

    text: str
    place: str


def read_additions(folder: Path) -> dict[str, Addition]:
    """Return name -> what `folder`/*.md say of it; BookError if a name comes twice."""
    additions: dict[str, Addition] = {}
    for path in sorted(folder.glob("*.md")):
        content = read_source(path)
        parts = HEADING.split(content)[1:]
        for match, text in zip(HEADING.finditer(content), parts[1::2], strict=True):
            name, line = match[1], content.count("\n", 0, match.start()) + 1
            place = f"{path.name}, line {line}"
            if name in additions:
                raise BookError(f"{place}: {name} has a part already, {additions[name].place}")
            if '"""' in text or "\\" in text:
                raise BookError(f"{place}: the part on {name} holds three quotes or a backslash, "
                                "which would end or change the docstring; write it without them")
            additions[name] = Addition(text.strip(), place)
    return additions


def lengthen(source: str, additions: dict[str, Addition]) -> str:
    """Return a module with the additions to the docstrings of its functions and classes."""
    lines = source.split("\n")
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in additions:
            text, place = additions[node.name]
            if ast.get_docstring(node) is None:
                raise BookError(f"{place}: {node.name} has no docstring in its cell; write one")
            last = node.body[0].end_lineno - 1
            margin = " " * node.body[0].col_offset
            head = lines[last].rstrip().removesuffix('"""').rstrip()
            lines[last:last + 1] = [*([head] if head else []), "", indent(text, margin),
                                    f'{margin}"""']
    return "\n".join(lines)


def check_used(additions: dict[str, Addition], sources: list[str]) -> None:
    """Raise BookError for an addition to what no module defines at its top."""
    defined = {node.name for source in sources for node in ast.parse(source).body
               if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for name, (_, place) in additions.items():
        if name not in defined:
            raise BookError(f"{place}: no saved cell defines {name} (a hand-written module has its "
                            "docstrings in full)")
