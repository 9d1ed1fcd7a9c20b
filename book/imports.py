"""The imports of a section."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from cells import Cell


class Import(NamedTuple):
    """`import module [as alias]`, or `from module import name [as alias]`."""

    module: str
    name: str = ""
    alias: str = ""

    @property
    def bound(self) -> str:
        """The name that the statement binds."""
        return self.alias or self.name or self.module.split(".")[0]

    def __str__(self) -> str:
        alias = f" as {self.alias}" if self.alias else ""
        if self.name:
            return f"from {self.module} import {self.name}{alias}"
        return f"import {self.module}{alias}"

    def agrees_with(self, other: Import) -> bool:
        """Whether both may be in one module: `import a.b` and `import a.c` both bind `a`."""
        plain = not (self.name or self.alias or other.name or other.alias)
        return self == other or plain or self.bound != other.bound


def section_imports(cells: list[Cell]) -> list[Import]:
    """Return the top-level imports of all cells, saved or not; BookError where two conflict."""
    found: dict[Import, Cell] = {}
    for cell in cells:
        for statement, line in _imports(cell):
            for other, place in found.items():
                if not statement.agrees_with(other):
                    raise cell.error(f"`{statement}` binds {statement.bound!r} that `{other}` "
                                     f"binds too ({place.where()}); rename one", line)
            found.setdefault(statement, cell)
    return list(found)


def _imports(cell: Cell) -> Iterator[tuple[Import, int]]:
    for node in cell.tree.body:
        if isinstance(node, ast.Import):
            for item in node.names:
                yield Import(item.name, alias=item.asname or ""), node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.names[0].name == "*":
                raise cell.error("write absolute imports of single names; "
                                 f"`{ast.unparse(node)}` cannot be traced", node.lineno)
            for item in node.names:
                alias = "" if item.asname in (None, item.name) else item.asname
                yield Import(node.module, item.name, alias), node.lineno
