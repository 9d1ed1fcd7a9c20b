"""Files of the book are complete or as they were before, and nothing else is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from files import write


def test_a_file_that_stays_the_same_keeps_its_date(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.md"
    assert write(path, "é\n") and path.read_bytes() == "é\n".encode()
    os.utime(path, (1, 1))
    assert not write(path, "é\n") and path.stat().st_mtime == 1
    assert write(path, "other\n") and path.stat().st_mtime > 1
    assert [item.name for item in path.parent.iterdir()] == ["page.md"]


def test_a_write_that_fails_leaves_the_file_as_it_was_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write(path, "half a surrogate pair: \ud800")
    assert path.read_text(encoding="utf-8") == "before"
    assert [item.name for item in tmp_path.iterdir()] == ["page.md"]


def test_a_place_that_is_taken_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "page.md"
    (folder / "inside").mkdir(parents=True)
    with pytest.raises(OSError):
        write(folder, "text")
    assert [item.name for item in tmp_path.iterdir()] == ["page.md"]
