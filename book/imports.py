"""The imports of a section, and the ones that a generated module needs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from cells import Cell

PACKAGE = "d2l_hpo"
COMPAT = (f"from {PACKAGE}.training import compat  # noqa: F401  "
          "(before torch: it mends torchvision)")
NEEDS_COMPAT = {"torch", "torchvision", "d2l"}


@dataclass(frozen=True, order=True)
class Import:
    """`import module [as alias]`, or `from module import name [as alias]`."""

    module: str
    name: str = ""
    alias: str = ""

    @property
    def bound(self) -> str:
        """The name that the statement binds."""
        return self.alias or self.name or self.module.split(".")[0]

    @property
    def root(self) -> str:
        """The package that is imported from."""
        return self.module.split(".")[0]

    @property
    def group(self) -> int:
        """0 for `__future__`, 1 for the standard library, 2 for others, 3 for this package."""
        if self.module == "__future__":
            return 0
        if self.root == PACKAGE:
            return 3
        return 1 if self.root in sys.stdlib_module_names else 2

    def __str__(self) -> str:
        alias = f" as {self.alias}" if self.alias else ""
        if self.name:
            return f"from {self.module} import {self.name}{alias}"
        return f"import {self.module}{alias}"

    def agrees_with(self, other: Import) -> bool:
        """Whether both may bind the same name: `import a.b` and `import a.c` both bind `a`."""
        plain = not (self.name or self.alias or other.name or other.alias)
        return self == other or plain


def section_imports(cells: list[Cell]) -> dict[str, list[Import]]:
    """Return name -> imports for the top-level imports of all cells, saved or not."""
    found: dict[str, list[tuple[Import, Cell]]] = {}
    for cell in cells:
        for statement, line in _imports(cell):
            known = found.setdefault(statement.bound, [])
            for other, place in known:
                if not statement.agrees_with(other):
                    raise cell.error(f"`{statement}` binds {statement.bound!r} that `{other}` "
                                     f"binds too ({place.where()}); rename one", line)
            known.append((statement, cell))
    return {name: sorted({item for item, _ in known}) for name, known in found.items()}


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


def import_block(imports: set[Import]) -> str:
    """Return the import lines of a module: grouped, sorted, `compat` before torch and d2l."""
    needs_compat = any(item.root in NEEDS_COMPAT for item in imports)
    groups = []
    for group in range(4):
        if group == 2 and needs_compat:
            groups.append(COMPAT)
        lines = [str(item) for item in sorted(imports) if item.group == group]
        if lines:
            groups.append("\n".join(lines))
    return "\n\n".join(groups)
