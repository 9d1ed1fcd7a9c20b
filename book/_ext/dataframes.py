"""Data frames as tables of the document: with a number and a caption, on pages and in the PDF.

A code cell names the table that it shows in its metadata: `table: {name: tab_x, caption: ...}`.
"""

import re
from html import escape
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)
Row = list[str]
HYPHEN = re.compile(r"(?<![\w.)])-(?=\.?\d)")  # before a number: it should be a minus
UNSEEN = "\0"  # begins words that only a screen reader reads: a repeated or a missing heading


def entry_node(cell: str) -> nodes.entry:
    """Return a table's cell, with one paragraph."""
    if not cell.startswith(UNSEEN):
        return nodes.entry("", nodes.paragraph("", HYPHEN.sub("\N{MINUS SIGN}", cell)))
    words = f'<span class="visually-hidden">{escape(cell.removeprefix(UNSEEN))}</span>'
    return nodes.entry("", nodes.paragraph("", "", nodes.raw("", words, format="html")))


def row_node(cells: Row) -> nodes.row:
    """Return a table's row."""
    return nodes.row("", *map(entry_node, cells))


def table_node(head: list[Row], body: list[Row], stubs: int) -> nodes.table:
    """Return a table whose column widths follow the longest cell of each column."""
    widths = [max((len(cell) for cell in column if not cell.startswith(UNSEEN)), default=0) + 1
              for column in zip(*head, *body, strict=True)]
    head = [[cell or f"{UNSEEN}row" for cell in row] for row in head]
    group = nodes.tgroup(cols=len(widths))
    for number, width in enumerate(widths):
        group += nodes.colspec(colwidth=width, **({"stub": 1} if number < stubs else {}))
    group += nodes.thead("", *map(row_node, head))
    group += nodes.tbody("", *map(row_node, body))
    return nodes.table("", group, classes=["dataframe"])


def rows_of(part: Tag) -> list[Row]:
    """Return the cells' texts; one that spans several rows or columns is seen in the first."""
    rows: list[dict[int, str]] = []
    for number, row in enumerate(part.find_all("tr")):
        while len(rows) <= number:
            rows.append({})
        column = 0
        for cell in row.find_all(["th", "td"]):
            while column in rows[number]:
                column += 1
            down, right = int(cell.get("rowspan", 1)), int(cell.get("colspan", 1))
            for y in range(number, number + down):
                while len(rows) <= y:
                    rows.append({})
                rows[y] |= dict.fromkeys(range(column, column + right), UNSEEN + cell.get_text())
            rows[number][column] = cell.get_text()
            column += right
    return [[row[column] for column in sorted(row)] for row in rows]


def joined(head: list[Row], stubs: int) -> list[Row]:
    """Return the head without the row of its own that pandas gives to the index's names.

    Where the columns have a name, too, a corner cell holds both: that of the rows comes first.
    """
    if len(head) < 2 or any(head[-1][stubs:]):
        return head
    corner = [" / ".join(filter(None, (below, above)))
              for above, below in zip(head[-2][:stubs], head[-1][:stubs], strict=True)]
    return [*head[:-2], corner + head[-2][stubs:]]


def table_of(html: str) -> nodes.table | None:
    """Return the data frame in `html` as a table; None where there is none."""
    table = BeautifulSoup(html, "html.parser").find("table", class_="dataframe")
    if not isinstance(table, Tag) or table.tbody is None or table.thead is None:
        return None
    head, body = rows_of(table.thead), rows_of(table.tbody)
    if not body or len({*map(len, head + body)}) != 1:
        return None
    first = table.tbody.tr
    stubs = len(first.find_all("th")) if first else 0
    return table_node(joined(head, stubs), body, stubs)


class DataFrameTables(SphinxTransform):
    """Replace each stored data frame by a table, before figures and tables are numbered."""

    default_priority = 210

    def apply(self, **kwargs: Any) -> None:
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") == "cell_code":
                self._replace_in(cell)

    def _replace_in(self, cell: nodes.container) -> None:
        named = cell["cell_metadata"].get("table")
        for bundle in list(cell.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            html = "".join(raw.astext() for raw in bundle.findall(nodes.raw)
                           if raw["format"] == "html")
            if (table := table_of(html)) is None:
                continue
            if named:
                table.insert(0, nodes.title("", named["caption"]))
                table["names"].append(named["name"])
                self.document.note_explicit_target(table)
                named = None
            else:
                logger.warning("a data frame has no caption: add `table: {name: ..., caption: "
                               "...}` to the cell's metadata", location=cell)
            begin = nodes.raw("", r"\begingroup\footnotesize", format="latex")
            bundle.replace_self([begin, table, nodes.raw("", r"\endgroup", format="latex")])
        if named:
            raise ExtensionError(f"{self.env.docname}: the cell of the table {named['name']} shows "
                                 "no data frame")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(DataFrameTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
