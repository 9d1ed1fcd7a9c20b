"""Plain Markdown for tables."""

from __future__ import annotations

import re


def list_table(body: str, header_rows: int) -> str:
    """Return the nested list of a {list-table} as a pipe table (one header row at most)."""
    rows = [_cells(row) for row in re.split(r"^\* +- ?", body, flags=re.MULTILINE)[1:]]
    width = max(map(len, rows))
    header = rows.pop(0) if header_rows else [""] * width
    lines = [header, ["---"] * width, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: str) -> list[str]:
    """Return the cells of one row; a cell's lines are joined, its bars escaped."""
    cells = re.split(r"^ +- ?", row, flags=re.MULTILINE)
    return [_escape(" ".join(cell.split())) for cell in cells]


def _escape(cell: str) -> str:
    """Return `cell` without bars, which would end it: in formulas and in text."""
    parts = re.split(r"(\$[^$]+\$)", cell)
    return "".join(part.replace("\\|", "\\Vert ").replace("|", "\\vert ") if part[:1] == "$"
                   else part.replace("|", "&#124;") for part in parts)
