"""Where the pages of the PDF may break: not in short listings and signatures; in tall tables."""

import math
from typing import Any

from docutils import nodes
from latex_book import raw_latex
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.writers.latex import LaTeXTranslator

UNBROKEN = 12  # lines of a listing, or of a signature, that stay on one page
HEADING = 3  # lines that a heading takes, with the space around it
TALL = 10  # lines of a table that does not break, with its head
FEW = 6  # lines that a table needs where it begins, besides its caption and its head
LINE = 85  # characters of a table's row
GAP = 0.03  # of the line, between two columns


def keep_listings_together(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let a short listing open the next page rather than break, with the heading above it.

    A longer one may break; the style keeps some lines on either side together.
    """
    if app.builder.name != "latex":
        return
    for listing in list(doctree.findall(nodes.literal_block)):
        lines = count = listing.astext().count("\n") + 1
        if lines <= UNBROKEN and not isinstance(listing.parent, nodes.list_item):
            section = headed_by(listing)
            first, lines = (listing, lines) if section is None else (section, lines + HEADING)
            insert_before(first, raw_latex(rf"\needspace{{{lines + 2}\booklistingline}}"))
        insert_before(listing, raw_latex(rf"\booklisting{{{count}}}"))


def insert_before(node: nodes.Element, *new: nodes.Node) -> None:
    """Insert nodes before a node and the labels right above it, which have to stay there."""
    place = node.parent.index(node)
    while place and isinstance(node.parent[place - 1], nodes.target):
        place -= 1
    node.parent.insert(place, [*new])


def headed_by(node: nodes.Element) -> nodes.section | None:
    """Return the section that a node opens, right below the title; None if it opens none."""
    while not isinstance(node.parent, nodes.section):
        if node.parent is None or node.parent.index(node) > 0:
            return None
        node = node.parent
    place = node.parent.index(node)
    return node.parent if place and isinstance(node.parent[place - 1], nodes.title) else None


def keep_signatures_together(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let a signature open the next page rather than break, with a line of what it does."""
    if app.builder.name != "latex":
        return
    for described in list(doctree.findall(addnodes.desc)):
        lines = 1 + sum(map(signature_lines, described.findall(addnodes.desc_signature)))
        insert_before(described, raw_latex(
            rf"\needspace{{{min(lines, UNBROKEN)}\baselineskip}}"))


def signature_lines(signature: addnodes.desc_signature) -> int:
    """Return how many lines a signature takes: one for each parameter where it is long."""
    return sum((2 + len(found) for found in signature.findall(addnodes.desc_parameterlist)
                if found.get("multi_line_parameter_list")), 1)


def break_tall_tables(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let a tall table break, below its head and some rows."""
    if app.builder.name != "latex":
        return
    for table in list(doctree.findall(nodes.table)):
        rows = [[*map(printed, row.findall(nodes.entry))] for row in table.findall(nodes.row)]
        shares = column_shares([max(map(len, column)) for column in zip(*rows, strict=True)])
        if sum(row_lines(row, shares) for row in rows) <= TALL:
            continue
        table["classes"].append("longtable")
        before = [raw_latex(rf"\needspace{{{FEW + 4}\baselineskip}}")]
        if "colwidths-given" not in table["classes"]:
            before += [addnodes.tabular_col_spec(
                spec="".join(rf"\Y{{{share:.3f}}}" for share in shares))]
        insert_before(table, *before)
        if not any(isinstance(part, nodes.title) for part in table.children):
            table.parent.insert(table.parent.index(table) + 1, raw_latex(r"\bookuncounted"))


def printed(cell: nodes.entry) -> str:
    """Return a cell's text without what only a web page has."""
    return "".join(text.astext() for text in cell.findall(nodes.Text)
                   if not isinstance(text.parent, nodes.raw))


def column_shares(wide: list[int]) -> list[float]:
    """Return the shares of the line that columns take whose widest cells have so many characters.

    Where the line is too short, the widest columns share what the others leave.
    """
    shares = [width / LINE + GAP for width in wide]
    left = 1.0
    for narrow, share in enumerate(sorted(shares)):
        widest = left / (len(shares) - narrow)
        if share > widest:
            return [min(share, widest) for share in shares]
        left -= share
    return shares


def row_lines(row: list[str], shares: list[float]) -> int:
    """Return how many lines a row of a table takes, about."""
    return max(max(1, math.ceil(round(len(cell) / LINE / (share - GAP), 3)))
               for cell, share in zip(row, shares, strict=True))


def depart_row(self: LaTeXTranslator, node: nodes.row) -> None:
    """Close a row; the first two and the last two of a table stay together."""
    LaTeXTranslator.depart_row(self, node)
    place, rows = node.parent.index(node), len(node.parent)
    if isinstance(node.parent, nodes.tbody) and rows > 3 and place in (0, rows - 2):
        self.body.append(r"\noalign{\nobreak}" + "\n")


def use_own_rows(app: Sphinx) -> None:
    """Replace what ends a row in the PDF."""
    app.registry.translation_handlers["latex"]["row"] = (LaTeXTranslator.visit_row, depart_row)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", use_own_rows)
    for keep in (keep_listings_together, keep_signatures_together, break_tall_tables):
        app.connect("doctree-resolved", keep)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
