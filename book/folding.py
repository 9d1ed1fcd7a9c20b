"""Split saved cells into code and methods, and fold methods into the class they belong to."""

from __future__ import annotations

import re
import symtable
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

import libcst as cst
import libcst.matchers as m
from cells import Cell
from config import BookError

IMPORT = m.SimpleStatementLine([m.ZeroOrMore(), m.Import() | m.ImportFrom(), m.ZeroOrMore()])
NAMED = m.Name("add_to_class")
ADD_TO_CLASS = m.Decorator(m.Call(NAMED | m.Attribute(attr=NAMED)))
WELL_FORMED = m.Decorator(m.Call(args=[m.Arg(m.Name(), keyword=None)]))
DOCSTRING = m.IndentedBlock([m.SimpleStatementLine(
    [m.Expr(m.SaveMatchedNode(m.SimpleString(), "string"))]), m.ZeroOrMore()])


@dataclass
class Chunk:
    """Consecutive statements of one saved cell, each with the line where it begins."""

    cell: Cell
    statements: list[tuple[int, cst.BaseStatement]] = field(default_factory=list)
    names: list[tuple[str, int]] = field(default_factory=list)
    """The names that the statements bind, and the lines where they do."""
    footer: Sequence[cst.EmptyLine] = ()
    """The comments at the end of the cell."""

    @property
    def line(self) -> int:
        """The line where the code begins."""
        return self.statements[0][0] if self.statements else 2

    @property
    def code(self) -> str:
        """The statements, verbatim but for the methods that were folded in."""
        return cst.Module([node for _, node in self.statements], footer=self.footer).code

    def fold(self, method: Method) -> bool:
        """Add `method` at the end of its class if that is defined here; say whether it is."""
        for index, (line, node) in enumerate(self.statements):
            if isinstance(node, cst.ClassDef) and node.name.value == method.class_name:
                if not isinstance(node.body, cst.IndentedBlock):
                    raise self.cell.error(f"write the body of class {method.class_name} on lines "
                                          "of its own, since a method is added to it",
                                          line + len(node.leading_lines))
                self.statements[index] = line, node.with_changes(body=method.below(node.body))
                return True
        return False


@dataclass
class Method:
    """A function decorated with `@d2l.add_to_class(C)`, without that decorator."""

    cell: Cell
    line: int
    """The line of the function, less the comments above it."""
    class_name: str
    node: cst.FunctionDef

    @property
    def code(self) -> str:
        """The function as it stands in the cell."""
        return cst.Module([self.node]).code

    def error(self, reason: str) -> BookError:
        """Return the error for `reason` that follows the method's name."""
        return self.cell.error(f"method {self.class_name}.{self.node.name.value} {reason}",
                               self.line + len(self.node.leading_lines))

    def below(self, block: cst.IndentedBlock) -> cst.IndentedBlock:
        """Return the body of the class with this method at its end."""
        name = self.node.name.value
        simple = [item for item in block.body if isinstance(item, cst.SimpleStatementLine)]
        if (name in defined_names(cst.Module(simple).code)
                or any(m.matches(item, m.FunctionDef(m.Name(name))) for item in block.body)):
            raise self.error("is defined twice; remove one")
        node = self.node
        for docstring in m.extractall(node, DOCSTRING):
            text = re.sub(r"\n(?=[^\n])", "\n    ", docstring["string"].value)
            node = node.with_deep_changes(docstring["string"], value=text)
        above = [line if line.comment else cst.EmptyLine(False)
                 for line in dropwhile(lambda line: not line.comment, node.leading_lines)]
        node = node.with_changes(leading_lines=[*block.footer, cst.EmptyLine(False), *above])
        return block.with_changes(body=[*block.body, node], footer=[])


def split_cell(cell: Cell) -> tuple[list[Chunk], list[Method]]:
    """Return what a saved cell adds to a module: code without imports, and methods."""
    chunks, methods, line = [Chunk(cell)], [], 2
    module = cst.parse_module("\n".join(["pass", *cell.source.split("\n")[1:], ""]))
    for node in module.body[1:]:  # `pass` stands where the `#@save` mark did
        decorators = [item for item in getattr(node, "decorators", ())
                      if m.matches(item, ADD_TO_CLASS)]
        imports = m.matches(node, IMPORT)
        first, code = line + len(node.leading_lines), module.code_for_node(node)
        if imports and len(node.body) > 1:
            raise cell.error("put this statement on a line of its own", first)
        if decorators:
            methods.append(_method(cell, line, node, decorators[0]))
        if decorators or imports:
            chunks.append(Chunk(cell))
        else:
            chunks[-1].statements.append((line, node))
            chunks[-1].names += [(name, first) for name in sorted(defined_names(code))]
        line += code.count("\n")
    chunks[-1].footer = module.footer
    return [chunk for chunk in chunks if chunk.code.strip()], methods


def _method(cell: Cell, line: int, node: cst.BaseStatement, decorator: cst.Decorator) -> Method:
    if not (isinstance(node, cst.FunctionDef) and m.matches(decorator, WELL_FORMED)):
        raise cell.error("write `@d2l.add_to_class(C)`, C being the name of a saved class, "
                         "above a function", line + len(node.leading_lines))
    others = [item for item in node.decorators if item is not decorator]
    dropped = cst.Module([]).code_for_node(decorator).count("\n")
    return Method(cell, line + dropped, decorator.decorator.args[0].value.value,
                  node.with_changes(decorators=others))


def defined_names(source: str) -> set[str]:
    """Return the names that `source` binds at its top level, imports excluded."""
    table = symtable.symtable(source, "<cell>", "exec")
    return {symbol.get_name() for symbol in table.get_symbols()
            if symbol.is_assigned() and not symbol.is_imported()}
