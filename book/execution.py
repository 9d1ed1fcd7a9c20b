"""Execute notebooks once and keep the outputs until something that they depend on changes."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import nbformat
from config import BookConfig
from files import write
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

# Seconds that only end what hangs; on a slow and busy machine a cell of a minute takes many.
CELL_TIMEOUT = 7200
KERNEL_TIMEOUT = 600  # for a kernel to start, or to send what a cell has printed
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class CellFailure(RuntimeError):
    """A cell did not run to its end; the message shows file, cell, source and traceback."""


def execute_cached(notebook: NotebookNode, section: str,
                   config: BookConfig) -> tuple[NotebookNode, str]:
    """Return `notebook` with outputs, stored ones where they are valid, and a note which."""
    cache = config.build / "cache"
    stored = cache / f"{section}-{cache_key(notebook, config)}.ipynb"
    if stored.is_file():
        return with_outputs(notebook, nbformat.read(stored, as_version=4)), "stored outputs used"
    start = time.perf_counter()
    execute(notebook, f"{section}.md")
    note = f"executed in {time.perf_counter() - start:.1f} s"
    for old in cache.glob(f"{section}-" + "[0-9a-f]" * 16 + ".ipynb"):
        old.unlink()
    write(stored, nbformat.writes(notebook))
    return notebook, note


def cache_key(notebook: NotebookNode, config: BookConfig) -> str:
    """Digest all that outputs depend on: code, tags, the package, requirements and Python."""
    digest = hashlib.sha256(platform.python_version().encode())
    code = [[cell.source, cell.metadata.get("tags", [])] for cell in code_cells(notebook)]
    digest.update(json.dumps(code).encode())
    files = [path for path in config.package.rglob("*")
             if path.is_file() and "__pycache__" not in path.parts]
    for path in sorted([*files, config.root / "requirements.txt"]):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(config.root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def with_outputs(notebook: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """Give the code cells of `notebook` the outputs of the same cells in `executed`."""
    for cell, source in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs, cell.execution_count = source.outputs, source.execution_count
    return notebook


def execute(notebook: NotebookNode, name: str) -> None:
    """Run all cells in a fresh kernel and an empty folder; CellFailure if one does not end."""
    run_cells(notebook, name)
    notebook.metadata["language_info"] = nbformat.from_dict({"name": "python"})
    notebook.metadata.pop("widgets", None)


def run_cells(notebook: NotebookNode, name: str, variables: Mapping[str, str] | None = None,
              allow_errors: bool = False) -> None:
    """Run all cells with further environment variables; with `allow_errors` go on after an error.

    CellFailure names the cell that failed, that did not end in time, or at which the kernel died.
    """
    started = [0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "work")
        folder.mkdir()
        client = NotebookClient(
            notebook, kernel_name="python3", timeout=CELL_TIMEOUT, allow_errors=allow_errors,
            startup_timeout=KERNEL_TIMEOUT, iopub_timeout=KERNEL_TIMEOUT,
            record_timing=False, extra_arguments=["--IPKernelApp.log_level=ERROR"],
            resources={"metadata": {"path": str(folder)}},
            on_cell_start=lambda cell, cell_index: started.append(cell_index))
        environment = kernel_environment(Path(scratch, "ipython")) | (variables or {})
        try:
            client.execute(env=environment)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise CellFailure(_describe(notebook, name, started[-1], error)) from error


def kernel_environment(ipython: Path) -> dict[str, str]:
    """Return the variables for a kernel: no progress bars, no settings of the user's own.

    Libraries compute with one thread, since notebooks run side by side and time themselves.
    """
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MPLBACKEND", "PYTHONPATH")}
    return environment | {"TQDM_DISABLE": "1", "PYTHONHASHSEED": "0", "IPYTHONDIR": str(ipython),
                          "OMP_NUM_THREADS": "1"}


def _describe(notebook: NotebookNode, name: str, index: int, error: Exception) -> str:
    number = sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])
    outputs = notebook.cells[index].get("outputs", [])
    tracebacks = ["\n".join(output.traceback) for output in outputs
                  if output.output_type == "error"]
    shown = ANSI.sub("", tracebacks[-1] if tracebacks else str(error))
    source = "\n".join(f"    {line}" for line in notebook.cells[index].source.split("\n"))
    return f"{name}, code cell {number} failed:\n{source}\n\n{shown}"
