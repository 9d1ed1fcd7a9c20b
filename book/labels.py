"""What the labels of the chapter stand for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cells import read_notebook
from config import BookError, errors_of
from myst import walk

TARGET = re.compile(r"^\((?P<label>[^()\s]+)\)=[ \t]*$", re.MULTILINE)
HEADING = re.compile(r"^#+[ \t]+(?P<title>.+?)[ \t]*$", re.MULTILINE)
MATH = re.compile(r"\$\$(?P<math>.+?)\$\$(?:[ \t]*\((?P<label>[^()\s]+)\))?", re.DOTALL)
NUMBERED = {"figure": "Figure", "explorable": "Figure", "list-table": "Table",
            "exercise": "Exercise", "solution": "Solution"}


def captioned(metadata: Mapping) -> list[tuple[str, Mapping]]:
    """Return what a code cell's metadata give a caption: the kind, and name and caption."""
    shown = (("Figure", metadata.get("mystnb", {}).get("figure")),
             ("Table", metadata.get("table")))
    return [(kind, given) for kind, given in shown if given]


@dataclass(frozen=True)
class Target:
    """What a label marks: its kind ("Figure", "Section" ...), number, title and file."""

    kind: str
    number: int
    title: str
    path: Path

    def __str__(self) -> str:
        if self.kind == "Section":
            return self.title
        return f"({self.number})" if self.kind == "Equation" else f"{self.kind} {self.number}"


class Labels:
    """The targets of all sections; figures, tables, equations, exercises count per section."""

    def __init__(self, paths: list[Path]) -> None:
        self.targets: dict[str, Target] = {}
        self.titles: dict[str, str] = {}
        self.pages: dict[str, str] = {}
        """Section -> its address as seen from notebooks/."""
        for path in paths:
            self._read(path)

    def _read(self, path: Path) -> None:
        counts: Counter[str] = Counter()
        self.pages[path.stem] = f"../{path.parent.name}/{path.name}"
        with errors_of(path):
            self._read_cells(path, counts)

    def _read_cells(self, path: Path, counts: Counter[str]) -> None:
        for cell in read_notebook(path).cells:
            if cell.cell_type == "code":
                self.pages[path.stem] = f"{path.stem}.ipynb"
                for kind, shown in captioned(cell.metadata):
                    self._add(shown.get("name"), kind, path, counts)
                continue
            for block in walk(cell.source):
                if isinstance(block, str):
                    self._read_text(block, path, counts)
                elif block.name in NUMBERED:
                    label = block.options.get("label") or block.options.get("name")
                    self._add(label, NUMBERED[block.name], path, counts)

    def _read_text(self, text: str, path: Path, counts: Counter[str]) -> None:
        for heading in HEADING.finditer(text):
            self.titles.setdefault(path.stem, heading["title"])
        for mark in TARGET.finditer(text):
            heading = HEADING.match(text[mark.end():].lstrip())
            title = heading["title"] if heading else self.titles.get(path.stem, path.stem)
            self._add(mark["label"], "Section", path, counts, title)
        for equation in MATH.finditer(text):
            if equation["label"]:
                self._add(equation["label"], "Equation", path, counts)

    def _add(self, label: str | None, kind: str, path: Path, counts: Counter[str],
             title: str = "") -> None:
        counts[kind] += 1
        key = label or f"{path.stem}:{kind}:{counts[kind]}"
        if key in self.targets:
            raise BookError(f"label {key!r} is used twice; first in {self.targets[key].path.name}")
        self.targets[key] = Target(kind, counts[kind], title, path)
