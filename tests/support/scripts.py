"""Scripts as a reader runs them: in a new process, from a folder with nothing else in it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psutil

MARK = "D2L_HPO_TEST_SCRIPT"


def run_script(code: str, folder: Path, name: str = "example.py", status: int = 0) -> list[str]:
    """Run `code` as a script in `folder`; return the lines that it printed.

    It has to end with `status`, without a traceback, and must leave no process behind.
    """
    return run_and_listen(code, folder, name, status)[0]


def run_and_listen(code: str, folder: Path, name: str = "example.py",
                   status: int = 0) -> tuple[list[str], str]:
    """As `run_script`; return also what it wrote to stderr."""
    (folder / name).write_text(code, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    mark = environment[MARK] = uuid.uuid4().hex
    done = subprocess.run([sys.executable, name], cwd=folder, text=True, check=False,
                          env=environment, capture_output=True)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert left_behind(mark) == []
    return done.stdout.splitlines(), done.stderr


def left_behind(mark: str) -> list[str]:
    """Return the command lines of the processes that have this mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:  # it has ended, or is not ours
            continue
    return found
