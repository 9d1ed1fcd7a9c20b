"""Data frames in the PDF: the HTML table that pandas stored, as a table of the document."""

from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

Row = list[str]


def row_node(cells: Row) -> nodes.row:
    """Return a table row with one paragraph a cell."""
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", cell)) for cell in cells))


def table_node(head: list[Row], body: list[Row]) -> nodes.table:
    """Return a table whose column widths follow the longest cell of each column."""
    widths = [max(map(len, column)) + 1 for column in zip(*head, *body, strict=True)]
    group = nodes.tgroup(cols=len(widths))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", *map(row_node, head))
    group += nodes.tbody("", *map(row_node, body))
    return nodes.table("", group, classes=["dataframe"])


def table_of(html: str) -> nodes.table | None:
    """Return the data frame in `html` as a table; None where there is none, or a nested one."""
    table = BeautifulSoup(html, "html.parser").find("table", class_="dataframe")
    if table is None or table.find(rowspan=True) or table.find(colspan=True):
        return None
    head, body = ([[cell.get_text() for cell in row.find_all(["th", "td"])]
                   for row in table.select(f"{part} tr")] for part in ("thead", "tbody"))
    return table_node(head, body) if body and len({*map(len, head + body)}) == 1 else None


class DataFrameTables(SphinxPostTransform):
    """Replace each stored data frame by a table before myst-nb picks its plain text."""

    default_priority = 3
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") == "mime_bundle":
                html = "".join(raw.astext() for raw in bundle.findall(nodes.raw)
                               if raw["format"] == "html")
                if table := table_of(html):
                    begin = nodes.raw("", r"\begingroup\footnotesize", format="latex")
                    bundle.replace_self([begin, table, nodes.raw("", r"\endgroup", format="latex")])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(DataFrameTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
