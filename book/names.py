"""Find which names a piece of code takes from outside."""

from __future__ import annotations

import ast
import builtins
import symtable

BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__package__"}


def used_names(source: str) -> set[str]:
    """Return the global names that `source` reads, builtins and its own ones included."""
    names: set[str] = set()
    _collect(symtable.symtable(source, "<cell>", "exec"), names)
    return names | _names_in_string_annotations(ast.parse(source))


def _collect(table: symtable.SymbolTable, names: set[str]) -> None:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            names.add(symbol.get_name())
    for child in table.get_children():
        _collect(child, names)


def defined_names(source: str) -> set[str]:
    """Return the names that `source` binds at its top level, imports excluded."""
    table = symtable.symtable(source, "<cell>", "exec")
    return {symbol.get_name() for symbol in table.get_symbols()
            if symbol.is_assigned() and not symbol.is_imported()}


def _names_in_string_annotations(tree: ast.Module) -> set[str]:
    """Return the names in annotations such as `"torch.Tensor | None"` (no symbol table entry)."""
    annotations = [getattr(node, field) for node in ast.walk(tree)
                   for field in ("annotation", "returns") if getattr(node, field, None)]
    return {name.id for text in map(_quoted, annotations) for part in text
            for name in ast.walk(ast.parse(part, mode="eval")) if isinstance(name, ast.Name)}


def _quoted(node: ast.expr) -> list[str]:
    """Return the strings in an annotation that stand for types (not those of a Literal)."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.BinOp):
        return _quoted(node.left) + _quoted(node.right)
    if isinstance(node, ast.Tuple | ast.List):
        return [text for element in node.elts for text in _quoted(element)]
    if isinstance(node, ast.Subscript) and not _is_literal(node.value):
        return _quoted(node.slice)
    return []


def _is_literal(node: ast.expr) -> bool:
    return ast.unparse(node).split(".")[-1] in ("Literal", "Annotated")
