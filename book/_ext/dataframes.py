"""Data frames in the PDF: the HTML table that pandas stored, as a table of the document."""

from html.parser import HTMLParser
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

Row = list[str]


class DataFrameParser(HTMLParser):
    """Read the rows of a pandas HTML table; `regular` is false where a cell spans several."""

    def __init__(self) -> None:
        super().__init__()
        self.head: list[Row] = []
        self.body: list[Row] = []
        self.regular = True
        self._rows = self.body
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("thead", "tbody"):
            self._rows = self.head if tag == "thead" else self.body
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self.regular &= not {"colspan", "rowspan"} & {name for name, _ in attrs}
            self._rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self._rows[-1][-1] += data


def row_node(cells: Row) -> nodes.row:
    """Return a table row with one paragraph a cell."""
    entries = [nodes.entry("", nodes.paragraph("", cell)) for cell in cells]
    return nodes.row("", *entries)


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
    if 'class="dataframe"' not in html:
        return None
    parser = DataFrameParser()
    parser.feed(html)
    rows = parser.head + parser.body
    if not parser.regular or not parser.body or len({len(row) for row in rows}) != 1:
        return None
    return table_node(parser.head, parser.body)


class DataFrameTables(SphinxPostTransform):
    """Replace each stored data frame by a table before myst-nb picks its plain text."""

    default_priority = 3
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            html = "".join(
                raw.astext() for raw in bundle.findall(nodes.raw) if raw["format"] == "html"
            )
            table = table_of(html)
            if table is not None:
                begin = nodes.raw("", r"\begingroup\footnotesize", format="latex")
                end = nodes.raw("", r"\endgroup", format="latex")
                bundle.replace_self([begin, table, end])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(DataFrameTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
