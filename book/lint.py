"""What ruff knows about code: which names it takes from outside, and how imports are sorted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

RUFF = (sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--exit-zero",
        "--target-version=py311", "--line-length=100", "--output-format=json")
# What mends torchvision is imported before torch: it has a section of its own.
SORTING = ("--select=I001", "--fix",
           '--config=lint.isort.known-first-party=["d2l_hpo", "d2l_hpo.training.*"]',
           '--config=lint.isort.sections={compat=["d2l_hpo.training"]}',
           '--config=lint.isort.section-order='
           '["future", "standard-library", "compat", "third-party", "first-party"]')


class Names(NamedTuple):
    """Which of its imports a piece of code leaves unused, and which other names it takes."""

    unused: set[int]
    unknown: list[tuple[str, int]]
    """Each with its line in the code, from 1; builtins are known."""


def read_names(pieces: list[tuple[list[str], str]]) -> list[Names]:
    """Return the names of pieces of code, each with the imports, a line each, that it may use."""
    names = [Names(set(), []) for _ in pieces]
    texts = ["\n".join([*imports, code, ""]) for imports, code in pieces]
    for found in _check(texts, "--select=F401,F821")[0]:
        index, row = int(Path(found["filename"]).stem), found["location"]["row"] - 1
        if found["code"] == "F401":
            names[index].unused.add(row)
        elif found["code"] == "F821":
            name = found["message"].split("`")[1]
            names[index].unknown.append((name, row - len(pieces[index][0]) + 1))
    return names


def sort_imports(blocks: list[str]) -> list[str]:
    """Return blocks of import statements grouped, sorted, and with one line for a module."""
    return [block.strip() for block in _check(blocks, *SORTING)[1]]


def _check(texts: list[str], *options: str) -> tuple[list[dict], list[str]]:
    """Return what ruff finds in `texts`, in files called by their indices, and what it leaves."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{index}.py") for index in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8", newline="\n")
        done = subprocess.run([*RUFF, *options, "."], cwd=folder, check=True,
                              stdout=subprocess.PIPE)
        return json.loads(done.stdout), [path.read_text(encoding="utf-8") for path in paths]
