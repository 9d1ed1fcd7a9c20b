"""Split saved cells into code and methods, and fold methods into the class they belong to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

import libcst as cst
import libcst.matchers as m
from cells import Cell
from config import BookError

IMPORT = m.SimpleStatementLine([m.ZeroOrMore(), m.Import() | m.ImportFrom(), m.ZeroOrMore()])
TEXT = m.SimpleString() | m.ConcatenatedString()
EXPRESSION = m.SimpleStatementLine([m.ZeroOrMore(), m.Expr(m.DoesNotMatch(TEXT)), m.ZeroOrMore()])
NAMED = m.Name("add_to_class")
ADD_TO_CLASS = m.Decorator(m.Call(NAMED | m.Attribute(attr=NAMED)))
WELL_FORMED = m.Decorator(m.Call(args=[m.Arg(m.Name(), keyword=None)]))
LINES = m.SimpleString(m.MatchRegex("(?s).+\n.*"))
DOCSTRING = m.IndentedBlock([m.SimpleStatementLine([m.Expr(m.SaveMatchedNode(LINES, "string"))]),
                             m.ZeroOrMore()])


@dataclass
class Piece:
    """Consecutive statements of a saved cell, or a method without its `@d2l.add_to_class(C)`."""

    cell: Cell
    line: int
    """The line of the cell where the code begins."""
    class_name: str = ""
    """The class that a method is added to."""
    code: str = ""
    """The code as it stands in the cell."""
    names: list[tuple[str, int]] = field(default_factory=list)
    """The names that the statements bind, and the lines where they do."""
    nodes: list[cst.BaseStatement] = field(default_factory=list)
    footer: Sequence[cst.EmptyLine] = ()
    """The comments at the end of the cell."""

    @property
    def text(self) -> str:
        """The code with the methods that were folded in."""
        return cst.Module(self.nodes, footer=self.footer).code.strip()

    def add(self, node: cst.BaseStatement, code: str, line: int) -> None:
        """Append a statement of the cell and its code, which begins at `line`."""
        first = line + len(node.leading_lines)
        self.names += [(name, first) for name in sorted(defined_names(code))]
        self.nodes.append(node)
        self.code += code

    def error(self, reason: str, name: str) -> BookError:
        """Return the error for `reason` at the line where the code first has `name`."""
        before = re.split(rf"\b{name}\b", self.code, maxsplit=1)[0]
        return self.cell.error(reason, self.line + before.count("\n"))

    def fold(self, method: Piece) -> bool:
        """Add `method` at the end of its class if that is defined here; say whether it is."""
        name = method.class_name
        for index, node in enumerate(self.nodes):
            if isinstance(node, cst.ClassDef) and node.name.value == name:
                if not isinstance(node.body, cst.IndentedBlock):
                    raise self.error(f"write the body of class {name} on lines of its own, since "
                                     "a method is added to it", name)
                self.nodes[index] = node.with_changes(body=_with_method(node.body, method))
                return True
        return False


def split_cell(cell: Cell) -> list[Piece]:
    """Return what a saved cell adds to modules: code without imports, and methods."""
    pieces, line = [Piece(cell, 2)], 2
    module = cst.parse_module("\n".join(["pass", *cell.source.split("\n")[1:], ""]))
    for node in module.body[1:]:  # `pass` stands where the `#@save` mark did
        code, first = module.code_for_node(node), line + len(node.leading_lines)
        after = line + code.count("\n")
        decorators = [item for item in getattr(node, "decorators", ())
                      if m.matches(item, ADD_TO_CLASS)]
        if m.matches(node, IMPORT) and len(node.body) > 1:
            raise cell.error("put this statement on a line of its own", first)
        if m.matches(node, EXPRESSION):
            raise cell.error("a module would compute this whenever it is imported; move it to a "
                             "cell without `#@save`", first)
        if decorators:
            pieces.append(_method(cell, line, node, decorators[0]))
        if decorators or m.matches(node, IMPORT):
            pieces.append(Piece(cell, after))
        else:
            pieces[-1].add(node, code, line)
        line = after
    pieces[-1].footer = module.footer
    return [piece for piece in pieces
            if piece.nodes or any(line.comment for line in piece.footer)]


def _method(cell: Cell, line: int, node: cst.BaseStatement, decorator: cst.Decorator) -> Piece:
    if not (isinstance(node, cst.FunctionDef) and m.matches(decorator, WELL_FORMED)):
        raise cell.error("write `@d2l.add_to_class(C)`, C being the name of a saved class, "
                         "above a function", line + len(node.leading_lines))
    others = [item for item in node.decorators if item is not decorator]
    node, module = node.with_changes(decorators=others), cst.Module([])
    dropped = module.code_for_node(decorator).count("\n")
    method = Piece(cell, line + dropped, decorator.decorator.args[0].value.value)
    method.add(node, module.code_for_node(node), method.line)
    return method


def _with_method(block: cst.IndentedBlock, method: Piece) -> cst.IndentedBlock:
    """Return the body of a class with a method at its end."""
    [node], [(name, _)] = method.nodes, method.names
    simple = [item for item in block.body if isinstance(item, cst.SimpleStatementLine)]
    if (name in defined_names(cst.Module(simple).code)
            or any(m.matches(item, m.FunctionDef(m.Name(name))) for item in block.body)):
        raise method.error(f"method {method.class_name}.{name} is defined twice; remove one",
                           f"def {name}")
    for docstring in m.extractall(node, DOCSTRING):
        text = re.sub(r"\n(?=[^\n])", "\n    ", docstring["string"].value)
        node = node.with_deep_changes(docstring["string"], value=text)
    above = [line if line.comment else cst.EmptyLine(False)
             for line in dropwhile(lambda line: not line.comment, node.leading_lines)]
    node = node.with_changes(leading_lines=[*block.footer, cst.EmptyLine(False), *above])
    return block.with_changes(body=[*block.body, node], footer=[])


def defined_names(source: str) -> set[str]:
    """Return the names that `source` binds at its top level, imports excluded."""
    return {*bound_names(ast.parse(source))}


def bound_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds in the scope where it stands.

    The module symtable says it, too, but since Python 3.12 those of comprehensions as well.
    """
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
            return
        case ast.AnnAssign(value=None) | ast.Lambda():
            return
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from (part.target.id for part in ast.walk(node)
                        if isinstance(part, ast.NamedExpr))
            return
        case ast.Name(ctx=ast.Store()):
            yield node.id
        case (ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name))
              | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name))):
            yield name
    for child in ast.iter_child_nodes(node):
        yield from bound_names(child)
