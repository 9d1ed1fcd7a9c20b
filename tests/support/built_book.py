"""What the tests of the built book share: where it lies, and when they are skipped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
from config import load_config

BOOK = load_config()
HTML = BOOK.build / "html"
PDF = BOOK.build / "pdf" / "d2l_hpo.pdf"
LATEX = BOOK.build / "latex"


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where the environment variable CI says that nothing may lack."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; in CI this test must run")
    pytest.skip(reason)


def require_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    unavailable(f"none of these programs is installed: {', '.join(names)}")


def require_built(path: Path, command: str) -> Path:
    """Return `path`, or fail with the command that builds it."""
    if not path.exists():
        pytest.fail(f"{path.relative_to(BOOK.root)} is missing: run `{command}` first")
    return path
