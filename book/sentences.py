"""Sentences with results in a plain notebook: cells that show them with numbers after a run.

Jupyter has no roles, so a paragraph that quotes results becomes the output of a hidden cell. Until
that cell runs, its output has names in place of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

LIST = re.compile(r"[*+-] |\d+\. |\s")
DETAILS = re.compile(r"<details.*?</details>|```.*?^```$", re.DOTALL | re.MULTILINE)


def cells_of(text: str, results: Set[str]) -> list[NotebookNode]:
    """Return Markdown as cells: text, and of what names `results` cells that fill them in."""
    cells: list[NotebookNode] = []
    for quotes, blocks in _runs(text, results):
        together = "\n\n".join(blocks)
        cells.append(_telling(together) if quotes else new_markdown_cell(together))
    return cells


def _runs(text: str, results: Set[str]) -> Iterator[tuple[bool, list[str]]]:
    """Yield neighbouring blocks that all quote results, or that all do not."""
    run: list[str] = []
    quotes = False
    for block in _blocks(text):
        found = any(f"`{name}`" in block for name in results)
        if run and found != quotes:
            yield quotes, run
            run = []
        quotes = found
        run.append(block)
    if run:
        yield quotes, run


def _blocks(text: str) -> list[str]:
    """Split Markdown at empty lines; lists, code and foldable parts stay whole."""
    whole = {f"\0{number}\0": found for number, found in enumerate(DETAILS.findall(text))}
    for mark, found in whole.items():
        text = text.replace(found, mark, 1)
    blocks: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if blocks and LIST.match(block) and LIST.match(blocks[-1]):
            blocks[-1] += f"\n\n{block}"
        else:
            blocks.append(block)
    return [re.sub("\0\\d+\0", lambda mark: whole[mark[0]], block) for block in blocks]


def _telling(text: str) -> NotebookNode:
    quotes = "'''" if '"""' in text else '"""'
    cell = new_code_cell(f"from d2l_hpo import tell\n\ntell(r{quotes}\n{text}\n{quotes})")
    cell.metadata["jupyter"] = {"source_hidden": True}
    cell.outputs = [new_output("display_data", {"text/markdown": text, "text/plain": text})]
    return cell
